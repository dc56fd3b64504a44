"""Commands about how files are mapped: what was skipped, what a change of a declaration concerns,
and the versions of the files that declare it."""

import getpass
from dataclasses import asdict
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from flows.telling import console, print_json, say, tell_merged, told_plainly


@click.command()
@click.argument("delivery", type=int)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@told_plainly
def skipped(delivery: int, as_json: bool) -> None:
    """List the records of a DELIVERY that its feed's skip patterns name as no data: line by line, and why."""
    from publish import views
    from warehouse.migrate import migrate

    migrate()
    found = views.skipped(delivery)
    if as_json:
        print_json(found)
        return
    if not found:
        say(f"Nothing of delivery {delivery} was skipped.")
        return
    table = Table("line", "why", title=f"Skipped records of delivery {delivery}")
    for record in found:
        table.add_row(str(record["line_number"]), record["why"])
    console.print(table)


@click.command()
@click.argument("entities", nargs=-1, metavar="[ENTITY]...")
@click.option("--dry-run", is_flag=True, help="Show what a change concerns, and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@told_plainly
def reprocess(entities: tuple[str, ...], dry_run: bool, as_json: bool) -> None:
    """Judge again what was judged by another mapping, contract or list than today's, and nothing else: of every ENTITY,
    or of those named."""
    from extract.feeds import catalogue
    from flows import reprocess as again
    from flows.run import prepare

    prepare()
    found = [again.find(catalogue().entity(name)) for name in entities or catalogue().entities]
    if as_json:
        print_json([asdict(one) for one in found])
    for one in found:
        if not as_json and (one.concerned or entities):
            tell_concerned(one)
        if one.concerned and not dry_run:
            tell_merged(again.reprocess(one, by=getpass.getuser()))
    if not as_json and not any(one.concerned for one in found):
        say("Everything that history holds was judged by what is declared today.")


def tell_concerned(found: Any) -> None:
    """Print what a change concerns, of one entity."""
    table = Table("no.", "feed", "file", "what is otherwise now", title=f"To judge again: {found.entity}")
    for one in found.concerned:
        table.add_row(str(one.delivery_id), one.feed, Text(one.name), Text("; ".join(one.causes)))
    console.print(table)
    say(f"{found.entity}: {len(found.concerned)} deliveries are concerned, {found.untouched} are not.")
    if found.unknown:
        say(f"{found.unknown} were judged before it was kept by what; sluice quarantine replay judges them again.")


@click.group()
def feeds() -> None:
    """The files that declare the vendors' feeds."""


@feeds.command()
@click.argument("vendors", nargs=-1, metavar="[VENDOR]...")
@click.option("--dry-run", is_flag=True, help="Show what would be changed, and change nothing.")
@told_plainly
def migrate(vendors: tuple[str, ...], dry_run: bool) -> None:
    """Bring the files of every VENDOR, or of those named, to the version that this Sluice reads; comments stay."""
    from flows.vendor_files import migrate_files

    changes = list(migrate_files(vendors, write=not dry_run))
    for change in changes:
        console.print(Text(change.diff), highlight=False)
        say(f"{change.file.name}: " + "; ".join(change.told) + (". Nothing was written." if dry_run else "."))
    if not changes:
        say("Every vendor's file is of the version that this Sluice reads.")


MAPPING_COMMANDS = (skipped, reprocess, feeds)
