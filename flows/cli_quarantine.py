"""The commands by which bad rows are worked on: sent back to their owner, judged again, thrown away."""

import getpass
from pathlib import Path
from typing import Any

import click

from flows.telling import Words, say, tell_merged, told_plainly


@click.command("export")
@click.argument("entity")
@click.option("--feed", required=True, metavar="VENDOR.FEED", help="Whose rows.")
@click.option("--delivery", type=int, metavar="N", help="Of this delivery; else the newest that has open rows.")
@click.option("--format", "kind", type=click.Choice(["csv", "xlsx"]), help="Else the vendor's: xlsx for spreadsheets.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Where to.")
@told_plainly
def export(entity: str, feed: str, delivery: int | None, kind: str | None, out: Path | None) -> None:
    """Write the open bad rows of a feed of an ENTITY as the vendor's own file, with the reasons, to be mended.

    It holds raw personal data and goes back to its vendor: only a steward may write it, and only you can read it.
    """
    from extract.feeds import catalogue
    from flows.returns import write
    from warehouse.migrate import migrate

    migrate()
    written = write(catalogue().entity(entity), catalogue().feed(feed), delivery, kind, out, by=person())
    say(f"{written.path}: {written.rows} rows of delivery {written.delivery_id} of {feed} ({written.told}).")
    if written.state != "merged":
        say(f"delivery {written.delivery_id} is {written.state}: a mended file for it will be refused.")
    if written.elsewhere:
        say(f"{written.elsewhere} more open rows lie in other deliveries of {feed}: --delivery N. See sluice status.")
    say("It holds raw personal data. Its owner mends the rows and sends it back through the same drop, name unchanged.")


@click.command("discard")
@click.argument("entity")
@click.option("--rule", metavar="CODE", help="Rows that break this rule.")
@click.option("--delivery", type=int, metavar="N", help="Rows of this delivery.")
@click.option("--row", "rows", type=int, multiple=True, metavar="N", help="Rows with this number, of that delivery.")
@click.option("--why", type=Words(), required=True, help="Why; it is kept with the rows.")
@told_plainly
def discard(entity: str, rule: str | None, delivery: int | None, rows: tuple[int, ...], why: str) -> None:
    """Throw open bad rows of an ENTITY away: nobody waits for them any more, and a replay leaves them out."""
    from extract.feeds import catalogue
    from warehouse import quarantine
    from warehouse.connection import transaction
    from warehouse.errors import SluiceError
    from warehouse.migrate import migrate

    if not (rule or delivery or rows):
        raise click.UsageError("Say which rows: --rule CODE, --delivery N, or both.")
    if rows and not delivery:
        raise click.UsageError("Row numbers are counted in a file: say --delivery N beside --row.")
    migrate()
    with transaction() as connection:
        count = quarantine.discard(
            connection, catalogue().entity(entity), by=person(), why=why, rule=rule, delivery_id=delivery, rows=rows
        )
        if not count:
            raise SluiceError(
                f"No open row of {entity} is meant by that; `sluice quarantine list {entity}` shows them."
            )
    say(f"{entity}: {count} rows discarded")


@click.command("replay")
@click.argument("entity")
@click.option("--rule", metavar="CODE", help="Deliveries with rows that break this rule.")
@click.option("--delivery", type=int, metavar="N", help="This delivery.")
@click.option(
    "--why", type=Words(), default="the rules or the mapping have changed", help="Why; it is kept with the rows."
)
@click.option("--dry-run", is_flag=True, help="Say what would come of it; change nothing.")
@told_plainly
def replay(entity: str, rule: str | None, delivery: int | None, why: str, dry_run: bool) -> None:
    """Judge the deliveries of an ENTITY that have open or superseded rows again, under today's mapping and contract.

    What is good now comes into history at its own time, as if it had been good at first. Rows that were good are
    judged again too: a rule that is stricter now may take some out of history.
    """
    from extract.feeds import catalogue
    from flows import replay as replaying
    from flows.run import prepare

    prepare()
    entity = catalogue().entity(entity)
    if dry_run:
        tried = replaying.try_out(entity, rule, delivery)
        say(
            f"{entity}: bad rows of {_deliveries(tried.deliveries)}: {tried.rows}; of these {tried.good} would be good,"
        )
        say(f"{tried.bad} would stay bad; {tried.newly_bad} rows that are good would be bad.")
        return
    done = replaying.replay(entity, rule, delivery, by=person(), why=why)
    tell_merged(done.merged)
    say(f"{entity}: {done.good} rows of {_deliveries(done.deliveries)} are good now, {done.bad} stay bad")
    if done.newly_bad:
        say(f"{done.newly_bad} rows that were good are in quarantine now: see sluice quarantine list {entity}")


def _deliveries(numbers: Any) -> str:
    return f"deliver{'y' if len(numbers) == 1 else 'ies'} {', '.join(map(str, numbers))}"


def person() -> str:
    """Who types this."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, in a container
        return "somebody"


QUARANTINE_COMMANDS: tuple[Any, ...] = (export, replay, discard)
