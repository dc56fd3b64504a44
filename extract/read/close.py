"""What is told of a table at its end: other tables below it, its trailer, and what was mended."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from .kinds import Kinds
from .model import Hints
from .record import BANNER, BLANK, ROW, UNREADABLE, Record, Run
from .tables import Tables
from .trailer import Totals, check_count


class Closing:
    """Passes the records of one table on and counts; findings holds what there is to say, complete at the end.

    totals: the last row may be one of control totals, so that columns are summed up.
    """

    def __init__(self, kinds: Kinds, hints: Hints, totals: bool = False) -> None:
        self.kinds, self.hints = kinds, hints
        self.tables = Tables(kinds)
        self.totals = Totals(kinds.width) if totals or hints.trailer_rows else None
        self.findings: list[str] = []
        self.rows = self.unreadable = self.mended = 0
        self.trailers: list[Record] = []  # the banners since the last row

    def settle(self, items: Iterable[Record | Run]) -> Iterator[Record | Run]:
        """The same records, those of other tables and of trailers as such."""
        stream = self.tables.settle(items)
        if self.hints.trailer_rows:
            stream = trailing(stream, self.hints.trailer_rows)
        elif self.totals:
            stream = self._last_row(stream)
        for item in stream:
            if isinstance(item, Run):
                self._add(item.rows_in, item.cells if self.totals else None)
            else:
                if item.kind == UNREADABLE and item.mended is not None:
                    item = item._replace(kind=ROW, cells=item.mended)
                self._count(item)
            yield item
        self._conclude()

    def _add(self, count: int, cells: Callable[[], list[list[str]]] | None) -> None:
        self.rows += count
        self.trailers.clear()
        if self.totals and cells is not None:
            self.totals.add(cells())

    def _count(self, record: Record) -> None:
        self.unreadable += record.kind == UNREADABLE
        if record.kind == ROW:
            self._add(1, lambda: [record.cells])
            self.mended += bool(record.code)
        elif record.kind == BANNER:
            self.trailers.append(record)

    def _conclude(self) -> None:
        for record in self.trailers:
            said = check_count(" ".join(filter(None, record.cells)), record.line, self.rows, self.unreadable)
            if self.totals and (not said or said.startswith("MISMATCH")):
                agree, told = self.totals.check(record)
                said = told if agree or not said else said
            if said and said not in self.findings:
                self.findings.append(said)
        self.findings.extend(self.tables.findings)
        if self.mended:
            self.findings.append(
                f"{self.mended:,} record{'s were' if self.mended > 1 else ' was'} mended; each is kept as it came"
            )

    def _last_row(self, items: Iterable[Record | Run]) -> Iterator[Record | Run]:
        """The same records; the last row a banner if it holds the sums of the columns."""
        assert self.totals is not None
        held: list[Record] = []  # the last row, and what is blank after it
        for item in items:
            for record in item.records() if isinstance(item, Run) else (item,):
                if record.kind == BLANK and held:
                    held.append(record)
                    continue
                yield from held
                held = [record] if record.kind == ROW else []
                if not held:
                    yield record
        if held:
            agree, said = self.totals.check(held[0])
            self.findings += [said] if said else []
            yield held[0]._replace(kind=BANNER) if agree else held[0]
            yield from held[1:]


def trailing(items: Iterable[Record | Run], count: int) -> Iterator[Record | Run]:
    """The same records, the last `count` that are not blank as banners."""
    held: deque[Record] = deque()
    solid = 0
    for item in items:
        for record in item.records() if isinstance(item, Run) else (item,):
            held.append(record)
            solid += record.kind != BLANK
            while solid > count:
                solid -= held[0].kind != BLANK
                yield held.popleft()
    for record in held:
        yield (
            record if record.kind == BLANK else record._replace(kind=BANNER, code="", message="", raw=b"", mended=None)
        )
