"""The first look at a file: is it a table at all, in which encoding, and where is its header."""

import itertools
import re
from collections.abc import Iterable
from typing import BinaryIO

from . import charset, guess, junk
from .header import DELIMITERS, Candidate, Wanted, check_header, find_header, shown
from .lines import BLOCK, Line, physical_lines, read_blocks
from .mismatch import refuse_header
from .model import Found, Hints, Limits
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
        raise source.refused(f"the file is empty ({seen}). Ask the vendor whether the export failed.")
    if binary := junk.magic(head):
        raise source.refused(f"this looks like {binary}, not like a CSV table. {REMEDY_BINARY}")
    certain = _hinted(hints, marked, head) or marked or junk.utf16_without_bom(head)
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


def sniff_table(
    source: Source,
    file: BinaryIO,
    way: charset.Charset,
    bom: int,
    wanted: Wanted,
    hints: Hints,
    limits: Limits,
) -> tuple[Found, tuple[int | None, ...], int]:
    """(what was found, the expected column of each header cell, the offset at which the data begins)."""
    lines = _first_lines(file, way, bom, limits)
    text = b"".join(line.body for line in lines).decode(way.inner, "replace")
    if seen := junk.page(text):
        raise source.refused(f"this looks like {seen}, not like a CSV table. {REMEDY_PAGE}")
    quote = hints.quote or '"'
    delimiters = (hints.delimiter,) if hints.delimiter else tuple(one for one in DELIMITERS if one != quote)
    header = find_header(lines, way.inner, wanted, delimiters, quote, limits)
    if header is None:
        _refuse_other(source, lines, text)
        raise refuse_header(source.path.name, lines, way.inner, wanted, delimiters, quote, limits)
    check_header(source.path.name, header, wanted, limits)
    last = lines[header.last]
    return (
        _found(lines, header, way, bom, quote),
        header.columns,
        last.offset + last.length,
    )


def _first_lines(file: BinaryIO, way: charset.Charset, bom: int, limits: Limits) -> list[Line]:
    """The lines in which the header is looked for."""
    file.seek(bom)
    lines: list[Line] = []
    for line in physical_lines(file, way, limits, offset=bom):
        lines.append(line)
        if len(lines) >= limits.preamble_lines + limits.record_lines or line.offset > HEADER_BYTES:
            break
    return lines


def _refuse_other(source: Source, lines: list[Line], text: str) -> None:
    if seen := junk.zeros(b"".join(line.raw for line in lines)[:65536]):
        raise source.refused(f"this looks like {seen}, not like a CSV table. {REMEDY_BINARY}")
    if seen := junk.element(text):
        raise source.refused(f"this looks like {seen}, not like a CSV table. {REMEDY_PAGE}")
    if seen := junk.json_body(text):
        raise source.refused(f"this looks like {seen}, not like a CSV table. {REMEDY_JSON}")


def _found(lines: list[Line], header: Candidate, way: charset.Charset, bom: int, quote: str) -> Found:
    above = (shown(line.body, way.inner).rstrip("\r\n") for line in lines[: header.first])
    return Found(
        format="csv",
        encoding=way.encoding,
        bom=bom > 0,
        delimiter=header.delimiter,
        quote=quote,
        line_end=_line_end(lines[header.first :], quote.encode(way.inner, "replace")),
        header=header.cells,
        header_line=header.first + 1,
        preamble=tuple(above),
        header_end_line=header.last + 1,
    )


def _line_end(lines: list[Line], quote: bytes) -> str:
    """What ends the records of the sample; line ends inside quotes do not count."""
    text = b"".join(line.body for line in lines)
    text = re.sub(quote + rb"[^" + quote + rb"]*" + quote, b"", text)
    crlf = text.count(b"\r\n")
    seen = {
        "\r\n": crlf,
        "\n": text.count(b"\n") - crlf,
        "\r": text.count(b"\r") - crlf,
    }
    ends = [end for end, count in seen.items() if count]
    return "mixed" if len(ends) > 1 else ends[0] if ends else "\n"
