"""Taking objects of the bucket in: each is copied, delivered and staged, and noted in the ledger."""

from extract import deliver as arriving
from extract.collect import objects
from extract.collect.objects import Copied, Gone, S3Object
from extract.feeds import Feed, catalogue
from flows import assets
from flows.ingest import Ingested, ingest, registered
from flows.prefect_door import tell_event
from warehouse.errors import printable
from warehouse.settings import settings
from warehouse.transient import persistently


def take(found: S3Object) -> list[Ingested]:
    """Take one object in, within the flow run that we are in. None is given of one that no feed expects, or that is
    not there any more: both are told as events."""
    feed = objects.feed_of(catalogue().feeds.values(), found.key)
    if feed is None:
        tell_event("sluice.object.unexpected", _asset(found), key=printable(found.key))
        return []
    try:
        with objects.copied(found) as copy:
            taken = _deliver(feed, copy, _asset(found))
            objects.note(found, copy, feed.key, taken[-1].outcome if taken else "empty")
    except Gone:
        tell_event("sluice.object.gone", _asset(found), key=printable(found.key))
        return []
    for file in taken:
        tell_lineage(found, file)
    return taken


def _deliver(feed: Feed, copy: Copied, source: str) -> list[Ingested]:
    """What became of an object, or of each file in it. It was refused once and comes again: it is tried anew. Where a
    cluster stages, it is registered only: what is registered is staged together, before the merge."""
    effective = arriving.told_beside(feed, source, copy.path, copy.metadata)
    return [
        ingest.fn(feed.key, parcel.path, effective, copy.modified_at, True, parcel.container)
        if settings().staging_cluster is None
        else registered(feed.key, parcel.path, effective, copy.modified_at, parcel.container)
        for parcel in arriving.parcels(feed, copy.path, effective)
    ]


def listed(feed: Feed) -> list[S3Object]:
    """What lies in the bucket for a feed and was not taken in: the notification was lost, or nobody listened."""
    return persistently(lambda: list(objects.new_ones(feed))) if settings().drop_url else []


def tell_lineage(found: S3Object, file: Ingested) -> None:
    """The object became this delivery: an asset event, so that the line from object to published view can be seen."""
    vendor_table = file.feed.replace(".", "__")
    assets.made(assets.table("staging", vendor_table), _asset(found), delivery=file.delivery_id, outcome=file.outcome)


def _asset(found: S3Object) -> str:
    return f"s3://{found.bucket}/{printable(found.key)}"
