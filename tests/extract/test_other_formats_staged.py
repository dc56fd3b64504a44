"""Files that are no CSV, and zips of several files, on their way from delivery to published tables."""

import gzip
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner
from conftest import TEST_PROJECT, forget_settings

from extract.feeds import catalogue
from extract.stage import stage
from warehouse.errors import SluiceError

HEADER = "Region,Code,Size,Note,Keeper\n"


@pytest.fixture
def project(small_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Path]]:
    """The small project, with hints for the feed acme.things."""
    declared = small_project / "models" / "staging" / "acme" / "_acme.yml"
    kept = declared.read_text()

    def hinted(hints: str) -> Path:
        declared.write_text(kept.replace("entity: thing\n", f"entity: thing\n            format: {hints}\n", 1).replace(
            'arrives: {drop: "acme/things-*.csv"}', 'arrives: {drop: "acme/things*"}'))  # fmt: skip
        return small_project

    yield hinted
    declared.write_text(kept)


@pytest.fixture
def hinted(install: Callable[..., Any], project: Callable[[str], Path]) -> Iterator[Callable[[str], Any]]:
    yield lambda hints: install(project(hints), TEST_PROJECT / "checks")
    forget_settings()


def test_json_becomes_history(hinted: Callable[[str], Any]) -> None:
    small = hinted("{record_path: data.things}")
    things = [
        {"Region": "north", "Code": "00123", "Size": 1, "Keeper": "ann@example.com", "Extra": {"a": [1.50]}},
        {"Region": "south", "Code": "b", "Size": None},
        {"Region": "x\0y", "Code": "c", "Size": 1},
    ]
    small.drop("acme/things-2026-01-01.json", json.dumps({"data": {"things": things}}))
    report = small.run()
    assert [merged.rows for merged in report.merged] == [2]
    assert small.sql("select region, code, size from published.thing order by 1") == [
        ("north", "00123", 1),
        ("south", "b", None),
    ]
    account = small.account(1)
    assert (account["read"], account["unreadable"]) == (3, 1)
    assert small.sql("select _row_number, _extra from staging.acme__things order by 1") == [
        (1, {"Extra.a": "[1.5]"}), (2, {"Extra.a": ""}),
    ]  # fmt: skip
    assert small.value("select code from staging.unreadable") == "nul_byte"


def test_what_was_found_is_in_the_ledger_and_shown(hinted: Callable[[str], Any]) -> None:
    from flows.cli import main

    small = hinted("{sheet: Data}")
    book = openpyxl.Workbook()
    book.active.append(["Read me"])
    sheet = book.create_sheet("Data")
    for row in (["Things of Acme"], ["Region", "Code", "Size"], ["north", "00123", 5]):
        sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    path = small.file("things-2026-01-01.xlsx.gz", gzip.compress(buffer.getvalue()))
    assert small.deliver("acme.things", path).state == "staged"
    assert small.sql("select region, code, size, _line_number from staging.acme__things") == [
        ("north", "00123", "5", 3)
    ]
    found = small.value("select found from ledger.deliveries")
    assert (found["format"], found["sheet"], found["wrappers"]) == ("excel", "Data", ["gz"])
    told = json.loads(CliRunner().invoke(main, ["status", "--json"]).stdout)["deliveries"][0]["found"]
    assert told["format"] == "excel"
    assert told["header_line"] == 2
    assert told["sheet"] == "Data"
    shown = CliRunner().invoke(main, ["status"], env={"COLUMNS": "200"}).stdout
    assert "sheet Data" in shown


