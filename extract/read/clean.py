"""The optimistic road: chunks that PostgreSQL's COPY can swallow as they are, checked at C speed."""

import re
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from .cells import Cells
from .charset import Charset
from .dialect import Dialect
from .kinds import PHRASE_WORDS, Kinds
from .lines import BLOCK, content_length
from .model import Found, Limits, NotClean

Bytes = np.ndarray[tuple[int], np.dtype[np.uint8]]
Places = np.ndarray[tuple[int], np.dtype[np.int64]]
QUOTE = ord('"')
LINE_FEED = ord("\n")
MANY = 20  # one line in so many may be looked at more closely


class CleanRoad:
    """Checks and yields the data part of one file. Every line of what it yields is one record."""

    def __init__(self, found: Found, dialect: Dialect, charset: Charset, limits: Limits) -> None:
        delimiter = dialect.delimiter
        if dialect.quote != '"' or len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\\':
            raise NotClean(f"delimiter {found.delimiter!r} with quote {found.quote!r} is not for COPY")
        if not dialect.standard:
            raise NotClean("quotes that are not doubled are not for COPY")
        if found.header_rows > 1:
            raise NotClean("the rows of a folded header may come again")
        if found.encoding.startswith("utf-16"):
            raise NotClean(f"the file is in {found.encoding}")
        self.found, self.charset, self.limits = found, charset, limits
        self.kinds = Kinds(found.header, found.delimiter)
        self.delimiter = ord(found.delimiter)
        self.line = found.header_end_line + 1
        self.line_end: bytes | None = None
        self.name = self.kinds.probes[0].name
        self.suspicious = np.zeros(256, bool)  # first bytes of lines that may be odd, in a file without that name
        self.suspicious[[self.delimiter, *b'"\\ \t\v\f\r\n\xef\x1a']] = True
        self.header_begins = self.suspicious.copy()  # and those of lines that may be the header again
        self.header_begins[[*self.kinds.header[0][:1].lower(), *self.kinds.header[0][:1].upper()]] = True
        odd = _odd_line(self.kinds, found.delimiter)
        self.odd_first, self.odd_later = (
            re.compile(odd),
            re.compile(rb"\n(?:" + odd + rb")"),
        )

    def chunks(self, file: BinaryIO) -> Iterator[bytes]:
        """The rest of the file in chunks of whole lines, about 1 MiB each, as UTF-8; NotClean before a bad one."""
        tail = b""
        while block := file.read(BLOCK):
            data = tail + block
            cut = data.rfind(b"\n") + 1
            chunk, tail = data[:cut], data[cut:]
            self._check_tail(tail)
            if chunk:
                yield self._checked(chunk)
        if tail:
            yield self._checked(tail)

    def _check_tail(self, tail: bytes) -> None:
        """Do not collect a line without an end for ever."""
        if len(tail) > self.limits.line_bytes + 1:
            raise NotClean(f"line {self.line} or a later one is longer than {self.limits.line_bytes:,} bytes")
        if len(tail) >= BLOCK and b"\r" in tail[:-1]:
            raise NotClean("lines end with CR only")

    def _checked(self, raw: bytes) -> bytes:
        self._check_length(raw)
        chunk = self._to_utf8(raw)
        if b"\0" in chunk:
            raise NotClean("a NUL byte" + self._after())
        data = np.frombuffer(chunk, np.uint8)
        line_ends = np.flatnonzero(data == LINE_FEED)
        self._check_line_ends(chunk, len(line_ends))
        if b'"' in chunk:
            self._check_quotes(data, line_ends)
        self._check_odd_lines(chunk, data, line_ends)
        self.line += len(line_ends)
        return chunk

    def _after(self) -> str:
        return f" on or after line {self.line}"

    def _check_length(self, raw: bytes) -> None:
        limit = min(self.limits.line_bytes, self.limits.field_bytes)
        if len(raw) > limit and any(content_length(line) > limit for line in raw.splitlines(keepends=True)):
            raise NotClean(f"a line longer than {limit:,} bytes" + self._after())

    def _to_utf8(self, raw: bytes) -> bytes:
        if raw.isascii():
            return raw
        try:
            text = raw.decode(self.charset.encoding)
        except UnicodeDecodeError:
            raise NotClean(f"bytes that are not {self.charset.encoding}" + self._after()) from None
        return raw if self.charset.encoding == "utf-8" else text.encode()

    def _check_line_ends(self, chunk: bytes, feeds: int) -> None:
        if self.line_end is None:
            self.line_end = b"\r\n" if chunk[: chunk.find(b"\n") + 1].endswith(b"\r\n") else b"\n"
        returns = chunk.count(b"\r")
        if not returns and self.line_end == b"\n":
            return
        if self.line_end == b"\n" or returns != feeds or chunk.count(b"\r\n") != feeds:
            raise NotClean("mixed line ends, or a line end inside a quoted cell," + self._after())

    def _check_quotes(self, data: Bytes, line_ends: Places) -> None:
        """Each quote opens a cell, closes one, or is doubled inside one, and no line ends inside a cell.

        Quotes are numbered from 0: in a good chunk the even ones open and the odd ones close, a doubled
        quote being a close and an opening side by side.
        """
        quotes = np.flatnonzero(data == QUOTE)
        if len(quotes) % 2:
            raise NotClean("a quote without its partner" + self._after())
        opens, closes = quotes[0::2], quotes[1::2]
        before = data[opens - 1]  # of a quote at 0 the chunk's last byte: put right in the next line
        starts = (before == self.delimiter) | (before == LINE_FEED) | (opens == 0)
        after = data[np.minimum(closes + 1, len(data) - 1)]
        ends = (after == self.delimiter) | (after == LINE_FEED) | (after == 13) | (closes == len(data) - 1)
        doubled = closes[:-1] + 1 == opens[1:]
        starts[1:] |= doubled
        ends[:-1] |= doubled
        if not (starts.all() and ends.all()):
            raise NotClean("a quote inside a cell" + self._after())
        if (np.searchsorted(quotes, line_ends) % 2).any():  # an odd number of quotes stands before it
            raise NotClean("a line end inside a quoted cell" + self._after())

    def _check_odd_lines(self, chunk: bytes, data: Bytes, line_ends: Places) -> None:
        """A blank record, a banner of full width, or a line that COPY takes for the end of the data."""
        starts, last = self._edges(chunk, data, line_ends)
        odd_end = (last == self.delimiter) | (last == QUOTE)
        suspect = self.header_begins[data[starts]] | odd_end
        if suspect.sum() * MANY > len(starts):  # too many to look at: is the header's name there at all?
            if self.name in chunk.lower():
                places = [0, *(found.start() + 1 for found in self.odd_later.finditer(chunk))]
            else:
                places = starts[self.suspicious[data[starts]] | odd_end].tolist()
        else:
            places = starts[suspect].tolist()
        for start in places:
            if start < len(chunk) and self.odd_first.match(chunk, start):
                self._check_odd_line(chunk, start)

    def _edges(self, chunk: bytes, data: Bytes, line_ends: Places) -> tuple[Places, Bytes]:
        """Where each line begins, and the last byte of it before its end."""
        ends = line_ends if chunk.endswith(b"\n") else np.append(line_ends, len(data))
        starts = np.concatenate(([0], ends[:-1] + 1))
        return starts, data[np.maximum(ends - (2 if self.line_end == b"\r\n" else 1), starts)]

    def _check_odd_line(self, chunk: bytes, start: int) -> None:
        end = chunk.find(b"\n", start)
        text = chunk[start : len(chunk) if end < 0 else end].decode()
        if text.startswith("\\."):
            raise NotClean("a line that begins with \\." + self._after())
        splitter = Cells(self.found.delimiter, self.found.quote)
        splitter.feed(text)
        if self.kinds.is_blank(splitter.cells, text) or self.kinds.is_banner(splitter.cells, text):
            raise NotClean("a blank record or a banner" + self._after())


def _odd_line(kinds: Kinds, delimiter: str) -> bytes:
    """A pattern, to be tried at the start of a line, that all blank and banner records match, and few rows do."""
    split = re.escape(delimiter.encode())
    end = rb"\r?+(?=\n|\Z)"
    empty = rb'(?:""(?=[\r\n' + split + rb"]|\Z)|" + split + rb")*+"
    cell = rb'(?:"[^"\n]*+(?:""[^"\n]*+)*+"|[^"\n\r' + split + rb"]*+)"
    blank = rb'[ \t\v\f"' + split + rb"]*+" + end
    lone = rb"(?=" + empty + cell + empty + end + rb")[^\n]*?(?i:" + PHRASE_WORDS + rb")"
    space = rb" \v\f" if delimiter == "\t" else rb" \t\v\f"
    around = rb"(?:[" + space + rb'"]|\xef\xbb\xbf)*'
    names = [re.escape(name).replace(b'"', b'"{1,2}+') for name in kinds.header[:8]]
    repeated = rb"(?i:" + split.join(around + name + around if name else around for name in names) + rb")"
    patterns = [rb"\\\.", blank, repeated] + ([lone] if kinds.width > 1 else [])
    return b"|".join(patterns)
