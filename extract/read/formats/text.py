"""Values as text: as they are, nothing rounded, nothing lost; what is nested as JSON text."""

import base64
import datetime
import decimal
import math
from collections.abc import Sequence
from json.encoder import encode_basestring
from typing import Any

from ..source_records import RawRecord

LONGEST_POSITIONAL = 1e21  # beyond it a number keeps its exponent


class Literal(str):
    """A number in its own spelling: 1.10 stays 1.10, and 12345678901234567890 loses no digit."""

    __slots__ = ()


def text(value: Any) -> str:
    """One value as the text of a cell; None is an empty cell."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, list | tuple | dict):
        return as_json(value)
    return _other(value)


def number(value: float) -> str:
    """The shortest spelling that gives the same float again, without `.0` and, where it stays short, an exponent."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    spelling = repr(value)
    if "e" in spelling and abs(value) < LONGEST_POSITIONAL:
        spelling = format(decimal.Decimal(spelling), "f")
    return spelling.removesuffix(".0")


def _other(value: Any) -> str:
    if isinstance(value, datetime.datetime | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return duration(value)
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, bytes):
        return _bytes(value)
    return str(value)


def duration(value: datetime.timedelta) -> str:
    """Hours, minutes and seconds, the hours beyond 24 where it is longer: 30:00:00."""
    whole = abs(value)
    minutes, seconds = divmod(whole.days * 86400 + whole.seconds, 60)
    fraction = f".{value.microseconds:06d}".rstrip("0") if whole.microseconds else ""
    sign = "-" if value < datetime.timedelta() else ""
    return f"{sign}{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}{fraction}"


def _bytes(value: bytes) -> str:
    """UTF-8 text as such; other bytes in PostgreSQL's own spelling, hexadecimal."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return "\\x" + value.hex()


def as_json(value: Any) -> str:
    """A nested value as JSON text, compact, its numbers in their own spelling."""
    if isinstance(value, Literal):
        return value if value[-1:].isdigit() else f'"{value}"'
    if isinstance(value, dict):
        return "{" + ",".join(f"{encode_basestring(str(key))}:{as_json(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(as_json, value)) + "]"
    if value is None:
        return "null"
    if isinstance(value, bool | int):
        return text(value)
    if isinstance(value, float):
        return number(value) if math.isfinite(value) else f'"{number(value)}"'
    if isinstance(value, bytes):
        return encode_basestring(_json_bytes(value))
    return encode_basestring(text(value))


def _json_bytes(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()


def unstorable(cells: Sequence[str]) -> tuple[str, str] | None:
    """(code, message) where PostgreSQL's text cannot hold a cell; None for nearly all records."""
    whole = "".join(cells)
    if "\0" in whole:
        return "nul_byte", "a NUL in a value; PostgreSQL's text cannot hold it"
    if whole.isascii():
        return None
    try:
        whole.encode()
    except UnicodeEncodeError:
        return "undecodable", "a value holds bytes without a meaning in the file's encoding, or half of a character"
    return None


def checked(record: RawRecord, raw: bytes | None = None) -> RawRecord:
    """The record itself, or the same as unreadable where a cell of it cannot be stored.

    `raw`: its bytes, where the format has some; else its cells stand for them, with tabs between.
    """
    problem = unstorable(record.cells or ())
    if problem is None:
        return record
    kept = "\t".join(record.cells or ()).encode("utf-8", "surrogatepass") if raw is None else raw
    return RawRecord(record.line, record.offset, record.length, None, *problem, kept)
