"""Nested documents in JSON and YAML: records in lists of lists, with what stands around them."""

import json
import zipfile
from pathlib import Path

import pytest
from pydantic import ValidationError

from extract.read import Hints, Limits

from .reading import read, refusal, write

DOCUMENT = {
    "dataset_id": "7",
    "runs": [
        {"tomograms": [{"id": 1, "notes": [{"t": "a"}, {"t": "b"}]}, {"id": 2}], "name": "r1"},
        {"name": "r2", "tomograms": None},
        {"name": "r3", "tomograms": [{"id": 3, "notes": [{"t": "c"}]}]},
    ],
    "source": {"lab": "x"},
}
PATH = "runs[].tomograms[].notes"
PARENTS = {"dataset": "dataset_id", "lab": "source.lab", "run": "runs[].name", "tomogram": "runs[].tomograms[].id"}
ROWS = [["x", "r1", "1", "a"], ["x", "r1", "1", "b"], ["x", "r3", "3", "c"]]
YAML = """
dataset_id: 00007
runs:
- name: r1
  tomograms:
  - id: 1
    notes: [{t: a}, {t: b}]
  - {id: 2}
- {name: r2, tomograms: ~}
- name: r3
  tomograms:
  - id: 3
    notes:
    - t: c
source: {lab: x}
"""


def by_name(found, *names):
    return [[row[found.header.index(name)] for name in names] for row in found.rows]


def test_records_know_what_they_stand_in(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", json.dumps(DOCUMENT, indent=1))
    found = read(path, record_path=PATH, parents=PARENTS)
    assert by_name(found, "lab", "run", "tomogram", "t") == ROWS
    assert by_name(found, "dataset") == [["7"]] * 3
    lines = path.read_text().splitlines()
    assert ['"a"' in "".join(lines[n - 1 : n + 2]) for n in found.lines] == [True, False, False]


def test_yaml_is_read_as_json_is(tmp_path: Path) -> None:
    found = read(write(tmp_path / "a.yaml", YAML), record_path=PATH, parents=PARENTS)
    assert by_name(found, "lab", "run", "tomogram", "t") == ROWS
    assert by_name(found, "dataset") == [["00007"]] * 3  # as it is spelled
    assert found.lines == [7, 7, 14]
    runs = read(write(tmp_path / "b.yml", YAML), record_path="runs[]")
    assert by_name(runs, "name") == [["r1"], ["r2"], ["r3"]]


def test_what_stands_in_yaml_is_what_is_read(tmp_path: Path) -> None:
    spellings = ["00123", "no", "Yes", "0x1F", "1_000", "12:30:45", "2026-01-31", "1.10", ".5", "1e3", "'null'"]
    content = "".join(f"- {{a: {spelling}}}\n" for spelling in spellings) + "- {a: null}\n- {a: [1.0, no]}\n"
    found = read(write(tmp_path / "a.yaml", content))
    assert [row[0] for row in found.rows] == [*spellings[:-1], "null", '[1.0,"no"]']
    assert found.blank == 1  # a record with nothing but nulls


def test_several_documents_and_merge_keys(tmp_path: Path) -> None:
    content = "--- &all\na: 1\nb: 2\n---\nc: &c {a: 3, b: 4}\nd: {<<: *c, b: 5}\n"
    assert read(write(tmp_path / "a.yaml", content.split("---\nc")[0])).rows == [["1", "2"]]
    merged = read(write(tmp_path / "b.yaml", "c: &c {a: 3, b: 4}\nd: {<<: *c, b: 5}\n"), record_path="d")
    assert dict(zip(merged.header, merged.rows[0], strict=True)) == {"a": "3", "b": "5"}
    both = read(write(tmp_path / "c.yaml", "a: 1\n---\na: 2\n"))
    assert both.rows == [["1"], ["2"]]


def test_aliases_are_bounded(tmp_path: Path) -> None:
    laughs = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
    )
    assert "aliases multiply" in refusal(write(tmp_path / "a.yaml", laughs))
    assert "holds itself" in refusal(write(tmp_path / "b.yaml", "a: &a [*a]\n"))
    assert "stands for nothing" in refusal(write(tmp_path / "c.yaml", "a: *b\n"))
    assert "nested deeper" in refusal(write(tmp_path / "d.yaml", "[" * 5000))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("a: [1, 2\nb: 3\n", "damaged on line"),
        ("a: !!python/object/apply:os.system ['true']\n", "a type of its own"),
        ("a: !mine x\n", "a type of its own"),
        ("? [a]\n: 1\n", "is no text"),
        ("a: \x07\n", "damaged"),
    ],
)
def test_what_is_refused(tmp_path: Path, content: str, told: str) -> None:
    assert told in refusal(write(tmp_path / "a.yaml", content))


