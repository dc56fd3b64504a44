"""Records that are as they were in the delivery before are not judged again: it gives what judging them would give."""

import contextlib
import random

import pytest
import yaml
from command import sluice as command
from conftest import TEST_PROJECT, forget_settings
from sqlalchemy.exc import DBAPIError
from workbench import reasons, things

from flows import carried
from flows.report import RunError
from warehouse import word
from warehouse.connection import transaction

VALUES = ["1", "2", "-1", "many", ""]


@pytest.mark.parametrize(("seed", "regions"), [(1, "nnnn,"), (2, "nnnno")])
def test_history_quarantine_and_accounts_are_those_of_judging_every_row(bench, monkeypatch, seed, regions):
    dice = random.Random(seed)
    lines = [a_line(dice, key, regions) for key in range(60)]
    for day in range(1, 6):
        things(bench, day, *lines)
        bench.run()
        lines = another_day(dice, lines, regions)
    assert bench.sql("select delivery_id, base_id from ledger.differences order by 1") == [
        (2, 1),
        (3, 2),
        (4, 3),
        (5, 4),
    ]
    # A record that could not be read may keep any key open: all rows have to be looked at.
    assert not_whole(bench) == ([] if "," in regions else [2, 3, 4, 5])
    carried_over = all_that_came_of_it(bench)
    assert not_whole(bench) == []

    monkeypatch.setattr(carried, "is_of_cells", lambda connection, feed: False)
    bench.sql("update ledger.deliveries set judge_again = true")
    bench.run()
    assert all_that_came_of_it(bench) == carried_over
    assert bench.sql("select * from ledger.differences") == []


def not_whole(sluice):
    found = sluice.sql("select tablename from pg_tables where schemaname = 'judged' and tablename like 'carried%'")
    return sorted(int(name.removeprefix("carried_")) for (name,) in found)


def a_line(dice, key, regions="nnnn,"):
    return f"{dice.choice(regions)},k{key},{dice.choice(VALUES[:2] * 8 + VALUES[2:])},{dice.choice('xyz')},"


def another_day(dice, lines, regions):
    """Most lines stay: others change, go, are repeated, contradicted, come, or stand elsewhere."""
    found = []
    for line in lines:
        cells, now = line.split(","), dice.random()
        if now < 0.1:
            found.append(a_line(dice, int(cells[-4][1:]), regions))
        elif now < 0.15:
            found += [line, line]
        elif now < 0.2:
            found += [line, a_line(dice, int(cells[-4][1:]), regions)]
        elif now > 0.25:
            found.append(line)
    dice.shuffle(found)
    return [*found, a_line(dice, 1000 + dice.randrange(9000), regions)]


WHAT_CAME_OF_IT = (
    "select delivery_id, row_number, thing_id, raw, reasons, severity, status from quarantine.thing order by 1, 2",
    "select thing_id, valid_from, valid_to, size, note, _delivery_id, _row_number from history.dim_thing"
    " where _superseded_in is null order by 1, 2",
    "select delivery_id, good, duplicate, quarantined, opened, changed, unchanged, closed from ledger.row_accounts"
    " order by 1",
)


def all_that_came_of_it(sluice):
    sluice.sql("select judged.make_whole(delivery_id) from ledger.deliveries")
    judged = sluice.sql(
        "select thing_id, _fingerprint, _unparsed, _delivery_id, _row_number, _line_number, region, code, size, note"
        " from judged.thing order by _delivery_id, _row_number"
    )
    return [judged, *(sluice.sql(query) for query in WHAT_CAME_OF_IT)]


def test_a_rule_that_looks_elsewhere_is_asked_of_every_row(bench, checks):
    bench.sql("create table public.most as select 5 as size")
    add_rule(checks, "too_big", "size > (select most.size from public.most)")
    things(bench, 1, "n,a,1,,", "n,b,4,,", "n,c,4,,")
    bench.run()
    bench.sql("update public.most set size = 3")
    things(bench, 2, "n,a,1,,", "n,b,4,,", "n,c,2,,")
    bench.run()
    assert reasons(bench) == {(2, 2): ["too_big"]}
    assert bench.sql("select code, size from published.thing order by 1") == [("a", 1), ("b", 4), ("c", 2)]
    assert bench.sql("select delivery_id, rows_carried from ledger.differences") == [(2, 2)]


