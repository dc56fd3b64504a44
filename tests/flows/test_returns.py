"""Bad rows go back to their owner in the owner's own format, and come in again when they are mended."""

import csv
import io
import json
import os
import re
import stat

import pytest
import samples
from command import refusal, sluice
from conftest import forget_settings
from openpyxl import load_workbook
from workbench import things

HEADER = "Keeper;Note;Unit;Size;Thing Code;Region"


def deliver_odd(small):
    """A file with another order, delimiter and encoding than usual, a column that nobody declared, and bad rows."""
    lines = [
        HEADER,
        "ann@example.com;Grün;m;1;00123;north",
        "bob@example.com;Größe;m;x;00124;north",
        "=cmd;-1+2;m;-7;@b;north",
        '"a ""quoted"" one";"two\r\nlines";m;4;;north',
        "eve@example.com;Größe;m;5;00129;north;far;too;many",
    ]
    content = "\r\n".join(lines) + "\r\n"
    return small.deliver("acme.things", small.file("things-2026-01-01.csv", content.encode("cp1252")))


def test_a_csv_is_as_the_vendors_own(small):
    deliver_odd(small)
    small.run()
    result = sluice("quarantine", "export", "thing", "--feed", "acme.things")
    assert result.exit_code == 0, result.output
    [path] = (small.home / "returns" / "acme.things").iterdir()
    assert path.name == "things-2026-01-01.mends-1.csv"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700

    text = path.read_bytes().decode("cp1252")
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))
    assert rows[0] == [
        *HEADER.split(";"),
        "sluice_delivery",
        "sluice_row",
        "sluice_line",
        "sluice_reasons",
        "sluice_raw",
    ]
    assert rows[1][:6] == ["bob@example.com", "Größe", "m", "x", "00124", "north"]
    assert rows[1][6:9] == ["1", "2", "3"]
    assert rows[1][9] == "size_unparsed, Size: The size is a whole number."
    assert rows[2][:6] == ["=cmd", "-1+2", "m", "-7", "@b", "north"]
    assert rows[3][:6] == ['a "quoted" one', "two\r\nlines", "m", "4", "", "north"]
    assert rows[4][:6] == [""] * 6
    assert rows[4][10] == "eve@example.com;Größe;m;5;00129;north;far;too;many"
    assert "\r\n" in text
    assert small.sql("select action, deliveries, rows from ledger.quarantine_actions") == [("export", [1], 4)]


def test_the_round_trip_of_a_csv(small):
    deliver_odd(small)
    small.run()
    sluice("quarantine", "export", "thing", "--feed", "acme.things", "--out", small.home / "drop" / "acme" / "back.csv")
    path = small.home / "drop" / "acme" / "back.csv"
    mended = path.read_bytes().decode("cp1252").replace(";m;x;", ";m;2;").replace(";m;-7;", ";m;7;")
    path.unlink()
    small.drop("acme/things-2026-01-01.mends-1.csv", mended.encode("cp1252"))
    small.run()
    assert small.sql("select code, size from published.thing order by 1") == [("00123", 1), ("00124", 2), ("@b", 7)]
    assert small.sql("select row_number, status from quarantine.thing where delivery_id = 1 order by 1") == [
        (2, "released"), (3, "released"), (4, "superseded"), (5, "open"),
    ]  # fmt: skip
    account = small.account(2)
    assert {k: account[k] for k in ("read", "blank", "quarantined", "good")} == {
        "read": 4, "blank": 1, "quarantined": 1, "good": 2,
    }  # fmt: skip


