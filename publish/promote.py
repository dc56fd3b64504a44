"""Promote: exactly one publication goes to another warehouse, whole, in one transaction there, and can come back."""

import getpass
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from publish import promoted_files
from warehouse.connection import engine
from warehouse.errors import SluiceError

# A warehouse that is promoted to needs no Sluice of its own: what a promotion stands on is made there once.
TARGET = (
    "create schema if not exists published",
    "create schema if not exists promoted",
    "create schema if not exists ledger",
    "create table if not exists ledger.promotions (promotion_id bigint generated always as identity primary key,"
    " entity text not null, run bigint not null, rows bigint not null, history_rows bigint not null,"
    " added bigint not null, changed bigint not null, gone bigint not null,"
    " promoted_at timestamptz not null default clock_timestamp(), promoted_by text not null,"
    " rolled_back_at timestamptz)",
)
ONE_AT_A_TIME = "select pg_advisory_xact_lock(hashtextextended('sluice.promote', 0))"


@dataclass(frozen=True)
class Difference:
    """What a promotion changes in the published rows of an entity there."""

    entity: str
    run: int
    rows: int
    added: int
    changed: int
    gone: int


def promote(entities: Sequence[str], url: str, *, dry_run: bool, files: str | None = None) -> list[Difference]:
    """Bring what is published here of each entity to the warehouse at `url`, all of them in one transaction there.

    A dry run does the same and rolls it back. What is there already stays as it is, so that one that was killed at its
    end can be said again. `files`: the bucket or folder for the exported files; they are there before the transaction
    ends, and `latest` names them after it; of earlier ones stay those that `rollback`
    shows. Raises SluiceError where one is not published, its run did not pass the gate, or the other warehouse is this
    one.
    """
    with _source() as here, _target(url) as there:
        _refuse_same(here, there)
        runs = {entity: _gated_run(here, entity) for entity in entities}
        for statement in TARGET:
            there.execute(statement)
        there.execute(ONE_AT_A_TIME)
        made = [_bring(here, there, entity, run) for entity, run in runs.items()]
        if dry_run:
            there.rollback()
            return made
        copied = [promoted_files.copy(entity, run, files) for entity, run in runs.items()] if files else []
        there.commit()
        for folder in copied:
            promoted_files.point_latest(folder)
        if files:
            _keep_shown(there, list(runs), files)
    return made


def rollback(entities: Sequence[str], url: str, *, files: str | None = None) -> None:
    """Show consumers there the publication before the last promotion again, of all entities at once, and then in
    `files`."""
    shown = {}
    with _target(url) as there:
        for entity in entities:
            if not _exists(there, "promoted", entity):
                raise SluiceError(f"{entity} has no publication before this one there to go back to.")
            for name in (entity, f"{entity}_history"):
                _drop(there, "published", name)
                there.execute(sql.SQL("alter table promoted.{} set schema published").format(sql.Identifier(name)))
            there.execute(
                "update ledger.promotions set rolled_back_at = clock_timestamp() where promotion_id ="
                " (select max(promotion_id) from ledger.promotions where entity = %s and rolled_back_at is null)",
                [entity],
            )
            shown[entity] = _last(there, entity)
        there.commit()
    for entity, run in shown.items():
        if files and run:
            promoted_files.point_latest(promoted_files.place(entity, run, files))


def _keep_shown(there: psycopg.Connection, entities: Sequence[str], files: str) -> None:
    """Of each entity's files those stay that belong to a table there: what is published, and the one before."""
    there.execute(ONE_AT_A_TIME)
    for entity in entities:
        promoted_files.keep_only(entity, _shown(there, entity), files)
    there.rollback()


def _last(there: psycopg.Connection, entity: str) -> int | None:
    """The run whose publication is there, as far as that is written down."""
    return next(iter(_shown(there, entity)), None)


def _shown(there: psycopg.Connection, entity: str) -> list[int]:
    """The runs of the publication that is there and of the one before."""
    found = there.execute(
        "select run from ledger.promotions where entity = %s and rolled_back_at is null"
        " order by promotion_id desc limit 2",
        [entity],
    )
    return [run for (run,) in found]


@contextmanager
def _source() -> Iterator[psycopg.Connection]:
    """A connection here that reads one snapshot."""
    with engine().connect() as connection:
        driver: psycopg.Connection = connection.connection.driver_connection  # type: ignore[assignment]
        driver.execute("set transaction isolation level repeatable read, read only")
        yield driver
        driver.rollback()


