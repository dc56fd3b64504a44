"""Opening a file: refuse it, or know what it is and offer the two roads to its records."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from .careful import CarefulRoad
from .charset import Charset, charset
from .clean import CleanRoad
from .guess import judge, tally
from .header import Wanted
from .lines import physical_lines, read_blocks
from .model import Batch, Found, Hints, Limits, Refused
from .record import Record, batches
from .sniff import sniff_encoding, sniff_table
from .source import Source

NO_HINTS, SAFE_LIMITS = Hints(), Limits()


class Reading:
    """One file that holds a feed's table.

    found: what it turned out to be; the careful road may correct its encoding before the first batch, when bytes
    beyond the first MiB speak for another. columns: for each header cell the index into `expected`, or None.
    """

    found: Found
    columns: tuple[int | None, ...]

    def __init__(self, source: Source, wanted: Wanted, hints: Hints, limits: Limits) -> None:
        self._source, self._wanted, self._hints, self._limits = (
            source,
            wanted,
            hints,
            limits,
        )
        with source.open() as file:
            encoding, self._bom, self._certain = sniff_encoding(source, file, hints)
            self._read_header(file, encoding)

    def clean_chunks(self) -> Iterator[bytes]:
        """The data part as UTF-8 chunks of whole lines for COPY (FORMAT csv, QUOTE '"', found.delimiter).

        Record k stands on physical line found.header_end_line + k. Raises NotClean before a chunk that holds
        anything but plain rows, Refused if the file changes meanwhile. COPY checks the number of cells.
        """
        road = CleanRoad(self.found, self._charset, self._limits)
        with self._source.open() as file:
            file.seek(self._start)
            yield from road.chunks(file)
            self._source.check_unchanged(file)

    def batches(self, size: int = 10_000) -> Iterator[Batch]:
        """All records after the header in batches of about `size`; Refused if the file changes meanwhile."""
        yield from batches(self.records(), size)

    def records(self) -> Iterator[Record]:
        """All records after the header with their places: contiguous from the header's end to the file's."""
        self._settle_encoding()
        with self._source.open() as file:
            file.seek(self._start)
            number = self.found.header_end_line + 1
            lines = physical_lines(file, self._charset, self._limits, offset=self._start, number=number)
            yield from CarefulRoad(lines, self.found, self._charset.inner, self._limits).records()
            self._source.check_unchanged(file)

    def _read_header(self, file: BinaryIO, encoding: str) -> None:
        way = charset(encoding)
        if way is None:
            raise self._source.refused(f"text in {encoding} cannot be read here. Convert the file to UTF-8 first.")
        seen = sniff_table(self._source, file, way, self._bom, self._wanted, self._hints, self._limits)
        self._charset: Charset = way
        self.found, self.columns, self._start = seen

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
    expected: Sequence[Sequence[str]],
    required: Sequence[int] = (),
    hints: Hints = NO_HINTS,
    limits: Limits = SAFE_LIMITS,
) -> Reading:
    """A local CSV file as one feed's table, or Refused with the reason.

    expected: for each column of the feed the header names that it has had; required: the indexes of those
    that must be there. ValueError if two expected columns share a name: that is the declaration's fault.
    """
    return Reading(Source(Path(path)), Wanted(expected, required), hints, limits)
