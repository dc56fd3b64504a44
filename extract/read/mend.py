"""Putting a record right where there is only one way to do so. Never asked unless the feed's hints say `mend`."""

from collections.abc import Collection, Iterator, Sequence

from .dialect import Dialect
from .extent import Extent
from .values import TYPED, kind_of

MOST_READINGS = 64
MOST_CELLS = 200
SHAPE = ("bad_quote", "unbalanced_quote", "too_few_cells", "too_many_cells")


class Mender:
    """Mends records of one table: `what` is from Hints.mend, kinds are those of the columns' values."""

    def __init__(self, what: Collection[str], dialect: Dialect, width: int, kinds: Sequence[str] = ()) -> None:
        self.what, self.dialect, self.width, self.kinds = what, dialect, width, kinds

    def mend(self, code: str, extent: Extent) -> list[str] | None:
        """The record with its quotes or delimiters put right, if exactly one way leads to the table's width."""
        if code not in SHAPE or len(extent.lines) != 1 or self.dialect.widths or self.width > MOST_CELLS:
            return None
        text = extent.text.rstrip("\r\n")
        if "quotes" in self.what and self._out_of_order(code, text):
            cells = self.one_reading(text)
            if cells is not None:
                return cells
        if "delimiters" in self.what and code == "too_many_cells":
            return self._without_surplus(extent.cells)
        return None

    def _out_of_order(self, code: str, text: str) -> bool:
        """Whether quotes are what is wrong. Pairs that open and close cells are in order, however many cells there are:
        read otherwise, `a,"b, c""d",e` would be four cells for the three or five that were meant."""
        quote = self.dialect.quote
        return bool(quote) and (code in ("bad_quote", "unbalanced_quote") or text.count(quote) % 2 == 1)

    def one_reading(self, text: str) -> list[str] | None:
        """The cells of a line whose quotes are out of order, if there is one reading of the right width with the
        fewest quotes taken as plain characters."""
        found: dict[int, list[list[str]]] = {}
        for count, (cost, cells) in enumerate(readings(text, self.dialect, self.width)):
            if count >= MOST_READINGS:
                return None
            found.setdefault(cost, []).append(cells)
        if not found:
            return None
        best = found[min(found)]
        if len(best) > 1:
            best = [cells for cells in best if self._fits(cells)]
        return best[0] if len(best) == 1 else None

    def _fits(self, cells: Sequence[str]) -> bool:
        return all(
            kind not in TYPED or kind_of(cell) in (kind, "empty", "year", "number")
            for cell, kind in zip(cells, self.kinds, strict=False)
        )

    def _without_surplus(self, cells: list[str]) -> list[str] | None:
        """A row with one empty cell too many without it, if each other place to take one from misfits the columns."""
        if len(cells) != self.width + 1:
            return None
        ways = []
        for place, cell in enumerate(cells):
            way = cells[:place] + cells[place + 1 :]
            if not cell and way not in ways and self._fits(way):
                ways.append(way)
        return ways[0] if len(ways) == 1 else None


def readings(text: str, dialect: Dialect, width: int) -> Iterator[tuple[int, list[str]]]:
    """(quotes taken as plain characters, cells) for the ways to read a line as `width` cells."""
    yield from _from(text, 0, width, dialect, 0)


def _from(text: str, place: int, width: int, dialect: Dialect, depth: int) -> Iterator[tuple[int, list[str]]]:
    for cost, cell, after in _first_cells(text, place, dialect, width == 1):
        if width == 1:
            if after > len(text):
                yield cost, [cell]
            continue
        if after <= len(text):
            for more, cells in _from(text, after, width - 1, dialect, depth + 1):
                yield cost + more, [cell, *cells]


def _first_cells(text: str, place: int, dialect: Dialect, last: bool) -> Iterator[tuple[int, str, int]]:
    """(cost, cell, where the next cell begins) for the ways to read the cell at `place`."""
    quote, delimiter = dialect.quote, dialect.delimiter
    end = text.find(delimiter, place)
    end = len(text) if end < 0 else end
    if not text.startswith(quote, place):
        yield 0, text[place:end], end + len(delimiter)
        return
    at, tried, done = place + 1, 0, False
    while (at := text.find(quote, at)) >= 0 and tried < 8 and not done:
        if text.startswith(delimiter, at + 1) or at + 1 == len(text):
            inner = text[place + 1 : at]
            plain = inner.replace(quote * 2, "") if dialect.escape == quote else inner
            value = inner.replace(quote * 2, quote) if dialect.escape == quote else inner
            yield plain.count(quote), value, at + 1 + len(delimiter)
            tried += 1
            done = plain.count(quote) == 0 and not last
        at += 1
    yield text.count(quote, place, end), text[place:end], end + len(delimiter)
