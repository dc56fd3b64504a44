"""Run: collect what waits, then bring every entity up to date."""

from collections.abc import Sequence

from prefect import flow
from prefect.runtime import flow_run

from extract.feeds import catalogue
from extract.stage import is_intact, prepare_feed_tables
from flows import dbt
from flows.collect import collect_feeds
from flows.ingest import stage, why_refused
from flows.merge import merge
from flows.prefect_door import go, step
from flows.report import Report as Report
from flows.report import RunError as RunError
from warehouse import ledger
from warehouse.connection import transaction
from warehouse.migrate import migrate


def _run_name() -> str:
    return "run " + (" ".join(flow_run.parameters.get("entities") or ()) or "all")


@flow(name="run", flow_run_name=_run_name)
def run(entities: Sequence[str] = ()) -> Report:
    """Collect from where the feeds come and merge the given entities, or all. One entity's trouble stops no other.

    Raises RunError at the end, where anything went wrong.
    """
    chosen = [catalogue().entity(name) for name in entities] or list(catalogue().entities)
    report = Report()
    prepare()
    for entity in chosen:
        collect_feeds(catalogue().of_entity(entity), report)
        bring_up_to_date(entity, report)
    if report.problems:
        raise RunError(report)
    return report


def bring_up_to_date(entity: str, report: Report) -> None:
    """Merge what is staged of an entity, and note in the report what came of it."""
    with report.telling():
        for refusal in stage_again(entity):
            report.tell(refusal)
        merged = go(merge, entity)
        report.merged.append(merged)
        for trouble in (*merged.refused, *merged.waiting):
            report.tell(trouble)


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
