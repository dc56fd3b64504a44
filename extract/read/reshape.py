"""What the hints have done to each row: columns gathered in a map, mojibake undone."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from .model import Hints, MapHint, Refused
from .mojibake import Repair
from .record import ROW, Record, Run


class Reshape:
    """From the rows of a file to those that are handed on. header: the names of the columns then."""

    def __init__(self, hints: Hints, header: Sequence[str]) -> None:
        self.repair = Repair(hints.mojibake) if hints.mojibake else None
        self.header = tuple(header)
        self.names = self.header
        self.kept = list(range(len(self.header)))
        self.mapped: dict[int, str] = {}
        if hints.map:
            pattern = re.compile(hints.map.headers)
            self.mapped = {place: name for place, name in enumerate(self.header) if pattern.fullmatch(name)}
            _refuse_odd(list(self.mapped.values()), hints.map)
            self.kept = [place for place in self.kept if place not in self.mapped]
            self.header = (*(self.header[place] for place in self.kept), hints.map.column)

    @property
    def idle(self) -> bool:
        """Whether rows stay as they are."""
        return self.repair is None and len(self.kept) == len(self.names) == len(self.header)

    def cells(self, cells: list[str]) -> list[str]:
        """One row."""
        if self.repair:
            cells = self.repair.cells(cells)
        if len(self.header) == len(self.names) and not self.mapped:
            return cells
        held = {name: cells[place] for place, name in self.mapped.items()}
        return [*(cells[place] for place in self.kept), json.dumps(held, ensure_ascii=False)]

    def items(self, items: Iterable[Record | Run]) -> Iterator[Record | Run]:
        """All records; those that are no rows stay as they are."""
        for item in items:
            if isinstance(item, Run):
                yield item._replace(rows=[self.cells(cells) for cells in item.cells()], lines=[])
            else:
                yield item._replace(cells=self.cells(item.cells)) if item.kind == ROW else item

    @property
    def found(self) -> dict[str, Any]:
        """What there is to say of it, for the finding."""
        found: dict[str, Any] = {"mojibake": self.repair.found} if self.repair else {}
        if self.mapped:
            found["map"] = {"column": self.header[-1], "columns": len(self.mapped)}
        return found


def _refuse_odd(names: Sequence[str], hint: MapHint) -> None:
    """Raise Refused where none of the columns is there, or one would take another's place."""
    if not names:
        raise Refused(
            f"no column has a name as {hint.headers}, and {hint.column} is made of those. If the vendor has renamed"
            " them, add the new names to `map: headers` of the feed; if it is another file, ask for the right one."
        )
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Refused(
            f"the header names the column {twice[0]!r} {names.count(twice[0])} times, and {hint.column} has one value"
            " for each. Which one counts cannot be guessed: ask the vendor."
        )
