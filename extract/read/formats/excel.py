"""Workbooks: one sheet of one as records, which are the rows of the rectangle that holds anything."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..header import Wanted
from ..model import Hints, Limits
from ..source import Source
from ..source_records import RawRecord, RecordSource
from .spool import Spool
from .text import checked
from .workbook import Cells, Sheet, Workbook, filled

NAMES = {
    "xls": "old Microsoft Office file (xls, doc)",
    "xlsb": "binary Excel workbook (xlsb)",
    "ods": "OpenDocument file (ods)",
}
PROTECTED = "EncryptedPackage".encode("utf-16-le")


def open_excel(source: Source, kind: str, hints: Hints, limits: Limits, wanted: Wanted | None) -> RecordSource:
    """The rows of one sheet: the one that is hinted, else the first that has the wanted header, else the first that
    looks like a table, else the first that is not empty; hidden ones last."""
    book = _open(source, kind, limits)
    chosen = _hinted(source, book, hints.sheet) if hints.sheet is not None else _search(source, book, limits, wanted)
    look = Look(source, book, chosen, hints, limits)
    if not look.rows:
        raise source.refused(f"the sheet {chosen.name!r} is empty. Ask the vendor whether the export failed.")
    return SheetTable(look)


def _open(source: Source, kind: str, limits: Limits) -> Workbook:
    if kind == "xlsx":
        from .ooxml import Xlsx

        return Xlsx(source, limits)
    if kind == "xls":
        with source.open() as file:
            if PROTECTED in file.read(2**20):
                raise source.refused("the workbook is protected by a password. Ask for one without.")
    from .calamine import Calamine

    return Calamine(source, NAMES[kind], limits)


def _hinted(source: Source, book: Workbook, sheet: str | int) -> Sheet:
    names = [one.name for one in book.sheets]
    if isinstance(sheet, int) and -len(names) <= sheet < len(names):
        return book.sheets[sheet]
    for one in book.sheets:
        if one.name == str(sheet) or one.name.strip().casefold() == str(sheet).strip().casefold():
            return one
    raise source.refused(f"there is no sheet {sheet!r}; it has {', '.join(names) or 'none'}. Mend the hint (sheet).")


def _search(source: Source, book: Workbook, limits: Limits, wanted: Wanted | None) -> Sheet:
    ordered = sorted(book.sheets, key=lambda one: not one.visible)
    if len(ordered) == 1:
        return ordered[0]
    filled_one, table = None, None
    for sheet in ordered:
        head = Head(book, sheet, limits)
        if wanted and wanted.by_key and head.has(wanted):
            return sheet
        filled_one = filled_one or (sheet if head.rows else None)
        table = table or (sheet if head.looks_like_table else None)
    chosen = table or filled_one
    if chosen is None:
        raise source.refused("no sheet of the workbook holds anything. Ask the vendor whether the export failed.")
    return chosen


class Head:
    """The first rows of a sheet."""

    def __init__(self, book: Workbook, sheet: Sheet, limits: Limits) -> None:
        self.rows = [
            cells for _, (_, cells) in zip(range(limits.preamble_lines), _solid(book.rows(sheet)), strict=False)
        ]

    def has(self, wanted: Wanted) -> bool:
        """Whether one of them is the wanted header."""
        rows = [list(cells.values()) for cells in self.rows]
        return any(not wanted.missing(row) and set(wanted.match(row)) != {None} for row in rows)

    @property
    def looks_like_table(self) -> bool:
        """Whether two rows, one below the other, have two cells or more in the same columns."""
        return any(len(a.keys() & b.keys()) > 1 for a, b in zip(self.rows, self.rows[1:], strict=False))


def _solid(rows: Iterator[tuple[int, Cells]]) -> Iterator[tuple[int, Cells]]:
    return ((number, cells) for number, cells in rows if any(cells.values()))


@dataclass
class Look:
    """One sheet: how large it is, found in a first pass, and its rows in a second."""

    source: Source
    book: Workbook
    sheet: Sheet
    hints: Hints
    limits: Limits

    def __post_init__(self) -> None:
        self.kept = Spool[tuple[int, Cells]](most=2**40)  # a sheet has an end
        self.first = self.last = self.rows = self.right = 0
        self.left = 2**31
        for number, cells in _solid(self.book.rows(self.sheet)):
            self.first, self.last = self.first or number, number
            self.left, self.right = min(self.left, *cells), max(self.right, *cells)
            self.rows += 1
            self.kept.add((number, cells))
        if self.rows and self.hints.merged == "fill":
            self._grow()
        if self.rows and self.width > self.limits.columns:
            raise self.source.refused(
                f"the sheet {self.sheet.name!r} has {self.width:,} columns, more than the limit of "
                f"{self.limits.columns:,}. {self.limits.remedy('columns')} if it is meant to be so wide."
            )

    def _grow(self) -> None:
        """Merged cells that are filled reach beyond the last value."""
        inside = [m for m in self.sheet.merges if self.first <= m.top <= self.last and m.left <= self.right]
        self.right = max([self.right, *(m.right for m in inside)])
        self.last = max([self.last, *(m.bottom for m in inside)])

    @property
    def width(self) -> int:
        return self.right - self.left + 1

    @property
    def found(self) -> dict[str, Any]:
        """What there is to say of the sheet."""
        area = f"{_letters(self.left)}{self.first}:{_letters(self.right)}{self.last}"
        told: dict[str, Any] = {"format": "excel", "encoding": "utf-8", "sheet": self.sheet.name, "range": area}
        others = [one.name for one in self.book.sheets if one is not self.sheet]
        told |= {"other_sheets": ", ".join(others)} if others else {}
        told |= {"merged": f"{len(self.sheet.merges)} ({self.hints.merged or 'leave'})"} if self.sheet.merges else {}
        told |= {"not_seen_in_this_format": self.book.unseen} if self.book.unseen else {}
        return told | ({"formulas_without_value": self.book.bare} if self.book.bare else {})

    def numbered(self) -> Iterator[tuple[int, Cells]]:
        """The rows that hold anything."""
        rows = iter(self.kept)
        return filled(rows, self.sheet.merges) if self.hints.merged == "fill" else rows


class SheetTable:
    """A record source over a sheet: its header is looked for among its rows; a row that holds nothing is blank."""

    named = False
    names: tuple[str, ...] = ()

    def __init__(self, look: Look) -> None:
        self._look, self.found = look, look.found

    def records(self) -> Iterator[RawRecord]:
        """All rows from the first that holds something to the last, each with as many cells as the table is wide."""
        look = self._look
        columns, expected = range(look.left, look.right + 1), look.first
        for number, cells in look.numbered():
            for empty in range(expected, number):
                yield RawRecord(empty, -1, -1, [""] * look.width)
            expected = number + 1
            row = [cells.get(column, "") for column in columns]
            yield checked(RawRecord(number, -1, -1, row))


def _letters(column: int) -> str:
    name, rest = "", column + 1
    while rest:
        rest, digit = divmod(rest - 1, 26)
        name = chr(65 + digit) + name
    return name
