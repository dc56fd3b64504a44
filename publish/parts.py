"""What an export need not write again: what the one before shows already, as a whole or for a value of a column."""

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import sql
from sqlalchemy import Connection

from publish.files import files_of, listed, sha256, write_csv, write_others
from warehouse.connection import driver


@dataclass(frozen=True)
class Earlier:
    """The export that `latest` points at."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def by(self) -> str | None:
        return self.manifest.get("by")

    def shows(self, name: str, schema: list[dict[str, str]], csv: Path) -> bool:
        """Whether a dataset of this export is what was written just now."""
        found = next((d for d in self.manifest["datasets"] if d["name"] == name), None)
        return bool(found and found["schema"] == schema and _hash_in(found, csv.name) == sha256(csv))

    def shows_schema(self, name: str, schema: list[dict[str, str]]) -> bool:
        """Whether a dataset of this export has these columns."""
        return any(d["name"] == name and d["schema"] == schema for d in self.manifest["datasets"])

    def part(self, value: str | None, csv: Path) -> dict[str, Any] | None:
        """The part with a value, if it is what was written just now."""
        found = next((p for p in self.manifest.get("parts", []) if p["value"] == value), None)
        return found if found and _hash_in(found, csv.name) == sha256(csv) else None


def _hash_in(dataset: dict[str, Any], name: str) -> str | None:
    return next((file["sha256"] for file in dataset["files"] if Path(file["name"]).name == name), None)


def earlier_export(exports: Path) -> Earlier | None:
    manifest = exports / "latest" / "manifest.json"
    if not manifest.is_file():
        return None
    return Earlier(manifest.parent.resolve(), json.loads(manifest.read_text()))


def _place(folder: Path, value: str | None) -> Path:
    """A new folder for a value; two values that would share a name do not."""
    name = re.sub(r"[^\w-]+", "_", value)[:80] if value else "_none"
    if (folder / name).exists():
        name += "-" + hashlib.sha256(str(value).encode()).hexdigest()[:8]
    (folder / name).mkdir(parents=True)
    return folder / name


def write_parts(
    connection: Connection,
    folder: Path,
    entity: str,
    by: str,
    schema: list[dict[str, str]],
    earlier: Earlier | None,
    run: int,
) -> list[dict[str, Any]]:
    """A folder for each value of a column: `<by>/<value>/<entity>.csv` and so on. One that did not change since the
    export before is the same files, and says since which run."""
    column = sql.Identifier(by)
    query = sql.SQL("select distinct {}::text from published.{} order by 1").format(column, sql.Identifier(entity))
    parts = []
    for (value,) in driver(connection).execute(query).fetchall():
        place = _place(folder / by, value)
        csv = place / f"{entity}.csv"
        only = sql.SQL("where {}::text is not distinct from {}").format(column, sql.Literal(value))
        rows = write_csv(connection, entity, schema, csv, only)
        kept = earlier.part(value, csv) if earlier else None
        if earlier and kept and earlier.shows_schema(entity, schema):
            for file in kept["files"]:
                (folder / file["name"]).unlink(missing_ok=True)
                os.link(earlier.folder / file["name"], folder / file["name"])
            parts.append(kept)
            continue
        files = files_of(place, entity)
        write_others(connection, entity, schema, files, only)
        parts.append({"value": value, "rows": rows, "since_run": run, "files": listed(files, folder)})
    return parts
