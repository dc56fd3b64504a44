"""What the ways into a workbook have in common: sheets, their rows, merged cells."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

Cells = dict[int, str]


class Merge(NamedTuple):
    """Merged cells: rows from 1, columns from 0, all inclusive. Only the top left one holds the value."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass
class Sheet:
    """A sheet of cells; its merges are known once its rows were gone through."""

    name: str
    visible: bool
    merges: list[Merge] = field(default_factory=list)


class Workbook(Protocol):
    """A workbook; `bare`: how many formulas of the sheet gone through last came without their value; `unseen`: what
    this way into it cannot see."""

    sheets: list[Sheet]
    bare: int
    unseen: str

    def rows(self, sheet: Sheet) -> Iterator[tuple[int, Cells]]: ...


def filled(rows: Iterator[tuple[int, Cells]], merges: list[Merge]) -> Iterator[tuple[int, Cells]]:
    """The rows with the value of merged cells in all of them; rows that only a merge makes are made too."""
    waiting = sorted(merges)
    running: list[tuple[Merge, str]] = []
    last = 0
    for row, cells in rows:
        for between in range(last + 1, row):
            if running or (waiting and waiting[0].top <= between):
                yield from _one(between, {}, waiting, running)
        yield from _one(row, cells, waiting, running)
        last = row
    while running:
        last += 1
        yield from _one(last, {}, waiting, running)


def _one(row: int, cells: Cells, waiting: list[Merge], running: list[tuple[Merge, str]]) -> Iterator[tuple[int, Cells]]:
    while waiting and waiting[0].top <= row:
        merge = waiting.pop(0)
        value = cells.get(merge.left, "") if merge.top == row else ""
        if value:
            running.append((merge, value))
    running[:] = [(merge, value) for merge, value in running if merge.bottom >= row]
    for merge, value in running:
        for column in range(merge.left, merge.right + 1):
            cells.setdefault(column, value)
    if cells:
        yield row, cells
