"""Records that are as they were in the delivery before are not judged again: it gives what judging them would give."""

import random

import pytest
import yaml
from workbench import reasons, things

from flows import carried
from flows.report import RunError
from warehouse import word
from warehouse.connection import transaction

VALUES = ["1", "2", "-1", "many", ""]


@pytest.mark.parametrize("seed", [1, 2])
def test_history_quarantine_and_accounts_are_those_of_judging_every_row(bench, monkeypatch, seed):
    dice = random.Random(seed)
    lines = [a_line(dice, key) for key in range(60)]
    for day in range(1, 6):
        things(bench, day, *lines)
        bench.run()
        lines = another_day(dice, lines)
    assert bench.sql("select delivery_id, base_id from ledger.differences order by 1") == [
        (2, 1),
        (3, 2),
        (4, 3),
        (5, 4),
    ]
    carried_over = all_that_came_of_it(bench)

    monkeypatch.setattr(carried, "is_of_cells", lambda connection, feed: False)
    bench.sql("update ledger.deliveries set judge_again = true")
    bench.run()
    assert all_that_came_of_it(bench) == carried_over
    assert bench.sql("select * from ledger.differences") == []


def a_line(dice, key):
    return f"{dice.choice('nnnn,')},k{key},{dice.choice(VALUES[:2] * 8 + VALUES[2:])},{dice.choice('xyz')},"


def another_day(dice, lines):
    """Most lines stay: others change, go, are repeated, contradicted, come, or stand elsewhere."""
    found = []
    for line in lines:
        cells, now = line.split(","), dice.random()
        if now < 0.1:
            found.append(a_line(dice, int(cells[-4][1:])))
        elif now < 0.15:
            found += [line, line]
        elif now < 0.2:
            found += [line, a_line(dice, int(cells[-4][1:]))]
        elif now > 0.25:
            found.append(line)
    dice.shuffle(found)
    return [*found, a_line(dice, 1000 + dice.randrange(9000))]


def all_that_came_of_it(sluice):
    return [
        sluice.sql(query)
        for query in (
            "select thing_id, _fingerprint, _unparsed, _delivery_id, _row_number, _line_number, region, code, size,"
            " note from judged.thing order by _delivery_id, _row_number",
            "select delivery_id, row_number, thing_id, raw, reasons, severity, status from quarantine.thing"
            " order by 1, 2",
            "select thing_id, valid_from, valid_to, size, note, _delivery_id, _row_number from history.dim_thing"
            " where _superseded_in is null order by 1, 2",
            "select delivery_id, good, duplicate, quarantined, opened, changed, unchanged, closed"
            " from ledger.row_accounts order by 1",
        )
    ]


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


def add_rule(checks, code, expression, **more):
    told = {"code": code, "column": "size", "message": "It is smaller.", **more}
    document = yaml.safe_load(checks.contract.read_text())
    rule = {"failed_rows": {"name": code, "qualifier": code, "expression": expression, "attributes": told}}
    checks.rewrite(checks.contract, checks=[*document["checks"], rule])
