"""The careful road: every record of a file in order, read or with the reason why it is not."""

import csv
import itertools
from collections.abc import Iterable, Iterator

from .extent import Extent, Extents
from .kinds import Kinds, is_note
from .lines import Line
from .model import Found, Limits
from .record import BANNER, BLANK, NOTE, ROW, UNREADABLE, Record, settle_notes


class CarefulRoad:
    """Judges the records of one file. `inner` is the encoding of the lines' bodies."""

    def __init__(self, lines: Iterable[Line], found: Found, inner: str, limits: Limits) -> None:
        self.extents = Extents(lines, found, inner, limits)
        self.inner, self.limits = inner, limits
        self.delimiter, self.quote, self.width = found.delimiter, found.quote, len(found.header)
        self.kinds = Kinds(found.header, found.delimiter)
        self.one: list[str] = []  # the line that csv.reader, as quick as it is strict, takes next
        lines_for_reader = iter(self.one.pop, None)
        self.reader = csv.reader(lines_for_reader, delimiter=self.delimiter, quotechar=self.quote, strict=True)
        self.last = ROW  # the kind of the last record
        self.good = True  # the last record that is neither blank nor banner was a row
        self.noted = False  # the last note has too few cells for a row
        self.torn = False  # a record, of which another followed, had too few cells

    def records(self) -> Iterator[Record]:
        """All records, each a row, unreadable, blank or a banner."""
        return settle_notes(self._judged())

    def _judged(self) -> Iterator[Record]:
        probe, probed, width = self.kinds.probe, self.kinds.probed, self.width
        for number in itertools.count(1):
            line = self.extents.next_line()
            if line is None:
                return
            text, cells = self._one_line(line)
            plain = len(cells) == width and cells.count("") < max(width - 1, 1)
            if plain and probed not in cells[probe].lower() and not text.isspace():  # most records of most files
                if self.last != ROW:
                    self._remember(ROW)
                yield Record(ROW, number, line.number, line.offset, line.length, cells)
                continue
            record = self._judge(number, self.extents.extent(line))
            self._remember(record.kind, record.code)
            yield record

    def _one_line(self, line: Line) -> tuple[str, list[str]]:
        """Text and cells of a line that is a record by itself, fast; no cells where that is not sure."""
        body = line.body
        if b"\0" in body or line.cut:
            return "", []
        try:
            text = body.decode(self.inner)
            if self.quote not in text:
                return text, text.rstrip("\r\n").split(self.delimiter)
            self.one.append(text)
            return text, next(self.reader)
        except (UnicodeDecodeError, csv.Error, IndexError):  # IndexError: the reader wants another line
            self.one.clear()
            return "", []

    def _remember(self, kind: str, code: str = "") -> None:
        if kind == ROW:
            self.good, self.torn, self.noted = True, self.torn or self.noted, False
        elif kind == NOTE:
            self.noted = bool(code)
        elif kind == UNREADABLE:
            self.good, self.torn = False, self.torn or code == "too_few_cells"
        self.last = kind

    def _judge(self, number: int, extent: Extent) -> Record:
        """The record of an extent: NUL and undecodable bytes count before the shape."""
        lines = extent.lines
        length = sum(line.length for line in lines)
        place = number, lines[0].number, lines[0].offset, length
        code, message = self._bad_bytes(lines) or (extent.code, extent.message)
        shape_only = code in ("", "too_few_cells", "too_many_cells")
        if shape_only and self.kinds.is_blank(extent.cells, extent.text):
            return Record(BLANK, *place, [])
        if shape_only and self.kinds.is_banner(extent.cells, extent.text):
            return Record(BANNER, *place, [])
        kind = UNREADABLE if code else ROW
        if code in ("", "too_few_cells") and self._may_be_note(extent):
            kind = NOTE
        raw = b"".join(line.raw for line in lines)[: self.limits.kept_bytes] if code else b""
        return Record(kind, *place, extent.cells, code, message, raw)

    def _bad_bytes(self, lines: list[Line]) -> tuple[str, str] | None:
        """What is wrong with the bytes of a record, whatever its shape."""
        for line in lines:
            if b"\0" in line.body:
                return "nul_byte", f"a NUL in line {line.number}; PostgreSQL's text cannot hold it"
            try:
                line.body.decode(self.inner)
            except UnicodeDecodeError as error:
                return "undecodable", (
                    f"line {line.number} holds bytes without a meaning in the file's encoding, the first after "
                    f"{error.start} good bytes; the record is damaged or was written in another encoding"
                )
        return None

    def _may_be_note(self, extent: Extent) -> bool:
        """A lone cell of words on a finished line after a row: a banner if no row follows.

        Without a gap before it, only in a file that has no torn records, of which it could be the end, and if
        it is not padded to a row's width. What the end of the file cuts short is a truncated row.
        """
        finished = len(extent.lines) == 1 and extent.text.endswith(("\n", "\r"))
        if self.width == 1 or not finished or not self.good or len(extent.cells) not in (1, self.width):
            return False
        text = self.kinds.lone(extent.cells)
        if text is None or not is_note(text):
            return False
        return self.last != ROW or (len(extent.cells) == 1 and not self.torn)
