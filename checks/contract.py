"""The one door to Soda: a contract's row rules as SQL for the split, and Soda's own verification of a table."""

import hashlib
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import yaml
from psycopg import sql
from sqlalchemy import make_url, text

from checks import around, grace
from checks.document import Check, ContractError, Lined, checks_of, read
from checks.policy import policies, refuse_unknown_attributes
from warehouse.connection import driver, transaction, warehouse_url
from warehouse.runs import CheckResult, Rule
from warehouse.settings import settings

# Read by Soda when it is imported; offline its telemetry costs 6 s per process.
os.environ.setdefault("SODA_CORE_TELEMETRY_ENABLED", "false")

from soda_core.common.data_source_impl import DataSourceImpl
from soda_core.common.logs import Logs
from soda_core.common.sql_dialect import COLUMN
from soda_core.common.yaml import ContractYamlSource, DataSourceYamlSource
from soda_core.contracts.contract_verification import ContractVerificationSession
from soda_core.contracts.impl.check_types.duplicate_check import (
    ColumnDuplicateCheckImpl,
    MultiColumnDuplicateCheckImpl,
)
from soda_core.contracts.impl.check_types.failed_rows_check import FailedRowsCheckImpl
from soda_core.contracts.impl.check_types.invalidity_check import InvalidCheckImpl
from soda_core.contracts.impl.check_types.missing_check import MissingCheckImpl
from soda_core.contracts.impl.contract_verification_impl import ContractImpl
from soda_core.contracts.impl.contract_yaml import THRESHOLD_ALLOWED_KEYS, ContractYaml

logging.getLogger("soda").setLevel(logging.ERROR)

SOURCE = "warehouse"
# The kinds of check that judge rows; of a failed_rows check, the one with an expression.
ROW_KINDS = frozenset(["missing", "invalid", "duplicate", "failed_rows"])
KINDS = (*sorted(ROW_KINDS), "aggregate", "freshness", "metric", "row_count", "schema")
# What Soda 4.28 reads of a check (contract_yaml.py, check_types/*_yaml.py).
CHECK_KEYS = frozenset(
    [
        "name",
        "qualifier",
        "filter",
        "threshold",
        "attributes",
        "column_expression",
        "columns",
        "expression",
        "query",
        "keys_query",
        "rows_tested_query",
        "function",
        "column",
        "unit",
        "metric",
        "valid_values",
        "valid_format",
        "valid_min",
        "valid_max",
        "valid_length",
        "valid_min_length",
        "valid_max_length",
        "valid_reference_data",
        "invalid_values",
        "invalid_format",
        "missing_values",
        "missing_format",
    ]
)


@dataclass(frozen=True)
class Verification:
    """Soda's verdict on a table: `passed` only when every check was evaluated and none failed."""

    results: tuple[CheckResult, ...]
    errors: str

    @property
    def passed(self) -> bool:
        return not self.errors and all(result.outcome in ("PASSED", "WARN") for result in self.results)

    def warnings(self) -> list[str]:
        """What only warns, for a person."""
        return [
            result.name if result.value is None else f"{result.name} ({result.value:g})"
            for result in self.results
            if result.outcome == "WARN"
        ]

    def complaint(self) -> str:
        """What failed, for a person."""
        failed = [
            f"{result.name}: {result.outcome} ({result.value:g})"
            if result.value is not None
            else f"{result.name}: {result.outcome}"
            for result in self.results
            if result.outcome not in ("PASSED", "WARN")
        ]
        return "; ".join([*failed, self.errors] if self.errors else failed)


def contract_file(entity: str) -> Path:
    """The contract that judges an entity's rows."""
    return _existing(settings().checks_folder / "contracts" / f"{entity}.yml")


def gate_file(entity: str) -> Path:
    """The contract that a candidate of an entity's history must keep to be published."""
    return _existing(settings().checks_folder / "gates" / f"{entity}.yml")


def _existing(file: Path) -> Path:
    if not file.is_file():
        raise ContractError(f"{file} is missing; every entity has a contract and a gate.")
    return file


def version(file: Path, rules: Sequence[Rule] = ()) -> str:
    """The version of a contract: the hash of its text and of the SQL that it gives, which Soda may give otherwise."""
    return hashlib.sha256(file.read_bytes() + repr(tuple(rules)).encode()).hexdigest()


