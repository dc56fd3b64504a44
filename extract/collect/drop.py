"""Drop folders: files that lie below the drop folder, in the place that their feed names."""

from collections.abc import Iterator
from pathlib import Path

from extract.collect import gather
from extract.feeds import Feed
from warehouse.settings import settings


def waiting(feed: Feed) -> Iterator[Path]:
    """The files that match a feed's drop pattern, oldest first. They stay where they are: the ledger knows them.

    Where the feed gathers, all of them are one file. Of two for one day the later one counts: `things-2026-01-31-corrected.csv` sorts before the file that it corrects.
    """
    files = (path for path in settings().drops.glob(feed.arrives.drop) if not path.name.startswith("."))
    found = sorted((path for path in files if path.is_file()), key=lambda path: (_written(path), path.name))
    yield from gather.gathered(feed, found) if feed.arrives.gather else found


def _written(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0  # taking it in says what is wrong with it
