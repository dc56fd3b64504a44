"""The commands about personal data and rights."""

import getpass
import re
import sys
from pathlib import Path
from typing import Any

import click

from flows.telling import Failed, Words, console, print_json, say, told_plainly
from warehouse.errors import SluiceError


@click.group()
def pii() -> None:
    """Personal data: reveal, rotate, scan, erase."""


@pii.command()
@click.argument("token")
@click.option("--why", type=Words(), required=True, help="Why; it is written down before anything is shown.")
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
        console.print(tables.rows("Reveals", found, ["asked_at", "who", "login", "via", "asked for", "outcome", "why"]))


@pii.command()
@click.argument("file", type=click.Path(path_type=Path))
@told_plainly
def key(file: Path) -> None:
    """Make a key pair that seals the vault: FILE (to reveal) and FILE.pub (for the pipeline)."""
    from warehouse import vault_key

    secret, public = vault_key.make(file)
    say(f"{secret}: opens the vault. Keep it away from the warehouse and its backups; without it nothing opens.")
    say(f"{public}: seals. Give the pipeline SLUICE_VAULT_KEY={public}")


class Somebody(Words):
    """Words that name a person. `-` reads them from standard input, for what is typed behind a command stands in the
    list of processes and in the shell's history."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The words, as they are typed or read."""
        if value == "-":
            value = click.prompt("The person", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
        return super().convert(value, param, ctx)


@pii.command()
@click.option("--email", type=Somebody(), help="The person's e-mail address; - reads it from standard input, or asks.")
@click.option(
    "--value",
    type=(str, Somebody()),
    metavar="CLASS VALUE",
    help="Or a value of another class: phone '702 555 0143', phone -.",
)
@click.option("--token", type=Words(), help="Or a token that the vault holds.")
@click.option(
    "--key",
    type=(str, Somebody()),
    metavar="ENTITY KEY",
    help="Or a row: its id, or its key (columns joined by |; \\| is one within a value).",
)
@click.option("--dry-run", is_flag=True, help="Say what would be erased, and erase nothing.")
@told_plainly
def erase(
    email: str | None,
    value: tuple[str, str] | None,
    token: str | None,
    key: tuple[str, str] | None,
    dry_run: bool,
) -> None:
    """Erase a person for good; prints the certificate, which does not say who it is."""
    from extract.classes import has_token, known
    from extract.feeds import FeedError, catalogue
    from flows.erase import erase as erased
    from flows.erase_plan import Person
    from flows.erase_rest import finish_what_died
    from flows.run import prepare
    from warehouse.migrate import migrate
    from warehouse.settings import settings

    if sum(one is not None for one in (email, value, token, key)) != 1:
        raise click.UsageError("Name the person in one way: --email, --value, --token or --key.")
    migrate()
    for number in finish_what_died():
        click.echo(f"erasure {number}, whose process died, is finished now: see sluice pii erasures", err=True)
    prepare()
    if value and value[0] not in known(settings().dbt_project):
        raise FeedError(f"There is no PII class {value[0]!r}.")
    if value and not has_token(value[0]):
        raise FeedError(f"A value of class {value[0]!r} names nobody. Name the person by another value, or by --key.")
    if email:
        person = Person(pii="email", value=email)
    elif value:
        person = Person(pii=value[0], value=value[1])
    elif key:
        person = Person(entity=catalogue().entity(key[0]), key=key_told(catalogue().entity(key[0]), key[1]))
    else:
        person = Person(token=token)
    print_json({"dry_run": dry_run, **erased(person, dry_run=dry_run)})


def key_told(entity: str, told: str) -> tuple[str, ...]:
    """The values of a row's key, or its id alone, as somebody writes them in one word."""
    from extract.entities import key_columns

    columns = key_columns(entity)
    if len(columns) == 1:
        return (told,)
    parts = tuple(part.replace(r"\|", "|") for part in re.split(r"(?<!\\)[|]", told))
    if len(parts) not in (1, len(columns)):
        raise SluiceError(
            f"The key of {entity} is {'|'.join(columns)}, {len(columns)} values, and here are {len(parts)}. A | within"
            r" a value is written as \|."
        )
    return parts


@pii.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@told_plainly
def scan(as_json: bool) -> None:
    """Search raw personal values where none may stand: schemas, exports, pages, logs, dbt's files. Fails on a hit."""
    from flows import privacy
    from warehouse.migrate import migrate

    migrate()
    done = privacy.scan()
    if as_json:
        print_json({"values": done.values, "leaks": [vars(leak) for leak in done.leaks]})
    else:
        say(f"{done.values} distinct personal values were searched for")
        for leak in done.leaks:
            say(f"{leak.place}: {leak.count} times {leak.pii}")
    if done.leaks:
        raise Failed(
            f"Personal values stand in {len({leak.place for leak in done.leaks})} places where none may stand."
        )


@pii.command()
@click.option("--seal-with", metavar="KEY", help="Seal the vault with another key from now on: a file, or kms:KEY_ID.")
@told_plainly
def rotate(seal_with: str | None) -> None:
    """Make a new key of tokens; history, vault and exports get new tokens, the old key is deleted."""
    from flows import privacy
    from flows.run import prepare
    from warehouse.vault_key import parse

    key = parse(seal_with) if seal_with else None
    prepare()
    done = privacy.rotate(key)
    say(f"key version {done.key_version}; {done.tokens} tokens of the vault are new")
    for entity, versions in done.versions.items():
        say(f"{entity}: {versions} versions got their new tokens; none is a new version. Exports are written anew")
    if key:
        say(f"the vault is sealed with {key.name}: set SLUICE_VAULT_KEY to it")


@click.group()
def roles() -> None:
    """Who may read what."""


@roles.command("check")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@told_plainly
def roles_check(as_json: bool) -> None:
    """Print what each role can really read and call, from the catalog; fail where it is more than declared."""
    from publish import tables
    from warehouse import rights
    from warehouse.migrate import migrate

    migrate()
    found = rights.check()
    if as_json:
        print_json({"roles": [vars(of_role) for of_role in found], "members": rights.members()})
    else:
        console.print(tables.rights(found, rights.members()))
    if faults := [f"{of_role.role} {fault}" for of_role in found for fault in of_role.too_much]:
        raise Failed(f"{len(faults)} rights are more than declared (warehouse/rights.py): {'; '.join(faults)}.")


@roles.command("vendor")
@click.argument("role")
@click.argument("vendor")
@click.option("--entity", default="*", help="The entity; else any.")
@click.option("--revoke", is_flag=True, help="Take it away.")
@told_plainly
def roles_vendor(role: str, vendor: str, entity: str, revoke: bool) -> None:
    """Let a ROLE of the database see the rows of a VENDOR (`*`: any) of entities with rows_by: vendor."""
    from extract.feeds import FeedError, catalogue
    from warehouse import rights
    from warehouse.migrate import migrate

    migrate()
    if not revoke:
        entity = entity if entity == "*" else catalogue().entity(entity)
        vendors = sorted({feed.vendor for feed in catalogue().feeds.values()})
        if vendor not in ("*", *vendors):
            raise FeedError(f"There is no vendor {vendor!r}. Known vendors: {', '.join(vendors)}.")
    rights.allow_vendor(role, vendor, entity, revoke=revoke)
    say(f"{role} {'no longer sees' if revoke else 'sees'} the rows of {vendor}, entity {entity}")


@click.command()
@click.option(
    "--days", type=click.IntRange(0), help="Leave what came within so many days; else SLUICE_KEEP_STAGED_DAYS."
)
@told_plainly
def purge(days: int | None) -> None:
    """Delete staged and judged rows of what is merged; the archive has them, and a run that needs them loads them."""
    from extract.feeds import catalogue
    from warehouse.migrate import migrate
    from warehouse.purge import purge as purged
    from warehouse.settings import settings

    migrate()
    keep = settings().keep_staged_days if days is None else days
    for entity in catalogue().entities:
        say(f"{entity}: staged and judged rows of {len(purged(entity, keep))} deliveries are gone")


@pii.command()
@told_plainly
def erasures() -> None:
    """List the certificates of erasures, and what has brought erased persons back where that is only flagged."""
    from warehouse import erasure
    from warehouse.migrate import migrate

    migrate()
    print_json({"erasures": erasure.certificates(), "returned": erasure.returned()})


PRIVACY_COMMANDS: tuple[Any, ...] = (pii, roles, purge)
