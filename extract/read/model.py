"""The words of the reader: what a caller may say, and what it gets back."""

import codecs
import re
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, Field, field_validator, model_validator

from warehouse.errors import SluiceError, printable

from . import paths
from .charset import is_single_byte


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error


class Span(BaseModel, frozen=True, extra="forbid"):
    """One column of a fixed-width file: characters start (from 1) to end (included)."""

    start: int = Field(ge=1)
    end: int = Field(ge=1)

    @model_validator(mode="after")
    def _forwards(self) -> "Span":
        if self.end < self.start:
            raise ValueError(f"a column cannot end at {self.end} before it starts at {self.start}")
        return self


class MapHint(BaseModel, frozen=True, extra="forbid"):
    """Columns whose names `headers` (a regular expression) matches whole become one column of JSON objects."""

    column: str
    headers: str

    @field_validator("headers")
    @classmethod
    def _pattern(cls, value: str) -> str:
        _compiled(value)
        return value


class Hints(BaseModel, frozen=True, extra="forbid"):
    """What a feed declares about its files (its `format` meta); what is said here wins over sniffing.

    quote "" says that nothing is quoted. escape: the quote itself (doubled inside a quoted cell), another character
    that stands before it, or "" where quotes inside stand as they are. positions: the columns of a fixed-width file.
    header_rows 0 says that there is no header; columns gives the names then, and wins over a header that is there.
    preamble_rows: physical lines (or rows) above the header. trailer_rows: records below the last row. table: which
    of several tables in one file. map: columns (days, most times) to be kept as one column of JSON objects.
    mend: what may be put right where there is only one way to do so, each time counted and with the record's raw bytes
    kept: "quotes" (a quote out of order is a character of its cell: none is lost) and "delimiters" (an empty cell too
    many is dropped). Left out, nothing is mended, but quotes are where delimiter, quote and escape are all declared:
    then the record is damaged for sure, while under a dialect that was found out the finding may be wrong. [] is never.
    mojibake: the encoding that UTF-8 was wrongly read with, e.g. cp1252; undone cell by cell.
    kind forces the format; sheet, merged, record_path, flatten, geometry and member are for formats other than text.
    record_path may go through lists of lists (runs[].tomograms): parents are the values of the objects around that go
    with each record, column: path. together: all members of a zip that are meant are one table; a file that is no zip
    is read as it is. from_name: a regular expression whose named groups are columns; it is looked for in the file's
    name, or in that of each member.
    """

    kind: Literal["csv", "fixed", "excel", "json", "ndjson", "geojson", "xml", "yaml", "parquet", "arrow"] | None = None
    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    escape: str | None = None
    positions: tuple[Span, ...] | None = None
    header_rows: int | None = Field(default=None, ge=0, le=10)
    columns: tuple[str, ...] | None = None
    preamble_rows: int | None = Field(default=None, ge=0)
    trailer_rows: int | None = Field(default=None, ge=0, le=100)
    table: int = Field(default=1, ge=1)
    map: MapHint | None = None
    mend: frozenset[Literal["quotes", "delimiters"]] | None = None
    mojibake: str | None = None
    sheet: str | int | None = None
    merged: Literal["fill", "leave"] | None = None
    record_path: str | None = None
    flatten: Literal["dot", "json"] | None = None
    geometry: Literal["wkt", "geojson", "both"] | None = None
    member: str | None = None
    parents: dict[str, str] | None = None
    together: bool = False
    from_name: str | None = None

    @property
    def named(self) -> tuple[str, ...]:
        """The columns that a file's name fills."""
        return tuple(re.compile(self.from_name).groupindex) if self.from_name else ()

    @property
    def nested(self) -> bool:
        """Whether records are looked for in lists of lists, with values of what is around them."""
        return bool(self.parents) or "[]" in (self.record_path or "")

    @property
    def mended(self) -> frozenset[str]:
        """What is put right: what was declared, or what the declared dialect allows."""
        if self.mend is not None:
            return frozenset(self.mend)
        whole = bool(self.delimiter and self.quote and self.escape is not None)
        return frozenset({"quotes"}) if whole else frozenset()

    @field_validator("from_name")
    @classmethod
    def _named_groups(cls, value: str | None) -> str | None:
        if value is not None and not _compiled(value).groupindex:
            raise ValueError(f"{value!r} has no named group; write (?P<column>...) around what becomes a column")
        return value

    @model_validator(mode="after")
    def _paths(self) -> "Hints":
        records = paths.steps(self.record_path or "")
        for column, path in (self.parents or {}).items():
            paths.parent(column, path, records)
        return self

    @field_validator("encoding", "mojibake")
    @classmethod
    def _known_text_encoding(cls, value: str | None) -> str | None:
        try:
            known = value is None or codecs.lookup(value)._is_text_encoding
        except LookupError:
            known = False
        if not known:
            raise ValueError(f"{value!r} is not an encoding that Python knows; say for example utf-8 or cp1252")
        return value

    @field_validator("mojibake")
    @classmethod
    def _single_byte(cls, value: str | None) -> str | None:
        if value is not None and not is_single_byte(codecs.lookup(value).name):
            raise ValueError(f"{value!r} is not an encoding of single bytes; say for example cp1252")
        return value

    @field_validator("delimiter")
    @classmethod
    def _short(cls, value: str | None) -> str | None:
        if value is not None and (not 1 <= len(value) <= 8 or set(value) & set("\r\n\0")):
            raise ValueError(f"{value!r} is not 1 to 8 characters; line ends and NUL are not allowed")
        return value

    @field_validator("quote", "escape")
    @classmethod
    def _one_character(cls, value: str | None) -> str | None:
        if value is not None and (len(value) > 1 or value in ("\r", "\n", "\0") or value.isalnum()):
            raise ValueError(f'{value!r} is not one mark (or none: ""); letters, line ends and NUL are not allowed')
        return value

    @model_validator(mode="after")
    def _different(self) -> "Hints":
        if self.delimiter is not None and self.delimiter == self.quote:
            raise ValueError(f"delimiter and quote are both {self.quote!r}; they must differ")
        if self.positions and self.delimiter:
            raise ValueError("a file has either a delimiter or positions")
        return self


