"""What becomes of a row in quarantine by what comes after it, and when that goes out of force again."""

from workbench import things


def statuses(sluice):
    return sluice.sql("select delivery_id, row_number, status, settled_by from quarantine.thing order by 1, 2")


def test_a_later_delivery_that_brings_the_key_right_supersedes(small):
    things(small, 1, "n,a,-1,,", "n,b,-1,,", "n,c,1,,")
    small.run()
    things(small, 2, "n,a,1,,", "n,b,-1,,", "n,c,1,,")
    small.run()
    assert statuses(small) == [
        (1, 1, "superseded", "delivery 2"), (1, 2, "open", None), (2, 2, "open", None),
    ]  # fmt: skip
    things(small, 3, "n,a,2,,", "n,b,1,,", "n,c,1,,")
    small.run()
    settled = [
        (1, 1, "superseded", "delivery 2"), (1, 2, "superseded", "delivery 3"), (2, 2, "superseded", "delivery 3"),
    ]  # fmt: skip
    assert statuses(small) == settled
    assert small.value("select settled_run from quarantine.thing where delivery_id = 2") == 3

    small.retract(2)
    small.run()
    assert statuses(small)[0] == (1, 1, "superseded", "delivery 3")
    small.retract(3)
    small.run()
    assert statuses(small)[:2] == [(1, 1, "open", None), (1, 2, "open", None)]
    small.retract(2, undo=True)
    small.retract(3, undo=True)
    small.run()
    assert statuses(small)[:2] == settled[:2]


def test_all_in_one_run_comes_to_the_same(small):
    things(small, 3, "n,a,2,,", "n,b,1,,")
    things(small, 1, "n,a,-1,,", "n,b,-1,,")
    things(small, 2, "n,a,1,,", "n,b,-1,,")
    small.run()
    assert statuses(small) == [
        (2, 1, "superseded", "delivery 3"), (2, 2, "superseded", "delivery 1"), (3, 2, "superseded", "delivery 1"),
    ]  # fmt: skip


def test_a_mended_file_for_the_same_time_releases(small):
    things(small, 1, "n,a,-1,,", "n,b,-1,,", "n,c,-1,,", "n,d,1,,", "n")
    small.run()
    things(small, 1, "n,a,1,,", "n,c,-1,,", "n,d,1,,")
    small.run()
    assert statuses(small) == [
        (1, 1, "released", "delivery 2"),
        (1, 2, "released", "delivery 2"),
        (1, 3, "open", None),
        (1, 5, "released", "delivery 2"),
        (2, 2, "open", None),
    ]
    told = "select distinct settled_by, settled_run from quarantine.thing_masked where status = 'released'"
    assert small.sql(told) == [("delivery 2", 2)]
    small.retract(2)
    small.run()
    assert [status for _, _, status, _ in statuses(small)] == ["open"] * 5


def test_what_a_person_discarded_stays_discarded(small):
    things(small, 1, "n,a,-1,,", "n,b,1,,")
    small.run()
    small.sql("update quarantine.thing set status = 'discarded', settled_by = 'a person', settled_why = 'no matter'")
    things(small, 2, "n,a,1,,", "n,b,1,,")
    small.run()
    assert statuses(small) == [(1, 1, "discarded", "a person")]
