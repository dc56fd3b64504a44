"""What stands between a row and the publication: contracts that can be used, the verification, the gate, the account.
Each of them stops the way before consumers see anything, and the next run goes on from there."""

import pytest
from sqlalchemy.exc import IntegrityError
from workbench import HEADER, all_but, reasons, things

from warehouse.errors import SluiceError


def moved(sluice):
    """How far anything has come: states of deliveries, runs, rows beyond staging, publications."""
    return {
        "deliveries": [state for (state,) in sluice.sql("select state from ledger.deliveries order by delivery_id")],
        "runs": [state for (state,) in sluice.sql("select state from ledger.runs order by run")],
        "rows": sluice.value(
            "select (select count(*) from judged.thing) + (select count(*) from quarantine.thing)"
            " + (select count(*) from history.dim_thing)"
        ),
        "publications": sluice.value("select count(*) from ledger.publications"),
        "pointer": sluice.sql("select run from ledger.pointers"),
    }


UNTOUCHED = {"deliveries": ["staged"], "runs": [], "rows": 0, "publications": 0, "pointer": []}
NO_CODE = {"columns": [{"name": "code", "checks": [{"missing": {"attributes": {"message": "m"}}}]}], "checks": None}
UNKNOWN_COLUMN = {
    "columns": [{"name": "colour", "checks": [{"missing": {"attributes": {"code": "c", "message": "m"}}}]}]
}
UNKNOWN_IN_SQL = {
    "checks": [{"failed_rows": {"expression": "size > colour", "attributes": {"code": "c", "message": "m"}}}]
}
OF_ANOTHER_TYPE = {
    "columns": [
        {"name": "code", "checks": [{"invalid": {"valid_min": 1, "attributes": {"code": "c", "message": "m"}}}]}
    ]
}


def whole(kind, **body):
    """A check of the whole table."""
    return {"checks": [{kind: body | {"threshold": {"must_be_greater_than": 0}}}]}


TOLD = {"code": "c", "message": "m"}
UNREADABLE_PATTERN = {
    "columns": [
        {"name": "code", "checks": [{"invalid": {"valid_format": {"regex": "[a", "name": "n"}, "attributes": TOLD}}]}
    ]
}
QUERY = {"checks": [{"failed_rows": {"query": "select colour from judged.thing", "attributes": TOLD}}]}
REASON_OF_NO_COLUMN = {
    "checks": [{"failed_rows": {"expression": "size > 5", "attributes": TOLD | {"column": "colour"}}}]
}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"dataset": "warehouse/sluice/judged/thong"}, "thing.yml:1: dataset: .* write warehouse/sluice/judged/thing"),
        (UNREADABLE_PATTERN, r"thing.yml:\d+: valid_format: invalid regular expression"),
        (REASON_OF_NO_COLUMN, r"thing.yml:\d+: attributes.column: thing has no column 'colour'"),
        (
            whole("metric", expression="sum(colour)"),
            r"thing.yml:\d+: the check 'metric' cannot be asked of judged.thing",
        ),
        (whole("freshness", column="colour"), r"thing.yml:\d+: the check 'freshness' cannot be asked"),
        (QUERY, r"thing.yml:\d+: the check 'failed_rows' cannot be asked of judged.thing: column \"colour\""),
        (NO_CODE, "attributes.code is missing"),
        (UNKNOWN_COLUMN, "the code 'c' cannot be asked of thing: column \"colour\" does not exist"),
        (UNKNOWN_IN_SQL, 'column "colour" does not exist'),
        (OF_ANOTHER_TYPE, "operator does not exist"),
    ],
)
def test_an_unusable_contract_stops_the_run_before_any_data_moves(bench, checks, change, complaint):
    good = checks.contract.read_text()
    things(bench, 1, "n,a,1,,")
    checks.rewrite(checks.contract, **{key: value for key, value in change.items() if value})
    with pytest.raises(SluiceError, match=complaint) as stopped:
        bench.run()
    assert str(checks.contract) in str(stopped.value)
    assert moved(bench) == UNTOUCHED
    checks.contract.write_text(good)
    assert bench.run().merged[0].rows == 1


