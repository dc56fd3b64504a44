"""The first look at a file: is it a table at all, in which encoding, and where is its header."""

import itertools
import re
from collections.abc import Iterable
from typing import BinaryIO, NamedTuple

from . import charset, guess, junk
from .dialect import Dialect
from .head import FEED_DELIMITERS, Head, feed_head, sniffed_head
from .header import Wanted, shown
from .lines import BLOCK, Line, physical_lines, read_blocks
from .mismatch import refuse_header
from .model import Found, Hints, Limits, Refused
from .source import Source

HEADER_BYTES = 2 * BLOCK  # how much is looked at for the header, at least one line
REMEDY_BINARY = "Ask the vendor for the plain CSV file, or unpack or export it before it is delivered."
REMEDY_PAGE = (
    "This is a page or an error answer in place of the data: fetch it again, and check the address and the login "
    "if it comes twice."
)
REMEDY_JSON = "If it is an error answer, fetch it again; if it is the data, ask the vendor for the CSV form."


def sniff_encoding(source: Source, file: BinaryIO, hints: Hints) -> tuple[str, int, bool]:
    """(encoding, length of the BOM, whether that is final or rests on the first MiB only).

    Refused if the file is empty or begins like a known binary format.
    """
    head = file.read(BLOCK)
    mark, marked = guess.byte_order_mark(head) or (b"", "")
    if _is_white(itertools.chain([head[len(mark) :]], read_blocks(file)), marked in charset.WIDE):
        size = file.tell()
        seen = f"{size:,} bytes, none of them more than white space" if size else "0 bytes"
        raise source.empty(f"the file is empty ({seen})")
    if binary := junk.magic(head):
        raise source.refused(f"this looks like {binary}, not like a CSV table. {REMEDY_BINARY}")
    certain = marked or _hinted(hints, marked, head) or junk.utf16_without_bom(head)  # a mark is no accident
    if certain:
        return certain, len(mark), True
    whole = len(head) < BLOCK
    return guess.judge(guess.tally([head], whole=whole)), 0, whole


def _is_white(blocks: Iterable[bytes], wide: bool) -> bool:
    return not any((block.replace(b"\0", b"") if wide else block).strip() for block in blocks)


def _hinted(hints: Hints, marked: str, head: bytes) -> str | None:
    """The hinted encoding by its plain name; which UTF-16 is meant the file says itself."""
    name = charset.plain_name(hints.encoding) if hints.encoding else None
    if name != "utf-16":
        return name
    return marked if marked in charset.WIDE else junk.utf16_without_bom(head) or "utf-16-le"


class Seen(NamedTuple):
    """What the beginning of a text table tells; start is the offset at which the data begins."""

    found: Found
    dialect: Dialect
    columns: tuple[int | None, ...]
    start: int
    kinds: tuple[str, ...]  # of the columns' values, as far as the sample tells
    parts: tuple[tuple[str, ...], ...]  # the rows of a header that was folded


def sniff_table(
    source: Source, file: BinaryIO, way: charset.Charset, bom: int, wanted: Wanted, hints: Hints, limits: Limits
) -> Seen:
    """What the file holds, from its first lines; Refused if that is no table, or not that of the feed."""
    lines = _first_lines(file, way, bom, limits)
    hints = _with_separator(lines, hints)
    text = b"".join(line.body for line in lines).decode(way.inner, "replace")
    if seen := junk.page(text) or junk.answer(text):
        raise source.refused(f"this looks like {seen}, not like a CSV table. {REMEDY_PAGE}")
    if wanted.expected:
        head = feed_head(source.path.name, lines, way.inner, wanted, hints, limits)
        if head is None:
            _refuse_other(source, lines, text, way)
            quote = '"' if hints.quote is None else hints.quote
            delimiters = (hints.delimiter,) if hints.delimiter else FEED_DELIMITERS
            raise refuse_header(source.path.name, lines, way.inner, wanted, delimiters, quote, limits)
    else:
        _refuse_binary(source, lines, way)
        try:
            head = sniffed_head(lines, way.inner, hints)
        except Refused as refused:
            raise source.refused(str(refused)) from None
    if head is None:
        raise source.empty("the file holds no record")
    if len(head.names) == 1 and not hints.columns and (seen := junk.element(text)):  # one that does not end
        raise source.refused(f"this looks like {seen}, not like a CSV table. {REMEDY_PAGE}")
    if len(head.names) > limits.columns:
        raise source.refused(
            f"the header on line {head.first + 1} has {len(head.names):,} columns, more than the limit of "
            f"{limits.columns:,}. {limits.remedy('columns')} if the file is meant to be so wide."
        )
    columns = _columns(source, wanted, head.names)
    data = lines[head.data - 1] if head.data else None
    start = data.offset + data.length if data else bom
    return Seen(_found(lines, head, way, bom), head.dialect, columns, start, head.kinds, head.parts)


