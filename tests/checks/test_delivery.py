"""What is looked at of a delivery as a whole: its header, its size, its trailer, and whether it came at all."""

from datetime import UTC, datetime, timedelta

import pytest
from workbench import things

from checks.drift import control_totals, drift

HEADERS = {"licence_number": ["License Number"], "phone": ["Phone", "Telephone"], "name": ["Name"]}


@pytest.mark.parametrize(
    ("header", "outcome", "told"),
    [
        (["License Number", "Phone", "Name"], "pass", "the header is as the feed declares it"),
        (["LICENSE_NUMBER", "telephone", "name"], "pass", "as the feed declares"),
        (["Licence No.", "Phone", "Name"], "warn", "'Licence No.' looks like licence_number: add it"),
        (["License Number", "Phone", "Name", "Colour"], "warn", "new: 'Colour'"),
        (["License Number", "Phone"], "warn", "missing: name"),
        (["License Number", "Phone", "Name", "ann.lee@example.com"], "warn", "new: '[e-mail]'"),
    ],
)
def test_a_header_is_held_against_its_feed(header, outcome, told):
    found = drift({"header": header}, HEADERS)
    assert found.outcome == outcome
    assert told in found.message


def test_a_trailer_that_counts_otherwise_warns():
    assert (
        control_totals({"findings": ["MISMATCH: the trailer on line 9 counts 8 records, 7 rows were read"]})[0].outcome
        == "warn"
    )
    assert control_totals({"findings": ["the trailer on line 9 counts 7 records, as were read"]})[0].outcome == "pass"
    assert control_totals({"findings": []}) == []


def test_drift_and_volume_are_recorded_of_each_delivery(small):
    for day, count in ((1, 3), (2, 4)):
        things(small, day, *[f"n,c{number},1,," for number in range(count)])
    small.run()
    found = small.sql(
        'select delivery_id, "check", outcome, value from ledger.delivery_checks order by delivery_id, "check"'
    )
    assert [(delivery, check) for delivery, check, _, _ in found] == [
        (delivery, check) for delivery in (1, 2) for check in ("bad", "change", "rows", "schema", "vanish")
    ]
    assert {outcome for _, _, outcome, _ in found} == {"pass"}
    assert [value for _, check, _, value in found if check == "rows"] == [3, 4]


def test_a_volume_outside_of_its_bounds_waits():
    from checks.plausible import _volume

    bounds = {"at_least": 50, "rows": {"min": 10, "max": 1000, "against_last": 0.5}}

    def outcome(rows, usual):
        [found] = _volume({"staged": rows, "usual": usual}, bounds)
        return found.outcome, found.message

    assert outcome(100, None) == ("pass", "100 rows")
    assert outcome(9, None) == ("wait", "9 rows are fewer than 10")
    assert outcome(1001, 900) == ("wait", "1001 rows are more than 1000")
    assert outcome(49, 100) == ("wait", "49 rows are under 50% of the usual 100")
    assert outcome(201, 100) == ("wait", "201 rows are over 2 times the usual 100")
    assert outcome(20, 40) == ("pass", "20 rows, where the last ones had 40")


def test_a_feed_that_did_not_come_is_overdue(small):
    from checks.freshness import overdue

    things(small, 1, "n,a,1,,")
    things(small, 2, "n,a,2,,")
    every = {"acme.things": timedelta(days=1), "acme.changes": timedelta(days=1)}
    assert overdue(every) == []
    [late] = overdue(every, datetime.now(UTC) + timedelta(days=2))
    assert late.feed == "acme.things"
    assert late.last_effective_at == datetime(2026, 1, 2, tzinfo=UTC)
    assert late.expected_at > datetime.now(UTC)
    assert overdue({}, datetime.now(UTC) + timedelta(days=2)) == []
