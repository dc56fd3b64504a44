"""Running totals to daily numbers: history's differences, held against a reckoning in plain Python."""

import json
import random
from collections import defaultdict
from zoneinfo import ZoneInfo

import pytest
from collect_feed import allowed, web
from collect_server import sends
from conftest import PROJECT, forget_settings

from warehouse import word
from warehouse.connection import transaction
from warehouse.errors import SluiceError

__all__ = ["allowed", "web"]

SCHOOLS = [str(900100 + number) for number in range(12)]


@pytest.fixture
def house(install):
    yield install(PROJECT / "dbt_project", PROJECT / "checks")
    forget_settings()


def poll(house, when, totals):
    """Deliver an answer of the interface: (school, total) pairs."""
    answer = json.dumps([{"SchoolID": int(school), "TotalCaseCount": total} for school, total in totals])
    return house.deliver("cps.totals", house.file(f"totals-{when}.json", answer)).delivery_id


def days(house, when, header, rows):
    """Deliver a wide file: header names the days, rows are (school, total, numbers by day)."""
    lines = [",".join(["School", "CPS_School_ID", "gTotal", *header])]
    lines += [",".join([f"School {school}", school, str(total), *map(str, numbers)]) for school, total, numbers in rows]
    return house.deliver("cps.days", house.file(f"days-{when}.csv", "\n".join(lines) + "\n")).delivery_id


def by_day(house):
    return house.sql(
        "select school_number, day::text, since::text, new_cases, correction from published.school_day order by 1, 2"
    )


def reckoned(polls):
    """The same from the polls themselves: sums per school, differences, sums per day. No school is ever away here."""
    numbers = defaultdict(lambda: [None, 0, 0])
    before: dict[str, int] = {}
    days_seen: list[str] = []
    for place, (when, totals) in enumerate(sorted(polls.items())):
        day = when[:10]
        sums: dict[str, int] = defaultdict(int)
        for school, total in totals:
            sums[school] += total
        for school, total in sums.items():
            change = total - before.get(school, 0)
            if place and change:
                entry = numbers[school, day]
                entry[0] = entry[0] or days_seen[-1]
                entry[1 if change > 0 else 2] += change
        before = sums
        days_seen.append(day)
    return sorted((school, day, *entry) for (school, day), entry in numbers.items())


def many_polls(seed):
    """Polls of four days, one missed: totals that rise, sometimes fall; schools of two rows, one that comes later."""
    draw = random.Random(seed)
    totals = {school: [draw.randrange(9)] + [draw.randrange(9)] * (draw.random() < 0.4) for school in SCHOOLS}
    polls = {}
    for day in (5, 6, 8, 9):
        for clock in ("0800", "0830", "1530"):
            for parts in totals.values():
                if draw.random() < 0.3:
                    place = draw.randrange(len(parts))
                    parts[place] = max(0, parts[place] + draw.choice([1, 2, 1, -1]))
            if day == 8:
                totals.setdefault("900200", [3])
            rows = [(school, part) for school, parts in totals.items() for part in parts]
            draw.shuffle(rows)
            polls[f"2026-01-{day:02}T{clock}"] = rows
    return polls


def test_daily_numbers_are_the_differences_whatever_the_order_of_arrival(house):
    polls = many_polls(7)
    order = list(polls)
    random.Random(1).shuffle(order)
    late, *rest = order
    for when in rest:
        poll(house, when, polls[when])
    house.run("school_total")
    poll(house, late, polls[late])
    house.run("school_total")
    expected = reckoned(polls)
    assert by_day(house) == expected
    assert any(correction < 0 for *_, correction in expected)
    assert all(new >= 0 for *_, new, _ in by_day(house))
    assert {row[2] for row in expected if row[1] == "2026-01-08"} >= {"2026-01-06"}  # the seventh was missed


def test_a_poll_that_is_taken_back_is_as_if_it_had_not_been(house):
    polls = many_polls(11)
    ids = {when: poll(house, when, totals) for when, totals in polls.items()}
    gone = "2026-01-06T0830"
    house.run("school_total")
    assert house.retract(ids[gone])
    house.run("school_total")
    del polls[gone]
    assert by_day(house) == reckoned(polls)