def test_under_another_contract_every_row_is_judged(bench, checks):
    things(bench, 1, "n,a,1,,", "n,b,4,,")
    bench.run()
    add_rule(checks, "too_big", "size > 3")
    things(bench, 2, "n,a,1,,", "n,b,4,,", "n,c,2,,")
    bench.run()
    assert reasons(bench) == {(2, 2): ["too_big"]}
    assert bench.sql("select * from ledger.differences") == []


def test_a_rule_that_only_warns_is_told_of_each_delivery(bench, checks):
    add_rule(checks, "big", "size > 3", on_fail="warn")
    for day in (1, 2, 3):
        things(bench, day, "n,a,1,,", "n,b,4,,", "n,d,1,,", f"n,c,{day},,")
        bench.run()
    assert bench.sql("select delivery_id, row_number from ledger.issues where code = 'big' order by 1") == [
        (1, 2), (2, 2), (3, 2),
    ]  # fmt: skip
    assert bench.sql("select delivery_id from ledger.differences order by 1") == [(2,), (3,)]


def test_what_waited_while_another_file_came_between_is_held_against_all_of_history(bench):
    many = [f"n,k{n},1,," for n in range(60)]
    things(bench, 1, *many)
    bench.run()
    things(bench, 5, *many[:25], "n,new,1,,")
    with pytest.raises(RunError, match="would vanish"):
        bench.run()
    waiting = bench.value("select delivery_id from ledger.deliveries where state = 'waiting'")
    things(bench, 3, *many, "n,between,1,,")
    with pytest.raises(RunError):  # it still waits
        bench.run()
    with transaction() as connection:
        word.accept(connection, waiting)
    bench.run()
    assert bench.value("select count(*) from published.thing") == 26
    assert bench.value("select count(*) from published.thing where code = 'between'") == 0


def test_a_key_that_only_quarantine_kept_open_closes_when_it_is_gone(bench):
    things(bench, 1, "n,a,1,,", "n,b,1,,", "n,c,1,,")
    bench.run()
    things(bench, 2, "n,a,1,,", "n,b,-1,,", "n,c,1,,")
    bench.run()
    things(bench, 3, "n,a,1,,", "n,c,1,,")
    bench.run()
    assert bench.sql("select delivery_id from ledger.differences order by 1") == [(2,), (3,)]
    assert bench.sql("select code from published.thing order by 1") == [("a",), ("c",)]


def test_a_key_with_a_good_and_a_bad_row_stays_when_the_bad_one_goes(bench, checks):
    contract = yaml.safe_load(checks.contract.read_text())
    checks.rewrite(checks.contract, checks=[c for c in contract["checks"] if "duplicate" not in c])
    things(bench, 1, "n,a,1,,", "n,b,1,,", "n,b,-1,,", "n,c,1,,", "n,d,1,,")
    bench.run()
    things(bench, 2, "n,a,1,,", "n,b,1,,", "n,c,2,,", "n,d,1,,")
    bench.run()
    assert bench.sql("select delivery_id from ledger.differences") == [(2,)]
    assert bench.sql("select code, size from published.thing order by 1") == [("a", 1), ("b", 1), ("c", 2), ("d", 1)]


def test_several_files_of_one_run_are_held_against_each_other(bench):
    for day in (1, 2, 3, 4):
        things(bench, day, *(f"n,k{n},1,," for n in range(day, 20)), "n,same,1,,", f"n,z,{day},,")
    bench.run()
    assert bench.sql("select delivery_id, base_id from ledger.differences order by 1") == [(2, 1), (3, 2), (4, 3)]
    assert [bench.account(n)["closed"] for n in (1, 2, 3, 4)] == [0, 1, 1, 1]
    assert bench.value("select count(*) from published.thing") == 18


