"""Opening a file: refuse it, or know what it is and offer the two roads to its records."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Protocol

from .careful import CarefulRoad
from .charset import Charset, charset
from .clean import CleanRoad
from .close import Closing
from .formats import open_source
from .guess import judge, tally
from .header import Wanted
from .kinds import Kinds
from .lines import read_blocks, segments
from .mend import Mender
from .model import Batch, Found, Hints, Limits, NotClean, Refused
from .record import Record, Run, batches
from .record_reading import RecordReading
from .reshape import Reshape
from .sniff import Seen, sniff_encoding, sniff_table
from .source import Source
from .trailer import ends_with_total
from .unpack import Unpacked, unpack

NO_HINTS, SAFE_LIMITS = Hints(), Limits()


class Reading(Protocol):
    """One file that holds a table.

    found: what it turned out to be; the careful road may correct its encoding before the first batch, when bytes
    beyond the first MiB speak for another, and adds to its findings at the end. columns: for each header cell the
    index into `expected`, or None.
    """

    found: Found
    columns: tuple[int | None, ...]
    unpacked: Unpacked  # kept as long as the reading: a temporary file may go with it

    def clean_chunks(self) -> Iterator[bytes]:
        """The data part as UTF-8 chunks of whole lines for COPY (FORMAT csv, QUOTE '"', found.delimiter).

        Record k stands on physical line found.header_end_line + k. Raises NotClean before a chunk that holds
        anything but plain rows, Refused if the file changes meanwhile. COPY checks the number of cells.
        """
        ...

    def batches(self, size: int = 10_000, raw: bool = False) -> Iterator[Batch]:
        """All records after the header in batches of about `size`; Refused if the file changes meanwhile.

        raw: rows that COPY could take as they are come as Batch.runs, which costs half the time."""
        ...

    def records(self) -> Iterator[Record]:
        """All records after the header with their places: contiguous from the header's end to the file's."""
        ...


class TextReading:
    """A text table."""

    found: Found
    columns: tuple[int | None, ...]
    unpacked: Unpacked

    def __init__(self, source: Source, wanted: Wanted, hints: Hints, limits: Limits) -> None:
        self._source, self._wanted, self._hints, self._limits = source, wanted, hints, limits
        with source.open() as file:
            encoding, self._bom, self._certain = sniff_encoding(source, file, hints)
            self._read_header(file, encoding)

    def clean_chunks(self) -> Iterator[bytes]:
        """See Reading."""
        if self._hints.trailer_rows or not self._reshape.idle:
            raise NotClean("the hints ask for a closer look at the records")
        road = CleanRoad(self.found, self._seen.dialect, self._charset, self._limits)
        with self._source.open() as file:
            if ends_with_total(file):
                raise NotClean("the last line may be a banner or control totals")
            file.seek(self._seen.start)
            yield from road.chunks(file)
            self._source.check_unchanged(file)

    def batches(self, size: int = 10_000, raw: bool = False) -> Iterator[Batch]:
        """See Reading."""
        yield from batches(self._items(raw), size, raw)

    def records(self) -> Iterator[Record]:
        """See Reading."""
        for item in self._items():
            if isinstance(item, Run):
                yield from item.records()
            else:
                yield item

    def _items(self, raw: bool = False) -> Iterator[Record | Run]:
        self._settle_encoding()
        found, dialect = self._sniffed, self._seen.dialect
        kinds = Kinds(found.header, dialect.delimiter, self._seen.parts)
        mender = None
        if self._hints.mended:
            mender = Mender(self._hints.mended, dialect, len(found.header), self._seen.kinds)
        with self._source.open() as file:
            closing = Closing(kinds, self._hints, totals=ends_with_total(file))
            file.seek(self._seen.start)
            pieces = segments(
                file, self._charset, self._limits, offset=self._seen.start, number=found.header_end_line + 1
            )
            road = CarefulRoad(pieces, dialect, kinds, self._charset.inner, self._limits, mender, raw)
            settled = closing.settle(road.items())
            yield from settled if self._reshape.idle else self._reshape.items(settled)
            self._source.check_unchanged(file)
        more = {**self.found.more, **self._reshape.found}
        self.found = replace(self.found, findings=(*found.findings, *closing.findings), more=more)

    def _read_header(self, file: BinaryIO, encoding: str) -> None:
        way = charset(encoding)
        if way is None:
            raise self._source.refused(f"text in {encoding} cannot be read here. Convert the file to UTF-8 first.")
        try:
            seen = self._sniff(file, way, self._hints)
        except Refused as refusal:
            raise self._parted_otherwise(file, way, refusal) from refusal
        self._charset: Charset = way
        self._seen: Seen = seen
        self._sniffed = seen.found
        self._reshape = Reshape(self._hints, seen.found.header)
        more = self.found.more if hasattr(self, "found") else {}
        self.found = replace(seen.found, header=self._reshape.header, more=more)
        self.columns = self._wanted.match(self.found.header)

    def _sniff(self, file: BinaryIO, way: Charset, hints: Hints) -> Seen:
        return sniff_table(self._source, file, way, self._bom, self._wanted, hints, self._limits)

    def _parted_otherwise(self, file: BinaryIO, way: Charset, refusal: Refused) -> Refused:
        """The refusal of a file without the header; it says so where only the declared delimiter hides that."""
        declared = self._hints.delimiter
        if not declared or not refusal.missing:
            return refusal
        try:
            found = self._sniff(file, way, self._hints.model_copy(update={"delimiter": None})).found.delimiter
        except Refused:
            return refusal
        told = f"Its header is there with {found!r} between the columns, and {declared!r} is declared"
        remedy = "take `delimiter` out of the feed's `format`, or ask for the usual file"
        return Refused(f"{refusal} {told}: {remedy}.", refusal.missing)

    def _settle_encoding(self) -> None:
        """Judge the encoding once more by all bytes of the file, unless a hint, a BOM or its size settled it."""
        if self._certain:
            return
        with self._source.open() as file:
            encoding = judge(tally(read_blocks(file), whole=True))
            if encoding != self.found.encoding:
                with contextlib.suppress(Refused):  # a header that the first encoding alone can read decides
                    self._read_header(file, encoding)
        self._certain = True


def open_file(
    path: Path,
    *,
    expected: Sequence[Sequence[str]] = (),
    required: Sequence[int] = (),
    hints: Hints = NO_HINTS,
    limits: Limits = SAFE_LIMITS,
    scratch: Path | None = None,
) -> Reading:
    """A local file as a table, or Refused with the reason.

    expected: for each column of the feed the header names that it has had; required: the indexes of those
    that must be there. With nothing expected the file itself has to tell where its table is and what it is called.
    scratch: the folder for temporary files, if not the system's.
    ValueError if two expected columns share a name: that is the declaration's fault.
    """
    wanted = Wanted(expected, required)
    if hints.map:
        wanted = wanted.without(hints.map.column)
    unpacked = unpack(Path(path), hints, limits, scratch)
    records = open_source(unpacked.path, hints, limits, wanted)
    reading: Reading
    if records is None:
        reading = TextReading(Source(unpacked.path), wanted, hints, limits)
    else:
        reading = RecordReading(unpacked.path.name, records, wanted, hints, limits)
    if unpacked.wrappers:
        reading.found = replace(reading.found, more={**reading.found.more, "wrappers": list(unpacked.wrappers)})
    reading.unpacked = unpacked
    return reading
