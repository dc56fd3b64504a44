"""Soda's own predicates as SQL for the split: true for a row that breaks a check."""

from collections.abc import Sequence
from typing import Any

from soda_core.common.sql_dialect import COLUMN
from soda_core.contracts.impl.check_types.duplicate_check import (
    ColumnDuplicateCheckImpl,
    MultiColumnDuplicateCheckImpl,
)
from soda_core.contracts.impl.check_types.failed_rows_check import FailedRowsCheckImpl
from soda_core.contracts.impl.check_types.invalidity_check import InvalidCheckImpl
from soda_core.contracts.impl.check_types.missing_check import MissingCheckImpl
from soda_core.contracts.impl.contract_verification_impl import ContractImpl


def unique_columns(check: Any, row_times: bool = False) -> list[str] | None:
    """Of a duplicate check, the columns in which no two rows may agree; with `row_times` those of one time, see
    `of_one_time`."""
    if isinstance(check, MultiColumnDuplicateCheckImpl):
        return of_one_time(check.check_yaml.columns, row_times)
    return [check.column_impl.column_yaml.name] if isinstance(check, ColumnDuplicateCheckImpl) else None


def of_one_time(columns: Sequence[str], row_times: bool) -> list[str]:
    """The columns of a duplicate check. Where rows have effective times of their own, what may stand once in a delivery
    may stand there once for each time."""
    return [*columns, *(["_effective_at"] if row_times and "_delivery_id" in columns else [])]


def predicate(contract: ContractImpl, check: Any, everywhere: str | None, row_times: bool = False) -> str | None:
    """Soda's own predicate of a check, true for a failing row; None for a check of the whole table.

    Duplicates and reference data are aggregates in Soda; here each row that takes part in one is a failing row.
    `everywhere` is the contract's own filter: rows outside of it break nothing.
    """
    found = _own_predicate(contract, check, everywhere, row_times)
    return f"({everywhere}) and ({found})" if found and everywhere else found


def _own_predicate(contract: ContractImpl, check: Any, everywhere: str | None, row_times: bool) -> str | None:
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
        columns = of_one_time(check.check_yaml.columns, row_times)
        texts = [f"coalesce({dialect.quote_default(name)}::text, '__SODA_NULL__')" for name in columns]
        return only + _repeated(texts, [check.check_yaml.filter, everywhere])
    return None


def _repeated(values: list[str], where: list[str | None]) -> str:
    """True for a row whose values occur in another candidate too; `candidates` is the split's relation."""
    row = ", ".join(values)
    among = " and ".join(f"({condition})" for condition in where if condition) or "true"
    return f"({row}) in (select {row} from candidates where {among} group by {row} having count(*) > 1)"
