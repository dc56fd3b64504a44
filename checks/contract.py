"""The one door to Soda: a contract's row rules as SQL for the split, and Soda's own verification of a table."""

import hashlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import make_url

from warehouse.connection import warehouse_url
from warehouse.errors import SluiceError
from warehouse.runs import CheckResult, Rule
from warehouse.settings import settings

# Read by Soda when it is imported; offline its telemetry costs 6 s per process.
os.environ.setdefault("SODA_CORE_TELEMETRY_ENABLED", "false")

from soda_core.common.data_source_impl import DataSourceImpl
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


def file_hash(file: Path) -> str:
    """The version of a contract: the hash of its text."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


@cache
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


def _compile(file: Path) -> ContractImpl:
    source = ContractYamlSource.from_file_path(str(file))
    try:
        return ContractImpl(yaml=ContractYaml.parse(source), data_source_impl=_data_source("nowhere", 0, "", "", ""))
    except Exception as error:
        raise ContractError(f"{file}: Soda cannot read this contract: {error}") from error


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
        return only + _repeated([render(check.column_expression)], check.check_yaml.filter)
    if isinstance(check, MultiColumnDuplicateCheckImpl):
        return only + _repeated(
            [dialect.quote_default(name) for name in check.check_yaml.columns], check.check_yaml.filter
        )
    return None


def _repeated(columns: list[str], where: str | None) -> str:
    """True for a row whose values occur in another candidate too; `candidates` is the split's relation."""
    names = ", ".join(columns)
    present = " and ".join([f"{name} is not null" for name in columns] + ([f"({where})"] if where else []))
    return f"({names}) in (select {names} from candidates where {present} group by {names} having count(*) > 1)"


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
    """The contract's text with this warehouse's database in its dataset, and the filter added."""
    document = yaml.safe_load(file.read_text())
    source, _, *rest = document["dataset"].split("/")
    document["dataset"] = "/".join([source, database, *rest])
    filters = [part for part in (document.get("filter"), only) if part]
    if filters:
        document["filter"] = " and ".join(f"({part})" for part in filters)
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


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
