"""The report: static pages about the quality of the data, an index and one for each entity. No script, nothing loaded,
nothing personal: counts, names of files and rules, masked values."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from publish import charts, quality
from publish.pages import render


@dataclass(frozen=True)
class FeedOf:
    """What the caller knows of a feed of the entity."""

    key: str
    owner: str
    notify: str


@dataclass(frozen=True)
class Overdue:
    """A feed whose newest file is older than it may be."""

    feed: str
    told: str
    is_error: bool = False


@dataclass(frozen=True)
class FeedPage:
    """What is shown of a feed."""

    feed: FeedOf
    usual: Sequence[quality.Delivered]
    chart: charts.Columns
    narrow: charts.Columns
    open: int
    settled: Mapping[str, int]
    told_at: datetime | None
    overdue: Overdue | None

    @property
    def last(self) -> quality.Delivered | None:
        return self.usual[-1] if self.usual else None


@dataclass(frozen=True)
class Page:
    """What is shown of an entity."""

    entity: str
    published: Mapping[str, Any] | None
    feeds: Sequence[FeedPage]
    rules: Sequence[quality.Rule]
    delivered: Sequence[quality.Delivered]
    checks: Sequence[Mapping[str, Any]]
    looks: Sequence[Mapping[str, Any]] = field(default=())
    issues: Sequence[Mapping[str, Any]] = field(default=())

    @property
    def title(self) -> str:
        return self.entity.replace("_", " ").capitalize()

    @property
    def open(self) -> int:
        return sum(feed.open for feed in self.feeds)

    @property
    def overdue(self) -> list[Overdue]:
        return [feed.overdue for feed in self.feeds if feed.overdue]

    @property
    def waiting(self) -> list[quality.Delivered]:
        return [d for d in self.delivered if d.state == "waiting"]

    @property
    def newest(self) -> quality.Delivered | None:
        judged = [feed.last for feed in self.feeds if feed.last]
        return max(judged, key=lambda d: (d.day, d.delivery_id)) if judged else None

    @property
    def share(self) -> float | None:
        """Share of bad rows in the newest file of each feed."""
        last = [feed.last for feed in self.feeds if feed.last]
        staged = sum(d.staged for d in last)
        return sum(d.bad for d in last) / staged if staged else None

    @property
    def spark(self) -> str:
        usual = sorted((d for feed in self.feeds for d in feed.usual), key=lambda d: (d.day, d.delivery_id))
        return charts.sparkline(usual[-24:])

    @property
    def doubts(self) -> list[Mapping[str, Any]]:
        """What was looked at of deliveries and not found in order."""
        return [look for look in self.looks if look["outcome"] != "pass"]

    @property
    def failed(self) -> list[Mapping[str, Any]]:
        return [check for check in self.checks if check["outcome"].upper() != "PASSED"]


def page(connection: Connection, entity: str, feeds: Sequence[FeedOf], overdue: Sequence[Overdue] = ()) -> Page:
    """All that the page of an entity shows."""
    if not quality.is_there(connection, entity):
        return Page(entity, None, [_feed_page(connection, entity, feed, [], {}, overdue) for feed in feeds], [], [], [])
    delivered = quality.deliveries(connection, entity)
    open_rows = quality.open_rows(connection, entity)
    return Page(
        entity,
        _published(connection, entity),
        [_feed_page(connection, entity, feed, delivered, open_rows, overdue) for feed in feeds],
        quality.rules(connection, entity),
        delivered[::-1],
        quality.checks(connection, entity),
        quality.delivery_checks(connection, entity, [d.delivery_id for d in delivered]),
        quality.issues(connection, entity),
    )


def _feed_page(
    connection: Connection,
    entity: str,
    feed: FeedOf,
    delivered: Sequence[quality.Delivered],
    open_rows: Mapping[str, int],
    overdue: Sequence[Overdue],
) -> FeedPage:
    own = [d for d in delivered if d.feed == feed.key]
    usual = quality.trend(own, most=24)
    settled: dict[str, int] = {}
    if quality.is_there(connection, entity):
        found = connection.execute(
            text(f'select status, count(*) from quarantine."{entity}" where feed = :feed group by 1'),
            {"feed": feed.key},
        )
        settled = dict(found.tuples().all())
    told_at = connection.scalar(
        text("select max(told_at) from ledger.notices where feed = :feed and outcome = 'sent'"), {"feed": feed.key}
    )
    late = next((o for o in overdue if o.feed == feed.key), None)
    return FeedPage(
        feed, usual, charts.columns(usual), charts.narrow(usual), open_rows.get(feed.key, 0), settled, told_at, late
    )


def _published(connection: Connection, entity: str) -> Mapping[str, Any] | None:
    found = connection.execute(
        text(
            "select p.run, p.published_at, p.rows, pointers.held from ledger.publications as p"
            " join ledger.pointers using (entity, run) where entity = :entity order by publication_id desc limit 1"
        ),
        {"entity": entity},
    )
    newest = found.mappings().one_or_none()
    return dict(newest) if newest else None


def write(folder: Path, pages: Sequence[Page], now: datetime) -> Path:
    """Write the index and a page for each entity into a folder; gives the index. Each file is there whole."""
    for one in pages:
        _write(folder / f"{one.entity}.html", render("entity.html.j2", page=one, now=now, account=charts.account))
    index = folder / "index.html"
    _write(index, render("index.html.j2", pages=pages, now=now))
    return index


def _write(path: Path, content: str) -> None:
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(content)
    Path(aside).replace(path)
