"""One record with its place in the file, and the account of many."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .model import Batch, Unreadable

ROW, UNREADABLE, BLANK, BANNER, NOTE = "row", "unreadable", "blank", "banner", "note"
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

    @property
    def unreadable(self) -> Unreadable:
        return Unreadable(self.number, self.line, self.offset, self.raw, self.length, self.code, self.message)


def settle_notes(records: Iterable[Record]) -> Iterator[Record]:
    """The same records without the kind NOTE: a banner at the end of the file, none where other rows follow."""
    held: list[Record] = []
    overflowed = False  # so many lines of words are no trailer
    for record in records:
        if record.kind == ROW and not held:
            overflowed = False
            yield record
            continue
        held.append(record)
        if record.kind == NOTE or (len(held) > 1 and record.kind in (BLANK, BANNER)):
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


def batches(records: Iterable[Record], size: int) -> Iterator[Batch]:
    """The records in batches of `size` rows and unreadable ones, fewer where they are large."""
    batch, held = Batch(), 0
    for record in records:
        if record.kind == ROW:
            batch.rows.append((record.number, record.line, record.cells))
            held += record.length
        elif record.kind == UNREADABLE:
            batch.unreadable.append(record.unreadable)
            held += len(record.raw)
        elif record.kind == BLANK:
            batch.blank += 1
        else:
            batch.banner += 1
        if len(batch.rows) + len(batch.unreadable) >= size or held > BATCH_BYTES:
            yield batch
            batch, held = Batch(), 0
    if batch.records:
        yield batch
