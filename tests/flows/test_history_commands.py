"""Late files, revisions, retractions and rollbacks, as a user works with them."""

import json
from datetime import UTC, datetime

import pytest
from command import refusal
from command import sluice as command

HEADER = "Region,Code,Size,Note,Keeper\n"


def versions(small) -> list[tuple]:
    return small.sql(
        "select code, size, valid_from::date::text, valid_to::date::text from published.thing_history order by 1, 3"
    )


def day(small, number: int, rows: str) -> int:
    file = small.file(f"things-2026-01-0{number}.csv", HEADER + rows)
    return small.deliver("acme.things", file).delivery_id


def test_a_late_file_splits_its_neighbours(small):
    day(small, 1, "n,a,1,,\n")
    day(small, 3, "n,a,3,,\n")
    small.run()
    day(small, 2, "n,a,2,,\nn,b,9,,\n")
    small.run()
    assert versions(small) == [
        ("a", 1, "2026-01-01", "2026-01-02"),
        ("a", 2, "2026-01-02", "2026-01-03"),
        ("a", 3, "2026-01-03", None),
        ("b", 9, "2026-01-02", "2026-01-03"),
    ]
    late = small.account(3)
    assert (late["opened"], late["changed"], late["unchanged"], late["closed"]) == (1, 1, 0, 0)


def test_a_sighting_is_an_observation(small):
    first = day(small, 1, "n,a,1,,\n")
    small.run()
    sighting = small.deliver("acme.things", small.file("things-2026-01-03.csv", HEADER + "n,a,1,,\n"))
    assert (sighting.outcome, sighting.same_as) == ("sighting", first)
    small.run()
    assert versions(small) == [("a", 1, "2026-01-01", None)]
    day(small, 2, "n,a,2,,\n")
    small.run()
    assert versions(small) == [
        ("a", 1, "2026-01-01", "2026-01-02"),
        ("a", 2, "2026-01-02", "2026-01-03"),
        ("a", 1, "2026-01-03", None),
    ]


def test_another_content_for_a_merged_day_supersedes_it(small):
    day(small, 1, "n,a,1,,\nn,b,1,,\n")
    small.run()
    day(small, 1, "n,a,7,,\n")
    small.run()
    assert versions(small) == [("a", 7, "2026-01-01", None)]
    assert small.sql("select state, in_history, revision from ledger.deliveries order by 1 desc") == [
        ("superseded", False, 1),
        ("merged", True, 2),
    ]


def test_a_retracted_delivery_is_as_if_it_had_never_come_and_can_be_put_back(small):
    day(small, 1, "n,a,1,,\nn,b,1,,\n")
    wrong = day(small, 2, "n,a,2,,\n")
    day(small, 3, "n,a,1,,\nn,b,1,,\n")
    small.run()
    before = versions(small)
    assert len(before) == 5

    assert "--why" in command("retract", wrong).stderr
    done = command("retract", wrong, "--why", "sent by mistake")
    assert done.exit_code == 0, done.output
    assert "run 2 published, 2 rows" in done.stdout
    assert versions(small) == [("a", 1, "2026-01-01", None), ("b", 1, "2026-01-01", None)]
    assert small.value("select reason from ledger.deliveries where delivery_id = :id", id=wrong) == "sent by mistake"
    assert "retracted" in refusal(command("retract", wrong, "--why", "again"))

    assert command("retract", wrong, "--undo").exit_code == 0
    assert versions(small) == before
    assert "There is no delivery 99" in refusal(command("retract", 99, "--why", "x"))


def test_retracting_a_revision_brings_the_one_before_back(small):
    day(small, 1, "n,a,1,,\n")
    small.run()
    revision = day(small, 1, "n,a,5,,\n")
    small.run()
    command("retract", revision, "--why", "the first was right")
    assert versions(small) == [("a", 1, "2026-01-01", None)]


