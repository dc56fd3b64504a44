"""Drop folders: files that lie below the drop folder, in the place that their feed names."""

from collections.abc import Iterator
from pathlib import Path

from extract.feeds import Feed
from warehouse.settings import settings


def waiting(feed: Feed) -> Iterator[Path]:
    """The files that match a feed's drop pattern, by name. They stay where they are: the ledger knows them."""
    for path in sorted(settings().drops.glob(feed.arrives.drop)):
        if path.is_file() and not path.name.startswith("."):
            yield path
