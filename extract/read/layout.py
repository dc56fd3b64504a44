"""Where the table is among the first records of a file that nobody described: what stands above it, and its header."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .values import STRONG, TYPED, kind_of

BODY = 200  # records of the table that are looked at
MOST_HEADER_ROWS = 3
Cells = Sequence[str] | None


@dataclass(frozen=True)
class Layout:
    """Records [0, first) stand above the header, [first, data) are the header, none where first == data.

    names: the header's cells, folded to one row, as many as the table is wide.
    """

    first: int
    data: int
    names: tuple[str, ...]
    findings: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        return len(self.names)

    def moved(self, by: int) -> "Layout":
        """The same, so many records further down."""
        return Layout(self.first + by, self.data + by, self.names, self.findings)


def next_table(records: Sequence[Cells], start: int, width: int) -> int | None:
    """Where the records of another table begin, below one of `width` columns: three in a row of another width, or,
    below a gap, names over rows of other kinds."""
    run: list[int] = []
    gap = False
    body = [cells for cells in records[start : start + BODY] if cells is not None and len(cells) == width]
    kinds = column_kinds(body[:3], width)
    above = [cell.strip().lower().encode() for cell in (records[start - 1] or () if start else ())]
    for place in range(start, len(records)):
        cells = records[place]
        if cells is None or not _filled(cells) or len(cells) < 2:
            gap = gap or (cells is not None and not _filled(cells))
            continue
        if len(cells) == width or (run and len(cells) != len(records[run[0]] or ())):
            run = []
        if len(cells) != width:
            run.append(place)
        elif gap:
            after = [row for row in records[place + 1 : place + 4] if row is not None and len(row) == width]
            names = [cell.strip().lower().encode() for cell in cells]
            if len(after) == 3 and begins_table(cells, after, kinds, names, above):
                return place
        gap = False
        if len(run) == 3:
            return run[0]
    return None


def begins_table(
    cells: Sequence[str],
    after: Sequence[Sequence[str]],
    kinds: Sequence[str],
    names: Sequence[bytes],
    header: Sequence[bytes],
) -> bool:
    """Whether `cells` are the header of another table as wide as the one above: names that are not that one's, over
    rows of which each has, in a column of dates or numbers there, something else."""
    if any(kind_of(cell) in STRONG for cell in cells) or not all(names) or len(set(names)) < len(names):
        return False
    if len(set(names) & set(header)) * 2 > len(names):
        return False
    return any(
        kind in TYPED and all(row[place].strip() and not _alike(kind_of(row[place]), kind) for row in after)
        for place, kind in enumerate(kinds)
        if not _alike(kind_of(cells[place]), kind)
    )


def _alike(seen: str, kind: str) -> bool:
    return seen == kind or {seen, kind} <= {"number", "year", "money", "percent"}


def find_layout(records: Sequence[Cells], header_rows: int | None = None, skip: int | None = None) -> Layout | None:
    """The first table of weight among `records` (None stands for one that cannot be read); None if all are blank.

    header_rows and skip (records above the header) are what is declared; the rest is found out.
    """
    start, width = _region(records, skip)
    if not width:
        return None
    if header_rows is not None:
        return _declared(records, start, width, header_rows)
    body = [cells for cells in records[start:] if cells is not None and len(cells) == width][:BODY]
    kinds = column_kinds(body[1:] if len(body) > 1 else body, width)
    above = _header_above(records, start, width, kinds, skip)
    if above is not None:
        return Layout(above, above + 1, *_fitted(records[above] or (), width))
    top = start
    while top < len(records) and skip is None and _is_title(records[top], width):
        top += 1
    rows = _header_rows(records, top, width, kinds, body)
    if not rows:
        return Layout(start, start, _numbered(width))
    titles = {cell for cells in records[:top] if _filled(cells) == 1 for cell in cells or () if cell}
    return Layout(top, top + rows, fold([records[i] or () for i in range(top, top + rows)], width, titles))


def fold(rows: Sequence[Sequence[str]], width: int, titles: Collection[str] = ()) -> tuple[str, ...]:
    """Names over several rows as one row of names, the parts joined by a blank.

    A title that stands above the header and is repeated in its empty cells is no part of a name.
    """
    void = titles if len(rows) > 1 else ()
    parts = [[row[place] for row in rows if place < len(row) and row[place] not in void] for place in range(width)]
    return tuple(
        " ".join(" ".join(part.replace("\ufeff", " ").split()) for part in column if part.strip()) for column in parts
    )


def _numbered(width: int) -> tuple[str, ...]:
    return tuple(f"column_{place}" for place in range(1, width + 1))


def _declared(records: Sequence[Cells], start: int, width: int, header_rows: int) -> Layout:
    if not header_rows:
        return Layout(start, start, _numbered(width))
    rows = [records[i] or () for i in range(start, min(start + header_rows, len(records)))]
    names, findings = _fitted(rows[0], width) if len(rows) == 1 else (fold(rows, width), ())
    return Layout(start, start + len(rows), names, findings)


def _filled(cells: Cells) -> int:
    return sum(1 for cell in cells or () if cell.strip())


def _is_title(cells: Cells, width: int) -> bool:
    """Blank, or a lone cell in a row that has room for several: nothing of a table."""
    return cells is not None and (_filled(cells) == 0 or (_filled(cells) == 1 and width > 2))


def _region(records: Sequence[Cells], skip: int | None) -> tuple[int, int]:
    """(the first record of the first table of weight, its width); width 0 if there is none."""
    if skip is not None:
        widths = Counter(len(cells) for cells in records[skip:] if cells and _filled(cells))
        return skip, max(widths, key=lambda one: widths[one], default=0)
    runs = _runs(records)
    if not runs:
        return 0, 0
    runs = [run for run in runs if run[2] > _weight(run[1], 1)] or runs  # beside others, a lone record is no table
    heaviest = max(weight for _, _, weight in runs)
    start, width, _ = next(run for run in runs if run[2] * 2 >= heaviest)
    return _reach_up(records, start, width), width


def _reach_up(records: Sequence[Cells], start: int, width: int) -> int:
    """The table's first record, with those above that torn ones part from it: no row may end up as a preamble."""
    place, gap = start - 1, 0
    while place >= 0 and gap <= 3:
        cells = records[place]
        if cells is not None and len(cells) == width and not _is_title(cells, width):
            start, gap = place, 0
        elif cells is None or _filled(cells):
            gap += 1
        place -= 1
    return start