def _with_separator(lines: list[Line], hints: Hints) -> Hints:
    """The hints, and what Excel's own first line `sep=;` says."""
    said = re.fullmatch(rb'"?sep=([^\w"])"?[\r\n]*', lines[0].body if lines else b"", re.IGNORECASE)
    if said is None or hints.delimiter is not None or hints.positions:
        return hints
    return hints.model_copy(update={"delimiter": said[1].decode("latin-1"), "preamble_rows": hints.preamble_rows or 1})


def _columns(source: Source, wanted: Wanted, names: tuple[str, ...]) -> tuple[int | None, ...]:
    """For each name the expected column; Refused if a required one is missing (where names are declared)."""
    missing = [wanted.expected[index][0] for index in wanted.missing(names)] if wanted.expected else []
    if missing:
        raise Refused(
            f"{source.path.name}: the declared columns do not hold {', '.join(missing)}. Put the names into the "
            "feed's format.columns, or take `required` from them.",
            missing,
        )
    return wanted.match(names)


def _first_lines(file: BinaryIO, way: charset.Charset, bom: int, limits: Limits) -> list[Line]:
    """The lines in which the header is looked for."""
    file.seek(bom)
    lines: list[Line] = []
    for line in physical_lines(file, way, limits, offset=bom):
        lines.append(line)
        if len(lines) >= limits.preamble_lines + limits.record_lines or line.offset > HEADER_BYTES:
            break
    return lines


def _refuse_binary(source: Source, lines: list[Line], way: charset.Charset) -> None:
    begin = b"".join(line.body if isinstance(way, charset.Wide) else line.raw for line in lines)
    if seen := junk.zeros(begin[:65536]):
        raise source.refused(f"this looks like {seen}, not like a CSV table. {REMEDY_BINARY}")


def _refuse_other(source: Source, lines: list[Line], text: str, way: charset.Charset) -> None:
    _refuse_binary(source, lines, way)
    if seen := junk.element(text):
        raise source.refused(f"this looks like {seen}, not like a CSV table. {REMEDY_PAGE}")
    if seen := junk.json_body(text):
        raise source.refused(f"this looks like {seen}, not like a CSV table. {REMEDY_JSON}")


def _found(lines: list[Line], head: Head, way: charset.Charset, bom: int) -> Found:
    above = (shown(line.body, way.inner).rstrip("\r\n") for line in lines[: head.first])
    dialect = head.dialect
    return Found(
        format="fixed" if dialect.widths else "csv",
        encoding=way.encoding,
        bom=bom > 0,
        delimiter=dialect.delimiter,
        quote=dialect.quote,
        line_end=_line_end(lines[head.first :], dialect.quote.encode(way.inner, "replace")),
        header=head.names,
        header_line=head.first + 1 if head.data > head.first else 0,
        preamble=tuple(above),
        header_end_line=head.data,
        escape=dialect.escape,
        loose=dialect.loose,
        spaced=dialect.spaced,
        widths=dialect.widths,
        named=head.data > head.first,
        header_rows=head.header_rows,
        findings=head.findings,
    )


def _line_end(lines: list[Line], quote: bytes) -> str:
    """What ends the records of the sample; line ends inside quotes do not count."""
    text = b"".join(line.body for line in lines)
    if quote:
        mark = re.escape(quote)
        text = re.sub(mark + rb"[^" + mark + rb"]*" + mark, b"", text)
    crlf = text.count(b"\r\n")
    seen = {
        "\r\n": crlf,
        "\n": text.count(b"\n") - crlf,
        "\r": text.count(b"\r") - crlf,
    }
    ends = [end for end, count in seen.items() if count]
    return "mixed" if len(ends) > 1 else ends[0] if ends else "\n"
