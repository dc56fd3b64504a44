"""Report: the pages about the quality of the data."""

from datetime import UTC, datetime
from pathlib import Path

from extract.feeds import Feed, catalogue
from flows.freshness import overdue_feeds
from publish import pages, report
from warehouse.connection import transaction
from warehouse.settings import settings


def write() -> Path:
    """Write the pages of all entities into `report/` of the home; gives the index."""
    now = datetime.now(UTC)
    late = overdue(now)
    with transaction() as connection:
        pages = [
            report.page(connection, entity, [_known(feed) for feed in catalogue().of_entity(entity)], late)
            for entity in catalogue().entities
        ]
    return report.write(settings().folder("report"), pages, now)


def _known(feed: Feed) -> report.FeedOf:
    when = feed.notify.when.replace("_", " ")
    return report.FeedOf(feed.key, feed.owner.name, when if feed.notify.when != "never" else "never told")


def overdue(now: datetime) -> list[report.Overdue]:
    """The feeds whose next file should have come by now, in words."""
    return [
        report.Overdue(
            late.feed,
            f"its last file speaks of {pages.day(late.last_effective_at)}, and the next was expected by"
            f" {pages.moment(late.expected_at)}.",
        )
        for late in overdue_feeds(now)
    ]
