"""Splitting the text of a record into cells, line by line, so that nothing is parsed twice."""

from enum import Enum
from typing import Protocol


class State(Enum):
    DONE = "the record ends with this line"
    OPEN = "a quoted cell goes on in the next line"
    BAD = "a quoted cell is followed by something else than a delimiter or the end of the record"


class Splitter(Protocol):
    """Takes the physical lines of one record; cells holds those that are complete. stray: a quote stood in a cell
    that is not quoted."""

    cells: list[str]
    stray: bool

    def feed(self, line: str) -> State: ...


class Cells:
    """The cells of one record. A quote opens a cell only at its start; elsewhere it is a plain character."""

    def __init__(self, delimiter: str, quote: str) -> None:
        self.delimiter, self.quote, self.doubled = delimiter, quote, quote * 2
        self.cells: list[str] = []
        self.stray = False  # a plain quote was seen inside an unquoted cell
        self._open: list[str] | None = None  # the parts of the quoted cell under way

    def feed(self, line: str) -> State:
        """Take one physical line with its line end; after BAD the record cannot be gone on with."""
        text = line.rstrip("\r\n")
        going_on = self._open is not None
        for piece in text.split(self.delimiter):
            if self._open is None:
                if not piece.startswith(self.quote):
                    self.cells.append(piece)
                    self.stray = self.stray or self.quote in piece
                    continue
                self._open, piece = [], piece[1:]
            elif not going_on:
                self._open.append(self.delimiter)
            going_on = False
            if not self._take(piece):
                return State.BAD
        if self._open is None:
            return State.DONE
        self._open.append(line[len(text) :])
        return State.OPEN

    def _take(self, piece: str) -> bool:
        """Add what stands up to a delimiter or the line's end; False if a quote in it ends nothing."""
        quotes = piece.count(self.quote)
        closes = quotes % 2 == 1
        inner = piece[:-1] if closes else piece
        if closes and not piece.endswith(self.quote):
            return False
        if quotes > 1:
            if self.quote in inner.replace(self.doubled, ""):
                return False
            inner = inner.replace(self.doubled, self.quote)
        assert self._open is not None
        self._open.append(inner)
        if closes:
            self.cells.append("".join(self._open))
            self._open = None
        return True
