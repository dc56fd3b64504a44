"""Names of columns by scope: vendor, feed, single files. The narrowest that names a column counts for it."""

import shutil
from datetime import date

import pytest
from conftest import TEST_PROJECT, forget_settings

from extract import mapping
from extract.feeds import FeedError, load

OWNER = "        owner: {name: Acme data desk, email: data@acme.example}\n"
OF_VENDOR = OWNER + "        headers: {size: [Extent, Size in metres], code: Wrong}\n"
OF_FILES = """            mode: full
            files:
              - name: '^things-old'
                until: 2026-02-01
                headers: {size: [Breadth], note: [Size]}
                format: {delimiter: ";"}
              - {from: 2027-01-01, headers: {region: {name: Area}}}
"""
DAY = date(2026, 1, 1)


@pytest.fixture
def project(tmp_path):
    return scoped(tmp_path)


def scoped(folder, **changes):
    shutil.copytree(TEST_PROJECT / "models", folder / "models", dirs_exist_ok=True)
    file = folder / "models/staging/acme/_acme.yml"
    text = file.read_text().replace(OWNER, changes.get("vendor", OF_VENDOR))
    text = text.replace("            mode: full\n", changes.get("files", OF_FILES), 1)
    file.write_text(text.replace('headers: ["Size"], ', changes.get("column", "")))
    return folder


def names(feed):
    return {column.name: (column.headers, column.scope) for column in feed.columns}


def test_the_narrowest_scope_that_names_a_column_counts(project):
    things = load(project).feed("acme.things")
    usual = names(things)
    assert usual["size"] == (("Extent", "Size in metres"), "vendor")
    assert usual["code"] == (("Code", "Thing Code"), "feed")  # the vendor's name does not count beside it
    old = mapping.narrowed(things, mapping.special(things, "things-old-2025.csv", DAY))
    assert names(old)["size"] == (("Breadth",), "file")
    assert names(old)["note"] == (("Size",), "file")
    assert names(old)["code"] == usual["code"]
    assert old.format.delimiter == ";"
    assert mapping.special(things, "things-old-2025.csv", date(2026, 2, 1)) is None
    assert mapping.special(things, "any.csv", date(2027, 1, 1)).headers["region"][0].name == "Area"


def test_a_column_that_nobody_names_has_its_own_name(tmp_path):
    things = load(scoped(tmp_path, vendor=OWNER)).feed("acme.things")
    assert names(things)["size"] == (("size",), "name")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"vendor": OWNER + "        headers: {sise: [Size]}\n"}, "headers.sise: no feed of the vendor has a column"),
        ({"files": OF_FILES.replace("region", "regio")}, "files.headers.regio: the feed has no column"),
        ({"files": OF_FILES.replace("[Breadth]", "[Note]").replace(", note: [Size]", "")}, "belongs to"),
        ({"files": OF_FILES.replace("^things-old", "(things")}, "files.0.name: Value error, not a regular expression"),
        ({"files": OF_FILES.replace("delimiter", "delimter")}, "files.0.format"),
        ({"files": OF_FILES.replace("from: 2027-01-01, ", "")}, "say which files"),
        ({"column": "scope: feed, "}, "config.meta.scope: there is no such key"),
    ],
)
def test_a_fault_is_told_by_file_and_key(tmp_path, change, told):
    with pytest.raises(FeedError) as raised:
        load(scoped(tmp_path, **change))
    assert "_acme.yml: " in str(raised.value)
    assert told in str(raised.value)


def test_a_delivery_keeps_the_mapping_that_it_was_read_by(install, small_project, tmp_path):
    folder = shutil.copytree(small_project, tmp_path / "project")
    scoped(folder)
    house = install(folder, TEST_PROJECT / "checks")
    house.deliver(
        "acme.things", house.file("things-2026-01-01.csv", "Region,Code,Extent,Note,Keeper,Breadth\nn,a,1,,,9\n")
    )
    house.deliver(
        "acme.things", house.file("things-old-2026-01-02.csv", "Region;Code;Breadth;Size;Keeper\nn,n;b;2;x;\n")
    )
    assert house.sql("select region, code, size, note from staging.acme__things order by _delivery_id") == [
        ("n", "a", "1", ""), ("n,n", "b", "2", "x"),
    ]  # fmt: skip
    assert house.sql("select _extra from staging.acme__things where code = 'a'") == [({"Breadth": "9"},)]
    first, second = (m for (m,) in house.sql("select found -> 'mapping' from ledger.deliveries order by delivery_id"))
    assert "files" not in first
    assert first["columns"]["size"] == {"header": "Extent", "scope": "vendor"}
    assert second["files"] == "'^things-old', until 2026-02-01"
    assert second["columns"]["size"] == {"header": "Breadth", "scope": "file"}
    assert second["columns"]["note"] == {"header": "Size", "scope": "file"}
    assert second["columns"]["region"] == {"header": "Region", "scope": "feed"}
    forget_settings()


def test_the_names_of_a_delivery_go_back_with_its_rows(project):
    from extract.stage import layout

    told = {"columns": {"note": {"header": "Size", "scope": "file"}}}
    things = load(project).feed("acme.things")
    assert layout(things, ("Size", "Breadth"), told) == [("Size", "note", True), ("Breadth", "size", True)]
