"""A mended file: its rows come into history at the time of the delivery that they were bad in."""

import pytest
from workbench import things

from warehouse.errors import SluiceError

MENDED = "Region,Code,Size,Note,Keeper,sluice_delivery,sluice_row,sluice_reasons\n"


def mend(sluice, delivery, *lines, name=None):
    """Deliver a mended file of the feed of things."""
    content = MENDED + "".join(line + "\n" for line in lines)
    return sluice.deliver("acme.things", sluice.file(name or f"things-2026-01-01.mends-{delivery}.csv", content))


def versions(sluice):
    """History now: key, size, the days from and to."""
    return sluice.sql(
        "select code, size, to_char(valid_from, 'DD'), to_char(valid_to, 'DD') from history.dim_thing"
        " where _superseded_in is null order by 1, 3"
    )


def statuses(sluice):
    """Each quarantined row's delivery, row number and status."""
    return sluice.sql("select delivery_id, row_number, status from quarantine.thing order by 1, 2")


def test_a_mended_row_is_in_history_as_if_it_had_been_good_at_first(small):
    things(small, 1, "north,a,1,,", "north,b,2,,")
    things(small, 2, "north,a,1,,", "north,b,x,,", ",c,3,,")
    things(small, 3, "north,a,1,,", "north,b,9,,", "north,c,3,,")
    small.run()
    assert statuses(small) == [(2, 1 + 1, "superseded"), (2, 3, "open")]

    done = mend(small, 2, "north,b,5,,,2,2,", "north,c,3,,,2,3,")
    assert (done.outcome, done.delivery_id) == ("new", 4)
    small.run()

    assert versions(small) == [
        ("a", 1, "01", None), ("b", 2, "01", "02"), ("b", 5, "02", "03"), ("b", 9, "03", None), ("c", 3, "02", None),
    ]  # fmt: skip
    assert statuses(small) == [(2, 2, "released"), (2, 3, "released")]
    assert small.sql(
        "select mode, mends, effective_date::text, state from ledger.deliveries where delivery_id = 4"
    ) == [("delta", 2, "2026-01-02", "merged")]
    account = small.account(4)
    assert {k: account[k] for k in ("read", "good", "opened", "changed", "unchanged", "closed")} == {
        "read": 2, "good": 2, "opened": 1, "changed": 1, "unchanged": 0, "closed": 0,
    }  # fmt: skip
    assert small.sql("select state from ledger.deliveries where delivery_id = 2") == [("merged",)]


def test_it_closes_nothing_and_supersedes_nothing(small):
    things(small, 1, "north,a,1,,", "north,b,x,,", "north,d,4,,")
    small.run()
    mend(small, 1, "north,b,2,,,1,2,")
    small.run()
    assert [row[0] for row in versions(small)] == ["a", "b", "d"]
    assert statuses(small) == [(1, 2, "released")]


def test_a_key_that_was_missing_is_not_closed_in_between(small):
    things(small, 1, "north,a,1,,")
    things(small, 2, "north,b,2,,", ",a,1,,")
    small.run()
    assert ("a", 1, "01", "02") in versions(small)
    mend(small, 2, "north,a,1,,,2,2,")
    small.run()
    assert ("a", 1, "01", None) in versions(small)
    assert statuses(small) == [(2, 2, "released")]

    small.retract(3)
    small.run()
    assert ("a", 1, "01", "02") in versions(small)
    assert statuses(small) == [(2, 2, "open")]
    small.retract(3, undo=True)
    small.run()
    assert ("a", 1, "01", None) in versions(small)
    assert statuses(small) == [(2, 2, "released")]


def test_the_owners_last_word_counts(small):
    things(small, 1, "north,a,1,,", "north,b,x,,")
    small.run()
    mend(small, 1, "north,b,2,,,1,2,")
    small.run()
    mend(small, 1, "north,b,3,,,1,2,", "north,a,7,,,1,1,", name="things-2026-01-01.mends-1.csv")
    small.run()
    assert versions(small) == [("a", 7, "01", None), ("b", 3, "01", None)]
    assert small.account(3)["good"] == 2


def test_what_is_still_bad_is_open_once(small):
    things(small, 1, "north,a,1,,", "north,b,x,,", "north,c,y,,")
    small.run()
    mend(small, 1, "north,b,2,,,1,2,", "north,c,z,,,1,3,")
    small.run()
    assert statuses(small) == [(1, 2, "released"), (1, 3, "superseded"), (2, 2, "open")]
    mend(small, 2, "north,c,3,,,2,2,")
    small.run()
    assert statuses(small) == [(1, 2, "released"), (1, 3, "released"), (2, 2, "released")]
    assert small.sql("select mends from ledger.deliveries where delivery_id = 3") == [(1,)]


