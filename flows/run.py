"""Run: collect what waits, then bring every entity up to date."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from prefect.runtime import flow_run

from extract import deliver as arriving
from extract.collect import drop
from extract.feeds import Feed, catalogue
from extract.stage import is_intact, prepare_feed_tables
from flows import dbt, taking
from flows.fan_out import stage_all
from flows.ingest import Ingested, ingest, why_refused
from flows.merge import Merged, merge
from flows.prefect_door import LONGEST, flow, go, keep_table, step, tagged
from flows.telling import in_a_paragraph
from warehouse import ledger
from warehouse.connection import transaction
from warehouse.errors import SluiceError, printable
from warehouse.migrate import migrate
from warehouse.scratch import sweep
from warehouse.transient import persistently

ARRIVED = "What came in, and what became of it"


@dataclass
class Report:
    """What a run did: files that came in, entities that were merged, and what went wrong, in a person's words."""

    ingested: list[Ingested] = field(default_factory=list)
    merged: list[Merged] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)  # objects that the ledger knows now

    def tell(self, problem: str | None) -> None:
        """Note a problem, if there is one, once."""
        if problem and problem not in self.problems:
            self.problems.append(problem)


class RunError(SluiceError):
    """Some of a run did not go well; `report` says what did."""

    def __init__(self, report: Report) -> None:
        super().__init__("\n\n".join(report.problems))
        self.report = report

    def __reduce__(self) -> tuple[type["RunError"], tuple[Report]]:
        """Prefect copies errors between processes."""
        return (RunError, (self.report,))


def _run_name() -> str:
    asked = flow_run.parameters
    return "run " + (" ".join([*(asked.get("feeds") or ()), *(asked.get("entities") or ())]) or "all")


@flow(name="run", flow_run_name=_run_name, timeout_seconds=LONGEST)
def run(entities: Sequence[str] = (), feeds: Sequence[str] = ()) -> Report:
    """Collect what waits for the given entities' feeds, or all, and merge them; with `feeds`, those feeds only. One
    entity's trouble stops no other.

    Raises RunError at the end, where anything went wrong.
    """
    report = Report()
    prepare()
    for entity in _chosen(entities, feeds):
        with tagged(entity):
            collect(entity, report, feeds)
            bring_up_to_date(entity, report)
    keep_table("arrived", [arrived(file) for file in report.ingested], ARRIVED)
    if report.problems:
        raise RunError(report)
    return report


def _chosen(entities: Sequence[str], feeds: Sequence[str]) -> list[str]:
    known = catalogue()
    if feeds:
        return sorted({known.feed(feed).entity for feed in feeds})
    return [known.entity(name) for name in entities] or list(known.entities)


def arrived(file: Ingested) -> dict[str, str | int]:
    """A row of the table that shows what came in."""
    return {"feed": file.feed, "file": file.name, "delivery": file.delivery_id, "outcome": file.outcome}


def bring_up_to_date(entity: str, report: Report, *, within: bool = False) -> None:
    """Stage what waits, merge, and note what came of it. `within`: as steps of the flow run that we are in, which
    spares one of its own."""
    try:
        for refusal in stage_again(entity):
            report.tell(refusal)
        merged = persistently(lambda: merge.fn(entity) if within else go(merge, entity))
        report.merged.append(merged)
        for doubt in merged.waiting:
            report.tell(doubt)
    except Exception as error:
        report.tell(in_a_paragraph(error))


@step("prepare warehouse")
def prepare() -> None:
    """Migrations, the feeds' tables, the project's views: whatever is not there yet."""
    sweep()
    migrate()
    prepare_feed_tables(tuple(catalogue().feeds.values()))
    dbt.prepare()


def prepare_ledger(feed: str) -> None:
    """What a delivery needs to be taken in: the ledger, and a feed that is declared."""
    catalogue().feed(feed)
    migrate()


def collect(entity: str, report: Report, feeds: Sequence[str] = ()) -> None:
    """Ingest what waits for an entity's feeds, or for those of them that are named: in their drop folders, and in the
    bucket where one is set."""
    for feed in catalogue().of_entity(entity):
        if feeds and feed.key not in feeds:
            continue
        with tagged(feed.vendor):
            _collect_files(feed, report)
            _collect_objects(feed, report)
    for file in report.ingested:
        report.tell(file.reason)


def _collect_files(feed: Feed, report: Report) -> None:
    for path in drop.waiting(feed):
        try:
            arrived_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            for parcel in arriving.parcels(feed, path):
                report.ingested.append(take_in(feed, parcel, arrived_at))
        except Exception as error:
            report.tell(in_a_paragraph(error))


def _collect_objects(feed: Feed, report: Report) -> None:
    try:
        found = taking.listed(feed)
    except Exception as error:
        report.tell(in_a_paragraph(error))
        return
    for each in found:
        try:
            report.ingested += taking.take(each)
        except Exception as error:
            report.tell(in_a_paragraph(error))


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
    missing = [d for d in waiting if d["state"] == "received" or not is_intact(d["delivery_id"])]
    states = stage_all([(d["feed"], d["delivery_id"]) for d in missing])
    return [why_refused(delivery_id) for delivery_id, state in states.items() if state == "refused"]
