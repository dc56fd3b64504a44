"""Reading a table whose records come from a format other than text: header, blank rows, shape and account."""

import itertools
from collections.abc import Iterator
from dataclasses import replace

from .close import Closing
from .header import Wanted, check_columns
from .kinds import Kinds, is_note
from .layout import find_layout, fold
from .mismatch import refuse_cells
from .model import Batch, EmptyFile, Found, Hints, Limits, NotClean, Refused
from .record import BANNER, BLANK, NOTE, ROW, UNREADABLE, Record, Run, batches, settle_notes
from .reshape import Reshape
from .source_records import RawRecord, RecordSource
from .spellings import one_spelling
from .unpack import Unpacked

SAMPLE = 300


class RecordReading:
    """The table of a record source; the same promise as Reading, but there is no clean road."""

    found: Found
    columns: tuple[int | None, ...]
    unpacked: Unpacked

    def __init__(self, name: str, source: RecordSource, wanted: Wanted, hints: Hints, limits: Limits) -> None:
        source = one_spelling(source, wanted) if source.named else source
        self.name, self.source, self.wanted, self.hints, self.limits = name, source, wanted, hints, limits
        head: list[RawRecord] = []
        if source.named:
            names, first, data = source.names, 0, 0
            findings: tuple[str, ...] = ()
            if wanted.expected and (wanted.missing(names) or not set(wanted.match(names)) - {None}):
                raise refuse_cells(name, [names], wanted)
        else:
            head = list(itertools.islice(source.records(), limits.preamble_lines + SAMPLE))
            first, data, names, findings = self._header(head)
        if len(names) > limits.columns:
            raise Refused(
                f"{name}: {len(names):,} columns, more than the limit of {limits.columns:,}. "
                f"{limits.remedy('columns')} if it is meant to be so wide."
            )
        self.columns = wanted.match(names)
        check_columns(f"{name}: the header", names, self.columns, wanted)
        self.skipped = data
        self.reshape = Reshape(hints, names)
        self.kinds = Kinds(names, "")
        self.found = self._found(head, self.reshape.header, first, data, findings)
        self.columns = wanted.match(self.found.header)

    def clean_chunks(self) -> Iterator[bytes]:
        """There is none."""
        raise NotClean("only text can be copied as it is")

    def batches(self, size: int = 10_000, raw: bool = False) -> Iterator[Batch]:  # noqa: ARG002
        """See Reading; there are no raw lines."""
        yield from batches(self._items(), size)

    def records(self) -> Iterator[Record]:
        """See Reading; offset and length are -1 where the format has none."""
        for item in self._items():
            if isinstance(item, Run):
                yield from item.records()
            else:
                yield item

    def _items(self) -> Iterator[Record | Run]:
        closing = Closing(self.kinds, self.hints)
        found = self.found
        yield from self.reshape.items(closing.settle(settle_notes(self._judged(self.kinds))))
        more = {**self.found.more, **self.reshape.found}
        self.found = replace(self.found, findings=(*found.findings, *closing.findings), more=more)

    def _judged(self, kinds: Kinds) -> Iterator[Record | Run]:
        last = ROW
        for number, raw in enumerate(itertools.islice(self.source.records(), self.skipped, None), 1):
            record = self._judge(number, raw, kinds, last)
            last = record.kind
            yield record

    def _judge(self, number: int, raw: RawRecord, kinds: Kinds, last: str) -> Record:
        place = number, raw.line, raw.offset, raw.length
        if raw.cells is None:
            return Record(UNREADABLE, *place, [], raw.code, raw.message, raw.raw[: self.limits.kept_bytes])
        cells = raw.cells
        if not any(cell.strip() for cell in cells):
            return Record(BLANK, *place, [])
        if self.source.named:
            return Record(ROW, *place, cells)
        if kinds.is_banner(cells, " ".join(filter(None, cells))):
            return Record(BANNER, *place, cells)
        surplus = [cell for cell in cells[kinds.width :] if cell]
        if surplus:
            message = f"{len(cells)} cells, the header has {kinds.width}; a cell stands beside the table's columns"
            return Record(UNREADABLE, *place, cells, "too_many_cells", message, repr(cells).encode()[:65536])
        cells = (cells + [""] * kinds.width)[: kinds.width]  # a sheet's rows end with their last filled cell
        lone = kinds.lone(cells)
        if kinds.width > 1 and lone is not None and is_note(lone) and last != ROW:
            return Record(NOTE, *place, cells)
        return Record(ROW, *place, cells)

    def _header(self, head: list[RawRecord]) -> tuple[int, int, tuple[str, ...], tuple[str, ...]]:
        """(records above the header, records to its end, its names, what there is to say)."""
        cells = [raw.cells for raw in head]
        if self.wanted.expected and self.hints.header_rows != 0:
            return self._expected(cells)
        layout = find_layout(cells, self.hints.header_rows, self.hints.preamble_rows)
        if layout is None:
            raise EmptyFile(f"{self.name}: it holds no record. Ask the vendor whether the export failed.")
        return layout.first, layout.data, self.hints.columns or layout.names, layout.findings

    def _expected(self, cells: list[list[str] | None]) -> tuple[int, int, tuple[str, ...], tuple[str, ...]]:
        looked = cells[: self.limits.preamble_lines]
        for height in (1, 2, 3):
            for first in range(len(looked) - height + 1):
                rows = looked[first : first + height]
                if any(row is None for row in rows):
                    continue
                width = max(len(row) for row in rows if row is not None)
                names = fold([row for row in rows if row is not None], width)
                while names and not names[-1]:
                    names = names[:-1]
                matched = [column for column in self.wanted.match(names) if column is not None]
                if any(names) and matched and not self.wanted.missing(names):
                    return first, first + height, names, ()
        raise refuse_cells(self.name, looked, self.wanted)

    def _found(
        self, head: list[RawRecord], names: tuple[str, ...], first: int, data: int, findings: tuple[str, ...]
    ) -> Found:
        above = tuple(" ".join(filter(None, raw.cells or ())) for raw in head[:first])
        more = dict(self.source.found)
        return Found(
            format=str(more.pop("format", "records")),
            encoding=str(more.pop("encoding", "")),
            bom=False,
            delimiter="",
            quote="",
            line_end="",
            header=names,
            header_line=head[first].line if data > first else 0,
            preamble=above,
            header_end_line=head[data - 1].line if data else 0,
            escape="",
            named=self.source.named or data > first,
            header_rows=data - first,
            findings=findings,
            more=more,
        )