@contextmanager
def _target(url: str) -> Iterator[psycopg.Connection]:
    """A connection there; what is not committed is undone."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        connection = psycopg.connect(plain, connect_timeout=10, application_name="sluice promote")
    except psycopg.OperationalError as error:
        raise SluiceError(
            "The warehouse to promote to does not answer. Look at its URL, and whether it runs."
        ) from error
    try:
        yield connection
    finally:
        connection.close()


def _refuse_same(here: psycopg.Connection, there: psycopg.Connection) -> None:
    who = (
        "select oid, pg_postmaster_start_time(), inet_server_port() from pg_database where datname = current_database()"
    )
    if here.execute(who).fetchone() == there.execute(who).fetchone():
        raise SluiceError("That is this warehouse itself: promote to another one.")


def _gated_run(here: psycopg.Connection, entity: str) -> int:
    """The run that consumers see here, if all checks of its gate passed."""
    found = here.execute(
        "select p.run, count(c.run) as checks, count(c.run) filter (where c.outcome ilike 'pass%%') as passed"
        " from ledger.pointers as p left join ledger.check_results as c on c.run = p.run and c.stage = 'gate'"
        " where p.entity = %s group by p.run",
        [entity],
    ).fetchone()
    if found is None:
        raise SluiceError(f"{entity} is not published here; only what is published is promoted.")
    run, checks, passed = found
    if not checks or passed < checks:
        raise SluiceError(f"{entity} run {run}: {passed} of {checks} checks of its gate passed; it is not promoted.")
    return int(run)


def _bring(here: psycopg.Connection, there: psycopg.Connection, entity: str, run: int) -> Difference:
    loaded = {name: _load(here, there, name) for name in (entity, f"{entity}_history")}
    difference = _difference(there, entity, run, loaded[entity])
    if _last(there, entity) == run and all(_is_there(there, name) for name in loaded):
        for name in loaded:
            _drop(there, "promoted", f"{name}__new")
        return difference
    for name in loaded:
        _swap(there, name)
    there.execute(
        "insert into ledger.promotions (entity, run, rows, history_rows, added, changed, gone, promoted_by)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s)",
        [
            entity, run, loaded[entity], loaded[f"{entity}_history"],
            difference.added, difference.changed, difference.gone, getpass.getuser(),
        ],
    )  # fmt: skip
    return difference


def _load(here: psycopg.Connection, there: psycopg.Connection, name: str) -> int:
    """Copy a published view into a new table aside; gives its rows."""
    columns = here.execute(
        "select attname, format_type(atttypid, atttypmod), col_description(attrelid, attnum) from pg_attribute"
        " where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped order by attnum",
        [f'published."{name}"'],
    ).fetchall()
    aside = sql.Identifier("promoted", f"{name}__new")
    declared = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(kind)) for column, kind, _ in columns
    )
    there.execute(sql.SQL("drop table if exists {}").format(aside))
    there.execute(sql.SQL("create table {} ({})").format(aside, declared))
    for column, _, told in columns:
        if told:
            there.execute(
                sql.SQL("comment on column {}.{} is {}").format(aside, sql.Identifier(column), sql.Literal(told))
            )
    reading = here.cursor().copy(sql.SQL("copy (select * from published.{}) to stdout").format(sql.Identifier(name)))
    writing = there.cursor()
    with reading as source, writing.copy(sql.SQL("copy {} from stdin").format(aside)) as target:
        for chunk in source:
            target.write(chunk)
    return writing.rowcount


def _difference(there: psycopg.Connection, entity: str, run: int, rows: int) -> Difference:
    """What is new, changed and gone by the id; of a table whose columns changed each row is compared as a whole."""
    if not _exists(there, "published", entity):
        return Difference(entity, run, rows, rows, 0, 0)
    names = {
        "id": sql.Identifier(f"{entity}_id"),
        "old": sql.Identifier(entity),
        "new": sql.Identifier(f"{entity}__new"),
    }
    found = there.execute(
        sql.SQL(
            "select count(*) filter (where old.{id} is null), count(*) filter (where new.{id} is not null"
            " and to_jsonb(old) <> to_jsonb(new)), count(*) filter (where new.{id} is null)"
            " from published.{old} as old full join promoted.{new} as new on new.{id} = old.{id}"
        ).format(**names)
    ).fetchone()
    added, changed, gone = found or (0, 0, 0)
    return Difference(entity, run, rows, added, changed, gone)


def _is_there(there: psycopg.Connection, name: str) -> bool:
    """Whether the new table holds what the published one does."""
    if not _exists(there, "published", name):
        return False
    tables = sql.Identifier("published", name), sql.Identifier("promoted", f"{name}__new")
    one, other = (sql.SQL("select to_jsonb(t)::text from {} as t").format(table) for table in tables)
    same = sql.SQL("select not exists (({0} except all {1}) union all ({1} except all {0}))").format(one, other)
    found = there.execute(same).fetchone()
    return bool(found and found[0])


def _swap(there: psycopg.Connection, name: str) -> None:
    """The new table becomes the published one, the published one the one before; who may read it still may."""
    new = sql.Identifier("promoted", f"{name}__new")
    grants = there.execute(
        "select distinct grantee from information_schema.role_table_grants where table_schema = 'published'"
        " and table_name = %s and privilege_type = 'SELECT' and grantee <> current_user",
        [name],
    ).fetchall()
    _drop(there, "promoted", name)
    if _exists(there, "published", name):
        there.execute(sql.SQL("alter table published.{} set schema promoted").format(sql.Identifier(name)))
    there.execute(sql.SQL("alter table {} set schema published").format(new))
    arrived = sql.Identifier("published", f"{name}__new")
    there.execute(sql.SQL("alter table {} rename to {}").format(arrived, sql.Identifier(name)))
    for (grantee,) in grants:
        role = sql.SQL("public") if grantee == "PUBLIC" else sql.Identifier(grantee)
        there.execute(sql.SQL("grant select on published.{} to {}").format(sql.Identifier(name), role))


def _drop(there: psycopg.Connection, schema: str, name: str) -> None:
    there.execute(sql.SQL("drop table if exists {}").format(sql.Identifier(schema, name)))


def _exists(there: psycopg.Connection, schema: str, name: str) -> bool:
    found = there.execute("select relkind from pg_class where oid = to_regclass(%s)", [f'{schema}."{name}"']).fetchone()
    if found and found[0] != "r":
        raise SluiceError(
            f"{schema}.{name} there is no table: a Sluice of its own publishes it. Promote to a warehouse without one."
        )
    return found is not None
