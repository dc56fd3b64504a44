"""Drop folders: files that lie below the drop folder, in the place that their feed names."""

from collections.abc import Iterator
from pathlib import Path

from extract import mended
from extract.feeds import Feed
from warehouse.settings import settings


def waiting(feed: Feed) -> Iterator[Path]:
    """The files that match a feed's drop pattern, and files beside them that mend a delivery of the feed in whichever
    format, by name. They stay where they are: the ledger knows them."""
    drops, pattern = settings().drops, Path(feed.arrives.drop)
    usual = set(drops.glob(feed.arrives.drop))
    back = {path for path in drops.glob(str(pattern.parent / "*.mends-*")) if _mends(feed, path)}
    for path in sorted(usual | back):
        if path.is_file() and not path.name.startswith("."):
            yield path


def _mends(feed: Feed, path: Path) -> bool:
    number = mended.by_name(path.name)
    return number is not None and mended.feed_of(number) == feed.key
