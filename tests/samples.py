"""The vendors' sample files, taken in as their feeds say."""

import atexit
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from conftest import PROJECT, Sluice, keep

from extract.collect import gather
from extract.effective import FromFilename
from extract.feeds import Feed, load

FEEDS = load(PROJECT / "dbt_project").feeds
VENDORS = PROJECT / "dbt_project" / "models" / "staging"
DAY = "2018-06-01"  # what an undated sample speaks of


def of(feed: Feed) -> list[Path]:
    """The sample files of a feed, oldest first; what it gathers is one."""
    if feed.arrives.gather:
        samples = VENDORS / feed.vendor / "samples"
        files = sorted(samples.glob(feed.arrives.gather.partition("/")[2]))
        return [gather.pack(_packed() / f"{feed.vendor}-samples.zip", files, samples)]
    return sorted((VENDORS / feed.vendor / "samples").glob(feed.samples)) + seeds(feed)


def seeds(feed: Feed) -> list[Path]:
    """The project's own list that a feed is delivered from, if it is; a run collects it."""
    return [PROJECT / "dbt_project" / "seeds" / f"{feed.arrives.seed}.csv"] if feed.arrives.seed else []


@cache
def _packed() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="sluice-samples-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def take_in(sluice: Sluice, feed: Feed) -> list[Any]:
    """Deliver all samples of a feed; what a run collects by itself is left to it."""
    dated = isinstance(feed.effective_at, FromFilename)
    return [sluice.deliver(feed.key, file, None if dated else DAY) for file in of(feed) if file not in seeds(feed)]


_kept: list[Callable[[], Sluice]] = []


def loaded(install: Callable[..., Sluice]) -> Sluice:
    """An installation of the real project with the samples of every feed published; loaded once in a session, which
    takes half a minute, and copied then, which takes a second."""
    if not _kept:
        sluice = install(PROJECT / "dbt_project", PROJECT / "checks")
        for feed in FEEDS.values():
            take_in(sluice, feed)
        sluice.run()
        _kept.append(keep(sluice))
    return _kept[0]()
