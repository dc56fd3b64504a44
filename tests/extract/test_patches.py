"""patches.csv: each line says where, what and why; a faulty one is told by file, line and column."""

import shutil

import pytest
from conftest import TEST_PROJECT

from extract import amend, patches
from extract.feeds import FeedError, load
from warehouse.errors import SluiceError

HEADER = "feed,column,pattern,replacement,why\n"


@pytest.fixture
def project(tmp_path):
    shutil.copytree(TEST_PROJECT / "models", tmp_path / "models")
    return tmp_path


def write(project, *lines):
    file = project / "models/staging/acme/patches.csv"
    file.write_text(HEADER + "".join(f"{line}\n" for line in lines))
    return file


def column(project, name, says):
    file = project / "models/staging/acme/_acme.yml"
    text = file.read_text()
    before = f'headers: ["{name.title()}"]'
    assert before in text
    file.write_text(text.replace(before, f"{before}, {says}"))


def test_a_patch_without_a_feed_is_for_all_that_have_the_column(project):
    write(project, r"things,size,^(\d+) m$,\1,metres", "", r",note,\mteh\M,the,a slip")
    feeds = load(project).feeds
    assert [p.column for p in feeds["acme.things"].patches] == ["size", "note"]
    assert [p.column for p in feeds["acme.changes"].patches] == ["note"]
    assert feeds["acme.things"].patches[1].place.endswith("patches.csv:4")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("things,size,(m,,metres", ":2: pattern: not a regular expression"),
        ("things,size,m", ":2: 3 cells where 5 are needed"),
        ("things,size,m,,", ":2: why: missing"),
        ("things,,m,,x", ":2: column: missing"),
        ("thing,size,m,,x", ":2: feed: 'thing' is none of changes, things"),
        ("things,sise,m,,x", ":2: column: acme.things has no column 'sise'; it has code"),
        (",sise,m,,x", ":2: column: no feed of the vendor has a column 'sise'"),
    ],
)
def test_a_faulty_patch_is_told_by_file_and_line(project, line, told):
    file = write(project, line)
    with pytest.raises(SluiceError) as raised:
        load(project)
    assert f"{file}{told}".replace("acme.things has", "things has") in str(raised.value)


def test_a_header_of_another_kind(project):
    (project / "models/staging/acme/patches.csv").write_text("column,pattern\n")
    with pytest.raises(patches.PatchError, match=r"patches.csv:1: the header is feed,column,pattern,replacement,why"):
        load(project)


def test_steps_come_in_one_order(project):
    column(project, "Note", 'concat: {columns: [note, code], separator: "; "}, default: none')
    column(project, "Size", "default_from: code")
    write(project, "things,note,a,b,why")
    steps = amend.steps(load(project).feed("acme.things"))
    assert [(s["number"], s["kind"], s["column"]) for s in steps] == [
        (1, "concat", "note"), (2, "default_from", "size"), (3, "patched", "note"), (4, "default", "note"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ("default: 3", "default: 3 is no text for YAML; put it in quotes"),
        ("default_from: sise", "the feed has no column 'sise'; it has code"),
        ("default_from: size", "default_from: that is the column itself"),
        ("concat: {columns: []}", "concat.columns"),
        ("concat: {columns: [size], glue: x}", "concat.glue: there is no such key"),
    ],
)
def test_a_faulty_amendment_is_told_by_file_and_key(project, says, told):
    column(project, "Size", says)
    with pytest.raises(SluiceError) as raised:
        load(project)
    assert "_acme.yml: sources.acme.tables.things.columns.size" in str(raised.value)
    assert told in str(raised.value)


def test_patches_do_not_stand_in_yaml(project):
    file = project / "models/staging/acme/_acme.yml"
    file.write_text(file.read_text().replace("mode: full", "mode: full\n            patches: []"))
    with pytest.raises(FeedError, match=r"config.meta.patches: patches stand in .*patches.csv"):
        load(project)