def keep(file: Path, entity: str, contract_hash: str) -> None:
    """Keep the text of a contract's version, so that what a run judged by can be read later."""
    with transaction() as connection:
        connection.execute(
            text("insert into ledger.contracts values (:hash, :entity, :text) on conflict do nothing"),
            {"hash": contract_hash, "entity": entity, "text": file.read_text(encoding="utf-8")},
        )


def row_rules(file: Path, classes: Mapping[str, str] | None = None, optional: Sequence[str] = ()) -> tuple[Rule, ...]:
    """A contract's row rules, in its order, as SQL predicates that are true for a row that breaks the rule.

    Checks of the whole table (row counts, freshness, aggregates) divert no row and are left to the verification.
    `classes`, the PII class of each column, tells which columns history masks: those cannot be compared with it.
    A value of an `optional` column that cannot be parsed lets its row pass, whatever the contract says of it.
    Raises ContractError, with file and line, for a check that cannot be used.
    """
    contract = _compile(file)
    document = read(file)
    written = [check for check in checks_of(file, document) if _is_about_rows(check)]
    policy = policies(file, written)
    for check in written:
        around.refuse_masked(file, check, classes)
    compiled = [
        (check, predicate)
        for check in contract.all_check_impls
        if (predicate := _predicate(contract, check, document.get("filter"))) is not None
    ]
    rules = tuple(
        Rule(
            code=told.code,
            column_name=told.column,
            message=told.message,
            predicate=around.with_history(predicate, around.entity_of(document)),
            on_fail=told.on_fail,
            severity=told.severity,
            responsible=told.responsible,
            scope="delivery" if around.looks_around(predicate) else "row",
            unique_columns=_unique_columns(check),
        )
        for check, predicate in compiled
        for told in [policy[str(check.attributes["code"])]]
    )
    return grace.with_grace(rules, optional)


def _is_about_rows(check: Check) -> bool:
    """Whether a check, as it is written, says of a row whether it is good."""
    return check.kind in ROW_KINDS and not {"query", "keys_query"} & check.body.keys()


def compiles(file: Path) -> None:
    """Raise ContractError where Soda cannot read a contract, before any data moves."""
    _compile(file)


def fits(file: Path, entity: str, rules: Sequence[Rule]) -> None:
    """Raise ContractError where a rule cannot be asked of the entity's columns, before any data moves."""
    candidates = sql.SQL("with candidates as (select * from {})").format(sql.Identifier("judged", entity))
    written = {str(check.attributes.get("code")): check for check in checks_of(file, read(file))}
    with transaction() as connection:
        for rule in rules:
            try:  # explained, not run: PostgreSQL looks at names and types only
                driver(connection).execute(
                    sql.SQL("explain {} select from candidates where ({})").format(candidates, sql.SQL(rule.predicate))
                )
            except psycopg.Error as error:
                line = f":{written[rule.code].line}" if rule.code in written else ""
                raise ContractError(
                    f"{file}{line}: the check with the code {rule.code!r} cannot be asked of {entity}:"
                    f" {error.diag.message_primary}. Mend the check, or declare the column."
                ) from error


def _compile(file: Path) -> ContractImpl:
    """The contract as Soda reads it. Soda logs what it does not understand and goes on without it; here it stops."""
    document = read(file)
    written = checks_of(file, document)
    for check in written:
        refuse_unknown_attributes(file, check)
        _refuse_unknown_keys(file, check)
        _refuse_unknown_threshold(file, check)
    logs = Logs()
    try:
        contract = ContractImpl(
            yaml=ContractYaml.parse(ContractYamlSource.from_file_path(str(file))),
            data_source_impl=_data_source("nowhere", 0, "", "", ""),
            logs=logs,
        )
    except Exception as error:
        raise ContractError(f"{file}:{_line_told(logs)}: Soda cannot read this contract: {error}") from error
    finally:
        logs.close()
    if logs.has_errors:
        told = "; ".join(logs.get_errors())
        raise ContractError(f"{file}:{_line_told(logs)}: Soda cannot read this contract: {told}")
    return contract


