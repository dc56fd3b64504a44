"""The split: all the reasons of a row, and an account that Soda comes to as well."""

import yaml
from conftest import PROJECT, TEST_PROJECT, forget_settings
from samples import FEEDS, loaded
from workbench import reasons, things

EVERY_KIND = PROJECT / "tests" / "checks" / "every_kind.yml"


def test_a_row_keeps_all_its_reasons_in_the_contracts_order(small):
    things(small, 1, "north,a,1,,", ",,-1,,", ",b,much,,", "north,c,-2,,")
    small.run()
    assert reasons(small) == {
        (1, 2): ["region_missing", "code_missing", "size_negative"],
        (1, 3): ["size_unparsed", "region_missing"],
        (1, 4): ["size_negative"],
    }
    (told,) = small.sql("select reasons from quarantine.thing where row_number = 2")[0]
    assert [(r["code"], r["column"], r["headers"], r["message"], r["value"]) for r in told] == [
        ("region_missing", "region", ["Region"], "Every thing has a region.", None),
        ("code_missing", "code", ["Code"], "Every thing has a code.", None),
        ("size_negative", "size", ["Size"], "The size is 0 or more.", "-1"),
    ]
    assert small.sql("select line_number, raw ->> 'code' from quarantine.thing where row_number = 3") == [(4, "b")]


def test_what_is_repeated_is_counted_and_what_conflicts_is_held_back(small):
    things(small, 1, "n,a,1,,", "n,a,1,,", "n,b,1,,", "n,b,2,,", "n,b,2,,", ",c,1,,", ",c,1,,", "n,d,-1,,", "n,d,-1,,")
    small.run()
    account = small.account(1)
    # Two rows without a key are not known to be the same thing: none of them is a repetition.
    assert (account["good"], account["duplicate"], account["quarantined"]) == (4, 3, 5)
    assert reasons(small) == {
        (1, 3): ["thing_repeated"],
        (1, 4): ["thing_repeated"],
        (1, 6): ["region_missing"],
        (1, 7): ["region_missing"],
        (1, 8): ["size_negative"],
    }
    assert small.sql("select region, code from published.thing") == [("n", "a")]


def test_a_conflict_is_one_of_a_delivery_not_of_a_run(small):
    things(small, 1, "n,a,1,,")
    things(small, 2, "n,a,2,,")
    small.run()
    assert reasons(small) == {}
    assert small.value("select count(*) from published.thing_history") == 2


def test_every_kind_of_check_holds_back_what_soda_counts(bench, checks):
    checks.contract.write_text(EVERY_KIND.read_text())
    bench.sql("create table reference.known_region as select unnest(array['n', 's', 'it''s']) as region")
    lines = [
        "it's,bb,,,", "s,bb,9,big,", "it's,it's,10,,",  # good: without a size it repeats nothing; repeated; too big
        ",bb,3,,", "x,CAPITALS,4,,", "w,bb,5,,", ",x,5,,",  # no region; excused from its shape; region unknown
        "n,n/a,6,,", "s,n/a,7,,", "n,,8,,", "s,,9,,",  # missing codes are not repeated; no note
        "n,bb,2,,", "n,b,2,,", "n,bb,2,other,", "n,a,,,", "n,a,many,,",  # repeated codes and sizes; no size twice
    ]  # fmt: skip
    things(bench, 1, *lines)
    bench.run()
    by_soda = soda_counts(bench, "thing", ["stg_acme__things"], checks.folder)
    assert by_soda == our_counts(bench, "thing", checks.folder)
    assert set(by_soda) == {
        body["attributes"]["code"] for _, body in row_checks(yaml.safe_load(EVERY_KIND.read_text()))
    }


def row_checks(contract):
    """The checks of a contract that are about rows: (kind, body)."""
    found = [(column["name"], check) for column in contract["columns"] for check in column.get("checks") or []]
    found += [(None, check) for check in contract.get("checks") or []]
    return [
        (kind, {"columns": [name]} | body)
        for name, check in found
        for kind, body in check.items()
        if "attributes" in body
    ]


