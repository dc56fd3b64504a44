"""Which feeds are overdue: nothing came for longer than dbt's freshness of the source allows, or than its schedule."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from extract.feeds import Feed, catalogue
from warehouse.connection import transaction

GRACE = 2  # a feed that comes every so long is overdue after twice that


def overdue(now: datetime | None = None) -> dict[str, str]:
    """The feeds that are overdue, and what an operator is told of each. A feed of which nothing ever came is new."""
    moment = now or datetime.now(UTC)
    late = {}
    for feed in catalogue().feeds.values():
        allowed, last = _allowed(feed), _last(feed)
        if allowed and last and moment - last > allowed:
            late[feed.key] = (
                f"{feed.key}: nothing came since {last:%Y-%m-%d %H:%M} UTC, and {_words(allowed)} are allowed;"
                f" ask {feed.owner.name}"
            )
    return late


def _last(feed: Feed) -> datetime | None:
    """When the feed last gave anything that is a delivery, a sighting included."""
    with transaction() as connection:
        found: datetime | None = connection.scalar(
            text("select max(received_at) from ledger.deliveries where feed = :feed and state <> 'refused'"),
            {"feed": feed.key},
        )
    return found


def _allowed(feed: Feed) -> timedelta | None:
    if feed.schedule and feed.schedule.paused:
        return None
    expected = getattr(feed, "expected", None)  # what its freshness warns after
    if expected:
        return timedelta(seconds=expected.interval.total_seconds())
    return GRACE * feed.schedule.every if feed.schedule and feed.schedule.every else None


def _words(span: timedelta) -> str:
    return f"{span.days} days" if span.days > 1 else f"{span.total_seconds() / 3600:g} hours"
