"""Gather: the files of a listing as one file, so that they are one delivery: the whole truth of that listing."""

import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from extract.collect import drop
from extract.collect.declared import Declaration
from extract.collect.way import Fetched, Offer, Way
from extract.feeds import Feed
from warehouse.settings import settings

NO_TIME = (1980, 1, 1, 0, 0, 0)  # the same files make the same bytes, whenever they were written


class Gather(Way):
    """`arrives: {gather: "acme/*/meta.*"}`: the word after it is the pattern, below the drop folder."""

    Declaration = Declaration

    def offers(self) -> Iterator[Offer]:
        """One zip of all that matches and is finished; none where nothing does."""
        path = gathered(self.feed, drop.finished(self.feed))
        if path:
            arrived_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            yield Offer(str(path), name=path.name, arrived_at=arrived_at, path=path)

    def fetch(self, offer: Offer, folder: Path) -> Fetched:  # noqa: ARG002
        """It lies here already."""
        path = Path(offer.source)
        return Fetched(path, path.stat().st_size)


def gathered(feed: Feed, files: Mapping[Path, drop.Look]) -> Path | None:
    """A zip of the files with their names below the drop folder, or None where there are none.

    It is as old as the newest of them, and called after the feed's vendor and that day. The same names with the same
    contents make the same bytes: feeds that share a listing share its place in the archive.
    """
    if not files:
        return None
    newest = max(changed_at for _, changed_at in files.values())
    day = datetime.fromtimestamp(newest / 1e9, feed.zone).date()
    target = settings().folder("tmp") / "gathered" / feed.key / f"{feed.vendor}-{day}.zip"
    aside = pack(target.with_name(f".{target.name}.{os.getpid()}"), list(files), settings().drops)
    os.utime(aside, ns=(newest, newest))
    aside.rename(target)
    return target


def pack(target: Path, files: Sequence[Path], root: Path) -> Path:
    """Write a zip of files by their names below `root`; gives its path."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as packed:
        for name, file in sorted((file.relative_to(root).as_posix(), file) for file in files):
            with open(file, "rb") as content, packed.open(zipfile.ZipInfo(name, NO_TIME), "w") as member:
                while block := content.read(2**20):
                    member.write(block)
    return target
