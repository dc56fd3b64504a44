"""A workbench: the small project with checks that a test may change, and small files for it."""

import shutil
import sqlite3
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml
from conftest import TEST_PROJECT, Sluice

HEADER = "Region,Code,Size,Note,Keeper\n"


class Checks:
    """A checks folder of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "checks"
        shutil.copytree(TEST_PROJECT / "checks", self.folder)
        self.contract = self.folder / "contracts" / "thing.yml"
        self.gate = self.folder / "gates" / "thing.yml"

    def rewrite(self, file: Path, **changes: Any) -> None:
        """Replace top keys of a contract or gate."""
        file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | changes, sort_keys=False))


JUDGED, STAGED = "models/judged/judged_thing.yml", "models/staging/acme/_acme.yml"


def changed(project: Path, folder: Path, *changes: tuple[str, str, str]) -> Path:
    """A copy of a project with texts of its files replaced: (file, before, after). What is replaced has to be there."""
    copy = Path(shutil.copytree(project, folder / "project"))
    for file, before, after in changes:
        said = (copy / file).read_text()
        assert before in said, f"{file} has no {before!r}"
        (copy / file).write_text(said.replace(before, after))
    return copy


def things(sluice: Sluice, day: int, *lines: str) -> Any:
    """Deliver a file of things of a day of January 2026."""
    content = HEADER + "".join(line + "\n" for line in lines)
    return sluice.deliver("acme.things", sluice.file(f"things-2026-01-{day:02}.csv", content))


def reasons(sluice: Sluice) -> dict[tuple[int, int], list[str]]:
    """The reasons' codes of each judged row in quarantine, by delivery and row."""
    found = sluice.sql(
        "select delivery_id, row_number, jsonb_path_query_array(reasons, '$[*].code') from quarantine.thing"
        " where kind = 'judged' order by 1, 2"
    )
    return {(delivery, row): codes for delivery, row, codes in found}


def everything(sluice: Sluice) -> str:
    """All that database and home hold, as one text in small letters."""
    raws = sluice.sql("select encode(raw_bytes, 'escape') from staging.unreadable")
    raws += sluice.sql("select encode(raw_bytes, 'escape') from quarantine.thing where raw_bytes is not null")
    return str(raws) + all_but(sluice, (), ())


def all_but(sluice: Sluice, schemas: Collection[str], folders: Collection[str]) -> str:
    """What the database holds outside of some schemas, and the home outside of some folders, in small letters."""
    relations = sluice.sql(
        "select format('%I.%I', n.nspname, c.relname) from pg_class as c"
        " join pg_namespace as n on n.oid = c.relnamespace"
        " where c.relkind in ('r', 'p') and n.nspname <> all (:but)",
        but=["pg_catalog", "information_schema", *schemas],
    )
    said = "\n".join(str(sluice.sql(f"select t::text from {name} as t")) for (name,) in relations)
    files = [path for path in sluice.home.rglob("*") if path.is_file()]
    kept = [path for path in files if path.relative_to(sluice.home).parts[0] not in ("files", *folders)]
    return (said + "\n".join(path.read_bytes().decode("latin-1") for path in kept)).lower()


def everything_that_prefect_keeps(url: str) -> str:
    """The text of the server's whole database."""
    port = url.split(":")[2].split("/")[0]
    [database] = [
        path
        for folder in Path("/tmp").glob("sluice-prefect-*")
        for path in folder.rglob("prefect.db")
        if f":{port}" in (folder / "prefect" / "server.log").read_text(errors="replace")
    ]
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        return "\n".join(connection.iterdump())
