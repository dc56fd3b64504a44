"""The beginning of a text table: its dialect, its header, and where its data begins."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .cells import State
from .detect import detect, even_records, parse, score, settle
from .dialect import Dialect
from .header import Candidate, Wanted, check_header, find_header, readings
from .layout import MOST_HEADER_ROWS, Layout, column_kinds, find_layout, fold, next_table
from .lines import Line
from .mend import Mender
from .model import Hints, Limits, Refused

FEED_DELIMITERS = (",", ";", "\t", "|")
RARE_DELIMITERS = ("~", "^", "||", "::", ":", " ")
MENDED_HEADER = "quotes in the header are out of order; it was read in the one way that fits the rows"
SINGLE = (",", "\t", ";", "|", "\x1f", "\x1e")


@dataclass(frozen=True)
class Head:
    """lines[first:data] are the header, lines before it the preamble; first == data where there is no header."""

    dialect: Dialect
    first: int
    data: int
    names: tuple[str, ...]
    header_rows: int
    findings: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    parts: tuple[tuple[str, ...], ...] = ()  # the rows of a header that was folded


def hinted(hints: Hints) -> Dialect | None:
    """The dialect as far as it is declared; None if neither delimiter nor positions are."""
    quote = '"' if hints.quote is None else hints.quote
    escape = quote if hints.escape is None else hints.escape
    if hints.positions:
        return Dialect("", "", "", widths=tuple((span.start - 1, span.end) for span in hints.positions))
    if hints.delimiter is None:
        return None
    return Dialect(hints.delimiter, quote, escape, loose=bool(quote) and escape == "")


def texts_of(lines: Sequence[Line], inner: str) -> list[str]:
    return [line.body.decode(inner, "replace") for line in lines]


def feed_head(name: str, lines: list[Line], inner: str, wanted: Wanted, hints: Hints, limits: Limits) -> Head | None:
    """The head of a feed's file, by the names that are expected; None if they stand nowhere."""
    if hints.table > 1:
        return _feed_head_below(name, lines, inner, wanted, hints, limits)
    texts = texts_of(lines, inner)
    if hints.header_rows == 0 or hints.positions:
        return _declared_head(texts, hints)
    quote = '"' if hints.quote is None else hints.quote
    delimiters = (hints.delimiter,) if hints.delimiter else FEED_DELIMITERS
    found = _search(lines, inner, wanted, delimiters, quote, limits)
    if found is None and not hints.delimiter:
        found = _search(lines, inner, wanted, RARE_DELIMITERS, quote, limits)
    if found is None:
        found = _folded(lines, inner, wanted, delimiters, quote, limits)
    if found is None:
        return None
    check_header(name, found, wanted, limits)
    dialect = hinted(hints) or Dialect(found.delimiter, quote, quote)
    if hints.escape is None and len(found.cells) > 1:
        dialect = _settled(texts[found.last + 1 :], dialect, hints)
    kinds: tuple[str, ...] = ()
    if hints.mended:
        kinds = _kinds(parse(texts[found.last + 1 :][:300], dialect).records, len(found.cells))
    parts = _parts(parse(texts[found.first : found.last + 1], dialect).records if found.rows > 1 else ())
    return Head(dialect, found.first, found.last + 1, found.cells, max(1, found.rows), kinds=kinds, parts=parts)


def _feed_head_below(
    name: str, lines: list[Line], inner: str, wanted: Wanted, hints: Hints, limits: Limits
) -> Head | None:
    """The same of a table that is not the file's first."""
    table = sniffed_head(lines, inner, hints)
    start = table.first if table else 0
    first = hints.model_copy(update={"table": 1, "preamble_rows": None})
    head = feed_head(name, lines[start:], inner, wanted, first, limits)
    if head is None or table is None:
        return None
    return replace(head, first=head.first + start, data=head.data + start, findings=table.findings)


def _search(
    lines: list[Line], inner: str, wanted: Wanted, delimiters: Sequence[str], quote: str, limits: Limits
) -> Candidate | None:
    tried = tuple(one for one in delimiters if one != quote)
    return find_header(lines, inner, wanted, tried, quote, limits)


def _folded(
    lines: list[Line],
    inner: str,
    wanted: Wanted,
    delimiters: Sequence[str],
    quote: str,
    limits: Limits,
) -> Candidate | None:
    """A header over two or three records: the first that names all required columns. A title above it that is
    repeated in its empty cells is no part of a name."""
    titles: dict[str, set[str]] = {delimiter: set() for delimiter in delimiters}
    for first in range(min(limits.preamble_lines, len(lines))):
        for delimiter in delimiters:
            rows: list[tuple[str, ...]] = []
            last = first - 1
            while len(rows) < MOST_HEADER_ROWS and last + 1 < len(lines):
                one = next(readings(lines, last + 1, inner, wanted, (delimiter,), quote, limits), None)
                if one is None or len(one.cells) < 2:
                    break
                rows.append(one.cells)
                last = one.last
                names = fold(rows, max(map(len, rows)), titles[delimiter])
                if len(rows) > 1 and not wanted.missing(names) and (wanted.required or all(wanted.match(names))):
                    return Candidate(first, last, delimiter, names, wanted.match(names), len(rows))
            filled = {cell for cell in rows[0] if cell} if rows else set()
            titles[delimiter] |= filled if len(filled) == 1 else set()
    return None


