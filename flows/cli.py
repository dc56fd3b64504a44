"""The `sluice` command line."""

import logging
import os
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from flows import pipe
from flows.cli_collect import COLLECT_COMMANDS
from flows.cli_history import HISTORY_COMMANDS
from flows.cli_mapping import MAPPING_COMMANDS
from flows.cli_numbers import numbers
from flows.cli_operate import OPERATE_COMMANDS
from flows.cli_pii import PRIVACY_COMMANDS
from flows.cli_promote import PORTAL_COMMANDS
from flows.cli_quarantine import QUARANTINE_COMMANDS
from flows.cli_read import read
from flows.cli_report import report, tell_notice
from flows.telling import Failed, console, print_json, say, tell_merged, told_plainly


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="sluice")
@click.pass_context
def main(context: click.Context, debug: bool) -> None:
    """Vendor files in; published, masked, historised tables out; bad rows kept with their reasons."""
    context.obj = debug
    if not debug:
        # An error is told once, by us. (PREFECT_LOGGING_LEVEL would do it too, but WARNING crashes prefect-dbt.)
        os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
        logging.raiseExceptions = False  # dbt's log that finds no room would tell it with a traceback for each line


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--feed", required=True, metavar="VENDOR.FEED", help="Which feed the file belongs to.")
@click.option(
    "--effective-at",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"]),
    metavar="DATE",
    help="The day (2026-01-31) or time (2026-01-31T09:30) that the file speaks of, where its name or arrival do not say"
    " so.",
)
@told_plainly
def deliver(file: Path, feed: str, effective_at: datetime | None) -> None:
    """Take a FILE in: archive it, register it, load it into staging."""
    from extract.deliver import parcels, told_beside
    from extract.feeds import catalogue
    from flows.ingest import ingest
    from flows.prefect_door import go
    from flows.run import prepare_ledger

    prepare_ledger(feed)
    declared = catalogue().feed(feed)
    day: date | None = effective_at or told_beside(declared, file.name, file, None)  # at midnight: the day
    refused = []
    for parcel in parcels(declared, file, day):
        done = go(ingest, feed, parcel.path, day, container=parcel.container)
        if done.reason:
            why = done.reason.removeprefix(f"{done.name}: ")
            refused.append(f"{done.name} is refused as delivery {done.delivery_id} of {feed}: {why}")
        else:
            _tell_delivered(feed, done)
    if refused:
        raise Failed("\n".join(refused))


def _tell_delivered(feed: str, done: Any) -> None:
    told = {
        "new": f"delivery {done.delivery_id} of {feed}: {done.state}. Next: sluice run",
        "again": f"nothing new: delivery {done.delivery_id} of {feed} is this file for the same day ({done.state}).",
        "sighting": f"delivery {done.delivery_id} of {feed}: a sighting, the content is that of delivery"
        f" {done.same_as}; nothing to load.",
    }
    say(f"{done.name}: {told[done.outcome]}")
    if done.replaces:
        say(f"{done.name}: {_in_its_place(done)}")


def _in_its_place(file: Any) -> str:
    return (
        f"it takes the place of delivery {file.replaces}, which spoke of the same time. If both are to count:"
        f" sluice deliver FILE --feed {file.feed} --effective-at ... with a time of its own"
    )


@main.command()
@click.argument("entities", nargs=-1, metavar="[ENTITY]...")
@click.option("--feed", "feeds", multiple=True, metavar="VENDOR.FEED", help="Collect this feed only, for its entity.")
@told_plainly
def run(entities: tuple[str, ...], feeds: tuple[str, ...]) -> None:
    """Collect what is new; judge, split, merge, gate and publish every ENTITY, or those named."""
    from flows.prefect_door import go
    from flows.run import RunError
    from flows.run import run as run_flow

    if entities and feeds:
        raise click.UsageError("name entities, or feeds: a feed's entity is known.")
    try:
        tell(go(run_flow, list(entities), list(feeds)))
    except RunError as error:
        tell(error.report)
        raise


def tell(done: Any) -> None:
    """Print what a run did, a line for each file that came and each entity."""
    for file in done.ingested:
        if file.outcome != "again":
            told = f"a sighting of delivery {file.same_as}" if file.outcome == "sighting" else file.state
            say(f"{file.feed}: {file.name} is delivery {file.delivery_id}, {told}")
        if file.replaces:
            say(f"{file.feed}: {file.name}: {_in_its_place(file)}")
    for change in done.changes:
        say(change)
    for merged in done.merged:
        tell_merged(merged)
    for notice in done.notices:
        if notice.outcome in ("sent", "failed"):
            tell_notice(notice)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@told_plainly
def status(as_json: bool) -> None:
    """Show the deliveries with their row accounts, and the publications."""
    from publish import tables, views
    from warehouse.migrate import migrate

    migrate()
    found = views.status()
    if as_json:
        print_json(found)
        return
    console.print(tables.deliveries(found["deliveries"]))
    console.print(tables.found(found["deliveries"]))
    console.print(tables.accounts(found["deliveries"]))
    console.print(tables.publications(found["publications"]))


@main.group()
def quarantine() -> None:
    """Bad rows, kept with their reasons."""


@quarantine.command("list")
@click.argument("entity")
@click.option("--open", "only_open", is_flag=True, help="Only those that wait to be put right.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@told_plainly
def quarantine_list(entity: str, only_open: bool, as_json: bool) -> None:
    """List the bad rows of an ENTITY with all their reasons, and what became of them."""
    from extract.feeds import catalogue
    from publish import tables, views

    found = [row for row in views.quarantine(catalogue().entity(entity)) if not only_open or row["status"] == "open"]
    if as_json:
        print_json(found)
    else:
        console.print(tables.quarantine(entity, found))


@main.command()
@told_plainly
def docs() -> None:
    """Build the documentation of the warehouse: one static page."""
    from flows.docs import build

    say(f"The documentation is built: {build()}")


@main.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@told_plainly
def dbt(arguments: tuple[str, ...]) -> None:
    """Run dbt on the project, with this warehouse's connection: sluice dbt test."""
    from flows.dbt import invoke
    from flows.run import prepare

    prepare()
    invoke(*arguments, quiet=False)


@main.command()
@told_plainly
def stop() -> None:
    """Stop the embedded server of this home, if one runs."""
    from warehouse import embedded
    from warehouse.settings import settings

    embedded.stop(settings().home)
    console.print("The embedded server is stopped.")


for command in (
    read,
    numbers,
    report,
    *COLLECT_COMMANDS,
    *HISTORY_COMMANDS,
    *MAPPING_COMMANDS,
    *OPERATE_COMMANDS,
    *PORTAL_COMMANDS,
    *PRIVACY_COMMANDS,
):
    main.add_command(command)
for command in QUARANTINE_COMMANDS:
    quarantine.add_command(command)


def begin() -> None:
    """`sluice` as a shell calls it: where nobody reads its output any more, it ends quietly."""
    pipe.listen()
    try:
        main()
    finally:
        sys.stdout.flush()  # what was printed last may be what nobody reads


if __name__ == "__main__":
    begin()
