"""`sluice promote`: what is published here goes to another warehouse, and `sluice validation`, `sluice resolve`."""

import os

import click

from flows.telling import console, print_json, say, told_plainly


@click.command()
@click.argument("entities", nargs=-1, required=True, metavar="ENTITY...")
@click.option(
    "--to",
    "setting",
    default="SLUICE_PROMOTE_URL",
    metavar="VARIABLE",
    help="The environment variable that holds the other warehouse's URL: SLUICE_PROMOTE_URL, if not given.",
)
@click.option("--dry-run", is_flag=True, help="Show the difference that it would make, and change nothing.")
@click.option("--rollback", is_flag=True, help="Bring back there the publication before, of all that are named.")
@told_plainly
def promote(entities: tuple[str, ...], setting: str, dry_run: bool, rollback: bool) -> None:
    """Bring the publication of each ENTITY to another warehouse, all of them in one transaction there.

    Exported files go to SLUICE_PROMOTE_FILES (s3://bucket/prefix or a folder), where that is set.
    """
    from extract.entities import parents_first
    from extract.feeds import catalogue
    from publish import promote as promotion
    from publish import tables
    from warehouse.settings import settings

    chosen = parents_first([catalogue().entity(entity) for entity in entities])
    if rollback:
        promotion.rollback(chosen, _url(setting), files=settings().promote_files)
        say(f"{', '.join(chosen)}: consumers there see the publication before again.")
        return
    made = promotion.promote(chosen, _url(setting), dry_run=dry_run, files=settings().promote_files)
    title = "A promotion would make this difference" if dry_run else "Promoted"
    console.print(tables.plain(title, [vars(one) for one in made]))


def _url(setting: str) -> str:
    """The URL is named and not given: it holds a password, and command lines are read by others."""
    url = os.environ.get(setting)
    if not url or "://" in setting:
        raise click.UsageError(
            f"--to names an environment variable that holds the URL; {setting.split(':')[0]} does not."
        )
    return url


@click.command()
@click.argument("entity")
@click.option("--run", type=int, metavar="RUN", help="One run; else the newest that judged rows.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@told_plainly
def validation(entity: str, run: int | None, as_json: bool) -> None:
    """Show what a run found of an ENTITY: records, rows by rule, checks and gate. Reports of earlier runs stay."""
    from extract.feeds import catalogue
    from publish import tables
    from publish.validation import report
    from warehouse.migrate import migrate

    migrate()
    found = report(catalogue().entity(entity), run)
    if as_json:
        print_json(found)
        return
    say(f"{entity}, run {found['run']} ({found['state']}), begun {found['started_at'][:19]}")
    for title, rows in (
        ("Deliveries", found["deliveries"]),
        ("Rows by rule", found["rules"]),
        ("Checks", found["checks"]),
        ("Runs", found["history"]),
    ):
        if rows:
            console.print(tables.plain(title, rows))


@click.command()
@click.argument("entity")
@click.argument("column")
@click.option(
    "--per-second", type=float, default=2.0, show_default=True, help="How often the register is asked at most."
)
@click.option("--most", type=int, default=1000, show_default=True, help="How many identifiers are asked for at most.")
@told_plainly
def resolve(entity: str, column: str, per_second: float, most: int) -> None:
    """Ask a register whether it knows the identifiers in a published COLUMN of an ENTITY.

    Off until SLUICE_RESOLVE names the register: {"dataset.doi": "https://..."}. Answers are kept in
    reference.resolutions, and none is asked for twice.
    """
    from extract.entities import classes
    from extract.feeds import catalogue
    from publish.resolve import resolve as ask
    from warehouse.migrate import migrate
    from warehouse.settings import settings

    declared = classes(catalogue().entity(entity))
    if declared.get(column) != "none":
        known = "is not a column of it" if column not in declared else f"is personal ({declared[column]})"
        raise click.UsageError(f"{entity}.{column} {known}; personal values are not sent to a register.")
    register = settings().resolve.get(f"{entity}.{column}")
    if not register:
        raise click.UsageError(
            f'Resolving {entity}.{column} is off. Name its register: SLUICE_RESOLVE=\'{{"{entity}.{column}": "https://..."}}\''
        )
    migrate()
    done = ask(entity, column, register, per_second=per_second, most=most)
    say(
        f"{entity}.{column}: {done.asked} asked, {done.found} found, {done.unknown} unknown, {done.cached} known from"
        f" before, {done.left} left for another time{': ' + done.why if done.why else ''}."
    )


PORTAL_COMMANDS = (promote, validation, resolve)