def test_a_workbook_shows_its_bad_cells(small):
    deliver_odd(small)
    small.run()
    path = small.home / "back.xlsx"
    result = sluice("quarantine", "export", "thing", "--feed", "acme.things", "--format", "xlsx", "--out", path)
    assert result.exit_code == 0, result.output
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    sheet = load_workbook(path).active
    assert sheet.freeze_panes == "A2"
    head = [cell.value for cell in sheet[1]]
    assert head[:6] == HEADER.split(";")
    size, code, keeper = head.index("Size") + 1, head.index("Thing Code") + 1, head.index("Keeper") + 1

    assert "whole number" in sheet.cell(2, size).comment.text
    assert sheet.cell(2, size).fill.fgColor.rgb == "FFFFD9CC"
    assert sheet.cell(2, keeper).comment is None
    assert sheet.cell(2, code).value == "00124"
    assert sheet.cell(2, code).number_format == "@"
    assert sheet.cell(3, keeper).value == "=cmd"
    assert sheet.cell(3, keeper).data_type == "s"
    assert "Every thing has a code" in sheet.cell(4, code).comment.text
    assert sheet.cell(4, size).comment is None
    assert sheet.cell(5, head.index("sluice_reasons") + 1).comment is not None


def test_the_round_trip_of_a_workbook(small):
    deliver_odd(small)
    small.run()
    path = small.home / "things-2026-01-01.mends-1.xlsx"
    sluice("quarantine", "export", "thing", "--feed", "acme.things", "--format", "xlsx", "--out", path)
    book = load_workbook(path)
    head = [cell.value for cell in book.active[1]]
    book.active.cell(2, head.index("Size") + 1).value = 2
    book.active.cell(3, head.index("Size") + 1).value = "7"
    book.active.cell(4, head.index("Thing Code") + 1).value = "00125"
    for name, value in {"Region": "north", "Thing Code": "00129", "Size": "5"}.items():
        book.active.cell(5, head.index(name) + 1).value = value
    (small.home / "drop" / "acme").mkdir(parents=True)
    book.save(small.home / "drop" / "acme" / path.name)
    report = small.run()
    assert report.ingested[0].state == "staged"
    assert small.sql("select code, size from published.thing order by 1") == [
        ("00123", 1), ("00124", 2), ("00125", 4), ("00129", 5), ("@b", 7),
    ]  # fmt: skip
    assert small.sql("select distinct status from quarantine.thing") == [("released",)]


def test_with_nothing_open_there_is_no_file(small):
    things(small, 1, "north,a,1,,")
    small.run()
    result = sluice("quarantine", "export", "thing", "--feed", "acme.things")
    assert "nothing to send back" in refusal(result)
    assert not (small.home / "returns").exists() or not list((small.home / "returns").rglob("*.csv"))


def test_the_newest_delivery_is_exported_and_others_are_told(small):
    things(small, 1, "north,a,1,,", "north,b,x,,")
    things(small, 2, "north,a,1,,", "north,b,y,,")
    small.run()
    result = sluice("quarantine", "export", "thing", "--feed", "acme.things")
    assert "1 rows of delivery 2" in result.output
    assert "1 more open rows" in result.output
    result = sluice("quarantine", "export", "thing", "--feed", "acme.things", "--delivery", 1)
    assert "1 rows of delivery 1" in result.output


def test_an_analyst_may_not(small):
    things(small, 1, "north,b,x,,")
    small.run()
    small.sql("drop role if exists an_analyst")
    small.sql("create role an_analyst login in role sluice_analyst password 'x'")
    small.sql("grant usage on schema ledger, staging to an_analyst")
    small.sql("grant select on all tables in schema ledger to an_analyst")
    small.sql("grant select on public.alembic_version to an_analyst")
    small.sql("grant usage on schema public to an_analyst")
    url = os.environ["SLUICE_WAREHOUSE_URL"]
    host = url.split("@")[-1]
    os.environ["SLUICE_WAREHOUSE_URL"] = f"postgresql://an_analyst:x@{host}"
    forget_settings()
    try:
        result = sluice("quarantine", "export", "thing", "--feed", "acme.things")
        assert "may not read raw rows" in refusal(result)
    finally:
        os.environ["SLUICE_WAREHOUSE_URL"] = url
        forget_settings()
        small.sql("drop owned by an_analyst")
        small.sql("drop role an_analyst")


