"""One column of a feed for each of its names, however a record spells it: as with the headers of text tables, neither
capitals nor white space tell two names apart."""

import json
from collections.abc import Iterator, Sequence

from .header import Wanted, name_key
from .source_records import RawRecord, RecordSource


class OneSpelling:
    """A source of named cells, of which those of one column are one cell, under the spelling that came first."""

    named = True

    def __init__(self, source: RecordSource, same: Sequence[Sequence[int]]) -> None:
        self.source, self.same, self.found = source, same, source.found
        others = {place for places in same for place in places[1:]}
        self.kept = [place for place in range(len(source.names)) if place not in others]
        self.names = tuple(source.names[place] for place in self.kept)

    def records(self) -> Iterator[RawRecord]:
        """Its records; one that gives a column two values cannot be read."""
        for record in self.source.records():
            yield record if record.cells is None else self._folded(record, record.cells)

    def _folded(self, record: RawRecord, cells: list[str]) -> RawRecord:
        cells = list(cells)
        for places in self.same:
            filled = [place for place in places if cells[place]]
            if len({cells[place] for place in filled}) > 1:
                return self._twice(record, cells, filled)
            cells[places[0]] = cells[filled[0]] if filled else ""
        return RawRecord(record.line, record.offset, record.length, [cells[place] for place in self.kept])

    def _twice(self, record: RawRecord, cells: list[str], filled: list[int]) -> RawRecord:
        names = " and ".join(f'"{self.source.names[place]}"' for place in filled)
        message = f"the record has {names}, which is one column, and they differ; which one counts cannot be guessed"
        told = json.dumps({name: cell for name, cell in zip(self.source.names, cells, strict=True) if cell})
        raw = told.encode(self.found.get("encoding") or "utf-8", "replace")
        return RawRecord(record.line, record.offset, record.length, None, "key_twice", message, raw)


def one_spelling(source: RecordSource, wanted: Wanted) -> RecordSource:
    """The source, with the columns that a feed declares folded; itself where each is spelt in one way."""
    places: dict[str, list[int]] = {}
    for place, name in enumerate(source.names):
        if name_key(name) in wanted.by_key:
            places.setdefault(name_key(name), []).append(place)
    same = [of for of in places.values() if len(of) > 1]
    return OneSpelling(source, same) if same else source
