"""What a change of mapping, contract or list concerns is judged again, and nothing else."""

import shutil

import pytest
import yaml
from click.testing import CliRunner
from conftest import forget_settings
from workbench import reasons, things

OTHER_SIZE = "case when pg_input_is_valid(size, 'integer') then size::integer end as size"


@pytest.fixture
def house(install, small_project, checks, tmp_path):
    folder = shutil.copytree(small_project, tmp_path / "project")
    made = install(folder, checks.folder)
    made.project = folder
    yield made
    forget_settings()


def reprocess(*arguments):
    from flows.cli import main

    forget_settings()
    done = CliRunner().invoke(main, ["reprocess", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def causes():
    from flows import dbt
    from flows.reprocess import find

    forget_settings()
    dbt.prepare()
    return {one.delivery_id: list(one.causes) for one in find("thing").concerned}


def test_a_change_is_followed_to_the_deliveries_that_it_concerns(house, checks):
    things(house, 1, "n,a,1,,", "n,b,much,,", "n,c,-1,,")
    house.deliver("acme.changes", house.file("changes-2026-01-02.csv", "Region,Code,Size,Note,Keeper\ne,x,5,,\n"))
    house.run()
    assert causes() == {}
    assert "judged by what is declared today" in reprocess()
    runs = house.value("select count(*) from ledger.runs")

    # A mapping: the other feed's deliveries stay.
    model = house.project / "models/staging/acme/stg_acme__things.sql"
    model.write_text("-- a remark changes nothing\n" + model.read_text())
    assert causes() == {}
    model.write_text(model.read_text().replace(OTHER_SIZE, OTHER_SIZE.replace("size::integer", "size::integer * 10")))
    assert causes() == {1: ["the mapping"]}
    assert "1 deliveries are concerned, 1 are not" in reprocess("thing")
    assert causes() == {}
    assert house.sql("select code, size from published.thing order by 1") == [("a", 10), ("x", 5)]

    # A rule in other words, or one that is gone, concerns those whose rows broke it; a new one all.
    written = checks.contract.read_text()
    checks.contract.write_text(written.replace("The size is 0 or more.", "No size is below 0."))
    assert causes() == {1: ["the rule size_negative is told otherwise"]}
    contract = yaml.safe_load(written)
    rule = {"failed_rows": {"qualifier": "big", "expression": "size > 5"}}
    rule["failed_rows"]["attributes"] = {"code": "big", "column": "size", "message": "Not above 5."}
    checks.rewrite(checks.contract, checks=[*contract["checks"], rule])
    assert causes() == {
        1: ["the rule big is new", "the rule size_negative is told otherwise"],
        2: ["the rule big is new"],
    }
    reprocess("thing")
    assert reasons(house)[(1, 1)] == ["big"]
    checks.contract.write_text(written)
    assert causes()[1][0] == "the rule big is gone"
    assert 2 not in causes()
    assert house.value("select count(*) from ledger.runs") == runs + 2  # looking opens none


def test_a_header_that_means_another_column_is_read_again(house):
    declared = house.project / "models/staging/acme/_acme.yml"
    things(house, 1, "n,a,1,2,")
    things(house, 2, "n,a,1,3,")
    house.run()
    before = declared.read_text()
    declared.write_text(
        before.replace('["Thing Code", "Code"]', '["Code"]').replace('["Code", "Thing Code"]', '["Code", "No"]')
    )
    assert causes() == {}  # no file has such a header
    until = "2026-01-02"
    one = before.replace(
        'headers: ["Size"]', f"headers: [{{name: Size, from: {until}}}, {{name: Note, until: {until}}}]"
    )
    declared.write_text(one.replace('headers: ["Note"]', f"headers: [{{name: Note, from: {until}}}]"))
    assert causes() == {
        1: ["the column note is none of its file, not Note", "the column size is Note of its file, not Size"]
    }
    reprocess()
    assert house.sql("select size, note from published.thing_history order by valid_from") == [(2, None), (1, "3")]
    assert causes() == {}


def told_by_a_run(house):
    forget_settings()
    return house.run().changes


def test_a_run_looks_by_itself_and_tells(house):
    things(house, 1, "n,a,1,,")
    house.run()
    assert told_by_a_run(house) == []
    model = house.project / "models/staging/acme/stg_acme__things.sql"
    model.write_text(model.read_text().replace(OTHER_SIZE, OTHER_SIZE.replace("size::integer", "size::integer * 10")))
    for _ in range(2):  # until somebody does what it says, or declares that a run shall
        [told] = told_by_a_run(house)
        assert "1 delivery was judged by something else" in told
        assert "(the mapping). Next: sluice reprocess thing" in told
        assert house.sql("select size from published.thing") == [(1,)]

    declared = house.project / "models/staging/acme/_acme.yml"
    declared.write_text(declared.read_text().replace("mode: full\n", "mode: full\n            reprocess: at_once\n", 1))
    [told] = told_by_a_run(house)
    assert told.endswith("(the mapping); judged again now.")
    assert house.sql("select size from published.thing") == [(10,)]
    assert told_by_a_run(house) == []


def test_what_did_not_change_is_not_compared_again(house, monkeypatch):
    from flows import reprocess as again

    things(house, 1, "n,a,1,,")
    house.run()
    monkeypatch.delattr(again, "find")  # it would be missed
    things(house, 2, "n,a,2,,")
    assert house.run().changes == []
