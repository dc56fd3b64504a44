"""Finding the header of a feed among the first lines of a file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .cells import Cells, State
from .lines import Line
from .model import Limits, Refused

DELIMITERS = (",", ";", "\t", "|")


def name_key(name: str) -> str:
    """A column name for comparison: BOM removed, white space collapsed, case folded."""
    return " ".join(name.replace("\ufeff", " ").split()).casefold()


def shown(body: bytes, inner: str) -> str:
    """A line's text with U+FFFD for what the ledger cannot hold: bytes without a meaning, and NUL."""
    return body.decode(inner, "replace").replace("\0", "\ufffd")


class Wanted:
    """The columns of a feed: for each the names that it has had, and which of them a file must hold."""

    def __init__(self, expected: Sequence[Sequence[str]], required: Sequence[int]) -> None:
        self.expected = [tuple(names) for names in expected]
        self.required = tuple(dict.fromkeys(required))
        self.by_key: dict[str, int] = {}
        for index, names in enumerate(self.expected):
            if not names:
                raise ValueError(f"expected[{index}] holds no header name")
            for name in names:
                if self.by_key.setdefault(name_key(name), index) != index:
                    raise ValueError(f"expected[{index}]: {name!r} is also a name of another column")

    def match(self, cells: Sequence[str]) -> tuple[int | None, ...]:
        """For each cell the expected column that it names."""
        return tuple(self.by_key.get(name_key(cell)) for cell in cells)

    def without(self, name: str) -> "Wanted":
        """The same, but no file must hold the column `name`: it is made of others."""
        made = self.by_key.get(name_key(name))
        return Wanted(self.expected, [index for index in self.required if index != made])

    def missing(self, cells: Sequence[str]) -> list[int]:
        """The required columns that no cell names."""
        present = set(self.match(cells))
        return [index for index in self.required if index not in present]


@dataclass(frozen=True)
class Candidate:
    """A record read as if it were the header: lines[first..last], split at `delimiter`."""

    first: int
    last: int
    delimiter: str
    cells: tuple[str, ...]
    columns: tuple[int | None, ...]
    rows: int = 1  # that were folded

    @property
    def matched(self) -> int:
        return len(set(self.columns) - {None})

    @property
    def rank(self) -> tuple[int, int]:
        return self.matched, len(self.cells)


def find_header(
    lines: list[Line],
    inner: str,
    wanted: Wanted,
    delimiters: Sequence[str],
    quote: str,
    limits: Limits,
) -> Candidate | None:
    """The first record within the first preamble_lines that names all required columns, None if there is none.

    Where several delimiters do, the one with most expected columns wins, then the one with most cells.
    """
    for first in range(min(limits.preamble_lines, len(lines))):
        fitting = [
            found
            for found in readings(lines, first, inner, wanted, delimiters, quote, limits)
            if any(found.cells) and not wanted.missing(found.cells) and (found.matched or not wanted.by_key)
        ]
        if fitting:
            return max(fitting, key=lambda found: found.rank)
    return None


def readings(
    lines: list[Line],
    first: int,
    inner: str,
    wanted: Wanted,
    delimiters: Sequence[str],
    quote: str,
    limits: Limits,
) -> Iterator[Candidate]:
    for delimiter in delimiters:
        splitter = Cells(delimiter, quote)
        for last in range(first, min(first + limits.record_lines, len(lines))):
            if lines[last].cut:
                break
            state = splitter.feed(shown(lines[last].body, inner))
            if state is State.DONE:
                cells = tuple(cell.strip("\ufeff \t\r\n\v\f\xa0") for cell in splitter.cells)
                yield Candidate(first, last, delimiter, cells, wanted.match(cells))
            if state is not State.OPEN:
                break


def check_header(name: str, found: Candidate, wanted: Wanted, limits: Limits) -> None:
    """Refuse a header that is too wide, or in which two cells claim one expected column."""
    where = f"{name}: the header on line {found.first + 1}"
    if len(found.cells) > limits.columns:
        raise Refused(
            f"{where} has {len(found.cells):,} columns, more than the limit of {limits.columns:,}. "
            f"{limits.remedy('columns')} if the file is meant to be so wide."
        )
    check_columns(where, found.cells, found.columns, wanted)


def check_columns(where: str, cells: Sequence[str], columns: Sequence[int | None], wanted: Wanted) -> None:
    """Refuse a header in which two cells claim one expected column."""
    for index in dict.fromkeys(column for column in columns if column is not None):
        places = [place for place, column in enumerate(columns) if column == index]
        if len(places) > 1:
            seen = " and ".join(f'"{cells[place]}" (cell {place + 1})' for place in places)
            raise Refused(
                f'{where} names the column "{wanted.expected[index][0]}" {len(places)} times: {seen}. Which one '
                "counts cannot be guessed: ask the vendor, or take the wrong name out of the feed's declaration."
            )
