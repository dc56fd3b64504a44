"""Effective times: what a feed may say of when its deliveries, or their rows, hold; and a text as such a time.

A text without a zone is a time of the feed's own.
"""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag

from extract.collect.declared import Pattern

LAST_MODIFIED = "last-modified"
ISO = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,6})?)?( ?(Z|[+-]\d{2}(:?\d{2})?))?)?$"
ZONE_OF_ISO = r":.*(Z|[+-]\d{2}(:?\d{2})?)$"
# What PostgreSQL is asked to find for each of Python's directives, and how they stand in a text that it reads.
DIRECTIVES = {
    "Y": r"(\d{4})",
    "m": r"(\d{1,2})",
    "b": "([A-Za-z]{3,9})",
    "d": r"(\d{1,2})",
    "H": r"(\d{1,2})",
    "I": r"(\d{1,2})",
    "M": r"(\d{2})",
    "S": r"(\d{2})",
    "f": r"(\d{1,6})",
    "p": "([AaPp][Mm])",
    "z": r"(Z|[+-]\d{2}:?\d{2})",
}


class Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _says_a_date(pattern: str) -> str:
    if "date" not in re.compile(pattern).groupindex:
        raise ValueError("the pattern needs a group named date: (?P<date>...)")
    return pattern


def _row_format(text: str | None) -> str | None:
    if text is None:
        return None
    used = _directives(text)
    if unknown := sorted(set(used) - set(DIRECTIVES)):
        raise ValueError(
            f"%{unknown[0]} is not read of rows; write with {', '.join('%' + name for name in DIRECTIVES)}"
        )
    if len(used) != len(set(used)) or not {"Y", "d"} <= set(used) or len({"m", "b"} & set(used)) != 1:
        raise ValueError("a row's time needs %Y, %m (or %b) and %d, each once")
    if ("p" in used) != ("I" in used) or {"H", "I"} <= set(used):
        raise ValueError("hours are %H, or %I with %p")
    return text


class FromFilename(Rule):
    """The effective date stands in the file's name; where `format` has hours, a time of the feed's zone does."""

    filename: Annotated[Pattern, AfterValidator(_says_a_date)]
    format: str = "%Y-%m-%d"


class FromMetadata(Rule):
    """The effective time stands beside the file: in the metadata of its object in S3, a header of its answer over HTTP,
    or, as `last-modified`, in when it was changed. Without a `format` it is ISO 8601 or a date of HTTP."""

    metadata: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
    format: str | None = None


class FromColumn(Rule):
    """Each row of a delta has an effective time of its own, in a column. Without a `format` it is ISO 8601.

    The delivery's own time, which orders deliveries that speak of one key and time, comes from `delivery`. A row that
    is more than `hours_ahead` later than the coming of its delivery is no row yet: it is quarantined.
    """

    column: str
    format: Annotated[str | None, AfterValidator(_row_format)] = None
    delivery: "FromFilename | Literal['moment']" = "moment"
    hours_ahead: int = Field(default=24, ge=0)

    def told(self) -> str:
        """How the time is written, for a person."""
        return self.format or "ISO 8601 (2026-01-31T08:30:00Z)"


def _which(says: Any) -> str:
    keys = says.keys() if isinstance(says, dict) else vars(says).keys() if isinstance(says, Rule) else ()
    return next((name for name in ("column", "metadata", "filename") if name in keys), "filename" if keys else "word")


Effective = Annotated[
    Annotated[FromFilename, Tag("filename")]
    | Annotated[FromMetadata, Tag("metadata")]
    | Annotated[FromColumn, Tag("column")]
    | Annotated[Literal["arrival", "moment"], Tag("word")],
    Discriminator(_which),
]


def moment_of(text: str, format: str | None, zone: ZoneInfo) -> datetime:
    """The time that a text of a file's metadata is, in a zone. Raises ValueError where it is none."""
    text = text.strip()
    if format is not None:
        found = datetime.strptime(text, format)
    elif text[:4].isdigit():
        found = datetime.fromisoformat(text)
    else:
        found = parsedate_to_datetime(text)
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found  # RFC 5322: -0000
    return found.replace(tzinfo=zone) if found.tzinfo is None else found.astimezone(zone)


def row_time_sql(rule: FromColumn, zone: str, told: str) -> str:
    """SQL for the time that a row's text `told` is, as timestamptz; NULL where it is none. It raises no error."""
    if rule.format is None:
        cell = f"replace(trim({told}), ',', '.')"
        return (
            f"case when {cell} ~ {_quoted(ISO)} and pg_input_is_valid({cell}, 'timestamptz') then"
            f" case when {cell} ~ {_quoted(ZONE_OF_ISO)} then {cell}::timestamptz"
            f" else {cell}::timestamp at time zone {_quoted(zone)} end end"
        )
    pattern, order = _pattern(rule.format)
    zoned = "z" in order
    kind = "timestamptz" if zoned else "timestamp"
    cell = f"regexp_replace(trim({told}), {_quoted(pattern)}, {_quoted(_as_iso(order))})"
    is_time = f"trim({told}) ~ {_quoted(pattern)} and pg_input_is_valid({cell}, '{kind}')"
    local = "" if zoned else f" at time zone {_quoted(zone)}"
    return f"case when {is_time} then {cell}::{kind}{local} end"


def _directives(text: str) -> list[str]:
    return re.findall(r"%(.)", text.replace("%%", ""))


def _pattern(text: str) -> tuple[str, list[str]]:
    """A format as PostgreSQL's regular expression, and the directives of its groups in their order."""
    parts = re.split(r"(%.)", text)
    words = [DIRECTIVES[part[1]] if part[:1] == "%" and part != "%%" else re.escape(part[-1:] if part == "%%" else part)
             for part in parts]  # fmt: skip
    return f"^{''.join(words)}$", _directives(text)


def _as_iso(order: list[str]) -> str:
    """What stands in the place of a text in a format: its parts, as PostgreSQL reads them whatever its settings."""
    group = {name: f"\\{order.index(name) + 1}" for name in order}
    month, hour = group.get("m") or group["b"], group.get("H") or group.get("I") or "00"
    second = f":{group['S']}" + (f".{group['f']}" if "f" in group else "") if "S" in group else ""
    half = f" {group['p']}" if "p" in group else ""
    return f"{group['Y']}-{month}-{group['d']} {hour}:{group.get('M', '00')}{second}{half}{group.get('z', '')}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
