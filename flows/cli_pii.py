"""The commands about personal data and rights."""

import getpass
from pathlib import Path
from typing import Any

import click

from flows.telling import console, print_json, say, told_plainly


@click.group()
def pii() -> None:
    """Personal data: reveal, rotate, scan, erase."""


@pii.command()
@click.argument("token")
@click.option("--why", required=True, help="Why; it is written down before anything is shown.")
@told_plainly
def reveal(token: str, why: str) -> None:
    """Show what a TOKEN stands for, to a role that is entitled to it."""
    from warehouse import vault
    from warehouse.migrate import migrate

    migrate()
    say(vault.reveal(token, why, f"sluice ({getpass.getuser()})"))


@pii.command()
@click.argument("role")
@click.option("--entity", default="*", help="The entity; else any.")
@click.option("--class", "pii_class", default="*", help="The PII class; else any.")
@click.option("--per-hour", default=100, show_default=True, type=click.IntRange(1), help="Most reveals of an hour.")
@click.option("--revoke", is_flag=True, help="Take all entitlements of the role away.")
@told_plainly
def entitle(role: str, entity: str, pii_class: str, per_hour: int, revoke: bool) -> None:
    """Let a ROLE of the database, and its members, reveal values."""
    from extract.classes import known
    from extract.feeds import FeedError, catalogue
    from warehouse import vault
    from warehouse.migrate import migrate
    from warehouse.settings import settings

    migrate()
    if revoke:
        say(f"{role}: {vault.disentitle(role)} entitlements are gone")
        return
    classes = known(settings().dbt_project)
    if pii_class not in ("*", *classes):
        raise FeedError(f"There is no PII class {pii_class!r}. Known classes: {', '.join(classes)}.")
    vault.entitle(role, entity if entity == "*" else catalogue().entity(entity), pii_class, per_hour)
    say(f"{role} may reveal {pii_class} of {entity}, {per_hour} an hour")


@pii.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@told_plainly
def reveals(as_json: bool) -> None:
    """List who asked to see what, when and why."""
    from publish import tables
    from publish.views import plain
    from warehouse import vault
    from warehouse.migrate import migrate

    migrate()
    found = [{name: plain(value) for name, value in row.items()} for row in vault.reveals()]
    if as_json:
        print_json(found)
    else:
        console.print(tables.rows("Reveals", found, ["asked_at", "who", "via", "asked for", "outcome", "why"]))


@pii.command()
@click.argument("file", type=click.Path(path_type=Path))
@told_plainly
def key(file: Path) -> None:
    """Make a key pair that seals the vault: FILE (to reveal) and FILE.pub (for the pipeline)."""
    from warehouse import vault_key

    secret, public = vault_key.make(file)
    say(f"{secret}: opens the vault. Keep it away from the warehouse and its backups; without it nothing opens.")
    say(f"{public}: seals. Give the pipeline SLUICE_VAULT_KEY={public}")


@pii.command()
@told_plainly
def rotate() -> None:
    """Make a new key of tokens; history, vault and exports get new tokens, the old key is deleted."""
    from flows import privacy
    from flows.run import prepare

    prepare()
    done = privacy.rotate()
    say(f"key version {done.key_version}; {done.tokens} tokens of the vault are new")
    for entity, versions in done.versions.items():
        say(f"{entity}: {versions} versions got their new tokens; none is a new version. Exports are written anew")


PRIVACY_COMMANDS: tuple[Any, ...] = (pii,)
