"""What looks personal by its content: a sample of the cells of columns that are classed `none`."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from warehouse.connection import driver, transaction
from warehouse.personal import EMAIL, IP, PHONE, SSN, is_card

SAMPLE = 2000  # rows of a relation that are looked at
FEWEST = 3  # cells that must look so before a column does; where fewer are filled, all of them


@dataclass(frozen=True)
class Kind:
    """How a class looks in a cell, and the share of a column's cells from which on the column looks so.

    `by_chance`: other things look so too, and one or two cells say nothing.
    """

    pii: str
    bound: float
    seen: Callable[[str], bool]
    by_chance: bool = False


KINDS = (
    Kind("email", 0.05, lambda cell: bool(EMAIL.search(cell))),
    Kind("phone", 0.20, lambda cell: bool(PHONE.fullmatch(cell))),
    Kind("government_id", 0.20, lambda cell: bool(SSN.fullmatch(cell))),
    Kind("government_id", 0.50, is_card, by_chance=True),  # one of ten random numbers passes the check digit
    Kind("ip", 0.20, lambda cell: bool(IP.fullmatch(cell)), by_chance=True),  # so does version 10.0.2.1
)


@dataclass(frozen=True)
class Looks:
    """A column that looks personal: the class, how many of the sampled cells, of how many. Never a value."""

    column: str
    pii: str
    cells: int
    of: int


def looks(columns: Mapping[str, Sequence[str]]) -> list[Looks]:
    """The columns (name -> cells) that look personal."""
    found = []
    for name, cells in columns.items():
        filled = [cell.strip() for cell in cells if cell and cell.strip()]
        for kind in KINDS:
            seen = sum(map(kind.seen, filled))
            fewest = FEWEST if kind.by_chance else max(1, min(FEWEST, len(filled)))
            if seen >= max(fewest, kind.bound * len(filled)):
                found.append(Looks(name, kind.pii, seen, len(filled)))
                break
    return found


def look_into(schema: str, relation: str, columns: Iterable[str]) -> list[Looks]:
    """The columns of a table that look personal, by a sample of its rows; none where the table is not there."""
    names = list(columns)
    rows = _sample(schema, relation, names) if names else []
    return looks({name: [row[position] for row in rows] for position, name in enumerate(names)})


def look_into_undeclared(relation: str, by_name: Callable[[str], str | None]) -> list[Looks]:
    """The columns of a staged relation that nobody has declared (`_extra`) and that look personal, by their content or
    by their name."""
    cells: dict[str, list[str]] = {}
    for (extra,) in _sample("staging", relation, ["_extra"]):
        for name, cell in json.loads(extra or "{}").items():
            cells.setdefault(name, []).append(cell or "")
    by_content = looks(cells)
    known = {found.column for found in by_content}
    named = [Looks(n, pii, len(of), len(of)) for n, of in cells.items() if n not in known and (pii := by_name(n))]
    return [*by_content, *named]


def _sample(schema: str, relation: str, names: Sequence[str]) -> list[tuple[Any, ...]]:
    with transaction() as connection:
        cursor = driver(connection).cursor()
        known = cursor.execute(
            "select greatest(reltuples, 1) from pg_class where oid = to_regclass(%s)", [f'{schema}."{relation}"']
        ).fetchone()
        if known is None:
            return []
        return cursor.execute(
            sql.SQL("select {} from {} tablesample system ({}) limit {}").format(
                sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in names),
                sql.Identifier(schema, relation),
                sql.Literal(min(100.0, 100.0 * 2 * SAMPLE / known[0])),
                sql.Literal(SAMPLE),
            )
        ).fetchall()