@pytest.mark.parametrize("lost", ["truncated", "purged"])
def test_a_late_file_comes_right_when_the_rows_of_its_neighbours_are_gone(small, lost):
    day(small, 1, "n,a,1,,\nn,c,-1,,\n")
    day(small, 3, "n,a,3,,\nn,a,3,,\nn\n")
    small.run()
    for (table,) in small.sql(
        "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where c.relpersistence = 'u' and c.relkind = 'r' and c.relname like 'delivery%'"
    ):
        small.sql(f"truncate {table}" if lost == "truncated" else f"drop table {table}")
    small.sql("truncate staging.unreadable")
    account = small.account(2)
    day(small, 2, "n,a,2,,\n")
    small.run()
    assert versions(small) == [
        ("a", 1, "2026-01-01", "2026-01-02"),
        ("a", 2, "2026-01-02", "2026-01-03"),
        ("a", 3, "2026-01-03", None),
    ]
    assert small.account(2) == account
    assert small.value("select count(*) from quarantine.thing where delivery_id = 2") == 1


def test_a_rollback_is_at_once_and_holds_until_somebody_publishes(small):
    day(small, 1, "n,a,1,,\n")
    small.run()
    day(small, 2, "n,a,2,,\n")
    small.run()
    done = command("rollback", "thing")
    assert "consumers see run 1 again" in done.stdout
    assert small.value("select size from published.thing") == 1
    day(small, 3, "n,a,3,,\n")
    assert "rolled back" in command("run", "thing").stdout
    assert small.value("select size from published.thing") == 1
    assert command("publish", "thing").exit_code == 0
    assert small.value("select size from published.thing") == 3
    assert "Published runs: 1, 2, 3" in refusal(command("rollback", "thing", "--to", 77))
    assert command("rollback", "thing", "--to", 1).exit_code == 0
    assert small.value("select size from published.thing") == 1


def test_what_was_true_and_what_was_known(small):
    day(small, 1, "n,a,1,,\n")
    day(small, 3, "n,a,3,,\n")
    small.run()
    then = datetime.now(UTC)
    day(small, 2, "n,a,2,,\n")
    small.run()
    noon = "2026-01-02 12:00+00"
    assert small.value("select size from published.thing_as_of(:at)", at=noon) == 2
    assert small.value("select size from published.thing_as_of(:at, :known)", at=noon, known=then) == 1
    assert small.sql("select * from published.thing_as_of(:at, '2020-01-01')", at=noon) == []
    assert len(versions(small)) == 3
    known = command("history", "thing", "a", "--known-at", then.strftime("%Y-%m-%dT%H:%M:%S"), "--json")
    assert known.exit_code in (0, 1)
    now = json.loads(command("history", "thing", "a", "--json").stdout)["versions"]
    assert [v["size"] for v in now] == [1, 2, 3]


def test_why_a_row_is_so(small):
    day(small, 1, "n,z,1,,\nn,a,1,,ann@example.com\n")
    small.run()
    day(small, 2, "n,a,2,,bob@example.com\n")
    small.run()
    told = json.loads(command("explain", "thing", "a", "--json").stdout)["versions"]
    current = [v for v in told if v["superseded_in"] is None]
    assert [(v["file"], v["line_number"], v["recorded_in"]) for v in current] == [
        ("things-2026-01-01.csv", 3, 2),
        ("things-2026-01-02.csv", 2, 2),
    ]
    assert current[1]["changed"] == ["keeper", "size"]
    assert current[1]["masked"] == ["keeper"]
    assert current[1]["published_at"]
    assert "ann@example.com" not in json.dumps(told)
    shown = command("explain", "thing", "a")
    assert shown.exit_code == 0
    assert "things-2026-01-01.csv, line 3 (delivery 1" in shown.stdout


def many(count: int, size: int = 1) -> str:
    return "".join(f"n,k{i:03},{size},,\n" for i in range(count))


