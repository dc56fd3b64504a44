"""What looks personal in the names of a file's columns goes no further than its cells do."""

import csv
import io
import json

import pytest
from command import sluice as command
from conftest import forget_settings
from workbench import HEADER, STAGED, all_but, changed

from extract.personal import tellable

RAW = ("staging", "judged", "quarantine", "pii"), ("archive", "drop", "returns")


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["2026-01-31", "29.11.2016", "2024", "1.2.3"], ["2026-01-31", "29.11.2016", "2024", "1.2.3"]),
        (["ask o'hara@x.example", "123-45-6789"], ["ask [e-mail]", "[id]"]),
        (["ring (702) 555-0187 or +44 20 7946 0000"], ["ring [number] or [number]"]),
        (["7025550187", "10.0.0.1", "4111 1111 1111 1111"], ["[number]", "[ip]", "[card]"]),
        (["", "1 High Street", "Colour", " a@x.example"], ["column 4", "column 5", "column 6", "column 7"]),
        (["", "1 High Street", "Colour", "ask a@x.example"], ["", "1 High Street", "Colour", "ask [e-mail]"]),
    ],
)
def test_names_are_told_without_what_is_personal(names, told):
    declared = ["by", "a@declared.example", "Name"]
    assert tellable([*declared, *names], range(3)) == [*declared, *told]


def found(sluice):
    return sluice.value("select found from ledger.deliveries order by delivery_id desc limit 1")


def exported_header(sluice):
    done = command("quarantine", "export", "thing", "--feed", "acme.things")
    assert done.exit_code == 0, done.output
    [path] = (sluice.home / "returns" / "acme.things").iterdir()
    return next(csv.reader(io.StringIO(path.read_text())))


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_names_that_hold_values_stay_in_staging_and_go_back_to_the_vendor(small, kind):
    names = [*HEADER.strip().split(","), "ring (702) 555-0187", "zoe.p@example.com", "Colour"]
    lines = [["n", "a", "1", "", "", "x", "y", "red"], ["n", "b", "-1", "", "", "x", "y", "red"]]
    content = "".join(",".join(line) + "\n" for line in (names, *lines))
    if kind == "json":
        content = json.dumps([dict(zip(names, line, strict=True)) for line in lines])
    small.deliver("acme.things", small.file(f"things-2026-01-01.{kind}", content))
    small.run()
    assert command("report").exit_code == 0
    assert found(small)["header"] == [*names[:5], "ring [number]", "[e-mail]", "Colour"]
    told = small.value("select message from ledger.delivery_checks where \"check\" = 'schema'")
    assert told == "new: 'ring [number]', '[e-mail]', 'Colour'"
    everywhere = all_but(small, *RAW)
    assert "zoe.p" not in everywhere
    assert "555-0187" not in everywhere
    assert command("pii", "scan").exit_code == 0
    assert exported_header(small)[:8] == names
    small.sql("create table published.copy as select jsonb_object_keys(_extra) as name from staging.acme__things")
    leaks = json.loads(command("pii", "scan", "--json").stdout)["leaks"]
    assert {leak["pii"] for leak in leaks if leak["place"] == "published.copy.name"} == {"email", "phone"}


def test_a_record_that_was_taken_for_a_header_is_told_by_places(small, small_project, tmp_path, monkeypatch):
    project = changed(small_project, tmp_path, (STAGED, "required: true, ", ""))
    monkeypatch.setenv("SLUICE_DBT_PROJECT", str(project))
    forget_settings()
    content = "Note,Zoe Quill,9 Elm Row,1971-03-04,zoe@q.example\nn,a,1,,bob@example.com\nn,b,2,,eve@example.com\n" * 2
    small.deliver("acme.things", small.file("things-2026-01-01.csv", content))
    small.run()
    assert found(small)["names_withheld"] == 4
    assert "'column 2', 'column 3'" in small.value(
        "select message from ledger.delivery_checks where \"check\" = 'schema'"
    )
    assert exported_header(small)[:5] == content.split("\n")[0].split(",")
    everywhere = all_but(small, *RAW)
    assert not [said for said in ("zoe", "quill", "elm row", "1971-03") if said in everywhere]
