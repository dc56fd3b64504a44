"""The commands about collection: fetch now, see what was fetched, fetch the past."""

from datetime import datetime
from typing import Any

import click

from flows.telling import console, print_json, say, told_plainly

DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.argument("feeds", nargs=-1, metavar="[VENDOR.FEED]...")
@told_plainly
def collect(feeds: tuple[str, ...]) -> None:
    """Fetch what is new of every feed, or of those named, and load it into staging. Nothing is merged."""
    from flows.collect import collect as collect_flow
    from flows.prefect_door import go
    from flows.report import RunError

    try:
        tell_collected(go(collect_flow, list(feeds)))
    except RunError as error:
        tell_collected(error.report)
        raise


def tell_collected(report: Any) -> None:
    """Print what came in."""
    from flows.cli import tell

    tell(report)
    if all(file.outcome == "again" for file in report.ingested) and not report.problems:
        say("nothing new")


@click.command()
@click.argument("feeds", nargs=-1, metavar="[VENDOR.FEED]...")
@click.option("--last", "most", type=click.IntRange(min=1), default=5, show_default=True, help="So many of each feed.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@told_plainly
def fetches(feeds: tuple[str, ...], most: int, as_json: bool) -> None:
    """Show the last fetches of every feed, or of those named: when, what came, and what became of it."""
    from extract.feeds import catalogue
    from publish import tables
    from warehouse import fetches as ledger
    from warehouse.migrate import migrate

    migrate()
    keys = [catalogue().feed(key).key for key in feeds] or list(catalogue().feeds)
    found = ledger.recent(keys, most)
    if as_json:
        print_json([{name: _plain(value) for name, value in row.items()} for row in found])
        return
    console.print(tables.rows("Fetches", [_shown(row) for row in found], ("when", "feed", "status", "bytes", "what")))


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return float(value) if type(value).__name__ == "Decimal" else value


def _shown(row: Any) -> dict[str, Any]:
    """A fetch as a person reads it."""
    what = f"delivery {row['delivery_id']}" if row["outcome"] == "new" else row["outcome"]
    told = f": {row['reason']}" if row["reason"] else f" of {row['source']}"
    when = row["fetched_at"].isoformat(" ", "seconds")[:19]
    return {"when": when, "feed": row["feed"], "status": row["status"], "bytes": row["bytes"], "what": what + told}


@click.command()
@click.argument("feed", metavar="VENDOR.FEED")
@click.option("--from", "first", type=DAY, required=True, metavar="DATE", help="The first day (2026-01-31).")
@click.option("--to", "last", type=DAY, required=True, metavar="DATE", help="The last day.")
@click.option("--dry-run", is_flag=True, help="Show the plan only.")
@click.option("--again", is_flag=True, help="Also what an earlier backfill has done.")
@told_plainly
def backfill(feed: str, first: datetime, last: datetime, dry_run: bool, again: bool) -> None:
    """Fetch or judge again a feed's past: its source's days, where it has days, else what the archive holds of them.

    Stopped at any moment, the same command goes on where it was.
    """
    from extract.feeds import catalogue
    from flows import backfill as past
    from flows.cli import tell
    from flows.prefect_door import go
    from flows.report import RunError
    from flows.run import prepare_ledger

    if last < first:
        raise click.UsageError("--from is later than --to.")
    prepare_ledger(feed)
    steps = past.plan(catalogue().feed(feed), first.date(), last.date(), again)
    _tell_plan(steps if dry_run else [], feed, steps)
    if dry_run:
        return
    try:
        tell(go(past.backfill, feed, first.date(), last.date(), again))
    except RunError as error:
        tell(error.report)
        raise


def _tell_plan(shown: list[Any], feed: str, steps: list[Any]) -> None:
    for step in shown:
        known = f", delivery {step.delivery_id} {step.name}".rstrip() if step.delivery_id else ""
        say(f"{step.day}: {step.what}{known}")
    to_do = [step for step in steps if step.what != "done"]
    say(f"{feed}: {len(to_do)} of {len(steps)} to do" + ("" if steps else ": nothing is known of these days"))


COLLECT_COMMANDS: tuple[Any, ...] = (collect, fetches, backfill)
