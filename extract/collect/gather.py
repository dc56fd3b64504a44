"""Gather: the files of a listing as one file, so that they are one delivery: the whole truth of that listing."""

import os
import zipfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from extract.feeds import Feed
from warehouse.errors import SluiceError
from warehouse.settings import settings

NO_TIME = (1980, 1, 1, 0, 0, 0)  # the same files make the same bytes, whenever they were written


def gathered(feed: Feed, files: Sequence[Path]) -> list[Path]:
    """A zip of the files with their names below the drop folder; none where there are none.

    It is as old as the newest of them, and called after the feed's vendor and that day. The same names with the same
    contents make the same bytes: feeds that share a listing share its place in the archive.
    """
    if not files:
        return []
    try:
        newest = max(file.stat().st_mtime for file in files)
        day = datetime.fromtimestamp(newest, feed.zone).date()
        target = settings().folder("tmp") / "gathered" / feed.key / f"{feed.vendor}-{day}.zip"
        aside = pack(target.with_name(f".{target.name}.{os.getpid()}"), files, settings().drops)
    except OSError as error:
        raise SluiceError(f"{feed.key}: its files cannot be gathered: {error}. Check their permissions.") from error
    os.utime(aside, (newest, newest))
    aside.rename(target)
    return [target]


def pack(target: Path, files: Sequence[Path], root: Path) -> Path:
    """Write a zip of files by their names below `root`; gives its path."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as packed:
        for name, file in sorted((file.relative_to(root).as_posix(), file) for file in files):
            with open(file, "rb") as content, packed.open(zipfile.ZipInfo(name, NO_TIME), "w") as member:
                while block := content.read(2**20):
                    member.write(block)
    return target
