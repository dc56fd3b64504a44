"""The vendors' files, brought to the version that is read today."""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from extract import feeds, versions
from warehouse.errors import SluiceError
from warehouse.settings import settings


@dataclass(frozen=True)
class Change:
    """What a vendor's file becomes: as a diff, and in words."""

    file: Path
    diff: str
    told: tuple[str, ...]


def migrate_files(vendors: Sequence[str], *, write: bool) -> Iterator[Change]:
    """Bring vendors' files up to date, all or those named; without `write` only what would change is given. A file
    whose feeds cannot be loaded afterwards is left as it was, and SluiceError raised."""
    project = settings().dbt_project
    files = {folder.name: folder / f"_{folder.name}.yml" for folder in (project / "models" / "staging").glob("*/")}
    for name in vendors or sorted(files):
        if name not in files:
            raise SluiceError(f"There is no vendor {name!r}. Known vendors: {', '.join(sorted(files))}.")
        before = files[name].read_text(encoding="utf-8")
        after, told = versions.migrated(before)
        if told:
            if write:
                _write(files[name], before, after, project)
            lines = difflib.unified_diff(before.splitlines(), after.splitlines(), "before", "after", lineterm="", n=1)
            yield Change(files[name], "\n".join(lines), tuple(told))


def _write(file: Path, before: str, after: str, project: Path) -> None:
    file.write_text(after, encoding="utf-8")
    try:
        list(feeds.feeds_of(file, project))
    except SluiceError:
        file.write_text(before, encoding="utf-8")
        raise