def test_a_delivery_that_would_delete_too_much_waits_for_a_word(small):
    day(small, 1, many(100))
    small.run()
    small.deliver("acme.things", small.file("things-2026-01-02.csv", HEADER + many(30)))
    told = refusal_of_run()
    assert "70 of 100 keys would vanish (70%, the bound is 50%)" in told
    assert "sluice accept 2" in told
    assert small.value("select count(*) from published.thing") == 100
    assert small.value("select state from ledger.deliveries where delivery_id = 2") == "waiting"

    day(small, 3, many(99))  # others go on
    assert "waits" in refusal_of_run()
    assert small.value("select count(*) from published.thing") == 99

    assert "does not wait" in refusal(command("accept", 3))
    assert command("accept", 2).exit_code == 0
    assert small.value("select count(*) from published.thing") == 99
    gaps = small.value("select count(*) from published.thing_history where valid_to::date = '2026-01-02'")
    assert gaps == 70


def test_a_refused_delivery_changes_nothing(small):
    day(small, 1, many(100))
    small.run()
    day(small, 2, many(10))
    refusal_of_run()
    assert command("refuse", 2, "--why", "cut short").exit_code == 0
    assert command("run", "thing").exit_code == 0
    assert small.value("select count(*) from published.thing") == 100
    assert small.sql("select state, reason from ledger.deliveries where delivery_id = 2") == [("refused", "cut short")]


def test_mostly_bad_rows_raise_doubt(small):
    day(small, 1, many(60, size=-1) + "n,good,1,,\n")
    assert "60 of 61 rows are bad" in refusal_of_run()
    assert small.value("select count(*) from published.thing") == 0


def refusal_of_run() -> str:
    return refusal(command("run", "thing"))


@pytest.mark.parametrize("second", ["refused", "waiting"])
def test_a_second_file_for_a_day_that_is_no_good_takes_nothing_out(small, second):
    day(small, 1, many(100))
    small.run()
    rows = many(10) if second == "waiting" else None
    content = HEADER + rows if rows else "<html>503</html>"
    small.deliver("acme.things", small.file("things-2026-01-01.csv", content))
    command("run", "thing")
    assert small.value("select count(*) from published.thing") == 100
    if second == "waiting":
        assert command("refuse", 2, "--why", "cut short").exit_code == 0
        assert command("run", "thing").exit_code == 0
        assert small.value("select count(*) from published.thing") == 100
    assert small.value("select state from ledger.deliveries where delivery_id = 1") == "merged"


def test_an_accepted_second_file_takes_the_place_of_the_first(small):
    day(small, 1, many(100))
    small.run()
    day(small, 1, many(10))
    refusal_of_run()
    assert command("accept", 2).exit_code == 0
    assert small.value("select count(*) from published.thing") == 10
    assert small.sql("select state from ledger.deliveries order by 1") == [("merged",), ("superseded",)]


def test_files_of_one_run_are_held_against_each_other(small):
    day(small, 1, many(100))
    day(small, 2, many(3))
    assert "97 of 100 keys would vanish" in refusal_of_run()
    assert small.value("select count(*) from published.thing") == 100


def test_exports_follow_a_rollback(small):
    day(small, 1, "n,a,1,,\n")
    small.run()
    day(small, 2, "n,a,2,,\n")
    small.run()
    command("rollback", "thing")
    assert (small.home / "exports/thing/latest").resolve().name == "run-000001"


def test_times_are_told_as_the_vendors_clock_says_them(moving):
    """A file of 5 January in Chicago spoke of 5 January; and what changed twice on one day shows when."""
    header = "Region,Code,Size,Note,Keeper,Moved\n"
    rows = "n,a,1,,,2026-01-05\nn,a,2,,,2026-01-05 22:30\nn,a,3,,,2026-01-05 22:30:15\n"
    moving.deliver("acme.moves", moving.file("moves-1.csv", header + rows), "2026-02-01")
    moving.run()
    found = json.loads(command("history", "thing", "a", "--json").stdout)["versions"]
    assert [v["valid_from"] for v in found] == [
        "2026-01-05T00:00:00-06:00",
        "2026-01-05T22:30:00-06:00",
        "2026-01-05T22:30:15-06:00",
    ]
    for words in (("history", "thing", "a"), ("explain", "thing", "a")):
        shown = " ".join(command(*words).stdout.split())
        assert "2026-01-05 2026-01-05 22:30 " in shown, words
        assert "2026-01-05 22:30 2026-01-05 22:30:15 " in shown, words
        assert "2026-01-06" not in shown, words


