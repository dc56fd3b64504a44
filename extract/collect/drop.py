"""Drop folders, here or in S3: what lies in the place that its feed names. Files stay where they are: the ledger knows
them, here by their content, in S3 by their ETag."""

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel

from extract import mended
from extract.collect import s3
from extract.collect.declared import Declaration
from extract.collect.way import Ask, Fetched, Offer, Way
from extract.feeds import Feed
from warehouse.errors import printable
from warehouse.settings import settings

Look = tuple[int, int]
UNFINISHED = (".part", ".partial", ".filepart", ".crdownload", ".tmp")


class Drop(Way):
    """`arrives: {drop: "acme/things-*.csv"}`: the word after it is the pattern."""

    Declaration = Declaration
    same_is_new = True

    def __init__(self, feed: Feed, how: BaseModel, ask: Ask) -> None:
        super().__init__(feed, how, ask)
        pattern = feed.arrives.drop
        root = settings().drop_root
        self.url = pattern if pattern.startswith("s3://") else f"{root.rstrip('/')}/{pattern}"

    def offers(self) -> Iterator[Offer]:
        """What lies there and is finished, oldest first; of a bucket, what is not known in the state that it has."""
        if self.url.startswith("s3://"):
            for found in s3.listed(self.url):
                if not found.is_known(self.ask.known.get(printable(found.object.url))):
                    yield announced(found.object, found.etag)
            return
        for path, (_, changed_at) in finished(self.feed).items():
            arrived_at = datetime.fromtimestamp(changed_at / 1e9, UTC)
            yield Offer(str(path), name=path.name, arrived_at=arrived_at, path=path)

    def fetch(self, offer: Offer, folder: Path) -> Fetched:
        if offer.path is None:
            wanted = s3.S3Object.of(offer.address)
            return s3.fetch(wanted, folder / (wanted.name[-200:] or "object"))
        return Fetched(offer.path, offer.path.stat().st_size)


def announced(found: s3.S3Object, etag: str | None = None) -> Offer:
    """An object of a bucket as something that can be fetched."""
    return Offer(found.url, found.uri, name=found.name, mark=etag)


def waiting(feed: Feed) -> Iterator[Path]:
    """The finished files that match a feed's drop pattern, in the order in which they came (mtime, name)."""
    yield from finished(feed)


def finished(feed: Feed) -> dict[Path, Look]:
    """These files, and those beside them that mend a delivery of the feed in whichever format, each with its size and
    time of change in nanoseconds."""
    drops, pattern = settings().drops, Path(feed.arrives.drop or feed.arrives.gather)
    back = (path for path in drops.glob(str(pattern.parent / "*.mends-*")) if _mends(feed, path))
    matching = {*drops.glob(str(pattern)), *back}
    seen = settled(path for path in matching if path.is_file() and not _unfinished(path.name))
    return dict(sorted(seen.items(), key=lambda found: (found[1][1], found[0].name, found[0])))


def _mends(feed: Feed, path: Path) -> bool:
    number = mended.by_name(path.name)
    return number is not None and mended.feed_of(number) == feed.key


def settled(paths: Iterable[Path]) -> dict[Path, Look]:
    """The files that are not being written: for SLUICE_DROP_SETTLES seconds their size and time did not change. Young
    ones are looked at twice, all of them with one wait."""
    looked = {path: _look(path) for path in paths}
    patience = settings().drop_settles
    old = time.time() - patience
    young = [path for path, seen in looked.items() if patience and seen and seen[1] / 1e9 > old]
    if young:
        time.sleep(patience)
    moving = {path for path in young if looked[path] != _look(path)}
    return {path: seen for path, seen in looked.items() if seen and path not in moving}


def _look(path: Path) -> Look | None:
    """Size and time of change; None where it is gone."""
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_size, seen.st_mtime_ns


def _unfinished(name: str) -> bool:
    return name.startswith(".") or name.lower().endswith(UNFINISHED)


def feeds_at(place: str, feeds: Iterable[Feed]) -> list[Feed]:
    """The feeds that a dropped file belongs to, by its place below the drop folder (acme/things-2026-01-01.csv), or by
    its s3:// URL."""
    root = settings().drop_root.rstrip("/") + "/"
    inside = place.removeprefix(root)
    return [
        feed
        for feed in feeds
        if feed.arrives.drop and not _unfinished(inside.rpartition("/")[2])
        and s3.meant(feed.arrives.drop).fullmatch(inside)
    ]  # fmt: skip
