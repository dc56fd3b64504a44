"""What becomes of a row that breaks a rule: set aside, let pass and recorded, or the whole delivery is refused."""

import shutil

import pytest
import yaml
from command import sluice as command
from conftest import forget_settings
from workbench import reasons, things

from flows.run import RunError
from publish.reasons import in_words


def with_rule(checks, code, expression, **policy):
    """The small contract and one rule more."""
    told = {"code": code, "message": "What would be right.", "column": "size"} | policy
    rule = {"failed_rows": {"qualifier": code, "expression": expression, "attributes": told}}
    checks.rewrite(checks.contract, checks=[*yaml.safe_load(checks.contract.read_text())["checks"], rule])


def test_a_rule_that_warns_lets_the_row_pass_and_records_it(bench, checks):
    with_rule(checks, "size_big", "size > 5", on_fail="warn", responsible="us")
    with_rule(checks, "keeper_odd", "keeper like 'odd%'", on_fail="warn", column="keeper")
    things(bench, 1, "n,a,6,,odd@mail.example", "n,b,7,,", ",c,8,,", "n,d,1,,")
    bench.run()
    assert reasons(bench) == {(1, 3): ["region_missing"]}
    assert bench.value("select count(*) from published.thing") == 3
    issues = bench.sql(
        "select row_number, line_number, code, column_name, severity, responsible, value, id is not null"
        " from ledger.issues order by row_number, code"
    )
    assert issues == [
        (1, 2, "keeper_odd", "keeper", "warning", "vendor", "o***@mail.example", True),
        (1, 2, "size_big", "size", "warning", "us", "6", True),
        (2, 3, "size_big", "size", "warning", "us", "7", True),
    ]
    assert bench.sql("select name, outcome from ledger.check_results where outcome = 'WARN'") != []


def test_where_nothing_is_near_nothing_is_said_of_it(bench, checks):
    nearest = "It is one of ours (e.g. 1). The nearest is {proposal}. Ask us."
    with_rule(checks, "size_odd", "size = 5", message=nearest)
    with_rule(checks, "size_two", "size = 2", message="The nearest is {proposal}.")
    with_rule(checks, "size_big", "size > 5", on_fail="warn", message=nearest)
    with_rule(checks, "size_huge", "size > 99", on_fail="refuse", message=nearest)
    things(bench, 1, "n,a,5,,", "n,b,6,,", "n,c,2,,", "n,d,1,,")
    bench.run()
    things(bench, 2, "n,a,100,,")
    with pytest.raises(RunError, match=r"the first on line 2. It is one of ours \(e.g. 1\). Ask us.$"):
        bench.run()
    told = command("quarantine", "list", "thing", "--json").stdout
    assert "It is one of ours (e.g. 1). Ask us." in told
    assert "The nearest is none." in told
    assert bench.value("select message from ledger.issues") == "It is one of ours (e.g. 1). Ask us."


def test_a_critical_reason_makes_a_critical_row_and_values_are_masked(bench, checks):
    with_rule(checks, "keeper_odd", "keeper like 'odd%'", severity="critical", responsible="us", column="keeper")
    things(bench, 1, "n,a,-1,,odd@mail.example", "n,b,-2,,fine@mail.example", "n,c,much,,", "n,d,1,,")
    bench.run()
    rows = bench.sql(
        "select row_number, severity, responsible, jsonb_path_query_array(reasons, '$[*].value')"
        " from quarantine.thing_masked order by 1"
    )
    assert rows == [
        (1, "critical", "vendor", ["o***@mail.example", "-1"]),
        (2, "error", "vendor", ["-2"]),
        (3, "error", "vendor", ["much"]),
    ]


def test_a_rule_that_refuses_refuses_the_delivery_and_its_neighbours_go_on(bench, checks):
    with_rule(checks, "total_wrong", "(select sum(size) from candidates) <> 10", on_fail="refuse")
    things(bench, 1, "n,a,4,,", "n,b,6,,")
    wrong = things(bench, 2, "n,a,4,,", "n,b,7,,", "n,c,1,,")
    things(bench, 3, "n,a,10,,")
    with pytest.raises(
        RunError, match=r"delivery 2 of acme.things .* is refused: total_wrong: 3 rows break it, the"
    ) as told:
        bench.run()
    assert told.value.report.merged[0].rows == 1
    assert bench.sql("select delivery_id, state from ledger.deliveries order by 1") == [
        (1, "merged"), (2, "refused"), (3, "merged"),
    ]  # fmt: skip
    assert "the first on line 2. What would be right." in bench.value(
        "select reason from ledger.deliveries where delivery_id = 2"
    )
    assert bench.sql(
        "select \"check\", outcome, value from ledger.delivery_checks where delivery_id = 2 and outcome <> 'pass'"
    ) == [("rule:total_wrong", "refuse", 3)]
    assert bench.sql("select * from quarantine.thing") == []
    assert bench.value("select count(*) from judged.thing where _delivery_id = 2") == 0
    assert wrong.delivery_id == 2
    assert bench.sql("select code, size from published.thing") == [("a", 10)]


