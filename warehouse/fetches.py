"""The ledger's account of fetches: what was asked, what came, and what is known of each source."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal

from sqlalchemy import RowMapping, text

from warehouse.connection import transaction
from warehouse.ledger import OUT_OF_FORCE

Outcome = Literal["new", "unchanged", "failed", "refused"]


@dataclass
class Fetch:
    """One attempt. `seconds` is its duration, `bytes` what came over the wire."""

    feed: str
    way: str
    source: str
    seconds: float = 0.0
    status: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    content_type: str | None = None
    content_length: int | None = None
    bytes: int = 0
    mark: str | None = None
    sha256: str | None = None
    asked_for: date | None = None
    outcome: Outcome = "failed"
    delivery_id: int | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Known:
    """What the last good fetch of a source has left: by this it is told whether something is new there."""

    delivery_id: int
    etag: str | None = None
    last_modified: str | None = None
    mark: str | None = None
    sha256: str | None = None


COLUMNS = tuple(Fetch.__dataclass_fields__)


def record(fetch: Fetch) -> None:
    """Write one attempt down, in a transaction of its own."""
    names = ", ".join(COLUMNS)
    values = ", ".join(f":{name}" for name in COLUMNS)
    with transaction() as connection:
        connection.execute(text(f"insert into ledger.fetches ({names}) values ({values})"), asdict(fetch))


def known(feed: str, declaration: str) -> dict[str, Known]:
    """What is known of each source of a feed. A source whose delivery was refused is not, once its feed is declared
    otherwise than it was then: it is to be looked at anew."""
    with transaction() as connection:
        found = connection.execute(
            text(
                "select distinct on (f.source) f.source, f.delivery_id, f.etag, f.last_modified, f.mark, f.sha256,"
                " d.state = 'refused' and d.found ->> 'declaration' is distinct from :declaration as anew"
                " from ledger.fetches as f join ledger.deliveries as d using (delivery_id)"
                " where f.feed = :feed and f.outcome in ('new', 'unchanged') and f.way <> 'archive'"
                " order by f.source, f.fetch_id desc"
            ),
            {"feed": feed, "declaration": declaration},
        ).mappings()
        return {
            row["source"]: Known(row["delivery_id"], row["etag"], row["last_modified"], row["mark"], row["sha256"])
            for row in found
            if not row["anew"]
        }


def last_day(feed: str) -> date | None:
    """The newest day that a delivery in force of the feed speaks of."""
    with transaction() as connection:
        day: date | None = connection.scalar(
            text(
                "select max(effective_date) from ledger.deliveries"
                f" where feed = :feed and state not in {OUT_OF_FORCE} and state <> 'waiting'"
            ),
            {"feed": feed},
        )
    return day


def days_done(feed: str, first: date, last: date) -> dict[date, int]:
    """The days of a range that were asked for and came: the delivery of each, unless that was refused."""
    with transaction() as connection:
        found = connection.execute(
            text(
                "select f.asked_for, max(f.delivery_id) as delivery_id from ledger.fetches as f"
                " join ledger.deliveries as d using (delivery_id) where f.feed = :feed and d.state <> 'refused'"
                " and f.way <> 'archive' and f.outcome in ('new', 'unchanged')"
                " and f.asked_for between :first and :last group by 1"
            ),
            {"feed": feed, "first": first, "last": last},
        )
        return {row.asked_for: row.delivery_id for row in found}


def recent(feeds: Sequence[str], most: int) -> list[dict[str, Any]]:
    """The last fetches of each feed, newest last."""
    with transaction() as connection:
        found = connection.execute(
            text(
                "select f.* from unnest(cast(:feeds as text[])) as of(feed) cross join lateral (select *"
                " from ledger.fetches where ledger.fetches.feed = of.feed order by fetch_id desc limit :most) as f"
                " order by f.fetch_id"
            ),
            {"feeds": list(feeds), "most": most},
        ).mappings()
        return [dict(row) for row in found]


def judged_again(feed: str, mark: str) -> set[int]:
    """The deliveries that a backfill took out of the archive under these declarations (`mark`)."""
    with transaction() as connection:
        found = connection.scalars(
            text("select delivery_id from ledger.fetches where feed = :feed and way = 'archive' and mark = :mark"),
            {"feed": feed, "mark": mark},
        )
        return {int(delivery_id) for delivery_id in found}


def merged_between(feed: str, first: date, last: date) -> list[RowMapping]:
    """The merged deliveries of a feed that speak of a range of days, by day; for a sighting the one that it repeats."""
    with transaction() as connection:
        found = connection.execute(
            text(
                "select delivery_id, name, sha256, bytes, effective_date from ledger.deliveries where state = 'merged'"
                " and delivery_id in (select coalesce(sighting_of, delivery_id) from ledger.deliveries"
                " where feed = :feed and state in ('merged', 'sighted') and effective_date between :first and :last)"
                " order by effective_date, delivery_id"
            ),
            {"feed": feed, "first": first, "last": last},
        ).mappings()
        return list(found)