def _line_told(logs: Logs) -> int:
    """The line that Soda's first complaint is about; its own count of lines begins with 0."""
    places = [getattr(record, "location", None) for record in logs.get_log_records()]
    return next((place.line + 1 for place in places if place is not None and place.line is not None), 1)


def _refuse_unknown_keys(file: Path, check: Check) -> None:
    """Soda passes over a key that it does not know: `vald_min` would be a rule without its lower end."""
    if check.kind not in KINDS:
        raise ContractError(
            f"{file}:{check.line}: {check.kind!r} is no kind of check. Write one of {', '.join(KINDS)}."
        )
    for key in check.body:
        if key not in CHECK_KEYS:
            raise ContractError(
                f"{file}:{check.line_of(key)}: a check {check.kind!r} has the key {key!r}; there is no such key."
                " Mend its spelling, or take it out."
            )


def _refuse_unknown_threshold(file: Path, check: Check) -> None:
    """Soda passes over a threshold that it does not understand, and checks without it."""
    threshold = check.body.get("threshold")
    if not isinstance(threshold, Lined):
        return
    for key in threshold:
        if key not in THRESHOLD_ALLOWED_KEYS:
            raise ContractError(
                f"{file}:{threshold.lines[key]}: threshold.{key}: there is no such key."
                f" Write one of {', '.join(sorted(THRESHOLD_ALLOWED_KEYS))}."
            )


def _unique_columns(check: Any) -> list[str] | None:
    if isinstance(check, MultiColumnDuplicateCheckImpl):
        return list(check.check_yaml.columns)
    return [check.column_impl.column_yaml.name] if isinstance(check, ColumnDuplicateCheckImpl) else None


def _predicate(contract: ContractImpl, check: Any, everywhere: str | None) -> str | None:
    """Soda's own predicate of a check, true for a failing row; None for a check of the whole table.

    Duplicates and reference data are aggregates in Soda; here each row that takes part in one is a failing row.
    `everywhere` is the contract's own filter: rows outside of it break nothing.
    """
    found = _own_predicate(contract, check, everywhere)
    return f"({everywhere}) and ({found})" if found and everywhere else found


def _own_predicate(contract: ContractImpl, check: Any, everywhere: str | None) -> str | None:
    dialect = contract.data_source_impl.sql_dialect
    render = dialect.build_expression_sql
    only = f"({check.check_yaml.filter}) and " if check.check_yaml.filter else ""
    if isinstance(check, InvalidCheckImpl) and check.missing_and_validity.has_reference_data():
        reference = check.missing_and_validity.valid_reference_data
        table = dialect.qualify_dataset_name(reference.dataset_prefix[1:], reference.dataset_name)
        column = check.column_expression
        value = render(column.IN("candidates") if isinstance(column, COLUMN) else column)
        missing = render(check.missing_and_validity.is_missing_expr(check.column_expression))
        known = f"select from {table} as r where r.{dialect.quote_default(reference.column)} = {value}"
        return f"{only}not ({missing}) and not exists ({known})"
    if isinstance(check, MissingCheckImpl | InvalidCheckImpl) or (
        isinstance(check, FailedRowsCheckImpl) and check.is_expression_check()
    ):
        return str(render(check.get_threshold_metric_impl().sql_condition_expression()))
    if isinstance(check, ColumnDuplicateCheckImpl):
        value = render(check.column_expression)
        present = f"not ({render(check.missing_and_validity.is_missing_expr(check.column_expression))})"
        return only + _repeated([value], [present, check.check_yaml.filter, everywhere])
    if isinstance(check, MultiColumnDuplicateCheckImpl):
        # As in Soda's hash, two rows that lack the same column agree in it. Soda joins the parts with `||`, so that
        # for it ('a', 'bc') and ('ab', 'c') agree where no separator stands between; we compare column by column.
        texts = [f"coalesce({dialect.quote_default(name)}::text, '__SODA_NULL__')" for name in check.check_yaml.columns]
        return only + _repeated(texts, [check.check_yaml.filter, everywhere])
    return None


def _repeated(values: list[str], where: list[str | None]) -> str:
    """True for a row whose values occur in another candidate too; `candidates` is the split's relation."""
    row = ", ".join(values)
    among = " and ".join(f"({condition})" for condition in where if condition) or "true"
    return f"({row}) in (select {row} from candidates where {among} group by {row} having count(*) > 1)"


