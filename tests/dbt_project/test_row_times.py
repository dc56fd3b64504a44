"""Rows with effective times of their own: each is a version of its time, whatever came when."""

from typing import Any

import pytest

HEADER = "Region,Code,Size,Note,Keeper,Moved\n"
UTC = "(valid_from at time zone 'America/Chicago')::text, (valid_to at time zone 'America/Chicago')::text"


def moves(sluice: Any, day: int, *rows: str) -> int:
    """Deliver rows `code,size,time` of a day."""
    cells = [row.split(",") for row in rows]
    lines = "".join(f"n,{code},{size},,,{at}\n" for code, size, at in cells)
    file = sluice.file(f"moves-{day}-{hash(lines)}.csv", HEADER + lines)
    return int(sluice.deliver("acme.moves", file, f"2026-02-{day:02}").delivery_id)


def versions(sluice: Any, code: str = "a") -> list[tuple[Any, ...]]:
    return sluice.sql(
        f"select size, {UTC} from history.dim_thing where _superseded_in is null and code = :code order by valid_from",
        code=code,
    )


def test_each_row_holds_since_its_own_time(moving):
    first = moves(moving, 1, "a,1,2026-01-05 08:00", "a,2,2026-01-07T10:30:00Z", "a,2,2026-01-08", "b,1,2026-01-05")
    moving.run()
    assert versions(moving) == [
        (1, "2026-01-05 08:00:00", "2026-01-07 04:30:00"),
        (2, "2026-01-07 04:30:00", None),
    ]
    account = moving.account(first)
    assert (account["opened"], account["changed"], account["unchanged"], account["closed"]) == (2, 1, 1, 0)
    second = moves(moving, 2, "a,3,2026-01-06", "b,1,2026-01-05")  # late, between the two; and what is known
    moving.run()
    assert versions(moving) == [
        (1, "2026-01-05 08:00:00", "2026-01-06 00:00:00"),
        (3, "2026-01-06 00:00:00", "2026-01-07 04:30:00"),
        (2, "2026-01-07 04:30:00", None),
    ]
    assert [moving.account(second)[name] for name in ("opened", "changed", "unchanged")] == [0, 1, 1]
    assert moving.retract(second)
    moving.run()
    assert len(versions(moving)) == 2
    assert moving.retract(second, undo=True)
    moving.run()
    assert len(versions(moving)) == 3
    asked = "select size from published.thing_as_of('2026-01-06 12:00-06') where code = 'a'"
    assert moving.value(asked) == 3


def test_what_has_no_time_goes_to_quarantine(moving):
    delivery = moves(
        moving, 1, "a,1,2026-01-05", "b,1,", "c,1,soon", "d,1,2026-02-30", "e,1,2999-01-01", "f,1,2026-01-05 25:00"
    )
    moving.run()
    reasons = moving.sql(
        "select line_number, reasons -> 0 ->> 'code', reasons -> 0 ->> 'column' from quarantine.thing order by 1"
    )
    assert reasons == [
        (3, "effective_at_unparsed", "moved_at"),
        (4, "effective_at_unparsed", "moved_at"),
        (5, "effective_at_unparsed", "moved_at"),
        (6, "effective_at_in_future", "moved_at"),
        (7, "effective_at_unparsed", "moved_at"),
    ]
    assert moving.account(delivery)["quarantined"] == 5


def test_one_key_at_one_time_is_one_word(moving):
    first = moves(
        moving,
        1,
        "a,1,2026-01-05",
        "a,1,2026-01-05T06:00:00+00:00",
        "b,1,2026-01-05",
        "b,2,2026-01-05",
        "b,3,2026-01-06",
    )
    moving.run()
    account = moving.account(first)
    assert (account["quarantined"], account["good"], account["duplicate"], account["opened"]) == (2, 3, 1, 2)
    assert moving.value("select distinct reasons -> 0 ->> 'code' from quarantine.thing") == "thing_repeated"
    assert versions(moving, "b") == [(3, "2026-01-06 00:00:00", None)]
    moves(moving, 2, "a,7,2026-01-05")  # said otherwise later
    moving.run()
    assert versions(moving) == [(7, "2026-01-05 00:00:00", None)]
    moves(moving, 1, "a,5,2026-01-05")  # a revision of the first: the later word still counts
    moving.run()
    assert versions(moving) == [(7, "2026-01-05 00:00:00", None)]
    assert versions(moving, "b") == []


def test_the_other_feeds_of_the_entity_go_their_ways(moving):
    for day in (1, 2):
        file = moving.file(f"things-2026-01-0{day}.csv", f"Region,Code,Size,Note,Keeper\nn,a,{day},,\n")
        moving.deliver("acme.things", file)
    moves(moving, 1, "a,5,2026-01-05", "a,6,2026-01-06")
    moving.run()
    found = moving.sql("select feed, size, valid_from::date::text from published.thing_history order by 1, 3")
    assert found == [
        ("acme.moves", 5, "2026-01-05"),
        ("acme.moves", 6, "2026-01-06"),
        ("acme.things", 1, "2026-01-01"),
        ("acme.things", 2, "2026-01-02"),
    ]


def test_files_of_one_second_are_told_apart_and_explained(moving):
    import os

    from publish.explain import explain

    rows = ["n,a,1,,,2026-01-05\n", "n,a,2,,,2026-01-06\n"]
    for number, row in enumerate(rows):
        file = moving.drop(f"acme/moves-{number}.csv", HEADER + row)
        os.utime(file, (1769000000, 1769000000))
    moving.run()
    moving.run()  # nothing is taken in again
    assert [size for size, *_ in versions(moving)] == [1, 2]
    assert moving.value("select count(*) from ledger.deliveries where state = 'merged'") == 2
    told = explain("thing", ("region", "code"), {}, ["a"])
    assert [one["effective_at"][:10] for one in told] == ["2026-01-05", "2026-01-06"]


@pytest.mark.parametrize("purged", ["staging", "judged"])
def test_a_late_row_finds_what_was_purged(moving, purged):
    moves(moving, 1, "a,1,2026-01-05", "a,1,2026-01-09")
    moving.run()
    moving.sql(f"drop table {purged}.delivery_1")
    moves(moving, 2, "a,2,2026-01-07")
    moving.run()
    assert [size for size, *_ in versions(moving)] == [1, 2, 1]
