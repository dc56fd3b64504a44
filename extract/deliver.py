"""Take a file in: archive it, give it its delivery in the ledger."""

import re
from datetime import UTC, date, datetime, time
from pathlib import Path

from extract import archive
from extract.feeds import Feed, FromFilename
from warehouse import ledger
from warehouse.connection import transaction
from warehouse.errors import SluiceError, printable


def deliver(
    feed: Feed,
    path: Path,
    effective: date | None = None,
    *,
    arrived_at: datetime | None = None,
    retry: bool = True,
) -> ledger.Registered:
    """Archive the file, then register it; nothing of it is read yet.

    `effective` is the day that the file speaks of, where the feed's own rule is to be overruled; `arrived_at` is when
    the file came, if that was not just now; `retry` is whether a file that was refused is tried anew.
    Raises SluiceError where the day cannot be known, extract.read.Refused where there is no file to keep.
    """
    received_at = datetime.now(UTC)
    day = effective or effective_date(feed, path, arrived_at or received_at)
    kept = archive.keep(path)
    arrival = ledger.Arrival(
        vendor=feed.vendor,
        feed=feed.key,
        entity=feed.entity,
        mode=feed.mode,
        name=printable(path.name),
        sha256=kept.sha256,
        bytes=kept.bytes,
        received_at=received_at,
        effective_at=datetime.combine(day, time(), feed.zone),
        effective_date=day,
        declaration=feed.version,
    )
    with transaction() as connection:
        return ledger.register(connection, arrival, retry=retry)


def effective_date(feed: Feed, path: Path, arrived_at: datetime) -> date:
    """The day that a file speaks of, by the feed's rule: from its name, or the day of its arrival."""
    rule = feed.effective_at
    if isinstance(rule, FromFilename):
        return _date_in_name(feed, rule, path.name)
    return arrived_at.astimezone(feed.zone).date()


def _date_in_name(feed: Feed, rule: FromFilename, name: str) -> date:
    found = re.search(rule.filename, name)
    try:
        if found:
            return datetime.strptime(found["date"], rule.format).date()
    except ValueError:
        pass
    raise SluiceError(
        f"{name!r}: the day that it speaks of does not stand in its name; {feed.key} expects"
        f" {rule.filename} with {rule.format}. Rename the file, or say the day with --effective-at."
    )
