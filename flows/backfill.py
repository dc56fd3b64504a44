"""Backfill: a feed's past, day by day: from its source, where that has days, else from the archive."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from checks import contract
from extract import stage as staging
from extract.collect import collecting
from extract.feeds import Feed, catalogue
from flows.collect import collect_feed
from flows.merge import rules_of
from flows.prefect_door import flow, progress_artifact
from flows.report import Report, RunError
from flows.run import bring_up_to_date, prepare
from flows.telling import say
from warehouse import fetches

What = Literal["fetch", "judge again", "done"]


@dataclass(frozen=True)
class Step:
    """One thing to do: a day that is asked for, or a delivery of the archive that is judged again."""

    day: date
    what: What
    delivery_id: int | None = None
    name: str = ""
    sha256: str = ""
    bytes: int = 0


def plan(feed: Feed, first: date, last: date, again: bool = False) -> list[Step]:
    """What a backfill of these days would do, by day. What an earlier one has done is `done`, unless `again`."""
    return _days(feed, first, last, again) if collecting.is_dated(feed) else _archived(feed, first, last, again)


def _days(feed: Feed, first: date, last: date, again: bool) -> list[Step]:
    done = {} if again else fetches.days_done(feed.key, first, last)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return [Step(day, "done" if day in done else "fetch", done.get(day)) for day in days]


def _archived(feed: Feed, first: date, last: date, again: bool) -> list[Step]:
    done = set() if again else fetches.judged_again(feed.key, mark(feed))
    return [
        Step(
            found["effective_date"],
            "done" if found["delivery_id"] in done else "judge again",
            found["delivery_id"],
            found["name"],
            found["sha256"],
            found["bytes"],
        )
        for found in fetches.merged_between(feed.key, first, last)
    ]


def mark(feed: Feed) -> str:
    """What a judgement depends on and is declared: the feed, and the contract of its entity."""
    rules = contract.version(contract.contract_file(feed.entity), rules_of(feed.entity))
    return hashlib.sha256(f"{feed.version} {rules}".encode()).hexdigest()


@flow(name="backfill", flow_run_name="backfill {feed} {first} {last}")
def backfill(feed: str, first: date, last: date, again: bool = False) -> Report:
    """Do what `plan` says and is not done, then merge all of it at once. Killed and started anew, it goes on.

    Raises RunError at the end, where anything went wrong.
    """
    declared, report = catalogue().feed(feed), Report()
    prepare()
    steps = [step for step in plan(declared, first, last, again) if step.what != "done"]
    with progress_artifact(f"backfill-{declared.vendor}-{declared.name}".replace("_", "-"), f"{feed}") as share:
        progress = Progress(len(steps), share)
        if steps and collecting.is_dated(declared):
            days = tuple(step.day for step in steps)
            collect_feed(declared, report, days, lambda day: progress.add(f"{day}: asked for"), anew=again)
        elif steps:
            _judge_again(declared, steps, report, progress)
    for file in report.ingested:
        report.tell(file.reason)
    bring_up_to_date(declared.entity, report)
    if report.problems:
        raise RunError(report)
    return report


def _judge_again(feed: Feed, steps: list[Step], report: Report, progress: "Progress") -> None:
    """Stage each delivery from the archive, and let the run that follows judge it."""
    declarations = mark(feed)
    for step in steps:
        began = time.perf_counter()
        with report.telling():
            staging.stage_to_judge_again(feed, step.delivery_id or 0)
            row = fetches.Fetch(feed.key, "archive", f"archive:{step.sha256}", mark=declarations, bytes=step.bytes)
            row.outcome, row.delivery_id, row.asked_for = "new", step.delivery_id, step.day
            row.seconds = round(time.perf_counter() - began, 3)
            fetches.record(row)
        progress.add(f"{step.day}: delivery {step.delivery_id} ({step.name}) is judged again")


class Progress:
    """How far a backfill has come, for the terminal and for Prefect's UI."""

    def __init__(self, steps: int, share: Callable[[float, int], None] | None) -> None:
        self.steps, self.share, self.done = steps, share, 0

    def add(self, what: str) -> None:
        """One step more."""
        self.done += 1
        if self.share:
            self.share(min(1.0, self.done / self.steps), self.done)
        say(f"[{self.done}/{self.steps}] {what}")
