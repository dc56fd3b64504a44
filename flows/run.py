"""Run: collect what waits, then bring every entity up to date."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from prefect import flow
from prefect.runtime import flow_run

from extract import deliver as arriving
from extract.collect import drop
from extract.entities import parents_first
from extract.feeds import Feed, catalogue
from extract.stage import is_intact, prepare_feed_tables
from flows import dbt
from flows.ingest import Ingested, ingest, stage, why_refused
from flows.merge import Merged, merge
from flows.prefect_door import go, step
from flows.telling import in_a_paragraph
from warehouse import ledger
from warehouse.connection import transaction
from warehouse.errors import SluiceError, printable
from warehouse.migrate import migrate


@dataclass
class Report:
    """What a run did: files that came in, entities that were merged, and what went wrong, in a person's words."""

    ingested: list[Ingested] = field(default_factory=list)
    merged: list[Merged] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def tell(self, problem: str | None) -> None:
        """Note a problem, if there is one, once."""
        if problem and problem not in self.problems:
            self.problems.append(problem)


class RunError(SluiceError):
    """Some of a run did not go well; `report` says what did."""

    def __init__(self, report: Report) -> None:
        super().__init__("\n\n".join(report.problems))
        self.report = report


def _run_name() -> str:
    return "run " + (" ".join(flow_run.parameters.get("entities") or ()) or "all")


@flow(name="run", flow_run_name=_run_name)
def run(entities: Sequence[str] = ()) -> Report:
    """Collect from the drop folders and merge the given entities, or all. One entity's trouble stops no other.

    Raises RunError at the end, where anything went wrong.
    """
    chosen = [catalogue().entity(name) for name in entities] or list(catalogue().entities)
    report = Report()
    prepare()
    for entity in parents_first(chosen):
        collect(entity, report)
        try:
            for refusal in stage_again(entity):
                report.tell(refusal)
            merged = go(merge, entity)
            report.merged.append(merged)
            for doubt in merged.waiting:
                report.tell(doubt)
        except Exception as error:
            report.tell(in_a_paragraph(error))
    if report.problems:
        raise RunError(report)
    return report


@step("prepare warehouse")
def prepare() -> None:
    """Migrations, the feeds' tables, the project's views: whatever is not there yet."""
    migrate()
    prepare_feed_tables(tuple(catalogue().feeds.values()))
    dbt.prepare()


def prepare_ledger(feed: str) -> None:
    """What a delivery needs to be taken in: the ledger, and a feed that is declared."""
    catalogue().feed(feed)
    migrate()


def collect(entity: str, report: Report) -> None:
    """Ingest what waits in the drop folders of an entity's feeds."""
    for feed in catalogue().of_entity(entity):
        for path in drop.waiting(feed):
            try:
                arrived_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                for parcel in arriving.parcels(feed, path):
                    report.ingested.append(take_in(feed, parcel, arrived_at))
            except Exception as error:
                report.tell(in_a_paragraph(error))
    for file in report.ingested:
        report.tell(file.reason)


def take_in(feed: Feed, parcel: arriving.Parcel, arrived_at: datetime) -> Ingested:
    """Ingest a file, unless the ledger knows it."""
    known = arriving.known(feed, parcel.path, arrived_at)
    if known:
        return Ingested(feed.key, printable(parcel.path.name), known.delivery_id, known.outcome, known.state)
    return go(ingest, feed.key, parcel.path, None, arrived_at, False, parcel.container)


def stage_again(entity: str) -> list[str]:
    """Stage what waits and is not in staging: its process died before, or the server crashed after. Gives the reasons
    of those that are refused."""
    with transaction() as connection:
        waiting = ledger.deliveries_in_state(connection, "received", "staged", "judged", entity=entity)
    states: dict[int, str] = {}
    for delivery in waiting:
        if delivery["state"] == "received" or not is_intact(delivery["delivery_id"]):
            states[delivery["delivery_id"]] = stage(delivery["feed"], delivery["delivery_id"])
    return [why_refused(delivery_id) for delivery_id, state in states.items() if state == "refused"]
