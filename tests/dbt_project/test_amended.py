"""Cells that a feed's declaration amends before they are mapped."""

import shutil

import pytest
from conftest import TEST_PROJECT, forget_settings
from workbench import reasons

from extract import patches, patterns

PATCHES = r"""feed,column,pattern,replacement,why
things,size,^(\d+) m$,\1,"The unit's name stands in the cell, 'm'."
things,size,^0+(\d),\1,Leading zeros.
,keeper,\(at\),@,The @ is spelt out.
"""
SPARE = "          - {name: spare, description: To fall back on., config: {meta: {headers: [Spare], pii: none}}}"


@pytest.fixture(scope="module")
def house(install, small_project, tmp_path_factory):
    folder = shutil.copytree(small_project, tmp_path_factory.mktemp("amended") / "project")
    vendor = folder / "models" / "staging" / "acme"
    (vendor / "patches.csv").write_text(PATCHES)
    declared = vendor / "_acme.yml"
    declared.write_text(
        declared.read_text()
        .replace('headers: ["Region"], required: true', 'headers: ["Region"], required: true, default: "it\'s north"')
        .replace('headers: ["Size"], required: true', 'headers: ["Size"], required: true, default_from: spare')
        .replace('headers: ["Note"]', 'headers: ["Note"], concat: {columns: [note, code], separator: "; "}')
        .replace("      - name: changes", f"{SPARE}\n      - name: changes")
    )
    for model in vendor.glob("stg_*.sql"):
        name = model.stem.removeprefix("stg_acme__")
        text = model.read_text().replace(f"source('acme', '{name}')", f"amended('acme', '{name}')")
        model.write_text(text.rstrip() + " as amended\n")
    made = install(folder, TEST_PROJECT / "checks")
    content = "Region,Code,Size,Note,Keeper,Spare\n" + "\n".join(
        [
            "n,a,007 m,said,kim(at)mail.example,1",
            " ,b,2,,lee@mail.example,9",
            "n,c,,,,4",
            "n,d,much m,,,5",
            "n,e,,,,",
        ]
    )
    made.deliver("acme.things", made.file("things-2026-01-01.csv", content))
    made.run()
    yield made
    forget_settings()


def test_the_mapping_sees_amended_cells(house):
    found = house.sql("select region, code, size, note from judged.thing order by code")
    assert found == [
        ("n", "a", 7, "said; a"),
        ("it's north", "b", 2, "b"),
        ("n", "c", 4, "c"),
        ("n", "e", None, "e"),
    ]
    assert reasons(house) == {(1, 4): ["size_unparsed"]}


def test_each_application_is_an_issue_of_its_value(house):
    issues = house.sql(
        "select row_number, line_number, code, column_name, severity, responsible, value, message, id is not null"
        " from ledger.issues order by row_number, code, occurrence"
    )
    unit = "The unit's name stands in the cell, 'm'."
    assert issues == [
        (1, 2, "keeper_patched", "keeper", "warning", "vendor", "***", "The @ is spelt out.", True),
        (1, 2, "size_patched", "size", "warning", "vendor", "007 m", unit, True),
        (1, 2, "size_patched", "size", "warning", "vendor", "007", "Leading zeros.", True),
        (2, 3, "region_default", "region", "info", "us", "it's north", "The feed's declaration says so.", True),
        (3, 4, "size_default_from", "size", "info", "us", "4", "Taken from spare.", True),
    ]


def test_what_came_stays_as_it_came(house):
    assert house.sql("select size, region, note from staging.acme__things where _row_number in (1, 2) order by 1") == [
        ("007 m", "n", "said"), ("2", " ", ""),
    ]  # fmt: skip


def test_the_filter_by_delivery_goes_below_the_steps(house):
    plan = "\n".join(
        line for (line,) in house.sql("explain select * from staging.stg_acme__things where _delivery_id = 1")
    )
    scan = plan[plan.index("Seq Scan") :]
    assert "on delivery_1" in scan
    assert scan.splitlines()[1].strip() == "Filter: (_delivery_id = 1)"


def test_a_patch_that_is_taken_away_is_an_issue_no_more_when_it_is_judged_again(house):
    from flows import replay
    from flows.run import prepare
    from warehouse.settings import settings

    (settings().dbt_project / "models" / "staging" / "acme" / "patches.csv").unlink()
    forget_settings()
    prepare()
    replay.replay("thing", None, 1, by="test", why="the patches are gone")
    codes = {code for (code,) in house.sql("select code from ledger.issues")}
    assert codes == {"region_default", "size_default_from"}
    assert reasons(house)[(1, 1)] == ["size_unparsed"]


def test_a_pattern_of_pythons_only_is_refused_by_the_database(house):
    of_python = {"pattern": "(?P<x>m)", "replacement": "", "why": "x", "feed": "", "column": "size"}
    with pytest.raises(
        patterns.PatternError, match=r"patches.csv:2: pattern: invalid regular expression.*not Python's"
    ):
        patches.check((patches.Patch(**of_python, place="patches.csv:2"),))
