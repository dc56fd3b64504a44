"""One record with its place in the file, and the account of many."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from .model import Batch, Unreadable

ROW, UNREADABLE, BLANK, BANNER, NOTE, OTHER = "row", "unreadable", "blank", "banner", "note", "other"
HELD_NOTES = 100  # records held back until it is known whether a row follows them
BATCH_BYTES = 32 * 2**20


class Record(NamedTuple):
    """One record and its place in the file; a code says why it is unreadable.

    The records of a file are contiguous: each begins where the one before ends.
    """

    kind: str
    number: int
    line: int
    offset: int
    length: int
    cells: list[str]
    code: str = ""
    message: str = ""
    raw: bytes = b""
    mended: list[str] | None = None  # its cells as they may be put right

    @property
    def unreadable(self) -> Unreadable:
        return Unreadable(self.number, self.line, self.offset, self.raw, self.length, self.code, self.message)


class Run(NamedTuple):
    """Rows in a row, one to a line, the first of them at `offset`; lengths are those of their lines.

    lines: the same as UTF-8 bytes of a standard dialect; none where it is another. rows: none where only the lines
    are asked for; then `parse` makes them.
    """

    number: int
    line: int
    offset: int
    lengths: list[int]
    rows: list[list[str]] = []  # noqa: RUF012 - never changed
    lines: list[bytes] = []  # noqa: RUF012
    parse: Callable[[str], list[list[str]]] | None = None

    @property
    def rows_in(self) -> int:
        """How many rows."""
        return len(self.lengths)

    def cells(self) -> list[list[str]]:
        """The cells of each row."""
        if self.rows or self.parse is None:
            return self.rows
        return self.parse(b"".join(self.lines).decode())

    def split(self, count: int) -> "tuple[Run, Run]":
        """Its first `count` rows, and the rest."""
        rows, lines, lengths = self.rows, self.lines, self.lengths
        offset = self.offset + sum(lengths[:count])
        return (
            self._replace(lengths=lengths[:count], rows=rows[:count], lines=lines[:count]),
            Run(
                self.number + count, self.line + count, offset, lengths[count:], rows[count:], lines[count:], self.parse
            ),
        )

    def records(self) -> Iterator[Record]:
        """The same, one by one."""
        offset = self.offset
        for place, (cells, length) in enumerate(zip(self.cells(), self.lengths, strict=True)):
            yield Record(ROW, self.number + place, self.line + place, offset, length, cells)
            offset += length


def settle_notes(items: Iterable[Record | Run]) -> Iterator[Record | Run]:
    """The same records without the kind NOTE: a banner at the end of the file, none where other rows follow."""
    held: list[Record] = []
    overflowed = False  # so many lines of words are no trailer
    for item in items:
        if isinstance(item, Run) or (item.kind == ROW and not held):
            if held:
                yield from map(_no_banner, held)
                held.clear()
            overflowed = False
            yield item
            continue
        held.append(item)
        if item.kind == NOTE or (len(held) > 1 and item.kind in (BLANK, BANNER)):
            overflowed = overflowed or len(held) > HELD_NOTES
            if not overflowed:
                continue
        yield from map(_no_banner, held)
        held.clear()
    yield from (record._replace(kind=BANNER) if record.kind == NOTE else record for record in held)


def _no_banner(record: Record) -> Record:
    if record.kind != NOTE:
        return record
    return record._replace(kind=UNREADABLE if record.code else ROW)


def batches(items: Iterable[Record | Run], size: int, raw: bool = False) -> Iterator[Batch]:
    """The records in batches of `size` rows and unreadable ones, fewer where they are large; `raw`: see Batch.runs."""
    batch, held = Batch(), 0
    for item in items:
        if isinstance(item, Run) and raw and item.lines:
            batch.runs.append(item._replace(rows=[]))
            length = sum(item.lengths)
            held, batch.end = held + length, item.offset + length
            if batch.records >= size or held > BATCH_BYTES:
                yield batch
                batch, held = Batch(), 0
            continue
        if isinstance(item, Run):
            end = item.offset
            for number, line, rows, length in _pieces(item, size - len(batch.rows) - len(batch.unreadable), size):
                numbers, lines = range(number, number + len(rows)), range(line, line + len(rows))
                batch.rows.extend(zip(numbers, lines, rows, strict=True))
                held, end = held + length, end + length
                batch.end = end
                if len(batch.rows) + len(batch.unreadable) >= size or held > BATCH_BYTES:
                    yield batch
                    batch, held = Batch(), 0
            continue
        batch.end = item.offset + item.length  # -2 where the format has no bytes
        if item.kind == ROW:
            batch.rows.append((item.number, item.line, item.cells))
            held += item.length if item.length >= 0 else sum(map(len, item.cells))
            if item.code:
                batch.mended.append(item.unreadable)
        elif item.kind == UNREADABLE:
            batch.unreadable.append(item.unreadable)
            held += len(item.raw)
        elif item.kind == BLANK:
            batch.blank += 1
        elif item.kind == OTHER:
            batch.other += 1
        else:
            batch.banner += 1
        if len(batch.rows) + len(batch.unreadable) >= size or held > BATCH_BYTES:
            yield batch
            batch, held = Batch(), 0
    if batch.records:
        yield batch


def _pieces(run: Run, first: int, size: int) -> Iterator[tuple[int, int, list[list[str]], int]]:
    """(first row number, first line, rows, their length) for a run in pieces: of `first` rows, then of `size`."""
    start, room, rows = 0, first, run.cells()
    while start < len(rows):
        end = start + room
        yield run.number + start, run.line + start, rows[start:end], sum(run.lengths[start:end])
        start, room = end, size
