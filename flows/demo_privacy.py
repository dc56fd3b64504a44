"""A chapter of the demo: a masked row, a reveal that is denied, one that is written down, an erasure, and the proof."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from rich.console import Console

from flows.demo_history import chapter, deliver, merge, story
from warehouse.errors import SluiceError
from warehouse.settings import settings

ENTITY = "provider"
console = Console()


def main() -> None:
    """Tell the story in a home of its own, made anew each time."""
    home = settings().folder("demo-privacy")
    os.environ["SLUICE_HOME"] = str(home)
    settings.cache_clear()
    from warehouse import embedded, vault_key

    embedded.stop(home)
    shutil.rmtree(home)
    home.mkdir(parents=True, mode=0o700)
    secret, public = vault_key.make(home / "vault.key")
    use_key(public)
    try:
        tell(secret)
    finally:
        embedded.stop(home)


def use_key(file: Path) -> None:
    """Give this process another key of the vault."""
    os.environ["SLUICE_VAULT_KEY"] = str(file)
    settings.cache_clear()


def tell(secret: Path) -> None:
    """The chapters, one after the other."""
    from flows.erase import erase
    from flows.erase_plan import Person
    from flows.privacy import scan
    from publish import tables
    from warehouse import vault

    feed, (first, second, _) = story()
    chapter(f"Two files of {feed} arrive, are judged and merged. This is what consumers see.")
    deliver(feed, first)
    deliver(feed, second)
    merge()
    row = one_with_phone()
    shown = ["license_number", "company", "licensee_name", "phone", "phone_token"]
    console.print(tables.rows(f"published.{ENTITY}, masked", [row], [name for name in shown if name in row]))
    token = row["phone_token"]

    chapter(f"Somebody asks what {token[:14]}... stands for. Nobody is entitled yet.")
    told(lambda: vault.reveal(token, "just curious", "demo"))

    chapter("An entitlement by entity and class is given. The pipeline's key seals only: it cannot open.")
    vault.entitle(vault.me(), ENTITY, "phone", 10)
    told(lambda: vault.reveal(token, "a parent could not reach them, case 4711", "demo"))

    chapter("The holder of the secret key asks, and sees. Each question was written down before its answer.")
    use_key(secret)
    value = vault.reveal(token, "a parent could not reach them, case 4711", "demo")
    console.print(f"{token[:14]}... stands for {value} (a synthetic number)", highlight=False)
    told_reveals()

    chapter("The person asks to be erased. First a dry run, then for good; the certificate names nobody.")
    person = Person(pii="phone", value=value)
    plan = erase(person, dry_run=True)
    console.print(f"dry run: {sum(d['rows'] for d in plan['deliveries'])} rows would be emptied", highlight=False)
    console.print_json(json.dumps(erase(person)))

    chapter("The proof: the files come again and change nothing, the vault is empty of it, and a scan finds no value.")
    deliver(feed, second)
    merge()
    told(lambda: vault.reveal(token, "is it gone?", "demo"))
    left = occurrences(value)
    done = scan()
    console.print(f"rows of the warehouse in which the number still stands: {left}", highlight=False)
    console.print(
        f"{done.values} other personal values looked for, {len(done.leaks)} found out of place", highlight=False
    )


def one_with_phone() -> dict[str, Any]:
    """A published row whose phone no other row has."""
    from publish import views

    rows = [row for row in views.sample(ENTITY, 1000) if row["phone_token"]]
    tokens = [row["phone_token"] for row in rows]
    return next(row for row in rows if tokens.count(row["phone_token"]) == 1)


def told(ask: Any) -> None:
    """Print what a refused question is told."""
    try:
        console.print(ask(), highlight=False)
    except SluiceError as refusal:
        console.print(f"[red]Not done:[/red] {refusal}", highlight=False)


def told_reveals() -> None:
    """Print the audit."""
    from publish import tables
    from publish.views import plain
    from warehouse import vault

    found = [{name: plain(cell) for name, cell in row.items()} for row in vault.reveals()]
    console.print(tables.rows("pii.reveals", found, ["outcome", "who", "why"]))


def occurrences(value: str) -> int:
    """In how many rows of all tables of the warehouse a value stands."""
    from sqlalchemy import text

    from warehouse.connection import transaction

    with transaction() as connection:
        names = connection.scalars(
            text(
                "select format('%I.%I', n.nspname, c.relname) from pg_class as c"
                " join pg_namespace as n on n.oid = c.relnamespace where c.relkind = 'r'"
                " and n.nspname not in ('pg_catalog', 'information_schema')"
            )
        ).all()
        digits = "".join(filter(str.isdigit, value))[-10:]
        return sum(
            connection.scalar(
                text(f"select count(*) from {name} as t where strpos(translate(t::text, ' ()-.', ''), :digits) > 0"),
                {"digits": digits},
            )
            or 0
            for name in names
        )


if __name__ == "__main__":
    main()