def test_it_goes_and_comes_with_what_it_mends(small):
    things(small, 1, "north,a,1,,", "north,b,x,,")
    small.run()
    mend(small, 1, "north,b,2,,,1,2,")
    small.run()
    things(small, 1, "north,a,8,,")
    small.run()
    assert versions(small) == [("a", 8, "01", None)]
    assert small.sql("select delivery_id, state from ledger.deliveries order by 1") == [
        (1, "superseded"), (2, "superseded"), (3, "merged"),
    ]  # fmt: skip
    small.retract(3)
    small.run()
    assert versions(small) == [("a", 1, "01", None), ("b", 2, "01", None)]
    late = mend(small, 3, "north,b,9,,,3,1,")
    assert (late.outcome, late.state) == ("refused", "refused")
    assert "delivery 3, which is retracted" in late.reason


def test_the_same_mended_file_again_is_nothing_new(small):
    things(small, 1, "north,a,1,,", "north,b,x,,")
    small.run()
    mend(small, 1, "north,b,2,,,1,2,")
    small.run()
    again = mend(small, 1, "north,b,2,,,1,2,", name="back to you.csv")
    assert (again.outcome, again.delivery_id) == ("again", 2)


def test_a_file_whose_name_says_nothing_says_it_by_its_column(small):
    things(small, 1, "north,a,1,,", "north,b,x,,")
    small.run()
    small.drop("acme/things-2026-05-05.csv", MENDED + "north,b,2,,,1,2,size: wrong\n,,,,,1,9,left as it is\n")
    report = small.run()
    assert [file.state for file in report.ingested] == ["staged"]
    assert versions(small) == [("a", 1, "01", None), ("b", 2, "01", None)]
    assert small.account(2)["blank"] == 1
    assert small.value("select found ->> 'header' from ledger.deliveries where delivery_id = 2").count("sluice") == 0
    assert [file.outcome for file in small.run().ingested] == ["again"]


@pytest.mark.parametrize(
    ("name", "row", "told"),
    [
        ("things-2026-01-01.mends-1.csv", "north,b,2,,,7,2,", "mends deliveries 1, 7"),
        ("things-2026-01-01.mends-77.csv", "north,b,2,,,77,2,", "delivery 77 of acme.things, which is not known"),
    ],
)
def test_a_file_that_mends_it_knows_not_what_is_refused(small, name, row, told):
    things(small, 1, "north,a,1,,", "north,b,x,,")
    small.run()
    with pytest.raises(SluiceError, match=told):
        mend(small, 1, row, name=name)


def test_a_discarded_row_stays_out_and_a_replayed_one_comes_in(small):
    from warehouse import quarantine
    from warehouse.connection import transaction

    things(small, 1, "north,a,1,,", "north,b,-2,,", "north,c,-3,,", "north,d,4,,")
    small.run()
    with transaction() as connection:
        assert quarantine.discard(connection, "thing", by="ann", why="a test row", rows=[3]) == 1
        quarantine.judge_again(connection, [1])
    small.run()
    assert statuses(small) == [(1, 2, "open"), (1, 3, "discarded")]


@pytest.mark.parametrize("order", ["mended first", "later file first"])
def test_what_its_owner_mended_is_released_whatever_came_first(small, order):
    things(small, 1, "north,a,1,,", "north,b,x,,")
    small.run()
    come = [lambda: mend(small, 1, "north,b,2,,,1,2,"), lambda: things(small, 2, "north,a,1,,", "north,b,3,,")]
    for deliver in come if order == "mended first" else reversed(come):
        deliver()
        small.run()
    assert statuses(small) == [(1, 2, "released")]
    small.retract(1)
    small.run()
    small.retract(1, undo=True)
    small.run()
    assert statuses(small) == [(1, 2, "released")]


def test_the_first_export_mended_in_two_goes_leaves_nothing_open(small):
    """An owner goes on mending the file that came first, and sends it again: of a row the last word counts."""
    things(small, 1, "north,a,1,,", "north,b,x,,", "north,c,y,,")
    small.run()
    mend(small, 1, "north,b,2,,,1,2,", "north,c,why?,,,1,3,")
    small.run()
    assert statuses(small) == [(1, 2, "released"), (1, 3, "superseded"), (2, 2, "open")]
    mend(small, 1, "north,b,2,,,1,2,", "north,c,3,,,1,3,")
    small.run()
    assert statuses(small) == [(1, 2, "released"), (1, 3, "released"), (2, 2, "released")]
    assert versions(small) == [("a", 1, "01", None), ("b", 2, "01", None), ("c", 3, "01", None)]
    small.retract(3)
    small.run()
    assert statuses(small) == [(1, 2, "released"), (1, 3, "superseded"), (2, 2, "open")]


def test_a_row_that_is_wrong_in_each_of_two_mended_files_is_open_once(small):
    things(small, 1, "north,a,1,,", "north,c,y,,")
    small.run()
    mend(small, 1, "north,c,why?,,,1,2,")
    small.run()
    mend(small, 1, "north,c,what?,,,1,2,")
    small.run()
    assert statuses(small) == [(1, 2, "superseded"), (2, 1, "superseded"), (3, 1, "open")]
