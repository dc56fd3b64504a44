"""Rows with effective times of their own: each is a version of its time, whatever came when."""

import shutil
from typing import Any

import pytest
from conftest import PROJECT, TEST_PROJECT, forget_settings
from workbench import everything

from flows.erase import erase
from flows.erase_plan import Person
from warehouse import word
from warehouse.connection import transaction
from warehouse.errors import SluiceError

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


def mend(sluice: Any, delivery: int, *rows: str, header: str = HEADER) -> int:
    """Deliver the owner's mended file of a delivery: `code,size,time` and what our columns say."""
    cells = [row.split(",", 3) for row in rows]
    lines = "".join(f"n,{code},{size},,,{at}{',' + ours[0] if ours else ''}\n" for code, size, at, *ours in cells)
    file = sluice.file(f"moves-{abs(hash(lines))}.mends-{delivery}.csv", header + lines)
    return int(sluice.deliver("acme.moves", file).delivery_id)


def held(sluice: Any) -> list[tuple[Any, ...]]:
    return sluice.sql("select row_number, status from quarantine.thing order by delivery_id, row_number")


@pytest.mark.parametrize("tells_rows", [True, False])
def test_mended_rows_hold_since_their_own_times(moving, tells_rows):
    first = moves(moving, 1, "a,-1,2026-01-05", "a,2,2026-01-07", "a,-3,2026-01-09", "b,1,soon")
    moving.run()
    header = HEADER.replace("\n", ",sluice_delivery,sluice_row\n") if tells_rows else HEADER
    rows = ["a,1,2026-01-05", "b,1,2026-01-06"]
    rows = [f"{row},{first},{number}" for row, number in zip(rows, (1, 4), strict=True)] if tells_rows else rows
    mended = mend(moving, first, *rows, header=header)
    moving.run()
    assert versions(moving) == [(1, "2026-01-05 00:00:00", "2026-01-07 00:00:00"), (2, "2026-01-07 00:00:00", None)]
    assert versions(moving, "b") == [(1, "2026-01-06 00:00:00", None)]
    released = [(1, "released"), (3, "open"), (4, "released")]
    assert held(moving) == released
    account = moving.account(mended)
    assert [account[name] for name in ("opened", "changed", "unchanged", "closed")] == [2, 0, 0, 0]
    moves(moving, 2, "a,7,2026-01-05")  # what is said later counts
    moving.run()
    assert versions(moving)[0][0] == 7
    assert moving.retract(mended)
    moving.run()
    assert [size for size, *_ in versions(moving)] == [7, 2]
    assert versions(moving, "b") == []
    assert [status for _, status in held(moving)] == ["superseded", "superseded", "open"]
    assert moving.retract(mended, undo=True)
    moving.run()
    assert versions(moving, "b") == [(1, "2026-01-06 00:00:00", None)]


@pytest.fixture
def counting(install, moving_project, tmp_path):
    """The feed of moves counts: its sizes are running totals."""
    folder = shutil.copytree(moving_project, tmp_path / "project")
    declared = folder / "models/staging/acme/_acme.yml"
    fall = "bounds: {fall: {column: size, share: 0.3}, at_least: 2}\n            "
    declared.write_text(
        declared.read_text().replace('arrives: {drop: "acme/moves', fall + 'arrives: {drop: "acme/moves')
    )
    (folder / "seeds").mkdir()
    shutil.copy(PROJECT / "dbt_project/seeds/count_periods.csv", folder / "seeds")
    (folder / "models/published/known_count_periods.sql").write_text("select * from {{ ref('count_periods') }}")
    change = "{{ cumulative_changes('thing', by=['code'], value='size') }}"
    (folder / "models/published/thing_change.sql").write_text(change)
    yield install(folder, TEST_PROJECT / "checks")
    forget_settings()


def test_totals_are_held_against_those_before_their_own_time(counting):
    moves(counting, 1, "a,5,2026-01-05", "b,6,2026-01-06", "a,8,2026-01-08", "c,-1,2026-01-07")
    counting.run()
    moves(counting, 2, "a,6,2026-01-06", "b,7,2026-01-09", "c,4,2026-01-09", "d,2,2026-01-10")  # 6 is late, and no fall
    counting.run()
    assert counting.sql(
        "select code, day::text, since::text, kind, new_cases from published.thing_change order by day, code"
    ) == [
        ("a", "2026-01-05", None, "baseline", 0),
        ("a", "2026-01-06", "2026-01-05", "increase", 1),
        ("b", "2026-01-06", "2026-01-05", "baseline", 0),
        ("a", "2026-01-08", "2026-01-06", "increase", 2),
        ("b", "2026-01-09", "2026-01-08", "increase", 1),
        ("c", "2026-01-09", "2026-01-08", "baseline", 0),
        ("d", "2026-01-10", "2026-01-09", "increase", 2),
    ]
    late = moves(counting, 3, "a,4,2026-01-07", "b,5,2026-01-08", "c,9,2026-01-10")
    with pytest.raises(SluiceError, match="size falls for 2 of 3 keys"):
        counting.run()
    with transaction() as connection:
        word.accept(connection, late)
    counting.run()
    assert [size for size, *_ in versions(counting)] == [5, 6, 4, 8]


ANN, BOB = "ann.lee@example.com", "bob@example.com"


def kept(sluice: Any, day: int, *rows: str) -> int:
    """Deliver rows `code,size,keeper,time` of a day."""
    cells = [row.split(",") for row in rows]
    lines = "".join(f"n,{code},{size},,{keeper},{at}\n" for code, size, keeper, at in cells)
    file = sluice.file(f"moves-{day}-{abs(hash(lines))}.csv", HEADER + lines)
    return int(sluice.deliver("acme.moves", file, f"2026-02-{day:02}").delivery_id)


def test_an_erased_persons_rows_hold_since_their_own_times(moving):
    kept(moving, 1, f"a,1,{ANN},2026-01-05", f"a,1,{BOB},2026-01-07", f"b,2,{ANN},2026-01-06", f"c,-1,{ANN},2026-01-06")
    mended = kept(moving, 2, f"a,1,{ANN},2026-01-09", f"b,3,{BOB},2026-01-08")
    moving.run()
    span = "select rows_from, rows_until from ledger.deliveries order by delivery_id"
    spans, before = moving.sql(span), [versions(moving), versions(moving, "b")]
    erase(Person(pii="email", value=ANN))
    assert [versions(moving), versions(moving, "b")] == before
    for number in (1, mended):
        moving.sql(f"drop table judged.delivery_{number}; drop table staging.delivery_{number}")
    late = kept(moving, 3, f"a,4,{BOB},2026-01-06", f"a,1,{ANN},2026-01-10", f"d,1,{BOB},2026-01-01")
    moving.run()
    assert ANN not in everything(moving)
    assert moving.sql(span)[:2] == spans
    assert [(size, start[:10]) for size, start, _ in versions(moving)] == [
        (1, "2026-01-05"),
        (4, "2026-01-06"),
        (1, "2026-01-07"),
        (1, "2026-01-09"),
    ]
    assert versions(moving, "b") == before[1]
    assert moving.retract(late)
    moving.run()
    assert [versions(moving), versions(moving, "b")] == before
    assert not moving.sql("select * from ledger.row_accounts where least(opened, changed, unchanged) < 0")
