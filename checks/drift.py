"""Schema drift: what a file's header has that its feed does not declare, and the other way round; and its name."""

from collections.abc import Callable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from checks import personal
from checks.delivery_checks import Finding, record
from warehouse import ledger
from warehouse.connection import transaction
from warehouse.personal import values_in, without_personal_values

ALIKE = 0.6  # of 1: "Licence No." and "License Number" are 0.67, "Phone" and "Name" 0.44
SHOWN = 5


def look(delivery_id: int, headers: Mapping[str, Sequence[str]]) -> None:
    """Record what the reader found of a delivery: its header against the feed's columns (`headers`: the names that each
    has had in files), the control totals of its trailer, and a name that tells of somebody."""
    with transaction() as connection:
        delivery = ledger.delivery(connection, delivery_id)
    found = delivery["found"] or {}
    record(delivery_id, [drift(found, headers), *control_totals(found), *personal_name(delivery["name"])])


def look_into_undeclared(delivery_id: int, by_name: Callable[[str], str | None]) -> None:
    """Record which columns that the feed does not declare look personal, so that somebody declares them. `by_name`: the
    class that a name makes one think of. Nothing of them goes on from staging, whatever they hold."""
    found = personal.look_into_undeclared(f"delivery_{delivery_id}", by_name)
    if found:
        names = _told_names(delivery_id, [looks.column for looks in found])
        told = ", ".join(f"{name} looks like {looks.pii}" for name, looks in zip(names, found, strict=True))
        message = f"columns that are not declared look personal: {told}; declare each with its class"
        record(delivery_id, [Finding("undeclared_personal", "warn", message, len(found), 0)])


def drift(found: Mapping[str, Any], headers: Mapping[str, Sequence[str]]) -> Finding:
    """What is new, missing, or looks renamed. A required column that is missing is refused by the reader before."""
    if not found.get("named", True):
        return Finding("schema", "pass", "the file names no columns: they are taken by their place", 0)
    declared = {_plain(name): column for column, names in headers.items() for name in names}
    new = [name for name in found.get("header") or [] if _plain(name) not in declared]
    there = {declared[_plain(name)] for name in found.get("header") or [] if _plain(name) in declared}
    missing = [column for column in headers if column not in there]
    renamed = {name: column for name in new if (column := _nearest(name, missing, headers))}
    told = [
        *(f"{_shown(name)} looks like {column}: add it to that column's headers" for name, column in renamed.items()),
        *_listed("new", [_shown(name) for name in new if name not in renamed]),
        *_listed("missing", [column for column in missing if column not in renamed.values()]),
    ]
    message = "; ".join(told) or "the header is as the feed declares it"
    return Finding("schema", "warn" if told else "pass", message, len(new) + len(missing) - len(renamed), 0)


def control_totals(found: Mapping[str, Any]) -> list[Finding]:
    """What the file's own trailer says of it, where it has one."""
    told = [line for line in found.get("findings") or [] if "trailer" in line or "total" in line.lower()]
    wrong = [line for line in told if line.startswith("MISMATCH")]
    if not told:
        return []
    return [Finding("control_totals", "warn" if wrong else "pass", "; ".join(wrong or told), len(wrong), 0)]


def personal_name(name: str) -> list[Finding]:
    """A warning where an e-mail, an identity number or an IP address stands in a file's name: all are told it."""
    kinds = sorted({pii for pii, _ in values_in(name)} - {"phone"})  # ten digits are as often an hour: 2026113009.csv
    if not kinds:
        return []
    message = (
        f"the name of the file tells of somebody ({', '.join(kinds)}): it stands in the ledger, in logs and in Prefect"
    )
    return [Finding("personal_name", "warn", f"{message}; let its owner name files otherwise", len(kinds), 0)]


def _shown(name: str) -> str:
    """A name of the file's; where keys are values, it may be a person's."""
    return repr(without_personal_values(name))


def _told_names(delivery_id: int, columns: Sequence[str]) -> list[str]:
    """Columns of staging as they may be told: where the ledger withholds names of a header, those that it has."""
    with transaction() as connection:
        found = ledger.delivery(connection, delivery_id)["found"] or {}
    known = set(found.get("header") or ())
    return [
        _shown(name) if not found.get("names_withheld") or name in known else "one without a name that can be told"
        for name in columns
    ]


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _nearest(name: str, missing: Sequence[str], headers: Mapping[str, Sequence[str]]) -> str | None:
    """The missing column whose names a new header is most like."""
    likeness = {
        column: max(SequenceMatcher(None, _plain(name), _plain(known)).ratio() for known in (*headers[column], column))
        for column in missing
    }
    best = max(likeness, key=lambda column: likeness[column], default=None)
    return best if best is not None and likeness[best] >= ALIKE else None


def _listed(what: str, names: list[str]) -> list[str]:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return [f"{what}: {', '.join(names[:SHOWN])}{more}"] if names else []
