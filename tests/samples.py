"""The vendors' sample files, taken in as their feeds say."""

import atexit
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from conftest import PROJECT, Sluice, _aim, forget_settings

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
    return sorted((VENDORS / feed.vendor / "samples").glob(feed.samples))


@cache
def _packed() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="sluice-samples-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def take_in(sluice: Sluice, feed: Feed) -> list[Any]:
    """Deliver all samples of a feed."""
    dated = isinstance(feed.effective_at, FromFilename)
    return [sluice.deliver(feed.key, file, None if dated else DAY) for file in of(feed)]


_kept: dict[str, Path] = {}


def loaded(install: Callable[..., Sluice]) -> Sluice:
    """An installation of the real project with the samples of every feed published. The first of a session is kept as a
    template: loading them once more would cost half a minute, a copy costs a second."""
    sluice = install(PROJECT / "dbt_project", PROJECT / "checks")
    if "home" in _kept:
        _on_server(sluice, "drop database sluice with (force)", "create database sluice template loaded")
        shutil.copytree(_kept["home"], sluice.home, symlinks=True, dirs_exist_ok=True)
        return sluice
    for feed in FEEDS.values():
        take_in(sluice, feed)
    sluice.run()
    forget_settings()
    # dbt's and Soda's last sessions may still be there, and a template must have none.
    leave = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = 'sluice'"
    _on_server(sluice, "drop database if exists loaded with (force)", leave, "create database loaded template sluice")
    _kept["home"] = Path(tempfile.mkdtemp(prefix="sluice-loaded-")) / "home"
    shutil.copytree(sluice.home, _kept["home"], symlinks=True)
    _aim(sluice.home, sluice.url, PROJECT / "dbt_project", PROJECT / "checks")
    atexit.register(shutil.rmtree, _kept["home"].parent, ignore_errors=True)
    return sluice


def _on_server(sluice: Sluice, *statements: str) -> None:
    with psycopg.connect(sluice.url.rsplit("/", 1)[0] + "/postgres", autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)  # type: ignore[arg-type]
