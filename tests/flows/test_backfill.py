"""Backfill: a feed's past from its source, and from the archive; and what the commands of collection tell."""

import json
from pathlib import Path
from typing import Any

import pytest
from collect_feed import allowed, things, web
from collect_server import CSV, CollectServer, sends
from command import refusal, sluice
from conftest import Sluice, forget_settings
from workbench import HEADER, Checks

__all__ = ["allowed", "things", "web"]
RANGE = ("--from", "2026-01-01", "--to", "2026-01-04")


def day(size: int) -> bytes:
    return CSV.replace(b",1,", b",%d," % size)


def versions(small: Sluice) -> list[tuple[Any, ...]]:
    return small.sql(
        "select code, size, extract(day from valid_from)::int, extract(day from valid_to)::int"
        " from published.thing_history order by code, valid_from"
    )


@pytest.fixture
def dated(things: Any, web: CollectServer) -> Any:
    """A source that has three of four days, one of them not at first."""
    for number in (1, 2, 4):
        web.at(f"/things-2026-01-0{number}.csv", sends(day(number)))
    web.at("/things-2026-01-02.csv", *[sends(status=500)] * 3, sends(day(2)))
    things.declare({"http": {"url": web.url("/things-{date}.csv")}})
    return things


def test_the_days_of_a_source_are_asked_for_and_merged(dated: Any, web: CollectServer) -> None:
    planned = sluice("backfill", "acme.things", *RANGE, "--dry-run")
    assert planned.stdout.splitlines() == [
        *(f"2026-01-0{number}: fetch" for number in range(1, 5)),
        "acme.things: 4 of 4 to do",
    ]
    assert web.asked == []

    first = sluice("backfill", "acme.things", *RANGE)
    assert "[4/4] 2026-01-04: asked for" in first.stdout
    assert "thing: run 1 published, 1 rows" in first.stdout
    assert "things-2026-01-02.csv: 500 Internal Server Error (3 attempts)" in refusal(first)
    assert versions(dated.small) == [("a", 1, 1, 4), ("a", 4, 4, None)]


def test_a_backfill_goes_on_where_it_was(dated: Any, web: CollectServer) -> None:
    sluice("backfill", "acme.things", *RANGE)
    web.asked.clear()
    second = sluice("backfill", "acme.things", *RANGE)
    assert second.exit_code == 0, second.output
    assert web.paths() == ["/things-2026-01-02.csv", "/things-2026-01-03.csv"]
    assert versions(dated.small) == [("a", 1, 1, 2), ("a", 2, 2, 4), ("a", 4, 4, None)]
    planned = sluice("backfill", "acme.things", *RANGE, "--dry-run").stdout.splitlines()
    assert planned == [
        "2026-01-01: done, delivery 1",
        "2026-01-02: done, delivery 3",
        "2026-01-03: fetch",
        "2026-01-04: done, delivery 2",
        "acme.things: 1 of 4 to do",
    ]
    web.at("/things-2026-01-01.csv", sends(day(9)))
    assert sluice("backfill", "acme.things", *RANGE, "--again").exit_code == 0
    assert versions(dated.small)[0] == ("a", 9, 1, 2)


STRICT = {"name": "size", "checks": [{"invalid": {"valid_max": 5, "name": "size range", "attributes": {
    "code": "size_range", "message": "Size is at most 5."}}}]}  # fmt: skip
FULL = {1: "north,a,1,,\nnorth,b,9,,\n", 2: "north,a,2,,\nnorth,b,9,,\nnorth,c,7,,\n", 3: "north,a,2,,\nnorth,b,3,,\n"}
AS_IF_FROM_THE_BEGINNING = [("a", 1, 1, 2), ("a", 2, 2, None), ("b", 3, 3, None), ("e", 1, 2, None)]
DELTA = {2: "south,d,8,,\nsouth,e,1,,\n", 3: "south,e,9,,\n"}


def deliver_all(small: Sluice) -> None:
    for number, content in FULL.items():
        small.deliver("acme.things", small.file(f"things-2026-01-0{number}.csv", HEADER + content))
    for number, content in DELTA.items():
        small.deliver("acme.changes", small.file(f"changes-2026-01-0{number}.csv", HEADER + content))


