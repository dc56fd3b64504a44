"""Where another table begins below the first: its records are counted, and said to be there, but are not read."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from .kinds import Kinds, lowered
from .layout import begins_table, column_kinds
from .record import BANNER, BLANK, OTHER, ROW, UNREADABLE, Record, Run
from .values import STRONG, TYPED, kind_of

FEWEST = 3  # records of another width, the first of them a header, that make another table
SAME = 3  # rows below a repeated header that are those below the first: a copy of the table


class Tables:
    """Watches the records of one table for the begin of another."""

    def __init__(self, kinds: Kinds) -> None:
        self.kinds = kinds
        self.findings: list[str] = []
        self.first: list[list[str]] = []  # the first rows of the table

    def settle(self, items: Iterable[Record | Run]) -> Iterator[Record | Run]:
        """The same records, those of other tables as such."""
        stream = iter(items)
        held: list[Record] = []
        for item in stream:
            run: Run | None = None
            if isinstance(item, Run):
                if not held:
                    self._remember(item)
                    yield item
                    continue
                few, run = item.split(SAME + 1)  # so many rows settle what is held
                records = list(few.records())
            else:
                records = [item]
            for record in records:
                if record.kind == ROW and not held:
                    self._remember(record)
                    yield record
                    continue
                held.append(record)
                verdict = self._verdict(held)
                if verdict:
                    yield from self._rest(held, chain([run] if run else [], stream))
                    return
                if verdict is False:
                    for one in held:
                        self._remember(one)
                    yield from held
                    held = []
            if run is not None and run.rows_in:
                yield from held
                held = []
                yield run
        yield from held

    def _remember(self, item: Record | Run) -> None:
        if len(self.first) < SAME and (isinstance(item, Run) or item.kind == ROW):
            rows = item.cells() if isinstance(item, Run) else [item.cells]
            self.first.extend(rows[: SAME - len(self.first)])

    def _verdict(self, held: list[Record]) -> bool | None:
        """Whether the held records begin another table; None while that is not to be seen."""
        solid = [record for record in held if record.kind != BLANK]
        if not solid:
            return None if len(held) < 10 else False
        if held[0].kind == BLANK and solid[0].code == "too_few_cells" and len(solid[0].cells) == 1:
            solid = solid[1:]  # a title
            if not solid:
                return None
        head = solid[0]
        if head.kind == ROW and held[0].kind == BLANK:
            return self._is_of_same_width(head.cells, solid[1:])
        if head.kind == BANNER and [lowered(cell) for cell in head.cells] == self.kinds.header:
            return self._is_copy(solid[1:])
        if head.kind != UNREADABLE or head.code not in ("too_few_cells", "too_many_cells") or len(head.cells) < 2:
            return False
        width = len(head.cells)
        if any(one.kind != UNREADABLE or len(one.cells) != width for one in solid):
            return False
        if len(solid) < FEWEST:
            return None
        return self._is_header(head.cells, [one.cells for one in solid[1:]])

    def _is_of_same_width(self, cells: Sequence[str], after: list[Record]) -> bool | None:
        """Below a gap, names over rows that hold other kinds of values than those of the table: proof enough to leave
        the rest of the file unread."""
        if len(self.first) < SAME or any(one.kind != ROW for one in after):
            return False
        kinds = column_kinds(self.first, self.kinds.width)
        seen = begins_table(
            cells, [one.cells for one in after], kinds, [lowered(cell) for cell in cells], self.kinds.header
        )
        return seen if not seen or len(after) == SAME else None

    def _is_copy(self, after: list[Record]) -> bool | None:
        if len(self.first) < SAME or any(one.kind != ROW for one in after):
            return False
        if [one.cells for one in after] != self.first[: len(after)]:
            return False
        return True if len(after) == SAME else None

    def _is_header(self, cells: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
        names = [lowered(cell) for cell in cells if cell.strip()]
        if len(names) * 2 <= len(cells) or len(set(names)) < len(names):
            return False
        if any(kind_of(cell) in STRONG for cell in cells):
            return False
        if len(set(names) & set(self.kinds.header)) * 2 > len(names):
            return True
        typed = [any(kind_of(row[place]) in TYPED for row in rows) for place in range(len(cells))]
        return any(typed) and len(names) == len(cells)

    def _rest(self, held: list[Record], stream: Iterator[Record | Run]) -> Iterator[Record]:
        """What is left of the file, as records of other tables; the findings say of each where it begins."""
        tables: list[list[int]] = []  # line, columns, records of each
        copy, gap = held[0].kind == BANNER, False
        for record in chain(held, _single(stream)):
            width = len(record.cells) or (tables[-1][1] if tables else 0)
            if record.kind != BLANK:
                names = width > 1 and not any(kind_of(cell) in STRONG for cell in record.cells)
                if tables and tables[-1][1] == 1:  # a title
                    tables[-1][1] = width
                elif not tables or (names and gap and width != tables[-1][1]):
                    tables.append([record.line, width, 0])
                tables[-1][2] += 1
            gap = record.kind == BLANK
            yield self._other(record)
        for place, (line, width, count) in enumerate(tables):
            what = "a copy of the table" if copy and not place else f"another table of {width} columns"
            self.findings.append(f"{what} begins on line {line}; its {count} records (header included) were not read")

    @staticmethod
    def _other(record: Record) -> Record:
        if record.kind == BLANK:
            return record
        return record._replace(kind=OTHER, code="", message="", raw=b"")


def _single(items: Iterable[Record | Run]) -> Iterator[Record]:
    for item in items:
        yield from item.records() if isinstance(item, Run) else (item,)
