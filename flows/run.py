"""Run: collect what waits, then bring every entity up to date."""

from collections.abc import Sequence

from prefect.runtime import flow_run

from extract import entities, patches, skips
from extract.entities import parents_first
from extract.feeds import catalogue
from extract.stage import is_intact, prepare_feed_tables
from flows import dbt, reprocess
from flows.collect import collect_feeds
from flows.erase_rest import finish_what_died
from flows.fan_out import refusals
from flows.ingest import Ingested
from flows.merge import merge
from flows.notify import told_after_a_run
from flows.prefect_door import LONGEST, flow, go, keep_table, step, tagged, tell_event
from flows.report import Report as Report
from flows.report import RunError as RunError
from warehouse import ledger, vault
from warehouse.connection import transaction
from warehouse.migrate import migrate
from warehouse.scratch import sweep
from warehouse.transient import persistently

ARRIVED = "What came in, and what became of it"
CHANGED = "Changes of declarations, and what they concern of what was judged before"


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
    chosen = _chosen(entities, feeds)
    for entity in chosen:
        with tagged(entity):
            collect(entity, report, feeds)
            look_back(entity, report)
            bring_up_to_date(entity, report)
    keep_table("arrived", [arrived(file) for file in report.ingested], ARRIVED)
    if report.changes:
        keep_table("changes", [{"what": told} for told in report.changes], CHANGED)
    report.notices = told_after_a_run(chosen)
    if report.problems:
        raise RunError(report)
    return report


def _chosen(entities: Sequence[str], feeds: Sequence[str]) -> list[str]:
    known = catalogue()
    if feeds:
        return parents_first(sorted({known.feed(feed).entity for feed in feeds}))
    return parents_first(
        sorted([known.entity(name) for name in entities] or known.entities, key=_is_looked_into, reverse=True)
    )


def _is_looked_into(entity: str) -> bool:
    """Lists come first: others are looked up in what is published of them."""
    return any(feed.arrives.seed for feed in catalogue().of_entity(entity))


def arrived(file: Ingested) -> dict[str, str | int]:
    """A row of the table that shows what came in."""
    return {"feed": file.feed, "file": file.name, "delivery": file.delivery_id, "outcome": file.outcome}


def look_back(entity: str, report: Report) -> None:
    """Whether what history holds was judged by what is declared today: if not, it is judged again, or told."""
    with report.telling():
        found = reprocess.look(entity)
        for told in reprocess.follow(found, by="run") if found else ():
            report.changes.append(told)
            tell_event("sluice.entity.changed", f"sluice.entity.{entity}", told=told)


def bring_up_to_date(entity: str, report: Report, *, within: bool = False) -> None:
    """Stage what waits, merge, and note what came of it. `within`: as steps of the flow run that we are in, which
    spares one of its own."""
    with report.telling():
        for refusal in stage_again(entity):
            report.tell(refusal)
        merged = persistently(lambda: merge.fn(entity) if within else go(merge, entity))
        report.merged.append(merged)
        for trouble in (*merged.refused, *merged.waiting):
            report.tell(trouble)


@step("prepare warehouse")
def prepare() -> None:
    """Migrations, the feeds' tables, the project's views: whatever is not there yet."""
    sweep()
    migrate()
    vault.register()
    vault.seal()  # what a process that died has left
    finish_what_died()
    for entity in catalogue().entities:
        entities.check(entity)
    for feed in catalogue().feeds.values():
        patches.check(feed.patches)
        skips.check(feed.key, feed.skip)
    prepare_feed_tables(tuple(catalogue().feeds.values()))
    dbt.prepare()


def prepare_ledger(feed: str) -> None:
    """What a delivery needs to be taken in: the ledger, and a feed that is declared."""
    catalogue().feed(feed)
    migrate()


def collect(entity: str, report: Report, feeds: Sequence[str] = ()) -> None:
    """Take in what waits for an entity's feeds, or for those of them that are named, where they come from."""
    for feed in catalogue().of_entity(entity):
        if feeds and feed.key not in feeds:
            continue
        with tagged(feed.vendor):
            collect_feeds([feed], report)
    for file in report.ingested:
        report.tell(file.reason)


def stage_again(entity: str) -> list[str]:
    """Stage what waits and is not in staging: its process died before, or the server crashed after. Gives the reasons
    of those that are refused."""
    with transaction() as connection:
        waiting = ledger.deliveries_in_state(connection, "received", "staged", "judged", entity=entity)
    missing = [d for d in waiting if d["state"] == "received" or not is_intact(d["delivery_id"])]
    return refusals([(d["feed"], d["delivery_id"]) for d in missing])