def _runs(records: Sequence[Cells]) -> list[tuple[int, int, float]]:
    """(start, width, weight) for each stretch of records of one width, single others in between overlooked."""
    runs: list[tuple[int, int, float]] = []
    start, width, count, odd = 0, 0, 0, 0
    for place, cells in enumerate(records):
        if cells is not None and not _filled(cells):
            continue
        seen = -1 if cells is None else len(cells)
        if seen == width:
            count, odd = count + 1, 0
            continue
        odd += 1
        if width and (seen == -1 or (odd < 3 and count >= 3)):
            continue
        if width:
            runs.append((start, width, _weight(width, count)))
            place, cells = _back(records, place, odd)
            seen = -1 if cells is None else len(cells)
        start, width, count, odd = place, max(seen, 0), 1, 0
    if width:
        runs.append((start, width, _weight(width, count)))
    return [run for run in runs if run[1]]


def _back(records: Sequence[Cells], place: int, odd: int) -> tuple[int, Cells]:
    """The first of the records that broke a stretch, if all of them have one width; else the last."""
    last = records[place]
    first = place
    for back in range(1, odd):
        cells = records[place - back]
        if cells is None or last is None or len(cells) != len(last):
            break
        first = place - back
    return first, records[first]


def _weight(width: int, count: int) -> float:
    return count * (width - 1) if width > 1 else count * 0.25


def column_kinds(body: Sequence[Sequence[str]], width: int) -> list[str]:
    """For each column the kind that nearly all its filled cells have, or "words"."""
    kinds = []
    for place in range(width):
        seen = Counter(kind_of(row[place]) for row in body)
        seen.pop("empty", None)
        total = sum(seen.values())
        kind, count = max(seen.items(), key=lambda item: item[1], default=("empty", 0))
        number = seen["number"] + seen["year"] + seen["code"] * (kind == "number") * 0
        if number * 10 >= total * 8 and total:
            kinds.append("number")
        else:
            kinds.append(kind if count * 10 >= total * 7 and total else "words" if total else "empty")
    return kinds


