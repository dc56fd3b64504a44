"""What concerns personal data across entities: rotate the key, look for leaks, erase a person."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from checks import leaks
from checks.leaks import Leak, Secrets
from extract.entities import classes, export_by, token_columns
from extract.feeds import catalogue
from extract.personal import looks_personal
from publish import export as exports
from publish import pointer
from warehouse import erasure, runs
from warehouse.connection import transaction
from warehouse.rotate import Rotated, exported, is_exported
from warehouse.rotate import rotate as rotate_key
from warehouse.settings import settings
from warehouse.vault_key import VaultKey


def with_history() -> list[str]:
    """The entities that have a dimension in this warehouse."""
    with transaction() as connection:
        there = set(
            connection.scalars(text("select relname from pg_class where relnamespace = 'history'::regnamespace"))
        )
    return [entity for entity in catalogue().entities if f"dim_{entity}" in there]


NOT_SCANNED = ("archive", "drop", "postgres", "tmp", "files")  # of the home: raw by nature, or the database itself


@dataclass(frozen=True)
class Scanned:
    """What a scan looked for, and where it found it."""

    values: int
    leaks: tuple[Leak, ...]


def scan() -> Scanned:
    """Search the personal values of staging, judged rows and vault everywhere where none may stand: in all other
    schemas, and in the home's exports, logs, pages and dbt files."""
    wanted = telling_values()
    home = settings().home.expanduser().absolute()
    folders = [path for path in sorted(home.iterdir()) if path.is_dir() and path.name not in NOT_SCANNED]
    return Scanned(len(wanted), (*leaks.in_warehouse(wanted), *leaks.in_files(wanted, folders)))


def telling_values() -> Secrets:
    """The personal values that the warehouse holds, without those that it, or the project, says openly elsewhere."""
    columns = {f"staging.{f.table}": [(c.name, c.pii) for c in f.columns] for f in catalogue().feeds.values()}
    columns |= {f"judged.{entity}": list(classes(entity).items()) for entity in catalogue().entities}
    personal = {table: [(n, pii) for n, pii in of if pii not in ("none", "free_text")] for table, of in columns.items()}
    openly = {table: [(n, pii) for n, pii in of if pii == "none"] for table, of in columns.items()}
    staged = staged_tables()
    undeclared = leaks.undeclared(staged, looks_personal).and_those(leaks.names(staged))
    wanted = leaks.secrets(personal).and_those(undeclared).without(leaks.secrets(openly, openly=True))
    for root in (settings().dbt_project, settings().checks_folder):
        for kind in ("*.yml", "*.sql", "*.md", "*.csv"):
            for file in root.rglob(kind):
                if "samples" not in file.parts:  # an example in a description is no secret, whoever is called so
                    wanted.forget(file.read_text(encoding="utf-8", errors="replace"))
    return wanted


def staged_tables() -> list[str]:
    """The tables of staged deliveries."""
    found = "select relname from pg_class where relnamespace = 'staging'::regnamespace and relname like 'delivery\\_%'"
    with transaction() as connection:
        return list(connection.scalars(text(found)))


def tokens_in_history(connection: Connection, entity: str) -> list[str]:
    """The columns of an entity's dimension that hold tokens, those that are not declared any more among them."""
    return [*token_columns(entity), *erasure.once_personal(connection, entity, classes(entity)).tokens]


def rotate(seal_with: VaultKey | None = None) -> Rotated:
    """Give every token of every entity a successor under a new key, those of columns that went as well, and write the
    exports of what is published anew."""
    entities = with_history()
    with runs.entity_lock(*entities):
        with transaction() as connection:
            tokens = {entity: tokens_in_history(connection, entity) for entity in entities}
        done = rotate_key(tokens, seal_with)
        finish_rotation()
    return done


def finish_rotation() -> None:
    """Write the exports anew that have the tokens of a former key. Call it with every entity locked."""
    with transaction() as connection:
        if is_exported(connection):
            return
    for entity in with_history():
        renew_exports(entity)
    with transaction() as connection:
        exported(connection)


def renew_exports(entity: str) -> None:
    """Delete an entity's exports and write the published one anew: history has changed below them."""
    exports.forget(entity)
    published = pointer.current(entity)
    if published is not None:
        exports.export(entity, published, export_by(entity))
