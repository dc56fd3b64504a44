"""Which feeds are late, by what their vendors' YAML expects of them."""

from datetime import datetime

from checks.freshness import Overdue, overdue
from extract.feeds import catalogue


def overdue_feeds(now: datetime | None = None) -> list[Overdue]:
    """The feeds whose next delivery should have come by `now`, the latest first."""
    every = {feed.key: feed.expected.interval for feed in catalogue().feeds.values() if feed.expected is not None}
    return overdue(every, now)