def _votes(cells: Sequence[str], kinds: Sequence[str]) -> tuple[int, int]:
    """(columns whose cell is a name over typed values, columns whose cell is such a value itself)."""
    names = values = 0
    for cell, kind in zip(cells, kinds, strict=False):
        if kind not in TYPED:
            continue
        seen = kind_of(cell)
        if seen == "empty":
            continue
        if _alike(seen, kind):
            values += 1
        elif seen == "words" or seen in ("date", "year", "code", "flag"):
            names += 1
    return names, values


def _header_rows(
    records: Sequence[Cells], top: int, width: int, kinds: Sequence[str], body: Sequence[Sequence[str]]
) -> int:
    """How many records from `top` on are the header."""
    rows = 0
    for place in range(top, min(top + MOST_HEADER_ROWS, len(records))):
        cells = records[place]
        if cells is None or len(cells) != width:
            break
        names, values = _votes(cells, kinds)
        if rows == 0:
            if not _is_header(cells, names, values, body):
                break
        elif values or names == 0 or _filled(cells) < max(2, width // 3) or not _goes_on(cells, kinds):
            break
        rows += 1
    if rows and top + rows >= len(records) and rows > 1:
        return 1 if len(body) <= rows else rows
    return rows


def _goes_on(cells: Sequence[str], kinds: Sequence[str]) -> bool:
    """Whether a row below a header's row is more of it: hardly a value in it, over columns most of which have them."""
    typed = [kind_of(cell) for cell, kind in zip(cells, kinds, strict=False) if kind in TYPED]
    filled = [kind for kind in typed if kind != "empty"]
    if len(filled) < 2:
        return False
    strong = sum(kind_of(cell) in STRONG for cell in cells)
    return strong == 0 and all(kind in ("words", "code", "flag") for kind in filled)


def _is_header(cells: Sequence[str], names: int, values: int, body: Sequence[Sequence[str]]) -> bool:
    filled = [cell.strip() for cell in cells if cell.strip()]
    if not filled or (len(filled) * 2 < len(cells) and len(filled) < 3):
        return False
    if _are_years(filled):
        return True
    if names or values:
        return names > values or (names == values and not any(kind_of(cell) in STRONG for cell in cells))
    if any(kind_of(cell) in STRONG for cell in filled):
        return False
    unique = len({cell.casefold() for cell in filled}) == len(filled)
    short = all(len(cell) < 80 for cell in filled)
    rest = body[1:]
    repeated = sum(
        1
        for place, cell in enumerate(cells)
        if cell.strip() and any(cell == row[place] for row in rest if place < len(row))
    )
    return unique and short and repeated * 2 <= len(filled) and (len(filled) == len(cells) or len(filled) > 1)


def _are_years(cells: Sequence[str]) -> bool:
    """`school, 2019, 2020, 2021`: words, and then years, one after the other."""
    years = [int(cell) for cell in cells if kind_of(cell) == "year"]
    first = len(cells) - len(years)
    return (
        len(years) > 2
        and 0 < first <= len(years)
        and all(kind_of(cell) == "words" for cell in cells[:first])
        and years in (list(range(years[0], years[0] + len(years))), list(range(years[0], years[0] - len(years), -1)))
    )


def _header_above(
    records: Sequence[Cells], start: int, width: int, kinds: Sequence[str], skip: int | None
) -> int | None:
    """The record right above the table, if it is its header with a cell more or less than the rows have."""
    if start == 0 or skip is not None:
        return None
    above, first = records[start - 1], records[start]
    if above is None or first is None or not abs(len(above) - width) <= max(1, width // 4) or _filled(above) < 2:
        return None
    if any(kind_of(cell) in STRONG for cell in above) or _filled(above) * 2 < len(above):
        return None
    names, values = _votes(first, kinds)
    if names > values:  # the first row of the table is a header itself
        return None
    return start - 1 if values or not any(kind in TYPED for kind in kinds) else None


def _fitted(cells: Sequence[str], width: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A header's cells as many as the rows have, and what had to be said about it."""
    names = [" ".join(cell.replace("\ufeff", " ").split()) for cell in cells]
    if len(names) == width:
        return tuple(names), ()
    told = f"the header has {len(names)} cells, the rows have {width}"
    if len(names) > width:
        for place in [i for i, name in enumerate(names) if not name][: len(names) - width]:
            names[place] = "\0"
        names = [name for name in names if name != "\0"]
    lost = names[width:]
    told += f"; left over: {', '.join(lost)}" if lost else ""
    return tuple((names + [""] * width)[:width]), (told,)
