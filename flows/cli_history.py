"""The commands about history: look into it, take a delivery out of it, move what is published."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import click

from flows.telling import Failed, Words, console, print_json, say, tell_merged, told_plainly


class Moment(click.ParamType[datetime]):
    """A day or a time in ISO 8601, as Sluice prints them; of UTC, where it names no zone."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The moment; a day's is its beginning."""
        try:
            found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no time; write 2026-01-31, or 2026-01-31T09:30.", param, ctx)
        return found.replace(tzinfo=found.tzinfo or UTC)


@click.command()
@click.argument("entity")
@click.argument("key", nargs=-1, required=True)
@click.option(
    "--known-at",
    type=Moment(),
    metavar="TIME",
    help="As it was published at that time, or when that day began (UTC, where it names no zone).",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@told_plainly
def history(entity: str, key: tuple[str, ...], known_at: datetime | None, as_json: bool) -> None:
    """Show the published versions of the row of an ENTITY that has this KEY.

    KEY is its id, or the values of its natural key's columns, in their order; or some of them.
    """
    from extract.entities import key_columns
    from extract.feeds import catalogue
    from publish import tables, views

    versions = views.history(catalogue().entity(entity), key_columns(entity), key, known_at)
    if as_json:
        print_json({"entity": entity, "key": list(key), "versions": versions})
        return
    for identity in dict.fromkeys(version[f"{entity}_id"] for version in versions):
        console.print(tables.history(entity, [v for v in versions if v[f"{entity}_id"] == identity]))


@click.command()
@click.argument("entity")
@click.argument("key", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@told_plainly
def explain(entity: str, key: tuple[str, ...], as_json: bool) -> None:
    """Say why the row of an ENTITY with this KEY is as it is: file, line, run, publication of each version.

    KEY is its id, or the values of its natural key's columns, in their order; or some of them.
    """
    from extract.entities import classes, key_columns
    from extract.feeds import catalogue
    from publish import tables
    from publish.explain import explain as explained

    versions = explained(catalogue().entity(entity), key_columns(entity), classes(entity), key)
    if as_json:
        print_json({"entity": entity, "key": list(key), "versions": versions})
    else:
        console.print(tables.explanation(entity, versions))


@click.command()
@click.argument("delivery", type=int)
@click.option("--why", type=Words(), required=False, help="Why; it is kept with the delivery.")
@click.option("--undo", is_flag=True, help="Put a retracted delivery back.")
@told_plainly
def retract(delivery: int, why: str | None, undo: bool) -> None:
    """Take a DELIVERY (its number) out of history, as if it had never come, and publish what is left."""
    from warehouse import word

    if undo:
        _follow(lambda connection: word.undo(connection, delivery), f"delivery {delivery} is back in force")
    elif why:
        _follow(lambda connection: word.retract(connection, delivery, why), f"delivery {delivery} is retracted")
    else:
        raise click.UsageError("Say why: --why 'sent by mistake'.")


@click.command()
@click.argument("entities", nargs=-1, required=True, metavar="ENTITY...")
@told_plainly
def publish(entities: tuple[str, ...]) -> None:
    """Publish what is merged of each ENTITY, all at once, also after a rollback."""
    _publish(entities)


def _publish(entities: tuple[str, ...]) -> None:
    from extract.feeds import catalogue
    from flows.prefect_door import go
    from flows.publish import publish_merged
    from warehouse.migrate import migrate

    migrate()
    for publication in go(publish_merged, [catalogue().entity(name) for name in entities]):
        say(f"{publication.entity}: run {publication.run} published, {publication.rows} rows")


@click.command()
@click.argument("entity")
@click.option("--to", type=int, metavar="RUN", help="The run to go back to; else the publication before.")
@told_plainly
def rollback(entity: str, to: int | None) -> None:
    """Show consumers of an ENTITY an earlier publication again, at once. Nothing newer is published by itself then."""
    from extract.entities import export_by
    from extract.feeds import catalogue
    from publish import pointer
    from publish.export import export
    from warehouse.migrate import migrate

    migrate()
    publication = pointer.rollback(catalogue().entity(entity), to)
    export(entity, publication.run, export_by(entity))
    say(
        f"{entity}: consumers see run {publication.run} again, {publication.rows} rows."
        f" What is merged from now on waits for: sluice publish {entity}"
    )


@click.command()
@click.argument("what", metavar="DELIVERY|ENTITY")
@told_plainly
def accept(what: str) -> None:
    """Say yes: to a DELIVERY (its number) that waits because it looks implausible, or to an ENTITY's publication that
    needs approval. It is merged and published."""
    from extract.feeds import catalogue
    from warehouse import runs, word
    from warehouse.errors import SluiceError
    from warehouse.migrate import migrate

    if what.isdigit():
        _follow(lambda connection: word.accept(connection, int(what)), f"delivery {what} is accepted")
        return
    migrate()
    if runs.candidate(catalogue().entity(what)) is None:
        raise SluiceError(f"No publication of {what} waits. A delivery is accepted by its number: see sluice status.")
    _publish((what,))


@click.command()
@click.argument("delivery", type=int)
@click.option("--why", type=Words(), required=True, help="Why; it is kept with the delivery.")
@told_plainly
def refuse(delivery: int, why: str) -> None:
    """Say no to a DELIVERY (its number) that waits because it looks implausible: it changes nothing."""
    from warehouse import word
    from warehouse.connection import transaction
    from warehouse.migrate import migrate

    migrate()
    with transaction() as connection:
        word.refuse(connection, delivery, why)
    say(f"delivery {delivery} is refused")


def _follow(decide: Callable[[Any], str], told: str) -> None:
    """Write a person's word down, then bring the entity up to date."""
    from flows.merge import merge
    from flows.prefect_door import go
    from flows.run import stage_again
    from warehouse.connection import transaction
    from warehouse.migrate import migrate

    migrate()
    with transaction() as connection:
        entity = decide(connection)
    say(told)
    refusals = stage_again(entity)
    merged = go(merge, entity)
    tell_merged(merged)
    if refusals or merged.waiting:
        raise Failed("\n\n".join([*refusals, *merged.waiting]))


HISTORY_COMMANDS: tuple[Any, ...] = (history, explain, retract, accept, refuse, publish, rollback)