def zipped(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


DAYS = {
    "x/things-2026-01-01.csv": HEADER + "north,a,1,,\n",
    "x/things-2026-01-02.csv": HEADER + "north,a,2,,\n",
    "x/other.csv": "hello\n",
}


def test_each_member_of_a_zip_is_a_delivery_of_its_own(hinted: Callable[[str], Any]) -> None:
    small = hinted('{member: "things-*.csv"}')
    small.drop("acme/things.zip", zipped(DAYS))
    report = small.run()
    assert [file.name for file in report.ingested] == [
        "things.zip!x!things-2026-01-01.csv",
        "things.zip!x!things-2026-01-02.csv",
    ]
    assert small.sql("select size, valid_from::date::text from published.thing_history order by 2") == [
        (1, "2026-01-01"),
        (2, "2026-01-02"),
    ]
    containers = small.sql("select distinct found ->> 'container' from ledger.deliveries")
    assert len(containers) == 1
    container = containers[0][0]
    assert len(list((small.home / "archive" / "sha256").rglob(container))) == 1
    assert [file.outcome for file in small.run().ingested] == ["again", "again"]


def test_the_same_file_packed_anew_is_a_sighting_or_the_same(hinted: Callable[[str], Any]) -> None:
    small = hinted('{member: "things-*.csv"}')
    first = DAYS["x/things-2026-01-01.csv"]
    small.drop("acme/things-1.zip", zipped({"things-2026-01-01.csv": first, "things-2026-01-02.csv": first}))
    small.drop(
        "acme/things-2.zip", zipped({"things-2026-01-02.csv": first, "things-2026-01-03.csv": first + "south,b,1,,\n"})
    )
    report = small.run()
    assert [file.outcome for file in report.ingested] == ["new", "sighting", "again", "new"]


def test_two_members_for_one_day_are_refused_before_anything_is_taken_in(hinted: Callable[[str], Any]) -> None:
    small = hinted('{member: "*.csv"}')
    path = small.file(
        "things.zip", zipped({"a-2026-01-01.csv": HEADER + "n,a,1,,\n", "b-2026-01-01.csv": HEADER + "n,b,1,,\n"})
    )
    from extract.deliver import parcels
    from extract.feeds import catalogue

    with pytest.raises(SluiceError, match="both speak of 2026-01-01"):
        list(parcels(catalogue().feed("acme.things"), path))
    assert not (small.home / "archive" / "sha256").exists()


def test_a_zip_of_several_files_without_a_pattern_is_a_refused_delivery(hinted: Callable[[str], Any]) -> None:
    small = hinted("{}")
    done = small.deliver("acme.things", small.file("things-2026-01-01.zip", zipped(DAYS)))
    assert done.outcome == "refused"
    assert "holds 3 files that could be meant" in done.reason


def test_the_day_may_stand_in_the_name_of_the_only_member(hinted: Callable[[str], Any]) -> None:
    small = hinted("{}")
    done = small.deliver(
        "acme.things", small.file("things.zip", zipped({"things-2026-01-05.csv": HEADER + "n,a,1,,\n"}))
    )
    assert done.state == "staged"
    assert small.value("select effective_date::text from ledger.deliveries") == "2026-01-05"
    assert small.value("select found ->> 'wrappers' from ledger.deliveries") == '["zip"]'


def test_delivering_a_zip_tells_of_each_member(hinted: Callable[[str], Any]) -> None:
    from flows.cli import main

    small = hinted('{member: "things-*.csv"}')
    bad = {**DAYS, "x/things-2026-01-03.csv": "<html><title>Log in</title></html>"}
    path = small.file("things.zip", zipped(bad))
    done = CliRunner().invoke(main, ["deliver", str(path), "--feed", "acme.things"])
    assert done.exit_code == 1
    assert done.stdout.count("staged. Next: sluice run") == 2
    assert "things-2026-01-03.csv is refused" in done.stderr


def test_a_damaged_file_of_another_format_is_refused_as_a_whole(hinted: Callable[[str], Any]) -> None:
    small = hinted("{}")
    content = "[" + ",".join(json.dumps({"Region": "n", "Code": str(i), "Size": 1}) for i in range(20_000))
    done = small.deliver("acme.things", small.file("things-2026-01-01.json", content))
    assert done.outcome == "refused"
    assert "damaged" in done.reason
    assert small.value("select count(*) from staging.acme__things") == 0


def test_what_was_mended_is_kept_as_it_came(hinted: Callable[[str], Any]) -> None:
    small = hinted("{mend: [quotes, delimiters]}")
    odd = ['north,b,2,"a "b",', "north,,c,3,,"]
    file = small.file("things-2026-01-01.csv", HEADER + "north,a,1,,\n" + "\n".join(odd) + "\nnorth\n")
    small.deliver("acme.things", file)
    for _ in range(2):
        assert stage(catalogue().feed("acme.things"), 1) == "staged"
        kept = small.sql("select row_number, line_number, code, raw_bytes, raw_length from staging.mended order by 1")
        assert [(row[:3], bytes(row[3]), row[4]) for row in kept] == [
            ((2, 3, "bad_quote"), odd[0].encode() + b"\n", len(odd[0]) + 1),
            ((3, 4, "too_many_cells"), odd[1].encode() + b"\n", len(odd[1]) + 1),
        ]
    assert small.sql("select _row_number, code, note from staging.acme__things order by 1") == [
        (1, "a", ""), (2, "b", 'a "b'), (3, "c", ""),
    ]  # fmt: skip
    account = small.account(1)
    assert (account["read"], account["unreadable"]) == (4, 1)
    (finding,) = small.value("select found->'findings' from ledger.deliveries")
    assert finding == "2 records were mended; each is kept as it came"
