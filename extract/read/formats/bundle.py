"""Several files in one zip as one table: the members that are meant, each with what its name says of it."""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .. import unpack
from ..model import EmptyFile, Hints, Limits, NoRecords, Refused
from ..source import Source
from ..source_records import RecordSource
from .flatten import Columns
from .table import BLANK, Element, NamedTable, no_records


def open_bundle(source: Source, hints: Hints, limits: Limits) -> RecordSource:
    """The records of all members, by the names of their columns. A member that cannot be read is an unreadable record;
    Refused where none can, or where one is empty."""
    members = unpack.members(source.path, hints, limits)
    found = {"format": "zip", "members": len(members), "record_path": hints.record_path or "."}
    records = Members(source, members, hints, limits)
    made = NamedTable(source, records, Columns(), found, limits)
    if not made.names:
        raise records.refusal or no_records(source, "the zip")
    return made


def name_parts(hints: Hints, name: str) -> dict[str, str]:
    """The columns that a file's name fills; Refused where the name is not as declared."""
    if hints.from_name is None:
        return {}
    found = re.search(hints.from_name, name.replace("!", "/"))
    if found is None:
        raise Refused(f"{name}: its name should have {hints.from_name}. Rename it, or mend from_name.")
    return {column: value or "" for column, value in found.groupdict().items()}


class Members:
    """The records of a zip's members, one after the other; lines are those of the member."""

    def __init__(self, source: Source, members: list[unpack.Member], hints: Hints, limits: Limits) -> None:
        self.source, self.members, self.limits = source, members, limits
        self.hints = hints.model_copy(update={"together": False, "member": None})
        self.refusal: Refused | None = None  # the last one

    def __call__(self) -> Iterator[Element]:
        for member in self.members:
            named = name_parts(self.hints, member.inside)
            with tempfile.TemporaryDirectory(dir=self.source.path.parent, prefix="member-") as folder:
                target = Path(folder) / member.name
                unpack.extract_member(self.source.path, member, target, self.limits)
                try:
                    yield from self._readable(target, named)
                except EmptyFile:
                    raise self.source.refused(
                        f"{member.inside}, one of its files, is empty, and what it spoke of would be taken for gone."
                        " Write it again, or take it away."
                    ) from None

    def _readable(self, path: Path, named: dict[str, str]) -> Iterator[Element]:
        """A member's records; what is left of it, where it cannot be read (on), is one that is none: whatever it speaks
        of is not taken for gone. EmptyFile where nothing is left."""
        try:
            yield from self._records(path, named)
        except EmptyFile:
            raise
        except Refused as refusal:
            self.refusal = refusal
            with open(path, "rb") as file:
                raw = file.read(self.limits.kept_bytes)
            yield Element(1, -1, path.stat().st_size, None, "unreadable_document", str(refusal), raw)

    def _records(self, path: Path, named: dict[str, str]) -> Iterator[Element]:
        from ..reading import open_file

        try:
            reading = open_file(path, hints=self.hints, limits=self.limits, scratch=path.parent)
        except NoRecords:  # of several one may have none: a dataset without runs
            return
        header = reading.found.header
        for batch in reading.batches():
            for _, line, cells in batch.rows:
                own = dict(zip(header, cells, strict=True))
                yield Element(line, -1, sum(map(len, cells)), {**named, **own})
            for bad in batch.unreadable:
                yield Element(bad.line_number, -1, bad.raw_length, None, bad.code, bad.message, bad.raw)
            for _ in range(batch.blank + batch.banner + batch.other):
                yield Element(0, -1, 0, None, BLANK)