FEW = [f"n,k{number},1,," for number in range(20)]


def test_rows_that_stay_are_kept_once(bench):
    things(bench, 1, *FEW)
    bench.run()
    things(bench, 2, "n,first,1,,", *FEW[:18], "n,k18,2,,", "n,k19,-1,,")
    bench.run()
    judged = bench.sql("select _row_number, code from judged.thing where _delivery_id = 2 order by 1")
    assert judged == [(1, "first"), (20, "k18")]
    assert bench.account(2)["good"] == 20
    bench.sql("select judged.make_whole(2), judged.make_whole(2)")
    rows = bench.sql("select _row_number, _line_number, code from judged.thing where _delivery_id = 2 order by 1")
    assert rows == [(1, 2, "first"), *((number + 2, number + 3, f"k{number}") for number in range(19))]


def test_a_row_that_left_and_came_back_is_one_row(bench):
    for day, left in ((1, []), (2, FEW[:1]), (3, []), (4, FEW[1:2]), (5, FEW[2:3])):
        things(bench, day, *(line for line in FEW if line not in left), f"n,day,{day},,")
        bench.run()
    assert not_whole(bench) == [2, 3, 4, 5]
    bench.sql("select judged.make_whole(5)")
    assert bench.value("select count(*) from judged.thing where _delivery_id = 5") == 20
    assert bench.value("select count(distinct code) from judged.thing where _delivery_id = 5") == 20
    assert versions(bench, "k0") == [("01", "02", 1), ("03", None, 1)]


def test_a_late_file_finds_the_rows_that_later_ones_share(bench):
    for day in (1, 3, 4):
        things(bench, day, *FEW, f"n,day,{day},,")
        bench.run()
    assert not_whole(bench) == [2, 3]
    things(bench, 2, *FEW[:19], "n,k19,7,,", "n,day,2,,")
    bench.run()
    assert not_whole(bench) == []
    assert versions(bench, "k19") == [("01", "02", 1), ("02", "03", 7), ("03", None, 1)]
    assert versions(bench, "k1") == [("01", None, 1)]
    assert versions(bench, "day") == [("01", "02", 1), ("02", "03", 2), ("03", "04", 3), ("04", None, 4)]


@pytest.mark.parametrize("seed", [7])
def test_whatever_happens_it_is_as_if_every_row_were_judged(install, small_project, monkeypatch, seed):
    def happened():
        small, dice = install(small_project, TEST_PROJECT / "checks"), random.Random(seed)
        files, told = [[a_line(dice, key, "nnnno") for key in range(40)]], []
        for step in range(6):
            lines = another_day(dice, dice.choice(files[-2:]), "nnnno")
            files.append(lines)
            things(small, 2 * step + 1 if dice.random() < 0.7 else dice.randrange(1, 2 * step + 2), *lines)
            known = small.value("select max(delivery_id) from ledger.deliveries")
            match dice.randrange(8):
                case 0:
                    small.retract(dice.randint(1, known))
                case 1:
                    small.retract(dice.randint(1, known), undo=True)
                case 2:
                    again = (
                        "update ledger.deliveries set judge_again = true where state = 'merged' and delivery_id = :it"
                    )
                    small.sql(again, it=dice.randint(1, known))
                case 3:
                    assert command("purge", "--days", "0").exit_code == 0
            with contextlib.suppress(RunError):  # something waits for a person's word
                small.run()
            told.append([small.sql(query) for query in WHAT_CAME_OF_IT])
        forget_settings()
        return told, small.sql("select count(*) from ledger.differences")

    carried_over, differences = happened()
    monkeypatch.setattr(carried, "is_of_cells", lambda connection, feed: False)
    every_row, none = happened()
    assert carried_over == every_row
    assert differences > none == [(0,)]


