"""Ingest: a file arrives, is archived, registered and staged."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from prefect import flow

from extract import deliver as arriving
from extract import stage as staging
from extract.feeds import catalogue
from flows.prefect_door import step
from warehouse import ledger
from warehouse.connection import transaction
from warehouse.errors import printable


@dataclass(frozen=True)
class Ingested:
    """What became of one file. `outcome`: new, sighting, again or refused."""

    feed: str
    name: str
    delivery_id: int
    outcome: str
    state: str
    same_as: int | None = None
    reason: str | None = None


@flow(name="ingest", flow_run_name="ingest {feed} {path.name}")
def ingest(
    feed: str,
    path: Path,
    effective_at: date | None = None,
    arrived_at: datetime | None = None,
    retry: bool = True,
) -> Ingested:
    """Take one file of a feed in."""
    registered = register(feed, path, effective_at, arrived_at, retry)
    state, reason = registered.state, registered.reason
    if registered.outcome == "new":
        state = stage(feed, registered.delivery_id)
        reason = why_refused(registered.delivery_id) if state == "refused" else None
    outcome = "refused" if reason else registered.outcome
    return Ingested(feed, printable(path.name), registered.delivery_id, outcome, state, registered.same_as, reason)


@step("register {feed} {path.name}")
def register(
    feed: str, path: Path, effective_at: date | None, arrived_at: datetime | None, retry: bool
) -> ledger.Registered:
    """Archive the file and give it its delivery."""
    return arriving.deliver(catalogue().feed(feed), path, effective_at, arrived_at=arrived_at, retry=retry)


@step("stage {feed} delivery {delivery_id}")
def stage(feed: str, delivery_id: int) -> str:
    """Load the delivery into staging; gives its new state."""
    return staging.stage(catalogue().feed(feed), delivery_id)


def why_refused(delivery_id: int) -> str:
    """The reason in the ledger."""
    with transaction() as connection:
        return str(ledger.delivery(connection, delivery_id)["reason"])
