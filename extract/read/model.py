"""The words of the reader: what a caller may say, and what it gets back."""

import codecs
from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import BaseModel, field_validator, model_validator

from warehouse.errors import SluiceError, printable


class Hints(BaseModel, frozen=True, extra="forbid"):
    """What a feed declares about its files (its `format` meta); what is said here wins over sniffing."""

    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None

    @field_validator("encoding")
    @classmethod
    def _known_text_encoding(cls, value: str | None) -> str | None:
        try:
            known = value is None or codecs.lookup(value)._is_text_encoding
        except LookupError:
            known = False
        if not known:
            raise ValueError(f"{value!r} is not an encoding that Python knows; say for example utf-8 or cp1252")
        return value

    @field_validator("delimiter", "quote")
    @classmethod
    def _one_character(cls, value: str | None) -> str | None:
        if value is not None and (len(value) != 1 or value in "\r\n\0"):
            raise ValueError(f"{value!r} is not one character; line ends and NUL are not allowed")
        return value

    @model_validator(mode="after")
    def _different(self) -> "Hints":
        if self.delimiter is not None and self.delimiter == self.quote:
            raise ValueError(f"delimiter and quote are both {self.quote!r}; they must differ")
        return self


class Limits(BaseModel, frozen=True, extra="forbid"):
    """How much the reader bears; the defaults keep memory below a few hundred MB whatever comes.

    line_bytes bounds a physical line (without its line end) and also a whole record of several lines.
    """

    line_bytes: int = 16 * 2**20
    record_lines: int = 1000
    columns: int = 2000
    preamble_lines: int = 50
    kept_bytes: int = 65536


class Refused(SluiceError):
    """The file as a whole cannot be read: one paragraph that names the file, what was seen and what to do.

    What it repeats of the file is made printable: nothing in a file moves a terminal's cursor.
    """

    def __init__(self, message: str, missing: list[str] | None = None) -> None:
        super().__init__(printable(message))
        self.missing: list[str] = missing or []


class NotClean(Exception):
    """The optimistic road met something that only the careful one can judge."""


@dataclass(frozen=True)
class Found:
    """What a file turned out to be. header_end_line is the last physical line of the header's record."""

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

    def as_json(self) -> dict[str, Any]:
        """The finding as plain JSON values, for the ledger; of the preamble, which may name persons, its length."""
        return asdict(self) | {
            "header": list(self.header),
            "preamble": len(self.preamble),
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
    """A run of consecutive records: rows as (row_number, line_number, cells), and the account of the others."""

    rows: list[tuple[int, int, list[str]]] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    blank: int = 0
    banner: int = 0

    @property
    def records(self) -> int:
        """How many records of the file this batch accounts for."""
        return len(self.rows) + len(self.unreadable) + self.blank + self.banner