def test_a_new_count_waits_for_a_yes_and_is_no_correction(house):
    high = [(school, 10 + place) for place, school in enumerate(SCHOOLS)]
    low = [(school, place % 3) for place, school in enumerate(SCHOOLS[:-1])] + [(SCHOOLS[-1], high[-1][1])]
    poll(house, "2026-08-22T0800", high)
    house.run("school_total")
    delivery = poll(house, "2026-08-24T0800", low)
    with pytest.raises(SluiceError, match=r"total falls for 11 of 12 keys .92%, the bound is 30%."):
        house.run("school_total")
    assert by_day(house) == []
    with transaction() as connection:
        word.accept(connection, delivery)
    house.run("school_total")
    # The seed count_periods has the 24th of August: the counts of that day are all new, also the one that stands still.
    found = {school: (new, correction) for school, _, _, new, correction in by_day(house)}
    assert found == {school: (total, 0) for school, total in low}
    # Without it, a fall is a correction.
    house.sql("delete from reference.count_periods")
    found = {school: (new, correction) for school, _, _, new, correction in by_day(house)}
    assert found == {school: (0, total - dict(high)[school]) for school, total in low[:-1]}


def test_rows_of_a_school_are_summed_and_their_order_says_nothing(house):
    poll(house, "2026-01-05T0800", [("900100", 4), ("900100", 4), ("900100", 1), ("900101", 2)])
    house.run("school_total")
    shuffled = poll(house, "2026-01-05T0830", [("900101", 2), ("900100", 1), ("900100", 4), ("900100", 4)])
    house.run("school_total")
    assert house.account(1)["good"] == 4  # none of them is a repetition of another
    assert house.account(shuffled)["unchanged"] == 4
    assert house.sql("select school_number, total from published.school_wide order by 1") == [
        ("900100", 9),
        ("900101", 2),
    ]


def test_a_wide_file_grows_by_a_column_and_only_news_make_versions(house):
    header = ["20260101", "20260102", "20260103"]
    first = [(school, place, [0, place, 0]) for place, school in enumerate(SCHOOLS)]
    days(house, "2026-01-03", header, first)
    second = [
        (school, total + (school == SCHOOLS[4]), [*numbers, int(school == SCHOOLS[4])])
        for school, total, numbers in first
    ]
    delivery = days(house, "2026-01-04", [*header, "20260104"], second)
    house.run("school_total")
    account = house.account(delivery)
    assert (account["changed"], account["unchanged"]) == (1, len(SCHOOLS) - 1)
    changed = house.sql(
        "select school_number, total_before, total from published.school_change where kind <> 'baseline'"
    )
    assert changed == [(SCHOOLS[4], 4, 5)]
    # The wide form and the long form say the same, and so does the file.
    long = {(school, day): number for school, day, _, number, _ in by_day(house)}
    wide = {
        (school, day): number
        for school, numbers in house.sql("select school_number, new_cases_by_day from published.school_wide")
        for day, number in numbers.items()
    }
    said = {(s, f"2026-01-0{d + 1}"): n for s, _, numbers in second for d, n in enumerate(numbers) if n}
    assert long == wide == said
    sums = dict(house.sql("select school_number, new_cases from published.school_rolling where span = '7 days'"))
    assert sums == {school: sum(numbers) for school, _, numbers in second}


def test_a_reported_day_below_zero_is_a_correction_and_one_that_stands_twice_a_reason(house):
    days(house, "2026-01-03", ["20260101", "20260102"], [("900100", 5, [7, -2])])
    house.run("school_total")
    assert by_day(house) == [
        ("900100", "2026-01-01", "2025-12-31", 7, 0),
        ("900100", "2026-01-02", "2026-01-01", 0, -2),
    ]
    days(house, "2026-01-04", ["20260101", "2026-01-01"], [("900100", 5, [7, 1])])
    house.run("school_total")
    assert house.sql("select reasons -> 0 ->> 'code' from quarantine.school_total") == [("days_unparsed",)]


