"""Taking objects in that were announced: each is fetched, delivered and staged, as if a listing had found it."""

from extract.collect import collecting
from extract.collect.drop import announced, feeds_at
from extract.collect.s3 import S3Object
from extract.feeds import catalogue
from flows.collect import take_in
from flows.prefect_door import tell_event
from flows.report import Report
from warehouse.errors import printable


def take(found: S3Object, report: Report) -> None:
    """Take one object in, within the flow run that we are in. One that no feed expects, or that is not there any more,
    is told as an event."""
    feeds = feeds_at(found.url, catalogue().feeds.values())
    if not feeds:
        unexpected(found)
    for feed in feeds:
        with collecting.opened(feed, anew=True) as way, collecting.fetched(way, announced(found)) as arrival:
            if arrival:
                take_in(feed, arrival, report, within=True)
            else:
                tell_event("sluice.object.gone", printable(found.url), key=printable(found.key))


def unexpected(found: S3Object) -> None:
    """No feed's pattern is that of this object."""
    tell_event("sluice.object.unexpected", printable(found.url), key=printable(found.key))