def verify(file: Path, only: str | None = None, optional: Sequence[str] = ()) -> Verification:
    """Let Soda verify the table that a contract names; `only` is SQL that narrows it to some rows, `optional` are the
    columns whose unparsed values let a row pass."""
    url = make_url(warehouse_url())
    source = _data_source(
        str(url.host), url.port or 5432, str(url.database), str(url.username), str(url.password or "")
    )
    try:
        session = ContractVerificationSession.execute(
            contract_yaml_sources=[
                ContractYamlSource.from_str(_aimed(file, str(url.database), only, optional=optional), str(file))
            ],
            data_source_impls=[source],
        )
    except Exception as error:
        raise ContractError(f"{file}: Soda cannot verify this contract: {error}") from error
    finally:
        source.close_connection()
    results = tuple(_results(session))
    errors = session.get_errors_str() if session.has_errors else ""
    if not results and not errors:
        errors = f"{file}: no check was evaluated"
    return Verification(results, errors)


def _aimed(
    file: Path, database: str, only: str | None, candidates: str | None = None, optional: Sequence[str] = ()
) -> str:
    """The contract's text as Soda is given it: with this warehouse's database in its datasets, the filter added, and
    its rules as they hold of good rows. A rule with on_fail: warn only warns. What a rule says of the delivery as it
    came cannot be seen in its good rows and is left out, unless `candidates` names the relation that holds it."""
    document = _in_database(read(file), database)
    filters = [part for part in (document.get("filter"), only) if part]
    if filters:
        document["filter"] = " and ".join(f"({part})" for part in filters)
    entity = around.entity_of(document)
    for owner in (document, *(document.get("columns") or [])):
        checks = [
            {kind: _as_verified(kind, body or {}, entity, candidates, optional)}
            for check in owner.pop("checks", None) or []
            for kind, body in check.items()
            if candidates or not around.looks_at_delivery(str((body or {}).get("expression")))
        ]
        if checks:  # Soda refuses an empty list
            owner["checks"] = checks
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


def _as_verified(
    kind: str, body: dict[str, Any], entity: str, candidates: str | None, optional: Sequence[str]
) -> dict[str, Any]:
    if kind == "failed_rows" and body.get("expression"):
        expression = around.with_history(str(body["expression"]), entity)
        body = body | {"expression": around.of_relation(expression, candidates)}
    attributes = body.get("attributes") or {}
    if attributes.get("on_fail") == "warn" or attributes.get("code") in [grace.code_of(column) for column in optional]:
        body = body | {"threshold": (body.get("threshold") or {}) | {"level": "warn"}}
    return body


def looks_across(file: Path) -> bool:
    """Whether a contract has a rule that Soda must be asked of one delivery at a time: two of one run may share a value
    that is unique within each."""
    return any(
        check.kind == "duplicate" and "_delivery_id" not in (check.body.get("columns") or [])
        for check in checks_of(file, read(file))
    )


def _in_database(node: Any, database: str) -> Any:
    """A contract's document with `source/database/schema/table` in this database wherever it says `dataset`."""
    if isinstance(node, list):
        return [_in_database(part, database) for part in node]
    if not isinstance(node, dict):
        return node
    aimed = {key: _in_database(value, database) for key, value in node.items()}
    if isinstance(aimed.get("dataset"), str):
        source, _, *rest = aimed["dataset"].split("/")
        aimed["dataset"] = "/".join([source, database, *rest])
    return aimed


def _results(session: Any) -> Iterator[CheckResult]:
    for contract in session.contract_verification_results:
        for result in contract.check_results:
            value = result.threshold_value
            yield CheckResult(
                name=result.check.name or result.check.type,
                column_name=result.check.column_name,
                outcome=result.outcome.value,
                value=float(value) if value is not None else None,
            )


def _data_source(host: str, port: int, database: str, user: str, password: str) -> DataSourceImpl:
    properties = {
        "host": host,
        "port": port or 5432,
        "database": database or "nowhere",
        "user": user or "nobody",
        "password": password or "none",
    }
    text = yaml.safe_dump({"type": "postgres", "name": SOURCE, "connection": properties})
    return DataSourceImpl.from_yaml_source(DataSourceYamlSource.from_str(text))
