"""The files of an export: one published view as CSV, NDJSON and Parquet."""

import hashlib
from pathlib import Path
from typing import Any

import duckdb
from psycopg import sql
from sqlalchemy import Connection, text

from warehouse.connection import driver
from warehouse.settings import settings

# How DuckDB calls the types that published columns have (they are declared in the dbt contracts); numeric: `_decimal`.
DUCKDB_TYPES = {
    "uuid": "UUID",
    "text": "VARCHAR",
    "date": "DATE",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "numeric": "VARCHAR",
    "double precision": "DOUBLE",
    "boolean": "BOOLEAN",
    "timestamp with time zone": "TIMESTAMPTZ",
    "jsonb": "JSON",
}


def files_of(folder: Path, name: str) -> dict[str, Path]:
    return {extension: folder / f"{name}.{extension}" for extension in ("csv", "ndjson", "parquet")}


def listed(files: dict[str, Path], below: Path) -> list[dict[str, Any]]:
    return [
        {"name": str(file.relative_to(below)), "bytes": file.stat().st_size, "sha256": sha256(file)}
        for file in files.values()
    ]


def schema_of(connection: Connection, view: str) -> list[dict[str, str]]:
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


# What a spreadsheet takes for a formula at a cell's start (OWASP, CSV injection), in full width too.
FORMULA = r"^[-=+@\t\r\n＝＋－＠]"  # noqa: RUF001
GUARDED = "case when {0} ~ {1} then chr(39) || {0} else {0} end as {0}"


def write_csv(
    connection: Connection,
    view: str,
    schema: list[dict[str, str]],
    file: Path,
    only: sql.Composable | None = None,
    *,
    as_it_is: bool = False,
) -> int:
    """RFC 4180, UTF-8, sorted by id and time; NULL is an empty cell, an empty text is `""`. A text that begins like a
    formula gets an apostrophe before it, unless the settings say otherwise or it is written `as_it_is`; numbers, dates
    and JSON stay as they are."""
    guarded = settings().csv_for_spreadsheets and not as_it_is
    columns = [
        sql.SQL(GUARDED if guarded and column["type"] == "text" else "{0}").format(
            sql.Identifier(column["name"]), sql.Literal(FORMULA)
        )
        for column in schema
    ]
    statement = sql.SQL("copy (select {} from published.{} {} order by 1, valid_from) to stdout (format csv, header)")
    parts = (sql.SQL(", ").join(columns), sql.Identifier(view), only or sql.SQL(""))
    cursor = driver(connection).cursor()
    with open(file, "wb") as out, cursor.copy(statement.format(*parts)) as copy:
        for chunk in copy:
            out.write(chunk)
    return cursor.rowcount


def write_others(
    connection: Connection,
    view: str,
    schema: list[dict[str, str]],
    files: dict[str, Path],
    only: sql.Composable | None = None,
) -> None:
    """Write Parquet and NDJSON beside the CSV file: the values as they are, numbers with all their digits."""
    if not settings().csv_for_spreadsheets:
        _convert(schema, files["csv"], files)
        return
    plain = files["csv"].with_suffix(".plain")
    write_csv(connection, view, schema, plain, only, as_it_is=True)
    _convert(schema, plain, files)
    plain.unlink()


def _convert(schema: list[dict[str, str]], csv: Path, files: dict[str, Path]) -> None:
    types = {column["name"]: DUCKDB_TYPES[column["type"]] for column in schema}
    with duckdb.connect(config={"threads": 2}) as database:
        database.execute("set timezone = 'UTC'")
        rows = database.read_csv(
            str(csv),
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
        numbers = [_identifier(column["name"]) for column in schema if column["type"] == "numeric"]
        exact = ", ".join(f"{name}::{_decimal(database, rows, name)} as {name}" for name in numbers)
        rows = rows.project(f"* replace ({exact})") if exact else rows
        rows.write_parquet(str(files["parquet"]), compression="zstd")
        database.execute(f"copy (select * from rows) to '{_quoted(files['ndjson'])}' (format json)")
        del rows


def _decimal(database: duckdb.DuckDBPyConnection, rows: duckdb.DuckDBPyRelation, name: str) -> str:  # noqa: ARG001
    """The type that holds all numbers of a column; text where 38 digits are too few, or for NaN and infinity."""
    found = database.execute(
        "select coalesce(max(length(part)), 0), coalesce(max(length(ltrim(whole, '-'))), 1),"
        " coalesce(bool_or(number in ('NaN', 'Infinity', '-Infinity')), false) from (select"
        f" split_part({name}, '.', 1) as whole, split_part({name}, '.', 2) as part, {name} as number from rows)"
    ).fetchall()  # a result that is not read to its end bars the connection
    [(scale, whole, odd)] = found
    return "VARCHAR" if odd or whole + scale > 38 else f"DECIMAL(38, {scale})"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def sha256(file: Path) -> str:
    with open(file, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
