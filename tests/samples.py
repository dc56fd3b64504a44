"""The vendors' sample files, taken in as their feeds say."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conftest import PROJECT, Sluice

from extract.collect import gather
from extract.feeds import Feed, FromFilename, load

FEEDS = load(PROJECT / "dbt_project").feeds
VENDORS = PROJECT / "dbt_project" / "models" / "staging"
DAY = "2018-06-01"  # what an undated sample speaks of


def of(feed: Feed) -> list[Path]:
    """The sample files of a feed, oldest first; what it gathers is one."""
    if feed.arrives.gather:
        samples = VENDORS / feed.vendor / "samples"
        target = Path(tempfile.gettempdir()) / f"sluice-samples-{os.getpid()}" / f"{feed.vendor}-samples.zip"
        return [gather.pack(target, sorted(samples.glob(feed.arrives.drop.partition("/")[2])), samples)]
    return sorted((VENDORS / feed.vendor / "samples").glob(Path(feed.arrives.drop).name))


def take_in(sluice: Sluice, feed: Feed) -> list[Any]:
    """Deliver all samples of a feed."""
    dated = isinstance(feed.effective_at, FromFilename)
    return [sluice.deliver(feed.key, file, None if dated else DAY) for file in of(feed)]


def loaded(install: Callable[..., Sluice]) -> Sluice:
    """An installation of the real project with the samples of every feed published."""
    sluice = install(PROJECT / "dbt_project", PROJECT / "checks")
    for feed in FEEDS.values():
        take_in(sluice, feed)
    sluice.run()
    return sluice