def test_a_refused_revision_leaves_what_it_superseded_in_force(bench, checks):
    with_rule(checks, "size_wrong", "size = 13", on_fail="refuse")
    things(bench, 1, "n,a,4,,")
    bench.run()
    things(bench, 1, "n,a,13,,")
    with pytest.raises(RunError, match="size_wrong: 1 rows break it"):
        bench.run()
    assert bench.sql("select delivery_id, state, in_history from ledger.deliveries order by 1") == [
        (1, "merged", True), (2, "refused", False),
    ]  # fmt: skip
    assert bench.sql("select code, size from published.thing") == [("a", 4)]


def test_a_rule_may_look_at_what_history_says(bench, checks):
    with_rule(checks, "size_shrank", "size < current_size")
    things(bench, 1, "n,a,5,,", "n,b,5,,")
    bench.run()
    things(bench, 3, "n,a,4,,", "n,b,6,,", "n,c,1,,")
    bench.run()
    assert reasons(bench) == {(2, 1): ["size_shrank"]}
    # A late one is held against what was current just before its own time.
    things(bench, 2, "n,a,5,,", "n,b,5,,")
    bench.run()
    assert reasons(bench) == {(2, 1): ["size_shrank"]}
    assert bench.sql("select code, size from published.thing order by 1") == [("a", 5), ("b", 6), ("c", 1)]


def test_a_rule_may_look_at_another_relation(bench, checks):
    bench.sql("create table if not exists reference.known as select 'n' as region")
    with_rule(checks, "region_unknown", "region not in (select k.region from reference.known as k)", column="region")
    things(bench, 1, "n,a,5,,", "s,b,5,,")
    bench.run()
    assert reasons(bench) == {(1, 2): ["region_unknown"]}


def test_a_filter_of_the_contract_holds_for_all_of_its_rules(bench, checks):
    checks.rewrite(checks.contract, filter="code <> 'x'")
    things(bench, 1, "n,x,-1,,", "n,a,-1,,", "n,b,1,,")
    bench.run()
    assert reasons(bench) == {(1, 2): ["size_negative"]}


def test_without_a_rule_about_the_key_rows_that_conflict_are_held_back(bench, checks):
    own = yaml.safe_load(checks.contract.read_text())["checks"]
    checks.rewrite(checks.contract, checks=[check for check in own if "duplicate" not in check])
    things(bench, 1, "n,a,1,,", "n,a,2,,", "n,a,1,,", "n,b,1,,", "n,c,-1,,", "n,c,1,,")
    bench.run()
    assert reasons(bench) == {
        (1, 1): ["key_repeated"],
        (1, 2): ["key_repeated"],
        (1, 5): ["size_negative", "key_repeated"],
        (1, 6): ["key_repeated"],
    }
    assert bench.sql("select code from published.thing") == [("b",)]


def test_the_text_of_each_contract_version_is_kept(bench, checks):
    things(bench, 1, "n,a,1,,")
    bench.run()
    first = checks.contract.read_text()
    with_rule(checks, "size_big", "size > 5")
    things(bench, 2, "n,a,7,,")
    bench.run()
    kept = bench.sql(
        "select r.run, c.text, count(*) from ledger.runs as r join ledger.contracts as c using (contract_hash)"
        " join ledger.rules using (contract_hash) group by 1, 2 order by 1"
    )
    assert [(run, text) for run, text, _ in kept] == [(1, first), (2, checks.contract.read_text())]
    assert kept[1][2] == kept[0][2] + 1


@pytest.fixture
def renamed(install, small_project, checks, tmp_path):
    """A vendor whose columns are not called as the entity's, with an address where the entity has nothing personal."""
    project = tmp_path / "project"
    shutil.copytree(small_project, project)
    acme = project / "models" / "staging" / "acme"
    declared = (acme / "_acme.yml").read_text()
    declared = declared.replace("- name: size\n", "- name: extent\n").replace("- name: region\n", "- name: place\n")
    declared = declared.replace(
        '["Region"], required: true, pii: none', '["Region"], required: true, pii: street_address'
    )
    (acme / "_acme.yml").write_text(declared)
    for mapping in acme.glob("*.sql"):
        said = (
            mapping.read_text()
            .replace("(size,", "(extent,")
            .replace("size::", "extent::")
            .replace("when size", "when extent")
        )
        said = said.replace(
            "nullif(region, '') as", "case when place not like '% Lane %' then nullif(place, '') end as"
        )
        mapping.write_text(said)
    yield install(project, checks.folder)
    forget_settings()


def test_a_reason_shows_the_vendors_column_and_what_stands_there(renamed):
    things(renamed, 1, "n,a,much,,", "9 Elm Lane East,b,-1,,", "n,c,1,,")
    renamed.run()
    told = renamed.sql(
        "select reason ->> 'code', reason -> 'headers', reason ->> 'value' from quarantine.thing_masked"
        " cross join jsonb_array_elements(reasons) as reason order by row_number, 1"
    )
    assert told == [
        ("size_unparsed", ["Size"], "much"),
        ("region_missing", ["Region"], "***"),
        ("size_negative", ["Size"], "-1"),
    ]
    assert renamed.value("select min(_row_number) from staging.delivery_1") == 1
    [reason] = renamed.value("select reasons from quarantine.thing where row_number = 2")[:1]
    assert in_words(reason, with_value=True) == "region_missing, Region '***': Every thing has a region."
