"""The register of numbers: reserved in ranges, minted for references, merged and retired, never given twice."""

import getpass
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from warehouse.connection import transaction
from warehouse.errors import SluiceError

Rows = Sequence[Mapping[str, Any]]


def reserve(entity: str, first: int, last: int) -> None:
    """Reserve the numbers `first` to `last` for an entity. Raises SluiceError where they meet another range."""
    if not 0 < first <= last:
        raise SluiceError(f"{first} to {last} is no range: write the first number, then the last.")
    with transaction() as connection:
        other = _one(
            connection,
            "select entity, first, last from reference.number_ranges where first <= :last and last >= :first limit 1",
            first=first,
            last=last,
        )
        if other:
            raise SluiceError(f"{first} to {last} meets {other.first} to {other.last}, reserved for {other.entity}.")
        _do(
            connection,
            "insert into reference.number_ranges (entity, first, last, reserved_by) values (:e, :first, :last, :who)",
            e=entity,
            first=first,
            last=last,
        )


def unnumbered(entity: str) -> Rows:
    """References that are published and have no number: organisation, reference."""
    with transaction() as connection:
        return _unnumbered(connection, entity)


def mint(entity: str) -> Rows:
    """Give each published reference that has none the next number of the entity's ranges: organisation, reference,
    number. Raises SluiceError where the ranges are used up: then none is given."""
    with transaction() as connection:
        connection.execute(text("lock table reference.numbers in share row exclusive mode"))
        wanted = _unnumbered(connection, entity)
        free = _free(connection, entity, len(wanted))
        if len(free) < len(wanted):
            raise SluiceError(
                f"{entity}: {len(wanted)} numbers are needed and {len(free)} are left;"
                f" reserve more: sluice numbers reserve {entity} FIRST LAST"
            )
        minted = [{**row, "number": number} for row, number in zip(wanted, free, strict=True)]
        _do(
            connection,
            "insert into reference.numbers (number, entity, organisation, reference, minted_by)"
            " select n, :e, o, r, :who"
            " from unnest(cast(:n as bigint[]), cast(:o as text[]), cast(:r as text[])) as given (n, o, r)",
            e=entity,
            n=free,
            o=[row["organisation"] for row in wanted],
            r=[row["reference"] for row in wanted],
        )
        return minted


def merge(number: int, into: int, why: str) -> None:
    """Let a number lead to another for good (301): both are about one thing."""
    with transaction() as connection:
        old, new = _standing(connection, number), _standing(connection, into)
        if old.entity != new.entity or number == into:
            raise SluiceError(f"{number} ({old.entity}) cannot be merged into {into} ({new.entity}).")
        _move(connection, number, 301, into, why)


def retire(number: int, why: str) -> None:
    """Say that what a number stood for is no more, or never was (410)."""
    with transaction() as connection:
        _standing(connection, number)
        _move(connection, number, 410, None, why)


def undo(number: int) -> None:
    """Let a merged or retired number stand again."""
    with transaction() as connection:
        done = _do(
            connection,
            "update reference.number_moves set undone_at = now(), undone_by = :who"
            " where number = :n and undone_at is null",
            n=number,
        )
        if not done:
            raise SluiceError(f"The number {number} was neither merged nor retired.")


def register(entity: str) -> Rows:
    """All numbers of an entity and where they lead: own_number, organisation, reference, status, number, published."""
    with transaction() as connection:
        found = connection.execute(
            text(
                "select r.own_number, r.organisation, r.reference, r.status, r.number, exists ("
                f"  select from published.{entity}_number as p where p.own_number = r.own_number) as published"
                " from reference.resolved_numbers as r where r.entity = :e order by r.own_number"
            ),
            {"e": entity},
        )
        return [dict(row) for row in found.mappings()]


def _unnumbered(connection: Connection, entity: str) -> Rows:
    found = connection.execute(
        text(
            f"select distinct organisation, reference from published.{entity}_number where own_number is null"
            " and organisation is not null and reference is not null order by 1, 2"
        )
    )
    return [dict(row) for row in found.mappings()]


def _free(connection: Connection, entity: str, count: int) -> list[int]:
    """The next numbers of the entity's ranges. A number that was passed over is not gone back to."""
    found = connection.execute(
        text(
            "select generate_series(coalesce((select max(number) + 1 from reference.numbers"
            "   where number between first and last), first), last)"
            " from (select first, last from reference.number_ranges where entity = :e order by first) as ranges"
            " limit :n"
        ),
        {"e": entity, "n": count},
    )
    return [number for (number,) in found]


def _standing(connection: Connection, number: int) -> Any:
    found = _one(connection, "select * from reference.resolved_numbers where own_number = :n", n=number)
    if found is None:
        raise SluiceError(f"The number {number} was never given; `sluice numbers list ENTITY` shows those that were.")
    if found.status != 200:
        now = f"merged into {found.number}" if found.status == 301 else _retired(connection, number)
        raise SluiceError(f"The number {number} is {now}; undo that first: sluice numbers undo {number}")
    return found


def _retired(connection: Connection, number: int) -> str:
    """How a number came to lead nowhere: by itself, or by one that it was merged into."""
    [moved_to] = _one(
        connection, "select moved_to from reference.number_moves where number = :n and undone_at is null", n=number
    )
    return f"merged into {moved_to}, which leads to a retired number" if moved_to else "retired"


def _move(connection: Connection, number: int, status: int, to: int | None, why: str) -> None:
    _do(
        connection,
        "insert into reference.number_moves (number, status, moved_to, why, moved_by) values (:n, :s, :to, :why, :who)",
        n=number,
        s=status,
        to=to,
        why=why,
    )


def _one(connection: Connection, statement: str, **values: Any) -> Any:
    return connection.execute(text(statement), values).one_or_none()


def _do(connection: Connection, statement: str, **values: Any) -> int:
    values |= {"who": getpass.getuser()} if ":who" in statement else {}
    return connection.execute(text(statement), values).rowcount