class Limits(BaseModel, frozen=True, extra="forbid"):
    """How much the reader bears; the defaults keep memory below a few hundred MB whatever comes.

    line_bytes bounds a physical line (without its line end) and also a whole record of several lines; field_bytes
    one cell, in characters. unpacked_ratio is asked after the first 64 MiB only; nesting counts wrappers in wrappers;
    element_bytes is for one JSON value or XML record, workbook_bytes for the process that opens a workbook.
    """

    line_bytes: int = 16 * 2**20
    field_bytes: int = 16 * 2**20
    record_lines: int = 1000
    columns: int = 2000
    preamble_lines: int = 50
    kept_bytes: int = 65536
    unpacked_bytes: int = 32 * 2**30
    unpacked_ratio: int = 200
    nesting: int = 3
    members: int = 10_000
    element_bytes: int = 16 * 2**20
    workbook_bytes: int = 2 * 2**30

    def remedy(self, key: str) -> str:
        """What to write to bear more: `Raise it, SLUICE_LIMITS={"columns": 4000},` (the words go on)."""
        return f'Raise it, SLUICE_LIMITS={{"{key}": {2 * int(getattr(self, key))}}},'


class Refused(SluiceError):
    """The file as a whole cannot be read: one paragraph that names the file, what was seen and what to do.

    What it repeats of the file is made printable: nothing in a file moves a terminal's cursor.
    """

    def __init__(self, message: str, missing: list[str] | None = None) -> None:
        super().__init__(printable(message))
        self.missing: list[str] = missing or []


class EmptyFile(Refused):
    """There is nothing in the file, or nothing more than white space."""


class NoRecords(Refused):
    """The file is well formed, and holds no record."""


class NotClean(Exception):
    """The optimistic road met something that only the careful one can judge."""


@dataclass(frozen=True)
class Found:
    """What a file turned out to be. header_end_line is the last physical line of the header's record.

    header: a name for each column; named says whether the file itself gives them. escape is the quote itself where
    quotes inside a quoted cell are doubled; loose: they stand there as they are. widths: the columns of a fixed-width
    file as (start, end), 0-based. more: what a format has to say of itself (sheet, path ...).
    """

    format: str
    encoding: str
    bom: bool
    delimiter: str
    quote: str
    line_end: str  # "\n", "\r\n", "\r" or "mixed"
    header: tuple[str, ...]
    header_line: int
    preamble: tuple[str, ...]
    header_end_line: int
    escape: str = '"'
    loose: bool = False
    spaced: bool = False  # blanks around a quoted cell do not count
    widths: tuple[tuple[int, int], ...] = ()
    named: bool = True
    header_rows: int = 1
    findings: tuple[str, ...] = ()
    more: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The finding as plain JSON values, for the ledger; of the preamble, which may name persons, its length."""
        plain = asdict(self)
        more = plain.pop("more")
        return plain | {
            "header": list(self.header),
            "preamble": len(self.preamble),
            "widths": [list(span) for span in self.widths],
            "findings": list(self.findings),
            **more,
        }


@dataclass(frozen=True)
class Unreadable:
    """A record that could not be placed, with its raw bytes; code and message hold no value of the record.

    raw is the record's first `Limits.kept_bytes` bytes as they are in the file at byte_offset.
    """

    row_number: int
    line_number: int
    byte_offset: int
    raw: bytes
    raw_length: int
    code: str
    message: str


@dataclass
class Batch:
    """A run of consecutive records: rows as (row_number, line_number, cells), and the account of the others.

    runs: for who asked for raw lines, those rows that can be copied as they stand in the file, before the others.
    """

    rows: list[tuple[int, int, list[str]]] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    blank: int = 0
    banner: int = 0
    other: int = 0  # records of other tables in the file
    mended: list[Unreadable] = field(default_factory=list)  # rows of this batch that were put right, as they came
    runs: list[Any] = field(default_factory=list)  # of record.Run
    end: int = 0  # the byte of the file behind the last record, where the format has one

    @property
    def records(self) -> int:
        """How many records of the file this batch accounts for."""
        rows: int = len(self.rows) + sum(run.rows_in for run in self.runs)
        return rows + len(self.unreadable) + self.blank + self.banner + self.other
