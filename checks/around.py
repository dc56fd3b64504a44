"""Rules that look beyond their row: at the delivery's other rows, `candidates`, or at what history says, `current_...`.

In a failed_rows expression `current_<column>` is the column of the version of the same key that history held as
current just before the delivery's effective time: `size < current_size` is "may not shrink". A row whose key had
no version then keeps the rule. Deliveries that are judged in one run do not see each other. `candidates` are the rows
of the delivery without exact repetitions: `(select sum(size) from candidates) <> 100`. A column of the entity that is
called `current_...` itself stands in double quotes.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from checks.document import Check, ContractError

CURRENT = re.compile(r"(?<![\"'.])\bcurrent_([a-z][a-z0-9_]*)\b")
CANDIDATES = re.compile(r"\bfrom\s+candidates\b", re.IGNORECASE)
# Words of SQL itself.
NOT_COLUMNS = frozenset(
    ["date", "time", "timestamp", "user", "role", "schema", "catalog", "setting", "database", "query", "schemas"]
)


def compared(text: str) -> list[str]:
    """The columns of history that an expression looks at."""
    return sorted({name for name in CURRENT.findall(text) if name not in NOT_COLUMNS})


def looks_at_delivery(text: str) -> bool:
    """Whether an expression looks at the delivery's other rows."""
    return bool(CANDIDATES.search(text))


def looks_around(text: str) -> bool:
    """Whether a row alone does not decide."""
    return looks_at_delivery(text) or bool(compared(text))


def of_relation(text: str, candidates: str | None) -> str:
    """An expression over `candidates` as one over the named relation."""
    return CANDIDATES.sub(f"from {candidates} as candidates", text) if candidates else text


def entity_of(document: Mapping[str, Any]) -> str:
    """The entity that a contract is about: the table of its dataset."""
    return str(document.get("dataset", "")).rsplit("/", 1)[-1]


def with_history(predicate: str, entity: str, row_times: bool = False) -> str:
    """A predicate over `current_<column>` as one over the row's version in history; others as they are. `row_times`: a
    row may have an effective time of its own.

    The inner names cannot be those of the entity's columns, so that a plain name is the judged row's own.
    """
    columns = compared(predicate)
    if not columns:
        return predicate
    at = "coalesce(_effective_at, _judged_at)" if row_times else "_judged_at"
    held = ", ".join(f'version."{column}" as current_{column}' for column in columns)
    return (
        f"exists (select from (select version.{entity}_id as _current_id, version.valid_from as _current_from,"
        f' version.valid_to as _current_to, {held} from history."dim_{entity}" as version'
        " where version._superseded_in is null) as current_version,"
        " (select delivery_id as _judged_id, effective_at as _judged_at from ledger.deliveries) as judging"
        f" where _current_id = {entity}_id and _judged_id = _delivery_id and _current_from < {at}"
        f" and (_current_to is null or _current_to >= {at}) and ({predicate}))"
    )


def refuse_masked(file: Path, check: Check, classes: Mapping[str, str] | None) -> None:
    """Raise ContractError where a rule compares a column that history does not have, or holds masked."""
    for column in compared(str(check.body.get("expression") or "")):
        known = (classes or {column: "none"}).get(column)
        if known != "none":
            why = f"history holds it masked (its class is {known})" if known else "there is no such column in history"
            raise ContractError(
                f"{file}:{check.line_of('expression')}: current_{column} cannot be compared: {why}. Compare a column"
                " of the class none. (A column of the entity with such a name stands in double quotes.)"
            )
