"""NDJSON: one JSON value on each line; a line that is none is one unreadable record, and its neighbours load."""

from collections.abc import Iterator
from typing import Any

from ..charset import charset
from ..lines import Line, physical_lines
from ..model import Hints, Limits
from ..source import Source
from ..source_records import RecordSource
from . import errors
from .json import table
from .scanner import Decoder
from .table import BLANK, Element, no_records

SPACE = "\ufeff \t\r\n\x1e"  # RFC 8142 begins each text with a record separator
SAMPLE = 100


def is_ndjson(head: bytes, encoding: str, whole: bool) -> bool:
    """Whether the first lines of a file are complete JSON values, two or more, and at least half of all."""
    decode, good, bad = Decoder().decode, 0, 0
    lines = head.decode(encoding, "replace").replace("\ufeff", "").splitlines()
    for line in lines[: SAMPLE if whole else max(1, min(SAMPLE, len(lines) - 1))]:
        text = line.strip(SPACE)
        if not text:
            continue
        try:
            fits = text[0] in "{[" and decode(text, 0)[1] == len(text)
        except (ValueError, RecursionError):
            fits = False
        good, bad = good + fits, bad + (not fits)
    return good >= max(2, bad)


def open_ndjson(source: Source, encoding: str, hints: Hints, limits: Limits) -> RecordSource:
    """The records of an NDJSON file; Refused where no line of it is an object or a list."""
    lines = Lines(source, encoding, limits)
    first = next((element.value for element in lines() if isinstance(element.value, dict | list)), None)
    if first is None:
        raise no_records(source, "the file")
    only = [element.value for _, element in zip(range(2), lines(), strict=False)]
    if len(only) == 1 and isinstance(first, dict) and (seen := errors.json_error(first)):
        raise source.refused(f"this looks like {seen}, not like data. {errors.REMEDY}")
    return table(source, lines, first, {"format": "ndjson", "encoding": encoding}, hints, limits)


class Lines:
    """The elements of an NDJSON file."""

    def __init__(self, source: Source, encoding: str, limits: Limits) -> None:
        way = charset(encoding)
        if way is None:
            raise source.refused(f"NDJSON in {encoding} cannot be read. Convert the file to UTF-8 first.")
        self.source, self.way, self.limits = source, way, limits
        self.decoder = Decoder()

    def __call__(self) -> Iterator[Element]:
        with self.source.open() as file:
            for line in physical_lines(file, self.way, self.limits):
                yield self._element(line)
            self.source.check_unchanged(file)

    def _element(self, line: Line) -> Element:
        place = line.number, line.offset, line.length
        raw = line.raw[: self.limits.kept_bytes]
        if line.cut:
            return Element(*place, None, "too_long", f"a line longer than {self.limits.line_bytes:,} bytes", raw)
        try:
            text = line.body.decode(self.way.inner).strip(SPACE)
        except UnicodeDecodeError:
            message = "the line holds bytes without a meaning in the file's encoding"
            return Element(*place, None, "undecodable", message, raw)
        if not text:
            return Element(*place, None, BLANK)
        self.decoder.twice = ""
        try:
            value: Any
            value, end = self.decoder.decode(text, 0)
        except (ValueError, RecursionError):
            return Element(*place, None, "bad_json", "the line is no JSON value", raw)
        if end < len(text):
            return Element(*place, None, "bad_json", "something stands behind the line's JSON value", raw)
        if self.decoder.twice:
            return Element(*place, None, "duplicate_key", "a key stands twice in one object", raw)
        return Element(*place, value, raw=raw)
