"""Replay: quarantined rows are judged again, and come into history at their own time where they are good now."""

from collections.abc import Sequence
from dataclasses import dataclass

from extract import stage as staging
from extract.feeds import catalogue
from flows import dbt
from flows.merge import Merged, merge, todays_contract
from flows.prefect_door import go
from warehouse import erasure, ledger, quarantine, runs
from warehouse.connection import transaction
from warehouse.errors import SluiceError


@dataclass(frozen=True)
class Tried:
    """What would come of a replay."""

    deliveries: Sequence[int]
    rows: int  # open or superseded before
    good: int
    bad: int
    newly_bad: int  # good before


@dataclass(frozen=True)
class Replayed:
    """What came of a replay."""

    deliveries: Sequence[int]
    good: int
    bad: int
    newly_bad: int
    merged: Merged


def try_out(entity: str, rule: str | None, delivery_id: int | None) -> Tried:
    """Judge again and keep nothing of it."""
    with runs.entity_lock(entity):
        chosen = _chosen(entity, rule, delivery_id)
        _stage_anew(chosen, always=False)
        run = runs.start_trial(entity, *todays_contract(entity), list(chosen))
        with transaction() as connection:
            erasure.keep_unreadable(connection, run)
        try:
            counts = dbt.try_model(f"judged_{entity}", run)
        finally:
            runs.fail(run, "a trial: nothing of it was kept")
    return Tried(list(chosen), sum(chosen.values()), counts["good"], counts["bad"], counts["newly_bad"])


def replay(entity: str, rule: str | None, delivery_id: int | None, *, by: str, why: str) -> Replayed:
    """Judge the deliveries that hold such rows again, fold them anew, and publish what comes of it."""
    with runs.entity_lock(entity):
        chosen = _chosen(entity, rule, delivery_id)
        _stage_anew(chosen, always=True)
        with transaction() as connection:
            before = quarantine.statuses(connection, entity, list(chosen))
            quarantine.judge_again(connection, list(chosen))
            quarantine.record(connection, entity, "replay", by, why, list(chosen), rule, sum(chosen.values()))
    merged = go(merge, entity)
    with transaction() as connection:
        after = quarantine.statuses(connection, entity, list(chosen))
        good = 0 if merged.run is None else quarantine.sign_replay(connection, entity, merged.run, by=by, why=why)
    newly_bad = sum(_bad(after)) - sum(_bad(before)) + good
    still = sum(one.get(status, 0) for one in after.values() for status in ("open", "superseded")) - newly_bad
    return Replayed(list(chosen), good, max(still, 0), newly_bad, merged)


def _bad(counts: dict[int, dict[str, int]]) -> list[int]:
    """How many rows of each delivery did not come into history by themselves."""
    return [sum(n for status, n in one.items() if status != "replayed") for one in counts.values()]


def _chosen(entity: str, rule: str | None, delivery_id: int | None) -> dict[int, int]:
    with transaction() as connection:
        chosen = quarantine.to_replay(connection, entity, rule, delivery_id)
    if not chosen:
        raise SluiceError(
            f"No delivery of {entity} in history has such rows in quarantine; `sluice quarantine list {entity}` shows"
            " the rows, and `sluice status` which deliveries are merged."
        )
    return chosen


def _stage_anew(deliveries: dict[int, int], *, always: bool) -> None:
    """From the archive, as the feeds are declared today: a column may be known that was not. A trial needs the rows
    only: staging a delivery again voids its account until it is judged."""
    for delivery_id in deliveries:
        if not always and staging.is_intact(delivery_id):
            continue
        with transaction() as connection:
            feed = ledger.delivery(connection, delivery_id)["feed"]
        staging.stage_content_again(catalogue().feed(feed), delivery_id)
