"""The one door to Soda: its parser of contracts, with what it passes over in silence refused."""

import logging
from collections.abc import Sequence
from pathlib import Path

import yaml
from soda_core.common.data_source_impl import DataSourceImpl
from soda_core.common.logs import Logs
from soda_core.common.yaml import ContractYamlSource, DataSourceYamlSource
from soda_core.contracts.impl.contract_verification_impl import ContractImpl
from soda_core.contracts.impl.contract_yaml import THRESHOLD_ALLOWED_KEYS, ContractYaml

from checks.document import Check, ContractError, Lined, checks_of, read
from checks.policy import refuse_unknown_attributes
from warehouse.errors import without_values


def _say_no_values(record: logging.LogRecord) -> bool:
    """A check of the whole table that raises on one cell is told with the cell, by Soda's log and in its results, which
    it takes from that log."""
    record.msg, record.args, record.exc_info = without_values(record.getMessage()), (), None
    return True


logging.getLogger("soda").setLevel(logging.ERROR)
logging.getLogger("soda").addFilter(_say_no_values)

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


def is_about_rows(check: Check) -> bool:
    """Whether a check, as it is written, says of a row whether it is good."""
    return check.kind in ROW_KINDS and not {"query", "keys_query"} & check.body.keys()


def compiled(file: Path) -> ContractImpl:
    """The contract as Soda reads it. Soda logs what it does not understand and goes on without it; here it stops."""
    document = read(file)
    written = checks_of(file, document)
    for check in written:
        refuse_unknown_attributes(file, check)
        _refuse_unknown_keys(file, check)
        _refuse_unknown_threshold(file, check)
    _refuse_two_for_one(file, written)
    logs = Logs()
    try:
        contract = ContractImpl(
            yaml=ContractYaml.parse(ContractYamlSource.from_file_path(str(file))),
            data_source_impl=data_source("nowhere", 0, "", "", ""),
            logs=logs,
        )
    except Exception as error:
        told = "; ".join(logs.get_errors()) or error
        raise ContractError(f"{file}:{_line_told(logs)}: Soda cannot read this contract: {told}") from error
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


def _refuse_two_for_one(file: Path, written: Sequence[Check]) -> None:
    """Soda tells checks apart by kind, column and qualifier, and two that it takes for one are none."""
    lines: dict[tuple[str, ...], int] = {}
    for check in written:
        qualifier = str(check.body.get("qualifier") or "")
        one = (check.kind, check.column or "", qualifier)
        if one in lines:
            place = f"of the column {check.column!r}" if check.column else "of the whole row"
            with_it = f" with the qualifier {qualifier!r}" if qualifier else ""
            raise ContractError(
                f"{file}:{check.line}: a second check {check.kind!r} {place}{with_it}, the first is on line"
                f" {lines[one]}: Soda takes the two for one. Give this one a `qualifier:` of its own."
            )
        lines[one] = check.line


def data_source(host: str, port: int, database: str, user: str, password: str) -> DataSourceImpl:
    """A warehouse as Soda knows one; with empty parts, one that is never connected to."""
    properties = {
        "host": host,
        "port": port or 5432,
        "database": database or "nowhere",
        "user": user or "nobody",
        "password": password or "none",
    }
    text = yaml.safe_dump({"type": "postgres", "name": SOURCE, "connection": properties})
    return DataSourceImpl.from_yaml_source(DataSourceYamlSource.from_str(text))