def soda_counts(sluice, entity, models, checks):
    """How many rows break each rule of the contract by Soda's own count, over the mapped rows before the split."""
    from checks import contract as door

    names = sluice.sql(
        "select attname from pg_attribute where attrelid = cast(:name as regclass) and attnum > 0 and attname not in"
        " (:id, '_feed', '_fingerprint', '_cells') order by attnum",
        name=f"judged.{entity}",
        id=f"{entity}_id",
    )
    columns = ", ".join(f'"{name}"' for (name,) in names)
    union = " union all ".join(f'select {columns} from staging."{model}"' for model in models)
    sluice.sql("drop table if exists judged.unsplit")
    # Without the exact repetitions, which are counted and not judged.
    sluice.sql(
        f"create table judged.unsplit as select * from ({union}) as mapped where (_delivery_id, _row_number) in ("
        f" select _delivery_id, _row_number from judged.{entity}"
        f" union all select delivery_id, row_number from quarantine.{entity})"
    )
    document = yaml.safe_load((checks / "contracts" / f"{entity}.yml").read_text())
    document["dataset"] = "warehouse/sluice/judged/unsplit"
    aimed = sluice.home / "unsplit.yml"
    aimed.write_text(yaml.safe_dump(document))
    values = {result.name: result.value for result in door.verify(aimed).results}
    return {
        body["attributes"]["code"]: int(values[body["name"]])
        for _, body in row_checks(document)
        if values[body["name"]]
    }


def our_counts(sluice, entity, checks):
    """The same from quarantine and issues. Of a pair that conflicts Soda counts one, where two rows are held back."""
    document = yaml.safe_load((checks / "contracts" / f"{entity}.yml").read_text())
    found = dict(
        sluice.sql(
            f"select reason ->> 'code', count(*) from quarantine.{entity}, jsonb_array_elements(reasons) as reason"
            " where kind = 'judged' group by 1 union all"
            " select code, count(*) from ledger.issues"
            " join ledger.runs using (run) join ledger.rules using (contract_hash, code)"
            " where issues.entity = :entity and on_fail = 'warn' group by 1",
            entity=entity,
        )
    )
    for kind, body in row_checks(document):
        if kind == "duplicate" and body["attributes"]["code"] in found:
            keys = ", ".join(f'"{name}"' for name in body["columns"])
            found[body["attributes"]["code"]] = sluice.value(
                f"select count(*) - count(distinct ({keys})) from judged.unsplit where (_delivery_id, _row_number) in"
                f" (select delivery_id, row_number from quarantine.{entity} where reasons @> cast(:code as jsonb))",
                code=f'[{{"code": "{body["attributes"]["code"]}"}}]',
            )
    return found


def test_soda_counts_what_the_split_held_back(small):
    things(
        small, 1, "n,a,1,,", ",,-1,,", "n,b,much,,", "n,c,1,,", "n,c,2,,", "n,c,3,,", "n,d,-1,,", "n,d,-1,,", ",,,,x"
    )
    things(small, 2, "n,a,-1,,", ",b,-1,,", "n,c,1,,")
    small.run()
    by_soda = soda_counts(small, "thing", ["stg_acme__things"], TEST_PROJECT / "checks")
    assert by_soda == our_counts(small, "thing", TEST_PROJECT / "checks")
    assert len(by_soda) == 5


def test_soda_counts_what_the_split_held_back_of_the_samples(install):
    sluice = loaded(install)
    rules = 0
    for entity in sorted({feed.entity for feed in FEEDS.values()}):
        models = [feed.model for feed in FEEDS.values() if feed.entity == entity]
        by_soda = soda_counts(sluice, entity, models, PROJECT / "checks")
        assert by_soda == our_counts(sluice, entity, PROJECT / "checks")
        rules += len(by_soda)
    assert rules >= 75, "the samples break few rules"
    forget_settings()