@pytest.mark.parametrize("gone", ["the base is purged", "the server crashed", "the base is judged again"])
def test_where_the_base_is_gone_its_rows_are_judged_again(bench, gone):
    for day in (1, 3, 4):
        things(bench, day, *FEW, f"n,day,{day},,")
        bench.run()
    if gone == "the base is purged":
        bench.sql("drop table judged.delivery_1")
    elif gone == "the server crashed":
        bench.sql("truncate judged.thing, judged.carried_2, judged.carried_3")
    else:
        bench.sql("update ledger.deliveries set judge_again = true where delivery_id = 1")
    things(bench, 2, *FEW[:19], "n,k19,7,,", "n,day,2,,")
    bench.run()
    assert versions(bench, "k19") == [("01", "02", 1), ("02", "03", 7), ("03", None, 1)]
    assert versions(bench, "k1") == [("01", None, 1)]
    things(bench, 5, *FEW, "n,day,5,,")
    bench.run()
    assert versions(bench, "k1") == [("01", None, 1)]
    assert versions(bench, "day")[-2:] == [("04", "05", 4), ("05", None, 5)]


def test_a_delivery_whose_base_is_gone_says_so_when_it_is_to_be_read_whole(bench):
    for day in (1, 2):
        things(bench, day, *FEW, f"n,day,{day},,")
        bench.run()
    bench.sql("drop table judged.delivery_1")
    with pytest.raises(DBAPIError, match=r"(?s)Delivery 2 shares rows with one that is not there.*judged again"):
        bench.sql("select judged.make_whole(2)")


def test_what_was_held_back_since_is_settled_by_a_file_that_shares_most_rows(bench):
    things(bench, 1, *FEW)
    bench.run()
    things(bench, 2, *FEW[:19], "n,k19,-1,,")
    bench.run()
    things(bench, 3, *FEW[:19], "n,k19,-1,,", "n,new,1,,")
    bench.run()
    things(bench, 4, *FEW, "n,new,1,,")
    bench.run()
    assert not_whole(bench) == [2, 3, 4]
    assert bench.sql("select delivery_id, status, settled_by from quarantine.thing order by 1") == [
        (2, "superseded", "delivery 4"),
        (3, "superseded", "delivery 4"),
    ]


def test_what_a_retracted_file_had_wrong_is_settled_by_a_later_file_that_has_it_right(bench):
    for day, lines in ((1, FEW), (3, ["n,k0,-1,,", *FEW[1:]])):
        things(bench, day, *lines)
        bench.run()
    bench.retract(2)
    bench.run()
    things(bench, 5, *FEW, "n,new,1,,")
    bench.run()
    assert not_whole(bench) == [2, 3]
    assert bench.sql("select delivery_id, status, settled_by from quarantine.thing") == [
        (2, "superseded", "delivery 3")
    ]


def test_a_check_that_soda_asks_of_all_rows_gets_all_of_them(bench, checks):
    contract = yaml.safe_load(checks.contract.read_text())
    at_least = {"row_count": {"threshold": {"must_be_greater_than": 15}}}
    checks.rewrite(checks.contract, checks=[*contract["checks"], at_least])
    for day in (1, 2):
        things(bench, day, *FEW, f"n,day,{day},,")
        bench.run()
    assert bench.value("select count(*) from published.thing") == 21
    assert not_whole(bench) == []


def versions(sluice, code):
    return sluice.sql(
        "select to_char(valid_from, 'DD'), to_char(valid_to, 'DD'), size from history.dim_thing"
        " where _superseded_in is null and code = :code order by 1",
        code=code,
    )


def add_rule(checks, code, expression, **more):
    told = {"code": code, "column": "size", "message": "It is smaller.", **more}
    document = yaml.safe_load(checks.contract.read_text())
    rule = {"failed_rows": {"name": code, "qualifier": code, "expression": expression, "attributes": told}}
    checks.rewrite(checks.contract, checks=[*document["checks"], rule])
