"""Formats other than text tables: which one a file has, told by its content, and its records."""

import re
from pathlib import Path

from .. import charset, guess, junk
from ..header import Wanted
from ..model import Hints, Limits
from ..source import Source
from ..source_records import RecordSource
from ..unpack import wrapper
from . import errors

HEAD = 2**20
TAIL = 4096
YAML = (".yaml", ".yml")  # nothing else tells YAML from text
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
PAGE = re.compile(
    r"(<!--.*?-->\s*|<\?xml[^>]*>\s*)*<(!doctype\s+html|html|head|body|script|style|meta|center|table)\b", re.I | re.S
)
OBJECT = re.compile(r'\{\s*("(\\.|[^"\\])*"\s*:|\})')  # a key, or nothing
LIST = re.compile(r"\[\s*[\[{\"\d\]tfn-]")


def open_source(path: Path, hints: Hints, limits: Limits, wanted: Wanted | None = None) -> RecordSource | None:
    """The records of a file that is no text table, by its content or hints.kind; None: it is a text table.

    `path` has no wrapper any more. `wanted` says which columns are looked for: a workbook's sheet is chosen by them.
    Raises Refused for pages, error answers, and files that are damaged or hold no records; for damage further down
    it is raised by the source's records().
    """
    source = Source(path)
    if hints.together and wrapper(path) == "zip":
        from .bundle import open_bundle

        return open_bundle(source, hints, limits)
    with source.open() as file:
        head = file.read(HEAD)
        size = file.seek(0, 2)
        file.seek(max(0, size - TAIL))
        tail = file.read()
    kind = hints.kind or _binary(source, head, tail)
    if kind in ("csv", "fixed") or not head:
        return None
    if kind == "excel":
        return _workbook(source, head, hints, limits, wanted)
    if kind == "parquet":
        from .parquet import open_parquet

        return open_parquet(source, hints, limits)
    if kind == "arrow":
        from .arrow import open_arrow

        return open_arrow(source, hints, limits)
    return _text(source, kind, head, tail, size == len(head), hints, limits)


def _binary(source: Source, head: bytes, tail: bytes) -> str | None:
    if head.startswith((b"PK\x03\x04", OLE)):
        return "excel"
    if head.startswith(b"PAR1") and (tail.endswith(b"PAR1") or b"\0" in head):
        return "parquet"
    if head.startswith(b"ARROW1\0\0") or re.match(rb"\xff\xff\xff\xff[^\0]...", head, re.S):
        return "arrow"
    if head.startswith(b"PARE") and tail.endswith(b"PARE"):
        raise source.refused("this Parquet file is encrypted. Ask the vendor for one that is not.")
    if head.startswith(b"FEA1"):
        raise source.refused("this is a Feather file of version 1. Ask for version 2 (Arrow), or Parquet.")
    return None


def _workbook(source: Source, head: bytes, hints: Hints, limits: Limits, wanted: Wanted | None) -> RecordSource | None:
    from ..unpack import workbook_kind
    from .excel import open_excel

    kind = workbook_kind(source.path) if head.startswith(b"PK") else "xls" if head.startswith(OLE) else None
    if kind is None and hints.kind:
        raise source.refused("this is no Excel or OpenDocument workbook, though it is declared as one (kind).")
    return open_excel(source, kind, hints, limits, wanted) if kind else None


def _text(
    source: Source, kind: str | None, head: bytes, tail: bytes, whole: bool, hints: Hints, limits: Limits
) -> RecordSource | None:
    """JSON in its forms and XML, told by how the text begins."""
    encoding = _encoding(head, hints, whole)
    start = head[: 2**16].decode(encoding, "replace").lstrip("\ufeff \t\r\n\x1e\0")
    if page := PAGE.match(start):
        seen = junk.page(start[page.start(2) - 1 :]) or "an HTML page"
        raise source.refused(f"this looks like {seen}, not like a table. {errors.REMEDY}")
    if kind == "xml" or (kind is None and start.startswith("<") and _is_xml(start, tail, encoding)):
        from .xml import open_xml

        return open_xml(source, charset.plain_name(hints.encoding) if hints.encoding else None, hints, limits)
    if kind == "yaml" or (kind is None and source.path.suffix.lower() in YAML and not OBJECT.match(start)):
        from .yaml import open_yaml

        return open_yaml(source, encoding, hints, limits)
    if hints.nested and kind in (None, "json"):
        from .documents import open_nested_json

        return open_nested_json(source, encoding, hints, limits)
    if kind is None and not (OBJECT.match(start) or LIST.match(start)):
        return None
    from .ndjson import is_ndjson, open_ndjson

    if kind == "ndjson" or (kind != "json" and is_ndjson(head, encoding, whole)):
        return open_ndjson(source, encoding, hints, limits)
    from .json import begins, open_json

    if kind is None and start.startswith("[") and not begins(start):
        return None
    return open_json(source, encoding, hints, limits)


def _encoding(head: bytes, hints: Hints, whole: bool) -> str:
    mark = guess.byte_order_mark(head)
    if mark:
        return mark[1]
    if hints.encoding:
        return charset.plain_name(hints.encoding)
    return junk.utf16_without_bom(head) or guess.judge(guess.tally([head], whole=whole))


def _is_xml(start: str, tail: bytes, encoding: str) -> bool:
    """A declaration, or an outermost element that the file ends with; <TICKER>,<DATE> is the header of a table."""
    root = re.match(r"(?:<!--.*?-->\s*|<![^>]*>\s*)*<([A-Za-z_][\w:.-]*)[\s/>]", start, re.S)
    end = tail.decode(encoding, "replace").rstrip(" \t\r\n\0")
    return start.startswith(("<?xml", "<!DOCTYPE")) or (root is not None and end.endswith((f"</{root[1]}>", "/>")))