def test_what_is_asked_for_and_was_never_there_is_told(small):
    day(small, 1, "n,a,1,,\n")
    small.run()
    assert "No thing with the key 'b' was ever merged." in refusal(command("explain", "thing", "b"))
    told = refusal(command("history", "thing", "a", "--known-at", "2020-01-01"))
    assert "No thing with the key 'a' was published at 2020-01-01T00:00:00+00:00." in told


def test_a_whole_key_is_one_row(small):
    day(small, 1, "7,07,1,,\n7,7,2,,\nb,a,3,,\na,b,4,,\n")
    small.run()
    for name in ("history", "explain"):
        for key, size in (("7", "7"), 2), (("7", "07"), 1), (("a", "b"), 4):
            versions = json.loads(command(name, "thing", *key, "--json").stdout)["versions"]
            assert [version.get("size") or version["values"]["size"] for version in versions] == [size]
    assert len(json.loads(command("history", "thing", "7", "--json").stdout)["versions"]) == 2


def test_a_time_that_sluice_prints_can_be_asked_for(small):
    day(small, 1, "n,a,1,,\n")
    small.run()
    [published] = json.loads(command("status", "--json").stdout)["publications"]
    assert command("history", "thing", "a", "--known-at", published["published_at"]).exit_code == 0
    wrong = command("history", "thing", "a", "--known-at", "yesterday")
    assert wrong.exit_code == 2
    assert "'yesterday' is no time" in wrong.stderr


def test_each_version_is_explained_by_the_one_that_was_known_before_it(small):
    """What came between two versions later is no part of how they differed when they were recorded."""
    day(small, 1, "n,a,1,,ann@example.com\n")
    day(small, 3, "n,a,3,,bob@example.com\n")
    small.run()
    day(small, 2, "n,a,2,,bob@example.com\n")
    small.run()
    day(small, 4, "n,z,1,,\nn,y,1,,\n")
    day(small, 5, "n,a,3,,bob@example.com\n")
    small.run()
    told = json.loads(command("explain", "thing", "a", "--json").stdout)["versions"]
    assert [(v["valid_from"][9:10], v["recorded_in"], v["first"], v["changed"]) for v in told] == [
        ("1", 1, True, []),
        ("1", 2, True, []),
        ("2", 2, False, ["keeper", "size"]),
        ("3", 1, False, ["keeper", "size"]),
        ("3", 3, False, ["size"]),
        ("5", 3, False, []),
    ]
    shown = command("explain", "thing", "a").stdout
    assert shown.count("the first version") == 2
    assert shown.count("back again, as it was") == 1


@pytest.mark.parametrize("words", [("retract", 1), ("refuse", 1), ("quarantine", "discard", "thing", "--delivery", 1)])
@pytest.mark.parametrize("why", ["", "  "])
def test_a_why_that_says_nothing_is_none(small, words, why):
    day(small, 1, "n,a,1,,\n")
    small.run()
    done = command(*words, "--why", why)
    assert done.exit_code == 2
    assert "say it in words" in done.stderr
    assert small.value("select state from ledger.deliveries") == "merged"


def test_why_a_delivery_went_no_further_stands_across_the_whole_width(small, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    told = refusal(command("deliver", small.file("things-2026-01-01.csv", HEADER), "--feed", "acme.things"))
    assert told.count("things-2026-01-01.csv") == 1
    shown = command("status").stdout
    assert "refused: it holds a header and no record; a file without records" in shown, shown
    assert shown.count("things-2026-01-01.csv") == 1
