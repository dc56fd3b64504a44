"""A rule or a mapping that raises an error for one row sets that row aside, and no other."""

import pytest
from conftest import forget_settings
from workbench import reasons, things

TOLD = {"message": "What would be right.", "column": "size"}


def with_rules(checks, **expressions):
    """The small contract with rules of these codes and expressions beside its own."""
    import yaml

    own = yaml.safe_load(checks.contract.read_text())["checks"]
    rules = [
        {"failed_rows": {"qualifier": code, "expression": text, "attributes": TOLD | {"code": code}}}
        for code, text in expressions.items()
    ]
    checks.rewrite(checks.contract, checks=[*own, *rules])


def test_a_rule_that_divides_by_zero_sets_aside_that_row(bench, checks):
    with_rules(checks, ratio_low="100 / size < 10", odd_code="code = 'odd'")
    things(bench, 1, "n,a,5,,", "n,odd,0,,", "n,c,20,,", ",,0,,", "n,a,5,,", "n,e,1,,")
    bench.run()
    assert reasons(bench) == {
        (1, 2): ["ratio_low_error", "odd_code"],
        (1, 3): ["ratio_low"],
        (1, 4): ["ratio_low_error", "region_missing", "code_missing"],
    }
    account = bench.account(1)
    assert (account["good"], account["duplicate"], account["quarantined"]) == (3, 1, 3)
    [(reason, severity, responsible)] = bench.sql(
        "select reasons -> 0, severity, responsible from quarantine.thing where row_number = 2"
    )
    assert reason == {
        "code": "ratio_low_error",
        "column": "size",
        "headers": ["Size"],
        "message": "The rule could not be evaluated: a division by zero (22012).",
        "value": "0",
    }
    assert (severity, responsible) == ("error", "vendor")
    assert bench.sql("select responsible from quarantine.thing where row_number = 4") == [("vendor",)]


def test_a_rule_that_warns_holds_back_where_it_raises(bench, checks):
    """Soda could not verify a table in which the row stays."""
    with_rules(checks, ratio_low="100 / size < 10")
    text = checks.contract.read_text()
    checks.contract.write_text(text.replace("code: ratio_low", "code: ratio_low\n      on_fail: warn"))
    things(bench, 1, "n,a,0,,", "n,b,20,,", "n,c,1,,")
    bench.run()
    assert reasons(bench) == {(1, 1): ["ratio_low_error"]}
    assert bench.sql("select row_number, code from ledger.issues") == [(2, "ratio_low")]


def test_one_row_among_thousands_is_found(bench, checks):
    with_rules(checks, ratio_low="100 / size < 1")
    things(bench, 1, *[f"n,c{number},{0 if number in (1, 777, 5000) else 7},," for number in range(1, 5001)])
    bench.run()
    assert reasons(bench) == {(1, number): ["ratio_low_error"] for number in (1, 777, 5000)}
    assert bench.account(1)["good"] == 4997
    assert (
        bench.sql("select indexname from pg_indexes where tablename like 'delivery%' and schemaname <> 'ledger'") == []
    )


def test_a_cast_that_fails_tells_no_value(bench, checks):
    with_rules(checks, note_low="note::integer < 3")
    things(bench, 1, "n,a,1,7,", "n,b,1,hidden words,", "n,c,1,1,")
    bench.run()
    assert reasons(bench) == {(1, 2): ["note_low_error"], (1, 3): ["note_low"]}
    told = bench.value("select reasons::text from quarantine.thing where row_number = 2")
    assert "a text that is no value of its type (22P02)" in told
    assert "hidden" not in told


def test_a_rule_about_the_delivery_that_raises_sets_aside_that_row(bench, checks):
    with_rules(checks, share_high="size / ((select count(*) from candidates) - size) > 1")
    things(bench, 1, "n,a,1,,", "n,b,2,,", "n,c,3,,")
    bench.run()
    assert reasons(bench) == {(1, 2): ["share_high"], (1, 3): ["share_high_error"]}


@pytest.fixture
def careless(install, small_project, tmp_path):
    """An installation whose mapping divides, so that a size of 0 cannot be mapped."""
    import shutil

    from conftest import TEST_PROJECT

    folder = shutil.copytree(small_project, tmp_path / "careless")
    model = folder / "models" / "staging" / "acme" / "stg_acme__things.sql"
    model.write_text(model.read_text().replace("    note,", "    (100 / nullif(size, '')::integer)::text as note,"))
    yield install(folder, TEST_PROJECT / "checks")
    forget_settings()


def test_a_row_that_cannot_be_mapped_is_set_aside_and_keeps_its_key_alive(careless):
    things(careless, 1, "n,a,5,,", "n,b,4,,")
    careless.run()
    things(careless, 2, "n,a,6,,", "n,b,0,,", "n,c,7,,")
    careless.run()
    assert reasons(careless) == {(2, 2): ["mapping_error"]}
    [(reason, responsible)] = careless.sql("select reasons -> 0, responsible from quarantine.thing")
    assert reason["message"] == "The row could not be mapped: a division by zero (22012)."
    assert responsible == "us"
    assert careless.sql("select code, size from published.thing order by 1") == [("a", 6), ("b", 4), ("c", 7)]
