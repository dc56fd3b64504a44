"""Freshness: feeds whose next delivery should have come by now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from warehouse.connection import transaction

# Of each feed, the delivery in force that speaks of the latest time, and when its content came.
LATEST = (
    "select distinct on (feed) feed, effective_at, received_at from ledger.deliveries"
    " where state not in ('refused', 'superseded', 'retracted') order by feed, effective_at desc, received_at desc"
)


@dataclass(frozen=True)
class Overdue:
    """A feed that is late: what its last delivery spoke of, and when the next one should have come."""

    feed: str
    last_effective_at: datetime
    expected_at: datetime


def overdue(every: Mapping[str, timedelta], now: datetime | None = None) -> list[Overdue]:
    """The feeds that are late, the latest first. `every` is how long after its last delivery a feed's next one is
    expected; feeds without a delivery, or without an expectation, are never late."""
    moment = now or datetime.now(UTC)
    with transaction() as connection:
        latest = connection.execute(text(LATEST)).all()
    found = [
        Overdue(feed, effective_at, received_at + every[feed])
        for feed, effective_at, received_at in latest
        if feed in every and received_at + every[feed] < moment
    ]
    return sorted(found, key=lambda late: late.expected_at)
