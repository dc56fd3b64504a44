"""A table whose cells come with names: its objects are gone through twice, for the names and for the cells."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Protocol

from ..model import Limits, NoRecords
from ..source import Source
from ..source_records import RawRecord
from .flatten import Columns
from .spool import Spool
from .text import checked

KEPT = 2000  # objects of a small file are kept from the first pass for the second
KEPT_BYTES = 2 * 2**20
BLANK = "blank"  # the code of an element that is an empty line


class Element(NamedTuple):
    """One object of a file and its place, or the code and message of what cannot be one."""

    line: int
    offset: int
    length: int
    value: dict[str, Any] | None
    code: str = ""
    message: str = ""
    raw: bytes = b""


class Elements(Protocol):
    """The objects of a file, as often as they are asked for; Refused where the file is damaged beyond mending."""

    def __call__(self) -> Iterable[Element]: ...


class NamedTable:
    """A record source over objects; `names` is settled when it is made. `spool`: where they are kept for the second
    pass, if they are slow to be had again and are of Python's own types."""

    named = True

    def __init__(
        self,
        source: Source,
        elements: Elements,
        columns: Columns,
        found: dict[str, Any],
        limits: Limits,
        spool: Spool[tuple[Any, ...]] | None = None,
    ) -> None:
        self._elements, self._columns, self._limits = elements, columns, limits
        self.found = found
        self._kept: list[Element] | None = []
        self._spool = spool
        self._learn()
        self.names = columns.settle(limits.columns, source.path.name)

    def _learn(self) -> None:
        size = 0
        for element in self._elements():
            if element.value is not None:
                self._columns.learn(element.value)
            if self._spool is not None:
                self._spool.add(tuple(element))
            elif self._kept is not None:
                self._kept.append(element)
                size += max(element.length, 100)
                if len(self._kept) > KEPT or size > KEPT_BYTES:
                    self._kept = None

    def _again(self) -> Iterable[tuple[Any, ...]]:
        if self._spool is not None:
            return self._spool if self._spool.whole else self._elements()
        return self._kept if self._kept is not None else self._elements()

    def records(self) -> Iterator[RawRecord]:
        """Every object as a record, in order."""
        cells = self._columns.cells
        for element in self._again():
            line, offset, length, value, code, message, raw = element
            if code == BLANK:
                yield RawRecord(line, offset, length, [""] * len(self.names))
            elif value is None:
                yield RawRecord(line, offset, length, None, code, message, raw)
            else:
                yield checked(RawRecord(line, offset, length, cells(value)), raw)


def no_records(source: Source, what: str) -> NoRecords:
    """The refusal of a file that is well formed and holds nothing."""
    return NoRecords(f"{source.path.name}: {what} holds no record. Ask the vendor whether the export failed.")
