"""The seam between formats and tables: what a format gives, and what the header and account logic takes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class RawRecord:
    """One record of a table-like source, before anybody decided what it is.

    line is the 1-based physical line, the row of the sheet, or the ordinal of the element; offset and length are
    bytes in the (unpacked) file, -1 where the format has none. cells is None where the record cannot be read: then
    code, message and raw say why.
    """

    line: int
    offset: int
    length: int
    cells: list[str] | None
    code: str = ""
    message: str = ""
    raw: bytes = b""


class RecordSource(Protocol):
    """A format's records, from the first to the last, as often as they are asked for.

    found: format, encoding, sheet, path ... for Found.as_json. named: the cells come with names (JSON, Parquet);
    then `names` is the header and none is looked for.
    """

    found: dict[str, Any]
    named: bool
    names: tuple[str, ...]

    def records(self) -> Iterator[RawRecord]: ...
