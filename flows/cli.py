"""The `sluice` command line."""

import json
import os
import sys
from collections.abc import Callable
from datetime import date, datetime
from functools import wraps
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from warehouse.errors import SluiceError

console = Console()
PROBLEM = 1
PLAIN: Any = {"highlight": False, "soft_wrap": True}


class Failed(click.ClickException):
    """An error in one clear paragraph; the traceback shows with --debug."""

    exit_code = PROBLEM

    def show(self, file: Any = None) -> None:  # noqa: ARG002  (click passes it)
        Console(stderr=True, soft_wrap=True).print(f"[red]Not done:[/red] {_escaped(self.message)}", highlight=False)


def _escaped(message: str) -> str:
    from rich.markup import escape

    return escape(message)


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


def told_plainly(command: Callable[..., None]) -> Callable[..., None]:
    """Turn any error into one paragraph and exit code 1."""

    @wraps(command)
    def call(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except click.ClickException:
            raise
        except Exception as error:
            if click.get_current_context().find_root().obj:
                raise
            raise Failed(in_a_paragraph(error)) from error

    return call


def in_a_paragraph(error: Exception) -> str:
    """What a person is told of an error. A database's own text may quote a row: of that only the message is told."""
    if isinstance(error, SluiceError):
        return str(error)
    diagnosis = getattr(getattr(error, "orig", error), "diag", None)
    message = diagnosis.message_primary if diagnosis else " ".join(str(error).split())
    return f"{type(error).__name__}: {message} (an error of ours; --debug shows where)"


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--feed", required=True, metavar="VENDOR.FEED", help="Which feed the file belongs to.")
@click.option(
    "--effective-at",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="The day that the file speaks of (2026-01-31), where its name or arrival do not say so.",
)
@told_plainly
def deliver(file: Path, feed: str, effective_at: datetime | None) -> None:
    """Take a FILE in: archive it, register it, load it into staging."""
    from flows.ingest import ingest
    from flows.prefect_door import go
    from flows.run import prepare_ledger

    prepare_ledger(feed)
    day: date | None = effective_at.date() if effective_at else None
    done = go(ingest, feed, file, day)
    if done.reason:
        raise Failed(f"{done.name} is refused as delivery {done.delivery_id} of {feed}: {done.reason}")
    told = {
        "new": f"delivery {done.delivery_id} of {feed}: {done.state}. Next: sluice run",
        "again": f"nothing new: delivery {done.delivery_id} of {feed} is this file for the same day ({done.state}).",
        "sighting": f"delivery {done.delivery_id} of {feed}: a sighting, the content is that of delivery"
        f" {done.same_as}; nothing to load.",
    }
    console.print(f"{_escaped(done.name)}: {told[done.outcome]}", **PLAIN)


@main.command()
@click.argument("entities", nargs=-1, metavar="[ENTITY]...")
@told_plainly
def run(entities: tuple[str, ...]) -> None:
    """Collect what waits in the drop folders; judge, split, merge, gate and publish every ENTITY, or those named."""
    from flows.prefect_door import go
    from flows.run import RunError
    from flows.run import run as run_flow

    try:
        tell(go(run_flow, list(entities)))
    except RunError as error:
        tell(error.report)
        raise


def tell(report: Any) -> None:
    """Print what a run did, a line for each file that came and each entity."""
    for file in report.ingested:
        if file.outcome != "again":
            told = f"a sighting of delivery {file.same_as}" if file.outcome == "sighting" else file.state
            console.print(f"{file.feed}: {_escaped(file.name)} is delivery {file.delivery_id}, {told}", **PLAIN)
    for merged in report.merged:
        told = "nothing new" if merged.run is None else f"run {merged.run} published, {merged.rows} rows"
        console.print(f"{merged.entity}: {told}", **PLAIN)


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
        _print_json(found)
        return
    console.print(tables.deliveries(found["deliveries"]))
    console.print(tables.accounts(found["deliveries"]))
    console.print(tables.publications(found["publications"]))


@main.group()
def quarantine() -> None:
    """Bad rows, kept with their reasons."""


@quarantine.command("list")
@click.argument("entity")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@told_plainly
def quarantine_list(entity: str, as_json: bool) -> None:
    """List the bad rows of an ENTITY with all their reasons."""
    from extract.feeds import catalogue
    from publish import tables, views

    found = views.quarantine(catalogue().entity(entity))
    if as_json:
        _print_json(found)
    else:
        console.print(tables.quarantine(entity, found))


@main.command()
@click.argument("entity")
@click.argument("key", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@told_plainly
def history(entity: str, key: tuple[str, ...], as_json: bool) -> None:
    """Show the published versions of the row of an ENTITY that has this KEY.

    KEY is its id, or the values of its natural key's columns.
    """
    from extract.entities import key_columns
    from extract.feeds import catalogue
    from publish import tables, views

    versions = views.history(catalogue().entity(entity), key_columns(entity), key)
    if as_json:
        _print_json({"entity": entity, "key": list(key), "versions": versions})
        return
    for identity in dict.fromkeys(version[f"{entity}_id"] for version in versions):
        console.print(tables.history(entity, [v for v in versions if v[f"{entity}_id"] == identity]))


@main.command()
@told_plainly
def docs() -> None:
    """Build the documentation of the warehouse: one static page."""
    from flows.docs import build

    console.print(f"The documentation is built: {build()}", **PLAIN)


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


def _print_json(found: Any) -> None:
    json.dump(found, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
