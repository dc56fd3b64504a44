"""Exports of a publication: CSV, NDJSON and Parquet with a manifest, written aside and renamed when whole."""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import duckdb
from psycopg import sql
from sqlalchemy import Connection, text

from warehouse.connection import driver, transaction
from warehouse.errors import SluiceError
from warehouse.settings import settings

# How DuckDB calls the types that published columns have (they are declared in the dbt contracts).
DUCKDB_TYPES = {
    "uuid": "UUID",
    "text": "VARCHAR",
    "date": "DATE",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "numeric": "DOUBLE",
    "double precision": "DOUBLE",
    "boolean": "BOOLEAN",
    "timestamp with time zone": "TIMESTAMPTZ",
    "jsonb": "JSON",
}


def export(entity: str, run: int) -> Path:
    """Write `exports/<entity>/run-<run>/`: the entity and its history in three formats, and manifest.json.

    Gives the folder. All files show one publication: they are read in one snapshot. A folder that is there is whole,
    and is left as it is; `latest` points at what is published. Raises SluiceError where `run` is not.
    """
    folder = settings().folder("exports") / entity / f"run-{run:06d}"
    if folder.exists():
        with transaction() as connection:
            published = _published(connection, entity)
        if published == run:
            _point_latest(folder)
        return folder
    aside = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    with transaction() as connection:
        connection.execute(text("set transaction isolation level repeatable read, read only"))
        if _published(connection, entity) != run:
            raise SluiceError(f"{entity} run {run} is not what is published (any more); it is not exported.")
        datasets = [_dataset(connection, aside, name) for name in (entity, f"{entity}_history")]
    manifest = {"entity": entity, "run": run, "datasets": datasets}
    (aside / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    aside.rename(folder)
    _point_latest(folder)
    return folder


def _dataset(connection: Connection, folder: Path, view: str) -> dict[str, Any]:
    schema = _schema(connection, view)
    files = {extension: folder / f"{view}.{extension}" for extension in ("csv", "ndjson", "parquet")}
    rows = _write_csv(connection, view, files["csv"], schema, guarded=False)
    _convert(schema, files)
    guarded = settings().csv_for_spreadsheets
    if guarded:
        _write_csv(connection, view, files["csv"], schema, guarded=True)
    return {
        "name": view,
        "rows": rows,
        "schema": schema,
        "csv_formulas": "neutralised" if guarded else "as they are",
        "files": [
            {"name": file.name, "bytes": file.stat().st_size, "sha256": _sha256(file)} for file in files.values()
        ],
    }


def _schema(connection: Connection, view: str) -> list[dict[str, str]]:
    """The columns of a published view, with the descriptions that dbt wrote into the database."""
    found = connection.execute(
        text(
            "select a.attname as name, format_type(a.atttypid, null) as type,"
            " coalesce(col_description(a.attrelid, a.attnum), '') as description"
            " from pg_attribute as a where a.attrelid = cast(:view as regclass) and a.attnum > 0"
            " and not a.attisdropped order by a.attnum"
        ),
        {"view": f'published."{view}"'},
    ).mappings()
    return [dict(row) for row in found]


# What a spreadsheet takes for a formula at a cell's start (OWASP, CSV injection).
FORMULA = r"^[-=+@\t\r]"


def _write_csv(connection: Connection, view: str, file: Path, schema: list[dict[str, str]], *, guarded: bool) -> int:
    """RFC 4180, UTF-8, sorted by id and time; NULL is an empty cell, an empty text is `""`. `guarded`: a text that
    begins like a formula gets an apostrophe before it; numbers, dates and JSON stay as they are."""
    safe = "case when {0} ~ {1} then chr(39) || {0} else {0} end as {0}"
    columns = [
        sql.SQL(safe if guarded and column["type"] == "text" else "{0}").format(
            sql.Identifier(column["name"]), sql.Literal(FORMULA)
        )
        for column in schema
    ]
    statement = sql.SQL("copy (select {} from published.{} order by 1, valid_from) to stdout (format csv, header)")
    parts = (sql.SQL(", ").join(columns), sql.Identifier(view))
    cursor = driver(connection).cursor()
    with open(file, "wb") as out, cursor.copy(statement.format(*parts)) as copy:
        for chunk in copy:
            out.write(chunk)
    return cursor.rowcount


def _convert(schema: list[dict[str, str]], files: dict[str, Path]) -> None:
    types = {column["name"]: DUCKDB_TYPES[column["type"]] for column in schema}
    with duckdb.connect(config={"threads": 2}) as database:
        database.execute("set timezone = 'UTC'")
        rows = database.read_csv(
            str(files["csv"]),
            header=True,
            delimiter=",",
            quotechar='"',
            escapechar='"',
            columns=types,
            auto_detect=False,
            na_values="",
            allow_quoted_nulls=False,
            max_line_size=64 * 2**20,
            parallel=False,
        )
        database.sql("select * from rows").write_parquet(str(files["parquet"]), compression="zstd")
        database.execute(f"copy (select * from rows) to '{_quoted(files['ndjson'])}' (format json)")
        del rows


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _sha256(file: Path) -> str:
    with open(file, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _published(connection: Connection, entity: str) -> int | None:
    run: int | None = connection.scalar(text("select run from ledger.pointers where entity = :e"), {"e": entity})
    return run


def _point_latest(folder: Path) -> None:
    """Let `latest` beside the runs point at this one; the change is one rename."""
    latest = folder.with_name("latest")
    aside = folder.with_name(f".latest.{os.getpid()}")
    aside.unlink(missing_ok=True)
    aside.symlink_to(folder.name, target_is_directory=True)
    aside.rename(latest)


def forget(entity: str) -> None:
    """Delete all exports of an entity: they hold what history does not hold any more."""
    shutil.rmtree(settings().folder("exports") / entity, ignore_errors=True)
