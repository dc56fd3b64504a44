"""Ingest: a file arrives, is archived, registered and staged."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from checks import drift
from extract import deliver as arriving
from extract import mapping
from extract import stage as staging
from extract.feeds import catalogue
from flows.prefect_door import flow, progress_artifact, step
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
    replaces: int | None = None  # the delivery that was in force for the same time


@flow(name="ingest", flow_run_name="ingest {feed} {path.name}")
def ingest(
    feed: str,
    path: Path,
    effective_at: date | datetime | None = None,
    arrived_at: datetime | None = None,
    retry: bool = True,
    container: str | None = None,
) -> Ingested:
    """Take one file of a feed in; `container` is the SHA-256 of the zip that it was taken out of."""
    registered = register(feed, path, effective_at, arrived_at, retry, container)
    state, reason = registered.state, None
    if registered.outcome == "new":
        state = stage(feed, registered.delivery_id)
        reason = why_refused(registered.delivery_id) if state == "refused" else None
    outcome = "refused" if reason else registered.outcome
    return Ingested(
        feed,
        printable(path.name),
        registered.delivery_id,
        outcome,
        state,
        registered.same_as,
        reason,
        None if reason else registered.replaces,
    )


def registered(
    feed: str, path: Path, effective_at: date | datetime | None, arrived_at: datetime, container: str | None
) -> Ingested:
    """Archive and register a file, and stage it later, together with others."""
    found = register(feed, path, effective_at, arrived_at, True, container)
    return Ingested(
        feed,
        printable(path.name),
        found.delivery_id,
        found.outcome,
        found.state,
        found.same_as,
        replaces=found.replaces,
    )


@step("register {feed} {path.name}", again=True)
def register(
    feed: str,
    path: Path,
    effective_at: date | datetime | None,
    arrived_at: datetime | None,
    retry: bool,
    container: str | None,
) -> ledger.Registered:
    """Archive the file and give it its delivery."""
    declared = catalogue().feed(feed)
    return arriving.deliver(declared, path, effective_at, arrived_at=arrived_at, retry=retry, container=container)


@step("stage {feed} delivery {delivery_id}", again=True)
def stage(feed: str, delivery_id: int) -> str:
    """Load the delivery into staging; gives its new state."""
    with progress_artifact(f"stage-{delivery_id}", f"{feed}, delivery {delivery_id}: share of the file read") as told:
        state = staging.stage(catalogue().feed(feed), delivery_id, told)
    if state == "staged":
        declared = catalogue().feed(feed)
        drift.look(delivery_id, {column.name: mapping.every_name(declared, column) for column in declared.columns})
    return state


def why_refused(delivery_id: int) -> str:
    """The reason in the ledger."""
    with transaction() as connection:
        return str(ledger.delivery(connection, delivery_id)["reason"])