def test_discarded_rows_are_nobodys_business_any_more(small):
    things(small, 1, "north,a,1,,", "north,b,x,,", "north,c,-1,,")
    small.run()
    assert "Say which rows" in sluice("quarantine", "discard", "thing", "--why", "x").stderr
    result = sluice("quarantine", "discard", "thing", "--rule", "size_negative", "--why", "a test row")
    assert "1 rows discarded" in result.output
    assert small.sql("select row_number, status, settled_why from quarantine.thing order by 1") == [
        (2, "open", None), (3, "discarded", "a test row"),
    ]  # fmt: skip
    assert "No open row" in refusal(sluice("quarantine", "discard", "thing", "--rule", "nothing", "--why", "x"))
    assert small.value("select settled_by <> '' from quarantine.thing where status = 'discarded'")
    everything = sluice("quarantine", "list", "thing").stdout
    assert "Quarantine of thing: 2 rows, 1 discarded, 1 open" in everything
    assert re.search(r"\(discarded by \S+\)\s+size_negative", everything)
    assert "size_negative" not in sluice("quarantine", "list", "thing", "--open").stdout
    assert [
        row["row_number"] for row in json.loads(sluice("quarantine", "list", "thing", "--open", "--json").stdout)
    ] == [2]


def test_each_vendors_bad_rows_come_back_as_they_went(sluice_with_samples):
    """What is exported and sent back unmended is bad for the same reasons."""
    staged = [(feed, done) for feed in samples.FEEDS.values() if (done := sent_back(sluice_with_samples, feed))]
    assert len(staged) > len(samples.FEEDS) // 2
    sluice_with_samples.run()
    for feed, delivery in staged:
        found = sluice_with_samples.sql(
            "select jsonb_path_query_array(was.reasons, '$.code'), jsonb_path_query_array(again.reasons, '$.code')"
            f" from ledger.mended_rows as m join quarantine.{feed.entity} as was"
            " on was.delivery_id = m.mended_delivery and was.row_number = m.mended_row"
            f" left join quarantine.{feed.entity} as again"
            " on again.delivery_id = m.delivery_id and again.row_number = m.row_number"
            f" where m.delivery_id = {delivery} and was.kind = 'judged'"
        )
        assert found
        differing = [(was, again) for was, again in found if was != again and "repeated" not in " ".join(was)]
        assert not differing


def sent_back(house, feed) -> int | None:
    """The delivery of a feed's exported bad rows, unmended; none where none of them can be read."""
    result = sluice("quarantine", "export", feed.entity, "--feed", feed.key)
    assert result.exit_code == 0, result.output
    [path] = (house.home / "returns" / feed.key).iterdir()
    done = house.deliver(feed.key, path)
    if done.state == "refused":
        kinds = f"select distinct kind from quarantine.{feed.entity} where feed = '{feed.key}' and status = 'open'"
        assert house.sql(kinds) == [("unreadable",)]
        return None
    assert done.state == "staged", done
    return done.delivery_id


def test_a_workbook_of_a_vendor_marks_the_vendors_own_columns(sluice_with_samples):
    path = sluice_with_samples.home / "texas.xlsx"
    result = sluice("quarantine", "export", "provider", "--feed", "texas.licences", "--format", "xlsx", "--out", path)
    assert result.exit_code == 0, result.output
    sheet = load_workbook(path).active
    head = [cell.value for cell in sheet[1]]
    marked = {head[cell.column - 1] for row in sheet.iter_rows(min_row=2) for cell in row if cell.comment}
    assert {"Operation", "Email Address", "City", "Capacity"} <= marked
    assert not marked & {"Operation Name", "Agency Number", "County"}


@pytest.fixture
def sluice_with_samples(install):
    yield samples.loaded(install)
    forget_settings()
