"""Erase: a person goes for good, history folds on as it did, and nothing brings the person back."""

import json
import re
import shutil

import pytest
from command import refusal
from command import sluice as command
from conftest import TEST_PROJECT, forget_settings
from workbench import HEADER, things

ANN, BOB = "ann.lee@example.com", "bob@example.com"
RAW = ("staging", "judged", "quarantine", "pii")


def everything(small):
    """All that database and home hold, as one text in small letters."""
    relations = small.sql(
        "select format('%I.%I', n.nspname, c.relname) from pg_class as c"
        " join pg_namespace as n on n.oid = c.relnamespace"
        " where c.relkind in ('r', 'p') and n.nspname not in ('pg_catalog', 'information_schema')"
    )
    said = "\n".join(str(small.sql(f"select t::text from {name} as t")) for (name,) in relations)
    raws = small.sql("select encode(raw_bytes, 'escape') from staging.unreadable")
    raws += small.sql("select encode(raw_bytes, 'escape') from quarantine.thing where raw_bytes is not null")
    files = [path for path in small.home.rglob("*") if path.is_file() and "files" not in path.parts]
    contents = "\n".join(path.read_bytes().decode("latin-1") for path in files)
    return (said + str(raws) + contents).lower()


def versions(small):
    """History's current versions, but for what is personal."""
    return small.sql(
        "select region, code, size, valid_from::date::text, valid_to::date::text, encode(_fingerprint, 'hex')"
        " from history.dim_thing where _superseded_in is null order by 1, 2, 4"
    )


def erase(*who):
    done = command("pii", "erase", *who)
    assert done.exit_code == 0, done.output + str(done.exception)
    return json.loads(done.stdout)


STORY = [
    (1, [f"n,a,1,,{ANN}", f"n,b,1,,{BOB}", f"n,c,1,ask Ann: {ANN.upper()},"]),
    (3, [f"n,a,2,,{ANN}", f"n,b,2,,{BOB}", f"n,bad,-1,,{ANN}", f"n,short,{ANN}"]),
    (4, [f"n,a,2,,{BOB}", f"n,b,2,,{BOB}", "n,c,1,,"]),
]


def told(small, story=STORY):
    for day, lines in story:
        things(small, day, *lines)
        small.run()


def test_nothing_of_the_person_is_left(small):
    told(small)
    assert ANN in everything(small)
    before = versions(small)
    plan = command("pii", "erase", "--email", ANN, "--dry-run")
    assert json.loads(plan.stdout)["erasure"] is None
    assert ANN in everything(small)
    certificate = erase("--email", " Ann.Lee@Example.com")
    assert ANN not in everything(small)
    assert "ann" not in json.dumps(certificate).lower()
    assert [d["rows"] for d in certificate["deliveries"]] == [2, 3]
    assert certificate["history"]["thing"]["versions_emptied"] >= 3
    assert versions(small) == before
    assert small.value("select count(*) from published.thing_history where keeper is not null") > 0
    assert [value for (value,) in small.sql("select value from pii.vault")] == [BOB]
    assert json.loads((small.home / "certificates" / "erasure-000001.json").read_text())["erasure"] == 1
    assert command("pii", "scan").exit_code == 0


def test_history_folds_on_as_it_did(small, install, small_project):
    """A late file and a retraction after the erasure give the versions that they would have given without it."""
    told(small)
    erase("--email", ANN)
    late = [f"n,a,9,,{BOB}", f"n,b,1,,{BOB}", "n,c,1,,"]
    things(small, 2, *late)
    small.run()
    small.retract(3)
    small.run()
    after = versions(small)
    emptied = small.sql("select keeper, keeper_token from history.dim_thing where code = 'a' and size in (1, 2)")
    assert all(row == (None, None) for row in emptied if row[0] is None)
    assert ANN not in everything(small)
    accounts = small.sql("select * from ledger.row_accounts where unchanged < 0 or good is null")
    assert accounts == []
    told_again = install_without_erasure(install, small_project)
    told(told_again)
    things(told_again, 2, *late)
    told_again.run()
    told_again.retract(3)
    told_again.run()
    assert [row[:5] for row in versions(told_again)] == [row[:5] for row in after]


def install_without_erasure(install, small_project):
    from conftest import TEST_PROJECT

    forget_settings()
    return install(small_project, TEST_PROJECT / "checks")


def test_what_was_purged_is_judged_again_without_the_person(small):
    told(small)
    erase("--email", ANN)
    before = versions(small)
    for number in (1, 2, 3):
        small.sql(f"drop table judged.delivery_{number}; drop table staging.delivery_{number}")
    things(small, 2, f"n,a,9,,{BOB}", f"n,b,1,,{BOB}", "n,c,1,,")
    small.run()
    small.retract(4)
    small.run()
    assert versions(small) == before
    assert ANN not in everything(small)
    assert small.value("select count(*) from ledger.row_accounts where opened is null") == 0


