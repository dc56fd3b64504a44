"""Patches: regular expressions that put right what a vendor keeps sending wrong, listed in its folder's patches.csv."""

import csv
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from extract.patterns import refuse_odd, refuse_unusable
from warehouse.errors import SluiceError

FILE = "patches.csv"
COLUMNS = ("feed", "column", "pattern", "replacement", "why")


class PatchError(SluiceError):
    """A patch that cannot be used."""


class Patch(BaseModel):
    """One line of patches.csv: what `pattern` finds in a cell of `column` becomes `replacement`.

    Both are PostgreSQL's (`\\1` is the first group, `\\m` and `\\M` the ends of a word). `feed` is empty for all feeds
    of the vendor that have the column; `place` is file and line, for whoever has to mend it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    feed: str
    column: str
    pattern: str
    replacement: str
    why: str
    place: str


def read(folder: Path) -> tuple[Patch, ...]:
    """The patches of a vendor's folder, in their order; none where it has no patches.csv. Raises PatchError."""
    file = folder / FILE
    return tuple(_patches(file)) if file.is_file() else ()


def _patches(file: Path) -> Iterator[Patch]:
    try:
        with open(file, encoding="utf-8", newline="") as lines:
            rows = csv.reader(lines, strict=True)
            if tuple(next(rows, ())) != COLUMNS:
                raise PatchError(f"{file}:1: the header is {','.join(COLUMNS)}; write it so.")
            line = rows.line_num + 1
            for row in rows:
                if row:
                    yield _patch(file, line, row)
                line = rows.line_num + 1
    except (UnicodeDecodeError, csv.Error) as error:
        raise PatchError(f"{file}: not readable as CSV in UTF-8: {error}") from error


def _patch(file: Path, line: int, row: list[str]) -> Patch:
    if len(row) != len(COLUMNS):
        raise PatchError(
            f"{file}:{line}: {len(row)} cells where {len(COLUMNS)} are needed; put a cell that holds a comma in quotes."
        )
    cells = dict(zip(COLUMNS, row, strict=True))
    for needed in ("column", "pattern", "why"):
        if not cells[needed].strip():
            raise PatchError(f"{file}:{line}: {needed}: missing; each patch says where, what and why.")
    patch = Patch(**cells, place=f"{file}:{line}")
    refuse_odd(f"{patch.place}: pattern", patch.pattern)
    return patch


def of_feed(found: tuple[Patch, ...], feed: str, columns: set[str]) -> tuple[Patch, ...]:
    """Those that concern a feed. Raises PatchError for one that names the feed and a column that it has not."""
    for patch in found:
        if patch.feed == feed and patch.column not in columns:
            known = ", ".join(sorted(columns))
            raise PatchError(f"{patch.place}: column: {feed} has no column {patch.column!r}; it has {known}.")
    return tuple(patch for patch in found if patch.feed in ("", feed) and patch.column in columns)


def refuse_useless(found: tuple[Patch, ...], columns: dict[str, set[str]]) -> None:
    """Raise PatchError for a patch of a feed that the vendor has not, or of a column that none of its feeds has."""
    for patch in found:
        if patch.feed and patch.feed not in columns:
            raise PatchError(f"{patch.place}: feed: {patch.feed!r} is none of {', '.join(sorted(columns))}.")
        if not any(patch.column in names for names in columns.values()):
            raise PatchError(f"{patch.place}: column: no feed of the vendor has a column {patch.column!r}.")


def check(found: tuple[Patch, ...]) -> None:
    """Raise PatternError, with file and line, for a pattern that PostgreSQL cannot use."""
    for patch in found:
        refuse_unusable(f"{patch.place}: pattern", patch.pattern, patch.replacement)
