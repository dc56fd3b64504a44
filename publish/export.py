"""Exports of a publication: CSV, NDJSON and Parquet with a manifest, written aside and renamed when whole."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from publish.files import files_of, listed, schema_of, write_csv, write_others
from publish.parts import earlier_export, write_parts
from warehouse.connection import transaction
from warehouse.errors import SluiceError
from warehouse.settings import settings


def export(entity: str, run: int, by: str | None = None) -> Path:
    """Write `exports/<entity>/run-<run>/`: the entity and its history in three formats, and manifest.json; with `by`, a
    column, also a folder for each of its values.

    Gives the folder. All files show one publication: they are read in one snapshot. A folder that is there is whole,
    and is left as it is; `latest` points at what is published. A publication that shows what the latest export shows
    is that export under another name. Raises SluiceError where `run` is not what is published.
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
        views = {name: schema_of(connection, name) for name in (entity, f"{entity}_history")}
        rows = {name: write_csv(connection, name, schema, aside / f"{name}.csv") for name, schema in views.items()}
        earlier = earlier_export(folder.parent)
        if earlier and by == earlier.by and all(earlier.shows(n, s, aside / f"{n}.csv") for n, s in views.items()):
            shutil.rmtree(aside)
            folder.unlink(missing_ok=True)  # one that points at an export which is gone
            folder.symlink_to(earlier.folder.name, target_is_directory=True)
            _point_latest(earlier.folder)
            return folder
        manifest = {"entity": entity, "run": run, "by": by, "datasets": []}
        manifest["datasets"] = [_dataset(connection, aside, name, schema, rows[name]) for name, schema in views.items()]
        if by:
            manifest["parts"] = write_parts(connection, aside, entity, by, views[entity], earlier, run)
    (aside / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    aside.rename(folder)
    _point_latest(folder)
    return folder


def _dataset(
    connection: Connection, folder: Path, view: str, schema: list[dict[str, str]], rows: int
) -> dict[str, Any]:
    files = files_of(folder, view)
    write_others(connection, view, schema, files)
    return {
        "name": view,
        "rows": rows,
        "schema": schema,
        "csv_formulas": "neutralised" if settings().csv_for_spreadsheets else "as they are",
        "files": listed(files, folder),
    }


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
