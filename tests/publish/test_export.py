"""Exports: three formats that say the same, a manifest that is true, and a folder that is whole or not there."""

import csv
import hashlib
import json
from datetime import datetime

import pyarrow.parquet as parquet
import pytest
from conftest import TEST_PROJECT, forget_settings
from exported import alike, published, read_back

AWKWARD = [
    "plain",
    "",
    None,
    " spaces around ",
    "comma, and ; and tab\t",
    'a "quoted" word',
    '"',
    "two\nlines",
    "two\r\nlines, from Windows",
    "a lone \r return",
    "back\\slash and \\N and \\n",
    "NULL",
    "null",
    "ünïcødé, 漢字, 🏠, \u2028 and \u00a0",
    "=1+1",
    "'",
    "x" * 100_000,
]


def write_csv(path, header, rows):
    with open(path, "w", newline="", encoding="utf-8") as out:
        csv.writer(out, quoting=csv.QUOTE_ALL).writerows([header, *rows])
    return path


@pytest.fixture(scope="module")
def awkward(install, small_project):
    """Published rows whose note is one of the awkward texts."""
    small = install(small_project, TEST_PROJECT / "checks")
    rows = [["n", f"c{i:02}", str(i), note, "ann@example.com"] for i, note in enumerate(AWKWARD) if note is not None]
    small.deliver(
        "acme.things",
        write_csv(small.home / "things-2026-01-01.csv", ["Region", "Code", "Size", "Note", "Keeper"], rows),
    )
    nothing = [["n", f"c{AWKWARD.index(None):02}", ""]]  # a file without the column: NULL
    small.deliver("acme.changes", write_csv(small.home / "changes-2026-01-01.csv", ["Region", "Code", "Size"], nothing))
    small.run()
    yield small
    forget_settings()


def test_notes_arrive_as_they_were_sent(awkward):
    found = dict(awkward.sql("select code, note from published.thing"))
    expected = {f"c{i:02}": note for i, note in enumerate(AWKWARD)}
    assert found == expected


@pytest.mark.parametrize("name", ["thing", "thing_history"])
def test_parquet_holds_the_rows_and_their_types(awkward, name):
    file = awkward.home / "exports" / "thing" / "latest" / f"{name}.parquet"
    assert alike(read_back(file)) == alike(published(awkward, name))
    types = {field.name: str(field.type) for field in parquet.read_schema(file)}
    assert types["size"] == "int32"
    assert types["valid_from"].startswith("timestamp[us, tz=")
    assert types["note"] == "string"


@pytest.mark.parametrize("name", ["thing", "thing_history"])
def test_ndjson_holds_the_rows(awkward, name):
    file = awkward.home / "exports" / "thing" / "latest" / f"{name}.ndjson"
    rows = published(awkward, name)
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line]
    assert [line["note"] for line in lines] == [row["note"] for row in rows]
    assert [line["size"] for line in lines] == [row["size"] for row in rows]
    assert [line["thing_id"] for line in lines] == [str(row["thing_id"]) for row in rows]
    assert [datetime.fromisoformat(line["valid_from"]) for line in lines] == [row["valid_from"] for row in rows]
    assert list(lines[0]) == list(rows[0])


@pytest.mark.parametrize("name", ["thing", "thing_history"])
def test_csv_tells_nothing_from_an_empty_text(awkward, name):
    file = awkward.home / "exports" / "thing" / "latest" / f"{name}.csv"
    rows = published(awkward, name)
    found = read_back(file)
    notes = [row["note"] for row in rows]
    notes = [f"'{n}" if n and n[0] in "=+-@\t\r" else n for n in notes]  # no formula to a spreadsheet
    assert [row["note"] for row in found] == notes
    assert [row["size"] for row in found] == [None if row["size"] is None else str(row["size"]) for row in rows]
    with open(file, newline="", encoding="utf-8") as text:  # and any other reader sees the same table
        assert [row["note"] for row in csv.DictReader(text)] == [note or "" for note in notes]


def test_the_manifest_is_true(awkward):
    folder = awkward.home / "exports" / "thing" / "latest"
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["entity"], manifest["run"]) == ("thing", 1)
    assert [dataset["name"] for dataset in manifest["datasets"]] == ["thing", "thing_history"]
    listed = {"manifest.json"}
    for dataset in manifest["datasets"]:
        rows = published(awkward, dataset["name"])
        assert dataset["rows"] == len(rows) == len(AWKWARD)
        assert [column["name"] for column in dataset["schema"]] == list(rows[0])
        assert {column["name"]: column["type"] for column in dataset["schema"]}["size"] == "integer"
        for file in dataset["files"]:
            content = (folder / file["name"]).read_bytes()
            assert (file["bytes"], file["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
            listed.add(file["name"])
    assert {path.name for path in folder.iterdir()} == listed
    assert len(listed) == 7


def test_the_same_run_again_changes_nothing(awkward):
    from publish.export import export

    folder = awkward.home / "exports" / "thing" / "run-000001"
    before = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}
    assert export("thing", 1) == folder
    assert {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()} == before
