"""The one door to Soda: a contract's row rules as SQL for the split, and Soda's own verification of a table."""

import hashlib
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import yaml
from psycopg import sql
from sqlalchemy import make_url

from warehouse.connection import driver, transaction, warehouse_url
from warehouse.errors import SluiceError
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
from soda_core.contracts.impl.contract_yaml import ContractYaml

logging.getLogger("soda").setLevel(logging.ERROR)

SOURCE = "warehouse"
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


class ContractError(SluiceError):
    """A contract says something that cannot be used."""


@dataclass(frozen=True)
class Verification:
    """Soda's verdict on a table: `passed` only when every check was evaluated and none failed."""

    results: tuple[CheckResult, ...]
    errors: str

    @property
    def passed(self) -> bool:
        return not self.errors and all(result.outcome in ("PASSED", "WARN") for result in self.results)

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


def row_rules(file: Path) -> tuple[Rule, ...]:
    """A contract's row rules, in its order, as SQL predicates that are true for a row that breaks the rule.

    Checks of the whole table (row counts, freshness, aggregates) divert no row and are left to the verification.
    Raises ContractError for a check without a code or message, and for one that no row can be judged by.
    """
    contract = _compile(file)
    rules = [
        Rule(code=code, column_name=column, message=message, predicate=predicate)
        for check in contract.all_check_impls
        if (predicate := _predicate(contract, check)) is not None
        for code, column, message in [_told(file, check)]
    ]
    codes = [rule.code for rule in rules]
    for code in codes:
        if codes.count(code) > 1:
            raise ContractError(
                f"{file}: the code {code!r} stands at two checks; a vendor is told codes, give each its own."
            )
    return tuple(rules)


def compiles(file: Path) -> None:
    """Raise ContractError where Soda cannot read a contract, before any data moves."""
    _compile(file)


def fits(file: Path, entity: str, rules: Sequence[Rule]) -> None:
    """Raise ContractError where a rule cannot be asked of the entity's columns, before any data moves."""
    candidates = sql.SQL("with candidates as (select * from {})").format(sql.Identifier("judged", entity))
    with transaction() as connection:
        for rule in rules:
            try:  # explained, not run: PostgreSQL looks at names and types only
                driver(connection).execute(
                    sql.SQL("explain {} select from candidates where ({})").format(candidates, sql.SQL(rule.predicate))
                )
            except psycopg.Error as error:
                raise ContractError(
                    f"{file}: the check with the code {rule.code!r} cannot be asked of {entity}:"
                    f" {error.diag.message_primary}. Mend the check, or declare the column."
                ) from error


def _compile(file: Path) -> ContractImpl:
    """The contract as Soda reads it. Soda logs what it does not understand and goes on without it; here it stops."""
    source = ContractYamlSource.from_file_path(str(file))
    logs = Logs()
    try:
        contract = ContractImpl(
            yaml=ContractYaml.parse(source), data_source_impl=_data_source("nowhere", 0, "", "", ""), logs=logs
        )
    except Exception as error:
        raise ContractError(f"{file}: Soda cannot read this contract: {error}") from error
    finally:
        logs.close()
    if logs.has_errors:
        raise ContractError(f"{file}: Soda cannot read this contract: {'; '.join(logs.get_errors())}")
    _refuse_unknown_keys(file)
    return contract


def _refuse_unknown_keys(file: Path) -> None:
    """Soda passes over a key that it does not know: `vald_min` would be a rule without its lower end."""
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    checks = list(document.get("checks") or [])
    for column in document.get("columns") or []:
        checks += column.get("checks") or []
    for check in checks:
        for kind, body in check.items():
            for key in body or {}:
                if key not in CHECK_KEYS:
                    raise ContractError(f"{file}: a check {kind!r} has the key {key!r}; there is no such key.")


def _told(file: Path, check: Any) -> tuple[str, str | None, str]:
    """A check's code, column and message for the vendor."""
    attributes = check.attributes or {}
    column = attributes.get("column") or (check.column_impl.column_yaml.name if check.column_impl else None)
    for needed in ("code", "message"):
        if not attributes.get(needed):
            raise ContractError(
                f"{file}: the check {check.name!r}: attributes.{needed} is missing; bad rows are returned with it."
            )
    code = str(attributes["code"])
    if not code.replace("_", "").isalnum():
        raise ContractError(f"{file}: the code {code!r} may hold letters, digits and _ only.")
    return code, column, str(attributes["message"])


def _predicate(contract: ContractImpl, check: Any) -> str | None:
    """Soda's own predicate of a check, true for a failing row; None for a check of the whole table.

    Duplicates and reference data are aggregates in Soda; here each row that takes part in one is a failing row.
    """
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
        return only + _repeated([value], [present, check.check_yaml.filter])
    if isinstance(check, MultiColumnDuplicateCheckImpl):
        # As in Soda's hash, two rows that lack the same column agree in it.
        texts = [f"coalesce({dialect.quote_default(name)}::text, '__SODA_NULL__')" for name in check.check_yaml.columns]
        return only + _repeated(texts, [check.check_yaml.filter])
    return None


def _repeated(values: list[str], where: list[str | None]) -> str:
    """True for a row whose values occur in another candidate too; `candidates` is the split's relation."""
    row = ", ".join(values)
    among = " and ".join(f"({condition})" for condition in where if condition) or "true"
    return f"({row}) in (select {row} from candidates where {among} group by {row} having count(*) > 1)"


def verify(file: Path, only: str | None = None) -> Verification:
    """Let Soda verify the table that a contract names; `only` is SQL that narrows it to some rows."""
    url = make_url(warehouse_url())
    source = _data_source(
        str(url.host), url.port or 5432, str(url.database), str(url.username), str(url.password or "")
    )
    try:
        session = ContractVerificationSession.execute(
            contract_yaml_sources=[ContractYamlSource.from_str(_aimed(file, str(url.database), only), str(file))],
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


def _aimed(file: Path, database: str, only: str | None) -> str:
    """The contract's text with this warehouse's database in its datasets, and the filter added."""
    document = _in_database(yaml.safe_load(file.read_text(encoding="utf-8")), database)
    filters = [part for part in (document.get("filter"), only) if part]
    if filters:
        document["filter"] = " and ".join(f"({part})" for part in filters)
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


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