def test_size_is_bounded(tmp_path: Path) -> None:
    path = write(tmp_path / "a.yaml", "a: " + "x" * 100)
    assert "more than the limit of 50" in refusal(path, Limits(element_bytes=50))


def test_records_that_cannot_be_placed(tmp_path: Path) -> None:
    content = '{"id": 1, "runs": [{"name": "a"}, {"id": 2, "name": "b"}, {"name": "c", "name": "d"}, 5]}'
    for name in ("a.json", "a.yaml"):
        found = read(write(tmp_path / name, content), record_path="runs[]", parents={"id": "id"}, kind=name[2:])
        assert by_name(found, "id", "name") == [["1", "a"]]
        codes = [bad.code for bad in found.unreadable]
        assert codes == ["parent_differs", "duplicate_key", "not_an_object"]
    nested = write(tmp_path / "b.json", '{"runs": [{"t": [{"x": 1}]}, {"t": "none"}]}')
    assert [bad.code for bad in read(nested, record_path="runs[].t[]").unreadable] == ["misplaced"]


def test_a_document_without_what_is_declared(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", '{"data": []}')
    assert "there is nothing at 'runs'" in refusal(path, record_path="runs[].name")
    assert "holds no record" in refusal(write(tmp_path / "b.yaml", "runs: []\n"), record_path="runs[]")


@pytest.mark.parametrize(
    ("record_path", "parents", "told"),
    [
        ("runs[].x", {"a": "name[]"}, "names no value"),
        ("runs[].x", {"a": "runs"}, None),
        ("runs[]", {"a": "runs[].id"}, "names no value"),
        ("runs[x].y", {}, "is no part of a path"),
    ],
)
def test_paths_are_checked_when_they_are_declared(record_path, parents, told) -> None:
    if told is None:
        assert Hints(record_path=record_path, parents=parents).nested
        return
    with pytest.raises(ValidationError, match=told):
        Hints(record_path=record_path, parents=parents)


def test_members_of_a_zip_are_one_table_with_their_names(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("1/meta.json", json.dumps(DOCUMENT))
        packed.writestr("2/meta.yaml", YAML)
        packed.writestr("readme.txt", "nothing")
    found = read(
        tmp_path / "a.zip", together=True, member="*/meta.*", record_path="runs[]", from_name=r"(?P<id>\d+)/(?P<f>.*)"
    )
    assert by_name(found, "id", "f", "name") == [
        [id_, f, name] for id_, f in (("1", "meta.json"), ("2", "meta.yaml")) for name in ("r1", "r2", "r3")
    ]
    told = refusal(tmp_path / "a.zip", together=True, member="*/meta.*", record_path="runs[]", from_name=r"x(?P<id>\d)")
    assert "its name should have" in told


def test_tables_in_a_zip_are_read_together_too(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("map-1.csv", "run,x\na,1\nb,2\n")
        packed.writestr("map-2.tsv", "run\ty\nc\t3\nd\t4\n")
    found = read(tmp_path / "a.zip", together=True, from_name=r"map-(?P<id>\d+)")
    assert by_name(found, "id", "run", "x", "y") == [
        ["1", "a", "1", ""], ["1", "b", "2", ""], ["2", "c", "", "3"], ["2", "d", "", "4"],
    ]  # fmt: skip


def test_a_member_that_cannot_be_read_keeps_no_other_back(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("1/meta.json", json.dumps(DOCUMENT))
        packed.writestr("2/meta.json", '{"renamed": []}')
        packed.writestr("3/meta.yaml", "runs: [{name: r9\n")
    found = read(tmp_path / "a.zip", together=True, record_path="runs[]")
    assert by_name(found, "name") == [["r1"], ["r2"], ["r3"]]
    assert [bad.code for bad in found.unreadable] == ["unreadable_document"] * 2
    first, second = (bad.message for bad in found.unreadable)
    assert "nothing at 'runs'" in first
    assert "damaged" in second
    assert found.unreadable[1].raw == b"runs: [{name: r9\n"  # what it names is not taken for gone

    with zipfile.ZipFile(tmp_path / "b.zip", "w") as packed:
        packed.writestr("2/meta.json", '{"renamed": []}')
    assert "nothing at 'runs'" in refusal(tmp_path / "b.zip", together=True, record_path="runs[]")


def test_an_empty_member_is_no_document_that_is_gone(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("1/meta.json", json.dumps(DOCUMENT))
        packed.writestr("2/meta.json", "")
    assert "2/meta.json, one of its files, is empty" in refusal(tmp_path / "a.zip", together=True, record_path="runs[]")
