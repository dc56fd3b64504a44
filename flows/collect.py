"""Collect: what feeds' sources have is fetched and taken in. One feed's trouble stops no other."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime

from extract import deliver as arriving
from extract.collect import collecting, references
from extract.collect.collecting import Arrival
from extract.feeds import Feed, catalogue
from flows.ingest import Ingested, ingest
from flows.prefect_door import flow, go, secret_block
from flows.report import Report, RunError
from warehouse.errors import printable
from warehouse.migrate import migrate

references.resolvers["block"] = secret_block
Done = Callable[[date | None], None]


@flow(name="collect", flow_run_name="collect")
def collect(feeds: Sequence[str] = ()) -> Report:
    """Fetch and stage what is new of the given feeds (vendor.feed), or of all; nothing is merged.

    Raises RunError at the end, where anything went wrong.
    """
    chosen = [catalogue().feed(key) for key in feeds] or list(catalogue().feeds.values())
    report = Report()
    migrate()
    collect_feeds(chosen, report)
    if report.problems:
        raise RunError(report)
    return report


def collect_feeds(feeds: Iterable[Feed], report: Report) -> None:
    """Collect each feed, and note in the report what came and what went wrong."""
    for feed in feeds:
        collect_feed(feed, report)
    for file in report.ingested:
        report.tell(file.reason)


def collect_feed(
    feed: Feed, report: Report, days: tuple[date, ...] = (), done: Done | None = None, *, anew: bool = False
) -> None:
    """Collect one feed; in a backfill its `days`, `anew` also what is known. `done` hears of each thing that was
    looked at."""
    with report.telling(), collecting.opened(feed, days, anew=anew) as way:
        for offer in collecting.offered(way):
            with report.telling(), collecting.fetched(way, offer) as arrival:
                if arrival:
                    take_in(feed, arrival, report)
            if done:
                done(offer.day)


def take_in(feed: Feed, arrival: Arrival, report: Report) -> None:
    """Ingest a file that came, each member of a zip by itself, unless the ledger knows it."""
    told = arriving.told_beside(feed, arrival.offer.source, arrival.path, arrival.metadata)
    effective = arrival.offer.day or told
    for parcel in arriving.parcels(feed, arrival.path, effective):
        file = _known(feed, arrival, parcel, told) or go(
            ingest,
            feed.key,
            parcel.path,
            effective,
            arrival.arrived_at,
            arrival.offer.path is None,  # what is fetched is what the source says now, also if it said so before
            parcel.container,
        )
        report.ingested.append(file)
        arrival.became(file.delivery_id, again=file.outcome == "again")


def _known(feed: Feed, arrival: Arrival, parcel: arriving.Parcel, told: datetime | None) -> Ingested | None:
    """What lies in a drop folder is seen in each run: it costs a flow run of its own only once."""
    if arrival.offer.path is None:
        return None
    known = arriving.known(feed, parcel.path, arrival.arrived_at, told)
    if known is None:
        return None
    return Ingested(feed.key, printable(parcel.path.name), known.delivery_id, known.outcome, known.state)
