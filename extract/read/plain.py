"""Which of many lines are plain rows, found by counting bytes: for who wants the lines and not their cells."""

import numpy as np

from .dialect import Dialect
from .kinds import Kinds

Bytes = np.ndarray[tuple[int], np.dtype[np.uint8]]
Places = np.ndarray[tuple[int], np.dtype[np.int64]]
Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]


class PlainLines:
    """Tells plain lines from odd ones: those that PlainRows would refuse, and a few more."""

    def __init__(self, dialect: Dialect, kinds: Kinds, inner: str, field_bytes: int) -> None:
        self.dialect, self.kinds, self.inner, self.field_bytes = dialect, kinds, inner, field_bytes
        marks = dialect.delimiter + dialect.quote
        self.able = dialect.standard and len(marks) == 2 and marks.isascii() and kinds.width > 1
        if self.able:
            self.delimiter, self.quote = marks.encode()

    def odd(self, lines: list[bytes]) -> list[int] | None:
        """The places of the lines that need a closer look; None where all of them do."""
        block = b"".join(lines)
        if not self._decodes(block):
            return None
        data = np.frombuffer(block, np.uint8)
        lengths = np.fromiter(map(len, lines), np.int64, len(lines))
        stops = np.cumsum(lengths)
        odd = lengths > self.field_bytes
        if b"\0" in block:
            odd[np.searchsorted(stops, np.flatnonzero(data == 0), "right")] = True
        delimiters = np.flatnonzero(data == self.delimiter)
        between, empty = self._count(data, delimiters, stops, lengths)
        if self.dialect.quote.encode() in block:
            self._quotes(data, delimiters, stops, odd, between, empty)
        odd |= (between != self.kinds.width - 1) | (empty >= self.kinds.width - 1)
        self._headers(lines, block, stops, odd)
        if self.dialect.delimiter.isspace():
            odd |= np.fromiter((not line.strip() for line in lines), bool, len(lines))
        return np.flatnonzero(odd).tolist()

    def _decodes(self, block: bytes) -> bool:
        try:
            return block.isascii() or bool(block.decode(self.inner))
        except UnicodeDecodeError:
            return False

    def _count(self, data: Bytes, delimiters: Places, stops: Places, lengths: Places) -> tuple[Places, Places]:
        """(delimiters, empty cells) of each line, as if there were no quotes."""
        between = np.diff(np.searchsorted(delimiters, stops), prepend=0)
        pairs = delimiters[:-1][np.diff(delimiters) == 1]
        empty = np.diff(np.searchsorted(pairs, stops), prepend=0)
        empty += data[stops - lengths] == self.delimiter
        last = stops - 1
        for mark in (10, 13):  # the line end: LF, CRLF or CR
            last = np.where((data[last] == mark) & (last > stops - lengths), last - 1, last)
        empty += data[last] == self.delimiter
        return between, empty

    def _quotes(
        self, data: Bytes, delimiters: Places, stops: Places, odd: Flags, between: Places, empty: Places
    ) -> None:
        """Quotes in order open a cell, close it, or are doubled inside it; delimiters between them do not count."""
        quotes = np.flatnonzero(data == self.quote)
        after = np.searchsorted(quotes, stops)
        count = np.diff(after, prepend=0)
        odd |= count % 2 == 1
        line = np.repeat(np.arange(len(stops)), count)
        turn = np.arange(len(quotes)) - (after - count)[line]
        paired = count[line] % 2 == 0
        opens, closes = quotes[paired & (turn % 2 == 0)], quotes[paired & (turn % 2 == 1)]
        where = line[paired & (turn % 2 == 0)]
        if not len(opens):
            return
        doubled = (closes[:-1] + 1 == opens[1:]) & (where[:-1] == where[1:])
        before = data[opens - 1]  # of the first byte the last one: put right by what follows
        begins = (before == self.delimiter) | (opens == 0) | (before == 10) | (before == 13)
        begins[1:] |= doubled
        behind = data[np.minimum(closes + 1, len(data) - 1)]
        ends = (behind == self.delimiter) | (behind == 10) | (behind == 13) | (closes + 1 == len(data))
        ends[:-1] |= doubled
        odd[where[~(begins & ends)]] = True
        inside = np.searchsorted(delimiters, closes) - np.searchsorted(delimiters, opens)
        between -= np.bincount(where, inside, len(stops)).astype(np.int64)
        empty += np.bincount(where, closes - opens == 1, len(stops)).astype(np.int64)

    def _headers(self, lines: list[bytes], block: bytes, stops: Places, odd: Flags) -> None:
        """Lines that may repeat the header."""
        lower = block.lower()
        for probe, _, name in self.kinds.probes:
            at = lower.find(name)
            while at >= 0:
                place = int(np.searchsorted(stops, at, "right"))
                line = lines[place]
                cells = line.split(bytes([self.delimiter]), probe + 1)
                if bytes([self.quote]) in line or len(cells) <= probe or name in cells[probe].lower():
                    odd[place] = True
                at = lower.find(name, int(stops[place]))
