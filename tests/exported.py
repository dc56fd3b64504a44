"""Published rows and their exports, read as a consumer reads them and made comparable."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
from conftest import Sluice

Rows = list[dict[str, Any]]


def published(sluice: Sluice, name: str) -> Rows:
    """The rows of a published view, in the order of exports."""
    columns = sluice.sql(
        "select attname from pg_attribute where attrelid = cast(:view as regclass) and attnum > 0 order by attnum",
        view=f'published."{name}"',
    )
    rows = sluice.sql(f'select * from published."{name}" order by 1, valid_from')
    return [dict(zip([c for (c,) in columns], row, strict=True)) for row in rows]


def read_back(file: Path) -> Rows:
    """The rows of an export, by DuckDB; CSV as texts."""
    source = {
        ".parquet": f"read_parquet('{file}')",
        ".ndjson": f"read_ndjson('{file}', maximum_object_size = 10000000)",
        ".csv": f"read_csv('{file}', header = true, all_varchar = true, max_line_size = 10000000, delim = ',',"
        " quote = '\"', escape = '\"', nullstr = '', allow_quoted_nulls = false, parallel = false)",
    }[file.suffix]
    with duckdb.connect() as database:
        database.execute("set timezone = 'UTC'")
        found = database.execute(f"select * from {source}")
        names = [column[0] for column in found.description or []]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def alike(rows: Rows) -> Rows:
    """Rows whose values do not depend on how a driver spells their types."""
    return [{name: _plain(value) for name, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None)
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dict):
        return json.dumps(value)
    return str(value) if isinstance(value, UUID) else value
