"""How the cells of a line are told apart, and the splitter that does it."""

from typing import NamedTuple

from .cells import Cells, Splitter
from .escaped import AnyCells
from .fixed import FixedCells


class Dialect(NamedTuple):
    """delimiter of one or more characters; quote "" where nothing is quoted.

    escape: the quote itself (doubled inside), another character before it, or "". loose: a quote inside a quoted cell
    may stand as it is; one that is followed by a delimiter or the line's end closes the cell. spaced: blanks before and
    after a quoted cell do not count. widths: (start, end) of the columns of a fixed-width file, the rest is void then.
    """

    delimiter: str
    quote: str = '"'
    escape: str = '"'
    loose: bool = False
    spaced: bool = False
    widths: tuple[tuple[int, int], ...] = ()

    @property
    def standard(self) -> bool:
        """Quotes are doubled, as csv.reader and COPY have it."""
        return bool(self.quote) and self.escape == self.quote and not (self.loose or self.spaced or self.widths)

    def splitter(self) -> Splitter:
        """A fresh splitter for one record."""
        if self.widths:
            return FixedCells(self.widths)
        if self.standard:
            return Cells(self.delimiter, self.quote)
        return AnyCells(self.delimiter, self.quote, self.escape, self.loose, self.spaced)
