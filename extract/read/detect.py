"""Finding out a dialect: the one under which the lines fall into records of one shape and cells that look whole.

The idea is CleverCSV's (van den Burg, Nazabal, Sutton 2019): a score for the pattern of the records times one for
the cells. The scores here are others: records that cannot be closed count against a dialect, and the quote and its
escape are settled only after the delimiter, by the records that each of them can and cannot read.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .cells import State
from .dialect import Dialect
from .fixed import gutters
from .values import fitness

DELIMITERS = (",", ";", "\t", "|", " ", ":", "~", "^", "\x1f", "\x01", "\x1e", "§", "¬", "¦", "#", "*")
UNLIKELY = {" ": 0.85, ":": 0.6, "#": 0.7, "*": 0.7}  # they stand in values that are no tables
LOOSE, SPACED = 0.97, 0.99  # what a dialect is worth that has no rule for quotes, or overlooks blanks
LIKELY = 5  # so many of them are tried on any file; the others only if they stand in most lines
PAIRS = (", ", "; ", "||", "\t\t", "::", "|~|", "~|~", "^|^", "##", "@@", " | ", " ; ", ";;", "||||", "\\t")
QUOTES = ('"', "'")
SAMPLE_LINES = 300
SAMPLE_CELLS = 3000
HELD_LINES = 40  # a record of the sample may go over so many lines
ENOUGH = 0.10  # a score below it says that there is no delimiter


@dataclass(frozen=True)
class Parse:
    """The records of a sample under a dialect: the cells of each, None where it cannot be closed."""

    dialect: Dialect
    records: list[list[str] | None]
    firsts: list[int]  # the line that each record begins with
    stray: int = 0


def parse(lines: Sequence[str], dialect: Dialect) -> Parse:
    """Split a sample into records; one that does not close costs its first line only."""
    records: list[list[str] | None] = []
    firsts: list[int] = []
    place = stray = 0
    while place < len(lines):
        splitter = dialect.splitter()
        state, last = splitter.feed(lines[place]), place
        while state is State.OPEN and last + 1 < min(len(lines), place + HELD_LINES):
            last += 1
            state = splitter.feed(lines[last])
        if state is not State.DONE:
            last = place
        records.append(splitter.cells if state is State.DONE else None)
        firsts.append(place)
        stray += splitter.stray
        place = last + 1
    return Parse(dialect, records, firsts, stray)


def score(parsed: Parse) -> float:
    """Between 0 and 1: how even the records are, times how whole their cells look. 0 for a single column."""
    shaped = [cells for cells in parsed.records if cells is None or any(cell.strip() for cell in cells)]
    if not shaped:
        return 0.0
    widths = Counter(0 if cells is None else len(cells) for cells in shaped)
    if not _is_modal(widths, len(shaped), parsed.dialect):
        return 0.0
    even = sum((n / len(shaped)) ** 2 * (1 - 1 / w**2) for w, n in widths.items() if w > 1)
    if not even:
        return 0.0
    likely = {w for w, n in widths.items() if w > 1 and n * 4 >= max(widths.values())}
    rows = [record for record in shaped if record is not None and len(record) in likely]
    whole = _wholeness(rows[: max(1, SAMPLE_CELLS // max(likely, default=1))])
    tidy = 1 - 0.5 * parsed.stray / len(parsed.records)
    dialect = parsed.dialect
    return (
        even
        * whole
        * tidy
        * UNLIKELY.get(dialect.delimiter, 1)
        * (LOOSE if dialect.loose else SPACED if dialect.spaced else 1)
    )


def _is_modal(widths: Counter[int], count: int, dialect: Dialect) -> bool:
    """Whether enough records of several cells have one width: prose has commas and blanks too."""
    several = [n for width, n in widths.items() if width > 1]
    if not several or (max(several) == 1 and count > 3):
        return False
    share = 0.6 if dialect.delimiter in UNLIKELY and count < 20 else 0.3
    return max(several) >= share * sum(several)


def _wholeness(rows: Sequence[Sequence[str]]) -> float:
    """How much the cells look like ones that were told apart rightly; a column without any value speaks against it."""
    total = sum(map(len, rows))
    void = sum(
        len(column)
        for column in zip(*[row for row in rows if len(row) == len(rows[0])], strict=True)
        if len(column) > 1 and not any(map(str.strip, column))
    )
    return (sum(fitness(cell) for row in rows for cell in row) - 0.5 * void) / max(1, total)


def even_records(parsed: Parse) -> int:
    """How many records have the width that most have."""
    return _readable(parsed, _modal(parsed.records))


def detect(lines: Sequence[str], delimiters: Iterable[str] | None = None, quote: str | None = None) -> Dialect | None:
    """The dialect of a sample; None where no delimiter makes a table of it.

    delimiters: those to choose from, None for any; quote: the only one to be tried ("" for none).
    """
    sample = [line for line in lines[:SAMPLE_LINES] if line.strip()]
    tried = tuple(delimiters) if delimiters is not None else _candidates(sample)
    best: tuple[float, Dialect] | None = None
    for delimiter in tried:
        for dialect in _quotings(sample, delimiter, quote):
            seen = score(parse(sample, dialect))
            if best is None or seen > best[0] + 1e-9:
                best = seen, dialect
    if delimiters is None:
        best = _better(best, _fixed(sample))
    if best is None or (best[0] < ENOUGH and delimiters is None):
        return None
    return settle(sample, best[1])


def _better(best: tuple[float, Dialect] | None, other: tuple[float, Dialect] | None) -> tuple[float, Dialect] | None:
    return other if other and (best is None or other[0] > best[0]) else best


def _candidates(sample: Sequence[str]) -> tuple[str, ...]:
    """The delimiters worth a try, most usual first: a longer one after the shorter that it holds."""
    need = max(1, len(sample) // 3)
    text = "".join(sample)
    pairs = [pair for pair in PAIRS if pair in text and sum(pair in line for line in sample) >= need]
    singles = [
        one
        for place, one in enumerate(DELIMITERS)
        if one in text and (place < LIKELY or sum(one in line for line in sample) >= 2 * need)
    ]
    doubled = {pair[0] for pair in pairs if pair == pair[0] * 2 and text.count(pair[0]) == 2 * text.count(pair)}
    return (*(one for one in singles if one not in doubled), *pairs)


def _quotings(sample: Sequence[str], delimiter: str, quote: str | None) -> list[Dialect]:
    """A delimiter with each quote that stands at the edge of cells in the sample, and the ways to escape it."""
    if quote is not None:
        return [Dialect(delimiter, quote, quote)] if delimiter != quote else []
    text = "".join(sample)
    dialects = []
    for one in QUOTES:
        opens = delimiter + one in text or any(line.startswith(one) for line in sample)
        closes = one + delimiter in text or any(line.rstrip("\r\n").endswith(one) for line in sample)
        edge = opens and closes
        if one == '"' or edge:
            dialects.append(Dialect(delimiter, one, one))
        if edge:
            dialects.append(_loosely(sample, Dialect(delimiter, one)))
            if "\\" + one in text:
                dialects.append(Dialect(delimiter, one, "\\"))
    if len(delimiter) == 1 and delimiter != " " and delimiter + ' "' in text:
        dialects.append(Dialect(delimiter, spaced=True))
    return dialects


def _fixed(sample: Sequence[str]) -> tuple[float, Dialect] | None:
    """Fixed width, where the same positions are blank in all lines of the sample."""
    widths = gutters(sample)
    if not widths:
        return None
    dialect = Dialect("", "", "", widths=widths)
    several = sum(sum(map(bool, record or ())) > 1 for record in parse(sample, dialect).records)
    if several * 2 < len(sample):  # lines of text with a gap in common
        return None
    filled = [cell for record in parse(sample, dialect).records for cell in record or ()]
    empty = sum(not cell for cell in filled) / len(filled)
    return score(parse(sample, dialect)) * (0.98 - empty), dialect


def settle(sample: Sequence[str], dialect: Dialect) -> Dialect:
    """The same dialect with the way in which quotes are escaped, by the records that each way can read."""
    text = "".join(sample)
    if dialect.widths or not dialect.quote or dialect.quote not in text:
        return dialect._replace(escape=dialect.quote, loose=False) if dialect.loose else dialect
    quote = dialect.quote
    ways = [dialect._replace(escape=quote, loose=False)]
    if "\\" + quote in text:
        ways.append(dialect._replace(escape="\\", loose=False))
    width = _modal([cells for way in ways for cells in parse(sample, way).records])
    if width < 2:  # in a single column any quote can be a plain one
        return ways[0]
    parsed = [parse(sample, way) for way in ways]
    readable = [_readable(one, width) for one in parsed]
    best = max(range(len(ways)), key=lambda i: readable[i])
    loose = _loosely(sample, dialect)
    proof = _doubled(sample, parsed[0], quote, width) if best == 0 else 0
    if _readable(parse(sample, loose), width) >= readable[best] + max(2, proof):
        return loose
    return ways[best]


def _doubled(sample: Sequence[str], parsed: Parse, quote: str, width: int) -> int:
    """How many records of the table's width hold a quote that was doubled: proof that doubling is the way."""
    return sum(
        1
        for cells, first in zip(parsed.records, parsed.firsts, strict=True)
        if cells is not None
        and len(cells) == width
        and quote * 2 in sample[first]
        and any(quote in cell for cell in cells)
    )


def _loosely(sample: Sequence[str], dialect: Dialect) -> Dialect:
    """The dialect in which quotes inside stand as they are; in one with ' for a quote, " may still be doubled."""
    escape = '"' if dialect.quote == "'" and any('""' in line for line in sample) else ""
    return dialect._replace(escape=escape, loose=True)


def _modal(records: Iterable[list[str] | None]) -> int:
    widths = Counter(len(cells) for cells in records if cells)
    return max(widths, key=lambda width: (widths[width] * (width > 1), width), default=0)


def _readable(parsed: Parse, width: int) -> int:
    """How many records have the table's width: one that swallows its neighbours is no gain."""
    return sum(1 for cells in parsed.records if cells is not None and len(cells) == width)
