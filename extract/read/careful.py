"""The careful road: every record of a file in order, read or with the reason why it is not."""

import csv
from collections import deque
from collections.abc import Iterable, Iterator

from .dialect import Dialect
from .extent import Extent, Extents
from .kinds import Kinds, is_note
from .lines import Line, Segment
from .mend import Mender
from .model import Limits
from .plain import PlainLines
from .record import BANNER, BLANK, NOTE, ROW, UNREADABLE, Record, Run, settle_notes
from .rows import PlainRows, parser
from .supply import Supply

LARGE, SMALL = 256, 16  # so many lines are tried at once
AT_ONCE = 4096  # so many lines are counted at once


class CarefulRoad:
    """Judges the records of one file. `inner` is the encoding of the lines' bodies.

    Lines that look like nothing but rows are taken together; where they do not, each of them is looked at.
    raw: rows are wanted as lines where that can be had, and their cells need not be known.
    """

    def __init__(
        self,
        segments: Iterable[Segment | Line],
        dialect: Dialect,
        kinds: Kinds,
        inner: str,
        limits: Limits,
        mender: Mender | None = None,
        raw: bool = False,
    ) -> None:
        self.supply = Supply(segments)
        self.extents = Extents(iter(self.supply.next_line, None), dialect, kinds.width, inner, limits)
        self.dialect, self.kinds, self.inner, self.limits, self.mender = dialect, kinds, inner, limits, mender
        self.width = kinds.width
        self.plain = PlainRows(dialect, kinds, inner, limits.field_bytes)
        self.parse = parser(dialect)
        lines = PlainLines(dialect, kinds, inner, limits.field_bytes)
        one = len(dialect.delimiter) == 1 and dialect.delimiter.isascii() and not dialect.delimiter.isdigit()
        self.raw = raw and dialect.standard and one
        self.lines = lines if self.raw and lines.able else None
        self.odd: deque[int] = deque()  # the numbers of the odd lines, up to known_until
        self.known, self.known_until = False, 0
        self.singly = 0  # so many lines are looked at one by one
        self.odd_until = 0  # among the lines up to here is an odd one
        self.number = 0  # of the last record
        self.last = ROW  # the kind of the last record
        self.good = True  # the last record that is neither blank nor banner was a row
        self.noted = False  # the last note has too few cells for a row
        self.torn = False  # a record, of which another followed, had too few cells

    def items(self) -> Iterator[Record | Run]:
        """All records, each a row, unreadable, blank or a banner."""
        return settle_notes(self._judged())

    def _judged(self) -> Iterator[Record | Run]:
        while True:
            if self.singly <= 0 and not self.extents.ahead and self.supply.many():
                run = self._run()
                if run is not None:
                    yield run
                    continue
                self.singly = 1 if self.known else SMALL
            line = self.extents.next_line()
            if line is None:
                return
            self.singly -= 1
            yield self._judge_line(line)

    def _run(self) -> Run | None:
        """The next lines as rows; None if one of the first of them is odd."""
        if self.lines is not None and self.number:  # the first rows are looked at by others too
            return self._run_of_lines() if self._counted() else self._run_of_rows()
        return self._run_of_rows()

    def _run_of_rows(self) -> Run | None:
        for size in (LARGE, SMALL) if self.supply.number >= self.odd_until else (SMALL,):
            lines = self.supply.peek(size)
            rows = self.plain.rows(lines)
            if rows is not None:
                return self._took(lines, rows)
            self.odd_until = max(self.odd_until, self.supply.number + (size if size == LARGE else 0))
        return None

    def _counted(self) -> bool:
        """Whether the lines at hand are known to be plain or odd."""
        assert self.lines is not None
        if self.supply.number >= self.known_until:
            lines = self.supply.peek(AT_ONCE)
            odd = self.lines.odd(lines)
            self.known = odd is not None
            self.odd = deque(place + self.supply.number for place in odd or ())
            self.known_until = self.supply.number + len(lines)
        return self.known

    def _run_of_lines(self) -> Run | None:
        start = self.supply.number
        while self.odd and self.odd[0] < start:
            self.odd.popleft()
        count = (self.odd[0] if self.odd else self.known_until) - start
        return self._took(self.supply.peek(count), []) if count else None

    def _took(self, lines: list[bytes], rows: list[list[str]]) -> Run:
        lengths = list(map(len, lines))
        raw = self._as_utf8(lines) if self.raw else []
        run = Run(self.number + 1, self.supply.number, self.supply.offset, lengths, rows, raw, self.parse)
        self.supply.take(len(lines), sum(lengths))
        self.number += len(lines)
        self._remember(ROW)
        return run

    def _as_utf8(self, lines: list[bytes]) -> list[bytes]:
        if self.inner == "utf-8" or all(map(bytes.isascii, lines)):
            return lines
        return [line.decode(self.inner).encode() for line in lines]

    def _judge_line(self, line: Line) -> Record:
        """The record that begins with a line."""
        self.number += 1
        text, cells = self._one_line(line)
        plain = len(cells) == self.width and cells.count("") < self.plain.sparse
        if plain and not self.kinds.may_repeat(cells) and not text.isspace():
            self._remember(ROW)
            return Record(ROW, self.number, line.number, line.offset, line.length, cells)
        record = self._judge(self.number, self.extents.extent(line))
        self._remember(record.kind, record.code)
        return record

    def _one_line(self, line: Line) -> tuple[str, list[str]]:
        """Text and cells of a line that is a record by itself, fast; no cells where that is not sure."""
        body = line.body
        if b"\0" in body or line.cut or self.parse is None or len(body) > self.limits.field_bytes:
            return "", []
        try:
            text = body.decode(self.inner)
            rows = self.parse(text)
            return (text, rows[0]) if len(rows) == 1 else ("", [])
        except (UnicodeDecodeError, csv.Error):
            return "", []

    def _remember(self, kind: str, code: str = "") -> None:
        if kind == ROW:
            if self.last != ROW:
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
        if not code:
            code, message = self._too_long(extent.cells)
        shape_only = code in ("", "too_few_cells", "too_many_cells")
        if shape_only and self.kinds.is_blank(extent.cells, extent.text):
            return Record(BLANK, *place, [])
        if shape_only and self.kinds.is_banner(extent.cells, extent.text):
            return Record(BANNER, *place, extent.cells)
        kind = UNREADABLE if code else ROW
        if code in ("", "too_few_cells") and self._may_be_note(extent):
            kind = NOTE
        raw = b"".join(line.raw for line in lines)[: self.limits.kept_bytes] if code else b""
        mended = self.mender.mend(code, extent) if kind == UNREADABLE and self.mender else None
        return Record(kind, *place, extent.cells, code, message, raw, mended)

    def _too_long(self, cells: list[str]) -> tuple[str, str]:
        limit = self.limits.field_bytes
        longest = max(map(len, cells), default=0)
        if longest <= limit:
            return "", ""
        return "cell_too_long", f"a cell has {longest:,} characters; the limit is {limit:,} (field_bytes)"

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