def _settled(data: Sequence[str], dialect: Dialect, hints: Hints) -> Dialect:
    """How quotes are used below the header, if that is plainly not the standard way; what was declared stays."""
    sample = [text for text in data[:300] if text.strip()]
    usual = parse(sample, dialect)
    longer = dialect.delimiter + " "
    delimiters = [dialect.delimiter]
    if hints.delimiter is None and len(dialect.delimiter) == 1 and any(longer in text for text in sample):
        delimiters.append(longer)
    best = detect(sample, delimiters=delimiters, quote=hints.quote)
    if best is None or best == dialect:
        return dialect
    other = parse(sample, best)
    gain = even_records(other) - even_records(usual)
    return best if gain >= 2 or (len(other.records) >= 3 and score(other) > score(usual) + 0.15) else dialect


def _declared_head(texts: Sequence[str], hints: Hints) -> Head | None:
    """A file without a header, or of fixed width: what stands where is declared."""
    dialect = hinted(hints) or detect(texts[hints.preamble_rows or 0 :], quote=hints.quote)
    if dialect is None:
        dialect = single_column(texts)
    first = hints.preamble_rows or 0
    rows = 0 if hints.header_rows == 0 else (1 if hints.header_rows is None else hints.header_rows)
    if hints.header_rows is None and hints.columns:
        rows = 0
    records = [cells or [] for cells in parse(list(texts[first : first + 50]), dialect).records]
    if hints.columns:
        names: tuple[str, ...] = hints.columns
    elif rows:
        names = fold(records[:rows], len(records[0]) if records else 0)
    else:
        names = tuple(f"column_{place}" for place in range(1, 1 + max(map(len, records), default=1)))
    return Head(dialect, first, first + rows, names, rows)


def single_column(texts: Sequence[str]) -> Dialect:
    """A dialect under which each line is one cell."""
    text = "".join(texts)
    delimiter = next((one for one in SINGLE if one not in text), SINGLE[-1])
    return Dialect(delimiter)


def sniffed_head(lines: list[Line], inner: str, hints: Hints) -> Head | None:
    """The head of a file of which nothing is expected; None if all of it is blank."""
    texts = texts_of(lines, inner)
    skip = hints.preamble_rows
    dialect = hinted(hints)
    if dialect is None:
        delimiters = None
        dialect = detect(texts[skip or 0 :], delimiters, hints.quote) or single_column(texts)
    elif hints.quote is None or hints.escape is None:
        dialect = _requoted(texts[skip or 0 :], dialect, hints)
    elif dialect.quote and hints.escape not in ("", dialect.quote):
        dialect = _loosened(texts, dialect)
    parsed = parse(texts, dialect)
    records: list[Sequence[str] | None] = list(parsed.records)
    above = None if skip is None else next((i for i, at in enumerate(parsed.firsts) if at >= (skip or 0)), len(records))
    layout = _layout(texts, parsed.firsts, records, dialect, hints, above)
    if layout is None:
        return None
    for number in range(2, hints.table + 1):
        start = next_table(records, layout.data, layout.width)
        below = find_layout(records[start:], hints.header_rows) if start is not None else None
        if start is None or below is None:
            raise Refused(f"there is no table {number} among its first {len(texts):,} lines. Check the hint `table`.")
        layout = below.moved(start)
    firsts = [*parsed.firsts, len(texts)]
    names, findings = layout.names, layout.findings
    if hints.columns:
        names, findings = hints.columns, ()
    if hints.table > 1:
        above_it = firsts[layout.first]
        findings = (*findings, f"table {hints.table} was asked for; the {above_it} lines above it were not read")
    kinds = _kinds(records[layout.data :], len(names))
    rows = layout.data - layout.first
    parts = _parts(records[layout.first : layout.data] if rows > 1 else ())
    return Head(dialect, firsts[layout.first], firsts[layout.data], names, rows, findings, kinds, parts)


def _parts(records: Sequence[Sequence[str] | None]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(cells) for cells in records if cells is not None)


def _kinds(records: Sequence[Sequence[str] | None], width: int) -> tuple[str, ...]:
    body = [cells for cells in records if cells is not None and len(cells) == width][:200]
    return tuple(column_kinds(body, width)) if body else ()


def _layout(
    texts: Sequence[str],
    firsts: Sequence[int],
    records: list[Sequence[str] | None],
    dialect: Dialect,
    hints: Hints,
    above: int | None,
) -> Layout | None:
    """The layout; a first line that cannot be read strictly is read as well as it can be, for it may be the header."""
    layout = find_layout(records, hints.header_rows, above)
    if layout is None:
        return None
    width = layout.width
    for place in range(layout.data if layout.first == layout.data else layout.first):
        if records[place] is None:
            cells = Mender({"quotes"}, dialect, width).one_reading(texts[firsts[place]].rstrip("\r\n"))
            if cells is not None:
                records[place] = cells
                found = find_layout(records, hints.header_rows, above)
                return found and replace(found, findings=(*found.findings, MENDED_HEADER))
    return layout


def _requoted(texts: Sequence[str], dialect: Dialect, hints: Hints) -> Dialect:
    sample = [text for text in texts[:300] if text.strip()]
    if dialect.widths or not sample:
        return dialect
    if hints.quote is None:
        return detect(sample, (dialect.delimiter,), None) or dialect
    return settle(sample, dialect) if hints.escape is None else dialect


def _loosened(texts: Sequence[str], dialect: Dialect) -> Dialect:
    """A declared escape; whether quotes stand unescaped all the same, the records tell."""
    sample = [text for text in texts[:300] if text.strip()]
    loose = dialect._replace(loose=True)
    strictly = sum(cells is not None for cells in parse(sample, dialect).records)
    loosely = sum(cells is not None for cells in parse(sample, loose).records)
    return loose if loosely > strictly + 1 else dialect


__all__ = ["Head", "State", "feed_head", "sniffed_head"]
