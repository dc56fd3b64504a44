"""What becomes of an arriving file: new, the same again, a sighting, another content, late, or refused."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from command import sluice as command
from conftest import TEST_PROJECT, Sluice, forget_settings

from warehouse.errors import SluiceError

HEADER = "Region,Code,Size,Note,Keeper\n"


def deliver(small: Sluice, size: int | str, day: int, effective: str | None = None) -> Any:
    """Take in the file of one January day, in which the thing has the size."""
    path = small.file(f"{size}/things-2026-01-{day:02}.csv", HEADER + f"north,a,{size},,\n")
    return small.deliver("acme.things", path, effective)


def states(small: Sluice) -> list[tuple[Any, ...]]:
    """Day, state and revision of each delivery, in the order of arrival."""
    return small.sql(
        "select extract(day from effective_date)::int, state, revision from ledger.deliveries order by delivery_id"
    )


def versions(small: Sluice) -> list[tuple[Any, ...]]:
    """Size, first and last day of each version."""
    return small.sql(
        "select size, extract(day from valid_from)::int, extract(day from valid_to)::int"
        " from published.thing_history order by valid_from"
    )


def test_the_same_file_for_the_same_day_is_nothing_new(small: Sluice) -> None:
    assert deliver(small, 1, 1).outcome == "new"
    for state in ("staged", "merged"):
        again = deliver(small, 1, 1)
        assert (again.delivery_id, again.outcome, again.state, again.reason) == (1, "again", state, None)
        small.run()
    assert states(small) == [(1, "merged", 1)]


def test_unchanged_content_later_is_a_sighting(small: Sluice) -> None:
    deliver(small, 1, 1)
    pending = deliver(small, 1, 2)
    assert (pending.outcome, pending.state, pending.same_as) == ("sighting", "sighted", 1)
    small.run()
    merged = deliver(small, 1, 3)
    assert (merged.outcome, merged.same_as) == ("sighting", 1)

    for sighting in (pending, merged):
        account = small.account(sighting.delivery_id)
        assert (account["read"], account["good"], account["unchanged"], account["opened"]) == (1, 1, 1, 0)
    assert [merged.run for merged in small.run().merged] == [None]
    assert versions(small) == [(1, 1, None)]


def test_the_account_of_a_sighting_holds_its_bad_rows_too(small: Sluice) -> None:
    content = HEADER + "north,a,1,,\nnorth,b,-1,,\n\ntorn\nnorth,c,1,,\nnorth,c,1,,\n"
    small.deliver("acme.things", small.file("things-2026-01-01.csv", content))
    small.deliver("acme.things", small.file("things-2026-01-02.csv", content))
    small.run()
    first, second = small.account(1), small.account(2)
    same = ("read", "blank", "banner", "unreadable", "quarantined", "good", "duplicate")
    assert {name: second[name] for name in same} == {name: first[name] for name in same}
    assert (first["opened"], second["unchanged"]) == (2, 2)
    assert second["good"] == second["unchanged"] + second["duplicate"]


def test_a_delivery_between_a_file_and_its_sighting(small: Sluice) -> None:
    deliver(small, 1, 1)
    assert deliver(small, 1, 3).outcome == "sighting"
    assert deliver(small, 2, 2).outcome == "new"
    small.run()
    assert states(small) == [(1, "merged", 1), (3, "sighted", 1), (2, "merged", 1)]
    assert small.account(2)["changed"] == 1  # it repeats the first file, and is a change all the same
    assert versions(small) == [(1, 1, 2), (2, 2, 3), (1, 3, None)]


def test_the_original_of_a_sighting_is_superseded(small: Sluice) -> None:
    deliver(small, 1, 1)
    assert deliver(small, 1, 3).outcome == "sighting"
    deliver(small, 2, 1)
    small.run()
    assert states(small) == [(1, "superseded", 1), (3, "sighted", 1), (1, "merged", 2)]
    assert versions(small) == [(2, 1, 3), (1, 3, None)]


def test_another_content_for_a_day_that_waits(small: Sluice) -> None:
    deliver(small, 1, 1)
    second = deliver(small, 2, 1)
    assert (second.outcome, second.state) == ("new", "staged")
    assert states(small) == [(1, "superseded", 1), (1, "staged", 2)]
    small.run()
    assert versions(small) == [(2, 1, None)]
    assert small.account(1)["good"] is None


@pytest.mark.parametrize(
    ("size", "day", "expected"),
    [
        (2, 2, [(2, 2, 3), (1, 3, None)]),
        (2, 3, [(1, 2, 3), (2, 3, None)]),
        (1, 1, [(1, 1, None)]),
    ],
    ids=["merged day", "sighted day", "before all"],
)
def test_a_late_file_is_taken_in_like_any_other(
    size: int, day: int, expected: list[tuple[Any, ...]], small: Sluice
) -> None:
    deliver(small, 1, 2)
    deliver(small, 1, 3)
    small.run()
    assert deliver(small, size, day).outcome == "new"
    small.run()
    assert versions(small) == expected


def test_a_superseded_content_comes_back_by_hand_and_not_by_itself(small: Sluice) -> None:
    deliver(small, 1, 1)
    deliver(small, 2, 1)
    small.drop("acme/things-2026-01-01.csv", HEADER + "north,a,1,,\n")
    small.run()
    assert versions(small) == [(2, 1, None)]
    deliver(small, 1, 1)
    small.run()
    assert versions(small) == [(1, 1, None)]
    assert states(small) == [(1, "merged", 3), (1, "superseded", 2)]


def test_a_refused_file_is_tried_anew_when_it_is_delivered_again(small: Sluice) -> None:
    odd = small.file("things-2026-01-01.csv", "Region,Kode,Size\nnorth,a,1\n")
    assert small.deliver("acme.things", odd).outcome == "refused"
    small.sql("update ledger.deliveries set reason = 'as it was read then'")
    again = small.deliver("acme.things", odd)
    assert (again.delivery_id, again.outcome, again.state) == (1, "refused", "refused")
    assert 'Missing: "Code"' in again.reason


def test_the_sighting_of_a_refused_file_is_refused_as_well(small: Sluice) -> None:
    bad = "Region,Kode\nnorth,a\n"
    small.deliver("acme.things", small.file("things-2026-01-01.csv", bad))
    second = small.deliver("acme.things", small.file("things-2026-01-02.csv", bad))
    assert second.outcome == "refused"
    assert "things-2026-01-02.csv" in second.reason


@pytest.mark.parametrize(
    ("name", "said", "day"),
    [
        ("things-2026-02-28.csv", None, "2026-02-28"),
        ("things-2026-02-28.csv", "2026-03-01", "2026-03-01"),
        ("things.csv", "2026-03-01", "2026-03-01"),
    ],
)
def test_the_day_that_a_file_speaks_of(name: str, said: str | None, day: str, small: Sluice) -> None:
    small.deliver("acme.things", small.file(name, HEADER + "north,a,1,,\n"), said)
    assert small.sql("select effective_date::text, effective_at::text from ledger.deliveries") == [
        (day, f"{day} 00:00:00+00")
    ]


@pytest.mark.parametrize("name", ["things.csv", "things-2026-02-30.csv", "things-20260228.csv"])
def test_a_name_that_does_not_say_the_day(name: str, small: Sluice) -> None:
    with pytest.raises(SluiceError, match=rf"'{name}'.*acme\.things expects.*--effective-at"):
        small.deliver("acme.things", small.file(name, HEADER))
    assert states(small) == []


def test_a_file_is_archived_before_anything_else(small: Sluice) -> None:
    done = small.deliver("acme.things", small.file("things-2026-01-01.csv", b"\x00\x01junk"))
    assert done.outcome == "refused"
    kept = [path for path in (small.home / "archive").rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in kept] == [b"\x00\x01junk"]
    assert Path(kept[0]).name == small.value("select sha256 from ledger.deliveries")


@pytest.fixture
def by_the_second(install: Callable[..., Sluice], small_project: Path, tmp_path: Path) -> Iterator[Sluice]:
    """An installation whose changes hold since the second in which they come."""
    folder = shutil.copytree(small_project, tmp_path / "project")
    declared = folder / "models/staging/acme/_acme.yml"
    delta = "mode: delta\n"
    declared.write_text(declared.read_text().replace(delta, delta + " " * 12 + "effective_at: moment\n"))
    yield install(folder, TEST_PROJECT / "checks")
    forget_settings()


def test_changes_of_one_second_all_count(by_the_second: Sluice) -> None:
    for number, row in enumerate(["north,a,1,,", "north,b,2,,", "north,a,3,,"]):
        file = by_the_second.drop(f"acme/changes-{number}.csv", f"{HEADER}{row}\n")
        os.utime(file, (1769000000, 1769000000))
    for _ in range(2):  # nothing is taken in again
        by_the_second.run()
        assert [state for _, state, _ in states(by_the_second)] == ["merged"] * 3
    assert by_the_second.sql("select code, count(*) from published.thing_history group by 1 order by 1") == [
        ("a", 2), ("b", 1),
    ]  # fmt: skip
    assert by_the_second.value("select count(distinct effective_at) from ledger.deliveries") == 3


def test_a_file_that_takes_the_place_of_another_is_told(small: Sluice) -> None:
    deliver(small, 1, 1)
    small.drop("acme/things-2026-01-01-again.csv", HEADER + "north,a,2,,\n")
    ran = command("run", "thing")
    assert "things-2026-01-01-again.csv: it takes the place of delivery 1" in ran.stdout
    other = small.file("things-2026-01-01.csv", HEADER + "north,a,3,,\n")
    assert "it takes the place of delivery 2" in command("deliver", other, "--feed", "acme.things").stdout
    assert [revision for *_, revision in states(small)] == [1, 2, 3]
