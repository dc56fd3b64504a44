"""Splitting records in which quotes are escaped by another character, or stand as they are."""

import re

from .cells import State


class AnyCells:
    """The cells of one record, for the dialects that Cells does not know. The same promise as Cells."""

    def __init__(self, delimiter: str, quote: str, escape: str, loose: bool = False, spaced: bool = False) -> None:
        self.delimiter, self.quote, self.escape = delimiter, quote, escape
        self.loose, self.spaced = loose, spaced
        self.doubling = bool(quote) and escape == quote
        self.cells: list[str] = []
        self.stray = False
        self._open: list[str] | None = None
        escapes = rf"{re.escape(escape)}[\s\S]|" if escape and not self.doubling else ""
        self._in_quotes = re.compile(escapes + re.escape(quote)) if quote else None
        self._outside = re.compile(escapes + re.escape(delimiter))

    def feed(self, line: str) -> State:
        """Take one physical line with its line end; after BAD the record cannot be gone on with."""
        text = line.rstrip("\r\n")
        place = 0
        if self._open is not None:
            place = self._quoted(text, 0)
        while 0 <= place <= len(text) and self._open is None:
            start = self._quote_at(text, place)
            if start < 0:
                place = self._plain(text, place)
            else:
                self._open = []
                place = self._quoted(text, start)
        if place == _BROKEN:
            return State.BAD
        if self._open is None:
            return State.DONE
        self._open.append(line[len(text) :])
        return State.OPEN

    def _quote_at(self, text: str, place: int) -> int:
        """Where the inside of a quoted cell begins, if one begins here."""
        if self.spaced:
            while text.startswith(" ", place) and not text.startswith(self.delimiter, place):
                place += 1
        return place + 1 if self.quote and text.startswith(self.quote, place) else -1

    def _plain(self, text: str, place: int) -> int:
        """Take an unquoted cell; gives the place after its delimiter, beyond the text where none follows."""
        end = len(text)
        for found in self._outside.finditer(text, place):
            if found[0] == self.delimiter:
                end = found.start()
                break
        cell = text[place:end]
        if self.quote and self.quote in cell:
            self.stray = self.stray or not self.escape or self.doubling or cell.count(self.escape) == 0
        self.cells.append(self._unescaped(cell, self.delimiter))
        return end + len(self.delimiter)

    def _unescaped(self, cell: str, also: str = "") -> str:
        if not self.escape or self.doubling or self.escape not in cell:
            return cell
        plain = {self.quote, self.escape, also} - {""}
        pattern = "|".join(map(re.escape, sorted(plain, key=len, reverse=True)))
        return re.sub(re.escape(self.escape) + f"({pattern})", lambda found: found[1], cell)

    def _quoted(self, text: str, place: int) -> int:
        """Go on inside a quoted cell; gives the place after its delimiter, _OPEN or _BROKEN."""
        assert self._open is not None
        assert self._in_quotes is not None
        start = place
        while True:
            found = self._in_quotes.search(text, place)
            if found is None:
                self._open.append(self._unescaped(text[start:]))
                return _OPEN
            place = found.end()
            if found[0] != self.quote:
                continue
            if self.doubling and not self.loose and text.startswith(self.quote, place):
                self._open.append(text[start:place])
                place += 1
                start = place
                continue
            after = place
            if self.spaced:
                while text.startswith(" ", after) and not text.startswith(self.delimiter, after):
                    after += 1
            if after == len(text) or text.startswith(self.delimiter, after):
                self._open.append(self._unescaped(text[start : found.start()]))
                self.cells.append("".join(self._open))
                self._open = None
                return after + len(self.delimiter)
            if not self.loose:
                return _BROKEN


_OPEN, _BROKEN = 1 << 60, -1