@pytest.mark.parametrize("which", ["contract", "gate"])
@pytest.mark.parametrize("content", ["columns: [\n", None])
def test_a_file_that_soda_cannot_read_stops_the_run_before_any_data_moves(bench, checks, which, content):
    file = getattr(checks, which)
    good = file.read_text()
    things(bench, 1, "n,a,1,,")
    if content is None:
        file.unlink()
    else:
        file.write_text(content)
    with pytest.raises(SluiceError) as stopped:
        bench.run()
    assert str(file) in str(stopped.value)
    assert moved(bench) == UNTOUCHED
    file.write_text(good)
    assert bench.run().merged[0].rows == 1


def test_a_split_that_let_a_bad_row_pass_is_noticed(small, monkeypatch):
    """Soda looks at the good rows once more; here a row goes bad between the split and its look."""
    from flows import merge

    things(small, 1, "n,a,1,,", "n,b,2,,")
    small.run()
    things(small, 2, "n,a,5,,", "n,b,-2,,", "n,c,3,,")
    split = merge.judge

    def tampered(entity, run):
        split(entity, run)
        small.sql("update judged.thing set size = -7 where _delivery_id = 2 and code = 'c'")

    monkeypatch.setattr(merge, "judge", tampered)
    with pytest.raises(SluiceError, match=r"the verify did not pass, nothing new is published: size is not negative"):
        small.run()
    found = moved(small)
    assert found["deliveries"] == ["merged", "staged"]
    assert found["runs"] == ["merged", "failed"]
    assert found["pointer"] == [(1,)]
    assert small.value("select reason from ledger.runs where run = 2").startswith("thing run 2: the verify")
    assert small.sql("select quarantined, good from ledger.row_accounts where delivery_id = 2") == [(None, None)]
    assert sorted(small.sql("select code, size from published.thing")) == [("a", 1), ("b", 2)]

    monkeypatch.undo()
    small.run()
    # A row that is held back changes nothing of what was there.
    assert sorted(small.sql("select code, size from published.thing")) == [("a", 5), ("b", 2), ("c", 3)]
    assert reasons(small) == {(2, 2): ["size_negative"]}


def test_what_does_not_pass_the_gate_is_not_published(bench, checks):
    checks.rewrite(
        checks.gate,
        checks=[{"row_count": {"name": "not too few", "threshold": {"must_be_greater_than_or_equal": 2}}}],
    )
    things(bench, 1, "n,a,1,,", "n,b,2,,")
    bench.run()
    things(bench, 2, "n,a,9,,")
    for _ in range(2):  # it stays shut
        with pytest.raises(SluiceError, match=r"the gate did not pass.*not too few: FAILED \(1\)"):
            bench.run()
        assert moved(bench)["pointer"] == [(1,)]
        assert sorted(bench.sql("select code, size from published.thing")) == [("a", 1), ("b", 2)]
        assert not (bench.home / "exports" / "thing" / "run-000002").exists()
    assert bench.sql(
        "select run, stage, outcome, value from ledger.check_results where stage = 'gate' and run = 2"
        " and outcome <> 'PASSED'"
    )[-1] == (
        2, "gate", "FAILED", 1,
    )  # fmt: skip

    things(bench, 3, "n,a,9,,", "n,c,1,,")
    assert bench.run().merged[0].rows == 2
    assert sorted(bench.sql("select code, size from published.thing")) == [("a", 9), ("c", 1)]


def test_a_warning_of_the_gate_is_published_with_a_notice(bench, checks):
    checks.rewrite(
        checks.gate,
        checks=[{"row_count": {"name": "not too few", "threshold": {"must_be_greater_than": 5, "level": "warn"}}}],
    )
    things(bench, 1, "n,a,1,,")
    [merged] = bench.run().merged
    assert merged.notices == ("thing run 1: the gate warns: not too few (1)",)
    assert moved(bench)["pointer"] == [(1,)]
    assert ("not too few", "WARN") in bench.sql("select name, outcome from ledger.check_results where stage = 'gate'")