@pytest.fixture
def checks(small: Sluice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checks:
    own = Checks(tmp_path)
    monkeypatch.setenv("SLUICE_CHECKS_FOLDER", str(own.folder))
    forget_settings()
    return own


def tighten(checks: Checks) -> None:
    """The contract learns that a size is at most 5."""
    import yaml

    columns = yaml.safe_load(checks.contract.read_text())["columns"]
    others = [column for column in columns if column["name"] != "size"]
    checks.rewrite(checks.contract, columns=[*others, STRICT])


def accounts(small: Sluice) -> list[tuple[Any, ...]]:
    return small.sql(
        "select name, state, read, quarantined, good, opened, changed, unchanged, duplicate, closed"
        " from ledger.deliveries join ledger.row_accounts using (delivery_id) order by name"
    )


def test_the_archive_is_judged_by_todays_rules(small: Sluice, checks: Checks) -> None:
    deliver_all(small)
    small.run()
    before = versions(small)
    tighten(checks)
    planned = sluice("backfill", "acme.things", *RANGE, "--dry-run").stdout
    assert "2026-01-02: judge again, delivery 2 things-2026-01-02.csv" in planned
    for feed in ("acme.things", "acme.changes"):
        done = sluice("backfill", feed, *RANGE)
        assert done.exit_code == 0, done.output
    mended, accounted = versions(small), accounts(small)
    assert mended != before
    assert sluice("backfill", "acme.things", *RANGE).stdout.startswith("acme.things: 0 of 3 to do")

    assert mended == AS_IF_FROM_THE_BEGINNING
    assert [row[3] for row in accounted] == [1, 1, 1, 2, 0]


def test_judged_from_the_beginning_it_is_the_same(small: Sluice, checks: Checks) -> None:
    tighten(checks)
    deliver_all(small)
    small.run()
    assert versions(small) == AS_IF_FROM_THE_BEGINNING


def test_sightings_are_accounted_for_anew(small: Sluice, checks: Checks) -> None:
    for number in (1, 2):
        small.deliver("acme.things", small.file(f"things-2026-01-0{number}.csv", HEADER + FULL[1]))
        small.run()
    tighten(checks)
    done = sluice("backfill", "acme.things", *RANGE)
    assert done.exit_code == 0, done.output
    assert [row[1:6] for row in accounts(small)] == [("merged", 2, 1, 1, 1), ("sighted", 2, 1, 1, 0)]
    assert versions(small) == [("a", 1, 1, None)]


def test_what_cannot_be_read_any_more_stays_as_it_is(
    small: Sluice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os
    import shutil

    deliver_all(small)
    small.run()
    before = versions(small)
    project = tmp_path / "project"
    shutil.copytree(os.environ["SLUICE_DBT_PROJECT"], project)
    file = project / "models/staging/acme/_acme.yml"
    file.write_text(file.read_text().replace('["Size"]', '["Measure"]'))
    monkeypatch.setenv("SLUICE_DBT_PROJECT", str(project))
    forget_settings()
    done = sluice("backfill", "acme.things", *RANGE)
    assert done.exit_code == 1
    assert 'Missing: "Measure"' in done.stderr
    assert versions(small) == before
    assert {row[1] for row in accounts(small)} == {"merged"}


def test_a_range_that_holds_nothing(small: Sluice) -> None:
    told = sluice("backfill", "acme.things", *RANGE, "--dry-run").stdout
    assert told == "acme.things: 0 of 0 to do: nothing is known of these days\n"
    assert sluice("backfill", "acme.things", "--from", "2026-01-02", "--to", "2026-01-01").exit_code == 2


def test_collect_fetches_and_stages_only(things: Any, web: CollectServer) -> None:
    things.declare({"http": {"url": web.at("/things.csv", sends())}})
    things.small.drop("acme/changes-2026-01-01.csv", CSV)
    assert "delivery 1, staged" in sluice("collect", "acme.things").stdout
    assert "acme.changes: changes-2026-01-01.csv is delivery 2, staged" in sluice("collect").stdout
    assert sluice("collect").stdout == "nothing new\n"
    assert things.small.value("select count(*) from ledger.runs") == 0
    assert "no feed 'acme.thing'" in refusal(sluice("collect", "acme.thing"))


def test_one_feeds_trouble_stops_no_other(things: Any, web: CollectServer) -> None:
    things.declare({"http": {"url": web.url("/nowhere.csv")}})
    things.small.drop("acme/changes-2026-01-01.csv", CSV)
    done = sluice("run")
    assert "nowhere.csv: 404" in refusal(done)
    assert "acme.changes: changes-2026-01-01.csv is delivery 1, staged" in done.stdout
    assert "thing: run 1 published, 1 rows" in done.stdout


def test_fetches_are_shown(things: Any, web: CollectServer) -> None:
    things.declare({"http": {"url": web.at("/things.csv", sends(), sends(), sends(status=403))}})
    for _ in range(3):
        sluice("collect", "acme.things")
    found = json.loads(sluice("fetches", "acme.things", "--json").stdout)
    assert [row["outcome"] for row in found] == ["new", "unchanged", "failed"]
    shown = " ".join(sluice("fetches").stdout.split())
    assert "delivery 1 of http" in shown
    assert "403" in shown
    assert json.loads(sluice("fetches", "--last", "1", "--json").stdout)[0]["outcome"] == "failed"
