"""`sluice numbers`: one number for each real thing, for ever."""

import click

from flows.telling import Words, console, print_json, say, told_plainly

SHOWN = 20  # rows of a preview


@click.group()
def numbers() -> None:
    """One number for each real thing: reserved, minted, merged, retired, never given twice."""


@numbers.command()
@click.argument("entity")
@click.argument("first", type=int)
@click.argument("last", type=int)
@told_plainly
def reserve(entity: str, first: int, last: int) -> None:
    """Reserve the numbers FIRST to LAST for an ENTITY."""
    from publish import numbers as register

    register.reserve(_numbered(entity), first, last)
    say(f"{first} to {last} are reserved for {entity}. Next: sluice numbers mint {entity}")


@numbers.command()
@click.argument("entity")
@click.option("--yes", is_flag=True, help="Do it; without, only what would be done is shown.")
@told_plainly
def mint(entity: str, yes: bool) -> None:
    """Give numbers to the published references of an ENTITY that have none."""
    from publish import numbers as register
    from publish import tables

    found = register.mint(_numbered(entity)) if yes else register.unnumbered(_numbered(entity))
    if found:
        console.print(tables.plain("Minted" if yes else "Without a number", found[:SHOWN]))
    more = f", {len(found) - SHOWN} more than shown" if len(found) > SHOWN else ""
    if yes or not found:
        say(f"{len(found)} numbers were given{more}.")
    else:
        say(f"{len(found)} references have no number{more}. To give them: sluice numbers mint {entity} --yes")


@numbers.command()
@click.argument("number", type=int)
@click.argument("into", type=int)
@click.option("--why", type=Words(), required=True, help="Why both are one thing.")
@told_plainly
def merge(number: int, into: int, why: str) -> None:
    """Let NUMBER lead to INTO for good: both are about one thing (301)."""
    from publish import numbers as register

    register.merge(number, into, why)
    say(f"{number} leads to {into} now.")


@numbers.command()
@click.argument("number", type=int)
@click.option("--why", type=Words(), required=True, help="Why it is no more, or never was.")
@told_plainly
def retire(number: int, why: str) -> None:
    """Retire a NUMBER (410). Rows of it stay, and are reported."""
    from publish import numbers as register

    register.retire(number, why)
    say(f"{number} is retired.")


@numbers.command()
@click.argument("number", type=int)
@told_plainly
def undo(number: int) -> None:
    """Let a merged or retired NUMBER stand again."""
    from publish import numbers as register

    register.undo(number)
    say(f"{number} stands again.")


@numbers.command("list")
@click.argument("entity")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@told_plainly
def list_numbers(entity: str, as_json: bool) -> None:
    """List the numbers of an ENTITY and where they lead; rows of retired ones are named."""
    from publish import numbers as register
    from publish import tables

    found = register.register(_numbered(entity))
    if as_json:
        print_json(found)
        return
    console.print(tables.plain(f"Numbers of {entity}", found))
    stray = [str(row["own_number"]) for row in found if row["status"] == 410 and row["published"]]
    if stray:
        say(f"Rows are published of retired numbers: {', '.join(stray)}. They are in published.{entity}_number.")


def _numbered(entity: str) -> str:
    """`entity`, prepared, if its judged model declares what its numbers are minted for."""
    from extract.entities import numbered_by
    from extract.feeds import catalogue
    from flows.run import prepare

    numbered_by(catalogue().entity(entity))
    prepare()
    return entity