def test_windows_are_data(house):
    header = [f"202601{day:02}" for day in range(1, 31)]
    days(house, "2026-01-30", header, [("900100", 435, list(range(30)))])
    house.run("school_total")
    found = (
        "select first_day::text, last_day::text, new_cases, average::text from published.school_rolling where span = "
    )
    assert house.sql(found + "'7 days'") == [("2026-01-24", "2026-01-30", sum(range(23, 30)), "26.000")]
    assert house.sql(found + "'7 days before'") == [("2026-01-17", "2026-01-23", sum(range(16, 23)), "19.000")]
    house.sql("insert into reference.rolling_windows values ('3 days', 3, 1)")
    assert house.sql(found + "'3 days'") == [("2026-01-27", "2026-01-29", 26 + 27 + 28, "27.000")]


def test_the_filter_by_delivery_goes_below_the_window(house):
    """A model that numbers rows is read for one delivery at the cost of that delivery."""
    ids = [poll(house, f"2026-01-05T{hour:02}00", [("900100", hour)]) for hour in range(8, 12)]
    plan = "\n".join(
        line
        for (line,) in house.sql(
            "explain select * from staging.stg_cps__totals where _delivery_id = any (array(select"
            f" delivery_id from ledger.deliveries where delivery_id = {ids[1]}))"
        )
    )
    below = plan[plan.index("WindowAgg") :]
    assert "_delivery_id = ANY" in below
    assert "_delivery_id = ANY" not in plan[: plan.index("WindowAgg")]


def test_a_profile_is_fetched_when_a_number_appears_that_has_none(house, web, allowed, monkeypatch):
    poll(house, "2026-01-05T0800", [("900101", 3), ("900102", 5), ("999999", 1)])
    house.run("school_total")
    profile = {"SchoolID": 900101, "SchoolLongName": "Ash", "Network": "North", "PrimaryCategory": "ES"}
    web.at("/api/schools/900101", sends(json.dumps(profile).encode(), type="application/json"))
    web.at("/api/schools/900102", sends(b"no such school", status=404))
    assert house.run("school").problems == []
    assert web.asked == []  # nobody has said where the interface is
    assert "CPS_API is not set" in house.value("select reason from ledger.fetches")

    monkeypatch.setenv("CPS_API", web.url("/api"))
    house.run("school")
    assert web.paths() == ["/api/schools/900101", "/api/schools/900102"]  # 999999 is to be ignored
    assert house.sql("select school_number, name, district, kind from published.school") == [
        ("900101", "Ash", "North", "elementary")
    ]
    assert house.sql("select school_number from published.school_unknown") == [("900102",)]
    house.run("school")
    assert len(web.asked) == 2  # the source has said that it does not have it

    poll(house, "2026-01-05T0830", [("900101", 3), ("900102", 5), ("900103", 1)])
    monkeypatch.delenv("CPS_API")
    house.run("school_total")
    monkeypatch.setenv("CPS_API", web.url("/api"))
    web.at("/api/schools/900103", sends(b'{"SchoolID": 900103, "SchoolLongName": "Bay"}', type="application/json"))
    house.run("school")  # a second answer of one day takes nothing away from the first
    assert house.sql("select school_number from published.school order by 1") == [("900101",), ("900103",)]
    house.sql("update ledger.asked set asked_at = asked_at - interval '31 days' where key = '900102'")
    house.run("school")
    assert web.paths()[2:] == ["/api/schools/900103", "/api/schools/900102"]


def test_running_totals_are_polled(house, web, allowed, monkeypatch):
    monkeypatch.setenv("CPS_API", web.url("/api"))
    first = [{"SchoolID": 900101, "TotalCaseCount": 3}, {"SchoolID": 900101, "TotalCaseCount": 1}]
    web.at("/api/totals", sends(json.dumps(first).encode(), type="application/json"))
    assert house.run("school_total").problems == []
    assert house.sql("select school_number, total from published.school_total order by 2") == [
        ("900101", 1),
        ("900101", 3),
    ]
    assert house.run("school_total").ingested == []  # the same answer again
    name, at = house.sql("select name, effective_at from ledger.deliveries where feed = 'cps.totals'")[0]
    assert name == f"totals-{at.astimezone(ZoneInfo('America/Chicago')):%Y-%m-%dT%H%M}.ndjson"