def test_a_delivery_of_bad_rows_only_waits_and_merges_nothing(small):
    from flows.run import RunError

    things(small, 1, *[f"n,c{number},-1,," for number in range(60)])
    with pytest.raises(RunError, match=r"waits: 60 of 60 rows are bad \(100%, the bound is 50%\)"):
        small.run()
    assert small.sql("select state from ledger.deliveries") == [("waiting",)]
    assert small.value("select count(*) from history.dim_thing") == 0
    assert small.sql("select outcome, value from ledger.delivery_checks where \"check\" = 'bad'") == [("wait", 1)]


@pytest.mark.parametrize(
    "asks", ["avg(keeper::integer)", "max((keeper::integer[])[1])", "max(now() at time zone keeper)"]
)
def test_a_check_that_raises_on_a_cell_tells_no_cell(bench, checks, caplog, asks):
    checks.rewrite(checks.contract, **whole("metric", expression=asks))
    bench.drop("acme/things-2026-01-01.csv", HEADER + "n,a,1,,ann.lee@example.com\n")
    with pytest.raises(SluiceError, match="the verify did not pass") as stopped:
        bench.run()
    assert "ann.lee" not in str(stopped.value)
    assert "ann.lee" not in caplog.text
    assert "ann.lee" not in all_but(bench, ("staging", "judged", "pii"), ("archive", "drop"))


@pytest.mark.parametrize("change", [{"dataset": "warehouse/sluice/history/dim_thong"}, {"filter": "colour is null"}])
def test_a_gate_that_asks_for_what_is_not_there_is_refused_before_any_data_moves(bench, checks, change):
    things(bench, 1, "n,a,1,,")
    bench.run()
    things(bench, 2, "n,a,2,,")
    before = moved(bench)
    checks.rewrite(checks.gate, **change)
    with pytest.raises(SluiceError, match=r"gates/thing.yml:\d+: "):
        bench.run()
    assert moved(bench) == before


def test_a_broken_check_is_a_failed_check(bench, checks):
    """Soda goes on where a check cannot be evaluated; a publication does not."""
    checks.rewrite(checks.gate, **whole("metric", expression="sum(1 / (size - 1))"))
    things(bench, 1, "n,a,1,,")
    with pytest.raises(SluiceError, match="the gate did not pass"):
        bench.run()
    assert moved(bench)["publications"] == 0


def test_a_delivery_that_does_not_add_up_is_not_published(small):
    from flows import merge
    from publish import pointer
    from warehouse import runs

    things(small, 1, "n,a,1,,")
    small.run()
    things(small, 2, "n,a,2,,", "n,b,2,,")
    with runs.entity_lock("thing"):
        run = merge.start("thing")
        merge.finish("thing", run)
    small.sql("update ledger.row_accounts set opened = null where delivery_id = 2")
    with pytest.raises(SluiceError, match=r"accounts of deliveries 2 do not add up\. What was published before stands"):
        pointer.publish({"thing": run}, release=False)
    assert small.sql("select code, size from published.thing") == [("a", 1)]
    assert moved(small)["pointer"] == [(1,)]

    assert small.run().merged[0].rows == 2  # the next run accounts for it


def test_a_missing_account_is_not_published(small):
    things(small, 1, "n,a,1,,")
    small.run()
    small.sql("delete from ledger.row_accounts")
    things(small, 2, "n,a,2,,")
    with pytest.raises(SluiceError, match="deliveries 1 do not add up"):
        small.run()


def test_the_database_refuses_a_sum_that_does_not_add_up(small):
    things(small, 1, "n,a,1,,", "n,b,-1,,", "", "n")
    small.run()
    for change, constraint in [
        ("read = read + 1", "every_record_is_placed"),
        ("blank = blank + 1", "every_record_is_placed"),
        ("quarantined = quarantined - 1", "every_row_is_judged"),
        ("good = good + 1, staged = staged + 1, read = read + 1", "every_good_row_is_merged"),
        ("unchanged = 7", "every_good_row_is_merged"),
    ]:
        with pytest.raises(IntegrityError, match=constraint):
            small.sql(f"update ledger.row_accounts set {change}")