def test_a_file_delivered_again_brings_nobody_back(small):
    told(small)
    erase("--email", ANN)
    for day, lines in STORY:
        outcome = things(small, day, *lines).outcome
        assert outcome == "again"
    small.run()
    assert ANN not in everything(small)


@pytest.mark.parametrize("spelling", [ANN, " ANN.LEE@example.COM"])
def test_who_comes_back_is_stopped(small, spelling):
    told(small)
    erase("--email", ANN)
    things(small, 6, f"n,new,1,,{spelling}", f"n,b,2,,{BOB}", "n,a,2,,", "n,c,1,,")
    small.run()
    reasons = small.sql("select reasons -> 0 ->> 'code', raw::text from quarantine.thing where delivery_id = 4")
    assert reasons == [("erased_person", "{}")]
    assert small.value("select count(*) from published.thing where code = 'new'") == 0
    assert "ann.lee" not in everything(small)


def test_by_token_and_by_key(small):
    told(small)
    token = small.value(f"select token from pii.vault where value = '{BOB}'")
    erase("--token", token)
    assert BOB not in everything(small)
    erase("--key", "thing", "n|a")
    assert small.sql("select distinct keeper, keeper_token from history.dim_thing where code = 'a'") == [(None, None)]
    things(small, 7, "n,a,5,,carol@example.com")
    small.run()
    assert small.value("select count(*) from published.thing where code = 'a' and size = 5") == 0


def test_other_formats_are_converted(small):
    rows = [{"Region": "n", "Code": c, "Size": 1, "Note": "", "Keeper": who} for c, who in (("a", ANN), ("b", BOB))]
    small.deliver("acme.things", small.file("things-2026-01-01.json", json.dumps(rows)))
    small.run()
    certificate = erase("--email", ANN)
    assert [content["form"] for content in certificate["archive"]] == ["csv"]
    assert ANN not in everything(small)
    small.sql("drop table judged.delivery_1; drop table staging.delivery_1")
    before = versions(small)
    things(small, 2, f"n,b,1,,{BOB}", "n,a,1,,")
    small.run()
    small.retract(2)
    small.run()
    assert versions(small) == before


def test_the_drop_folder_too(small):
    small.drop("acme/things-2026-01-01.csv", HEADER + f"n,a,1,,{ANN}\nn,b,1,,{BOB}\n")
    small.run()
    assert erase("--email", ANN)["dropped_files_deleted"] == 1
    assert ANN not in everything(small)
    small.run()


def test_nobody_is_named_twice_over(small):
    told(small, STORY[:1])
    result = command("pii", "erase", "--email", ANN, "--token", "email:00")
    assert result.exit_code == 2
    assert "does not hold this token" in refusal(command("pii", "erase", "--token", "email:00"))


def test_the_key_rotates_and_the_erased_stay_erased(small):
    told(small)
    same = "select thing_id, _fingerprint, valid_from, _recorded_in from history.dim_thing order by 1, 3, 4"
    before = small.sql(same)
    tokens = dict(small.sql("select code, keeper_token from published.thing where keeper is not null"))
    erase("--email", ANN)
    done = command("pii", "rotate")
    assert done.exit_code == 0, done.output
    assert "key version 2" in done.stdout
    after = dict(small.sql("select code, keeper_token from published.thing where keeper is not null"))
    assert after.keys() == tokens.keys()
    assert not set(after.values()) & set(tokens.values())
    assert small.sql(same) == before
    things(small, 8, f"n,x,1,,{ANN}", f"n,b,2,,{BOB}", f"n,a,2,,{BOB}", "n,c,1,,")
    small.run()
    assert dict(small.sql("select code, keeper_token from published.thing where keeper is not null")) == after
    assert small.value("select count(*) from history.dim_thing where valid_from > '2026-01-05'") == 0
    assert "ann.lee" not in everything(small)
    exported = (small.home / "exports" / "thing" / "latest" / "thing.csv").read_text()
    assert set(re.findall(r"email:[0-9a-f]{32}", exported)) == set(after.values())


def test_who_comes_back_is_flagged_where_that_is_asked(install, small_project, tmp_path):
    project = tmp_path / "project"
    shutil.copytree(small_project, project)
    declared = project / "models/judged/judged_thing.yml"
    declared.write_text(declared.read_text().replace("entity: thing", "entity: thing\n        erased: flag"))
    small = install(project, TEST_PROJECT / "checks")
    told(small, STORY[:1])
    assert erase("--email", ANN)["if_it_comes_back"] == {"thing": "flag"}
    things(small, 6, f"n,new,1,,{ANN}", f"n,b,2,,{BOB}")
    small.run()
    assert small.value("select keeper from published.thing where code = 'new'") == "a***@example.com"
    returned = json.loads(command("pii", "erasures").stdout)["returned"]
    assert [(row["delivery_id"], row["rows"]) for row in returned] == [(2, 1)]
    forget_settings()
