"""Erase: a person goes for good, history folds on as it did, and nothing brings the person back."""

import json
import re

import pytest
from command import refusal
from command import sluice as command
from conftest import TEST_PROJECT, forget_settings, keep
from workbench import HEADER, JUDGED, changed, everything, things

from flows import dbt
from warehouse import runs
from warehouse.errors import SluiceError

ANN, BOB = "ann.lee@example.com", "bob@example.com"


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


COUNTED = ("history", "deliveries", "vault_entries_deleted", "recognised_later_by")
STORY = [
    (1, [f"n,a,1,,{ANN}", f"n,b,1,,{BOB}", f"n,c,1,ask Ann: {ANN.upper()},"]),
    (3, [f"n,a,2,,{ANN}", f"n,b,2,,{BOB}", f"n,bad,-1,,{ANN}", f"n,short,{ANN}"]),
    (4, [f"n,a,2,,{BOB}", f"n,b,2,,{BOB}", "n,c,1,,"]),
]


@pytest.fixture(scope="module")
def copies(install, small_project):
    small = install(small_project, TEST_PROJECT / "checks")
    for day, lines in STORY:
        things(small, day, *lines)
    small.run()
    return keep(small)


@pytest.fixture
def house(copies):
    """An installation in which the story is told."""
    yield copies()
    forget_settings()


def test_nothing_of_the_person_is_left(house):
    assert ANN in everything(house)
    before = versions(house)
    plan = command("pii", "erase", "--email", ANN, "--dry-run")
    assert json.loads(plan.stdout)["erasure"] is None
    assert ANN in everything(house)
    house.sql("insert into staging.mended values (1, 1, 2, 0, 'as it came', 10, 'bad_quote', 'told')")
    certificate = erase("--email", " Ann.Lee@Example.com")
    assert house.value("select count(*) from staging.mended") == 0
    assert ANN not in everything(house)
    assert "ann" not in json.dumps(certificate).lower()
    assert [d["rows"] for d in certificate["deliveries"]] == [2, 3]
    assert certificate["history"]["thing"]["versions_emptied"] >= 3
    assert [json.loads(plan.stdout)[told] for told in COUNTED] == [certificate[told] for told in COUNTED]
    assert versions(house) == before
    assert house.value("select count(*) from published.thing_history where keeper is not null") > 0
    assert [value for (value,) in house.sql("select value from pii.vault")] == [BOB]
    assert json.loads((house.home / "certificates" / "erasure-000001.json").read_text())["erasure"] == 1
    assert command("pii", "scan").exit_code == 0


@pytest.mark.parametrize(
    ("named", "stdin"), [(["--email"], ANN), (["--value", "email"], ANN), (["--key", "thing"], "n|c")], ids=str
)
def test_a_person_may_be_named_on_standard_input(house, named, stdin):
    typed = command("pii", "erase", *named, "-", "--dry-run", stdin=f"{stdin}\n")
    said = command("pii", "erase", *named, stdin, "--dry-run")
    assert json.loads(typed.stdout) == json.loads(said.stdout)
    assert json.loads(typed.stdout)["deliveries"]
    nobody = command("pii", "erase", *named, "-", "--dry-run", stdin="\n")
    assert nobody.exit_code == 2
    assert "say it in words" in nobody.stderr


def test_history_folds_on_as_it_did(house, copies):
    """A late file and a retraction after the erasure give the versions that they would have given without it."""
    late = [f"n,a,9,,{BOB}", f"n,b,1,,{BOB}", "n,c,1,,"]
    erase("--email", ANN)
    things(house, 2, *late)
    house.run()
    house.retract(3)
    house.run()
    after = versions(house)
    emptied = house.sql("select keeper, keeper_token from history.dim_thing where code = 'a' and size in (1, 2)")
    assert all(row == (None, None) for row in emptied if row[0] is None)
    assert ANN not in everything(house)
    assert house.sql("select * from ledger.row_accounts where unchanged < 0 or good is null") == []
    forget_settings()
    nobody_erased = copies()
    things(nobody_erased, 2, *late)
    nobody_erased.retract(3)
    nobody_erased.run()
    assert [row[:5] for row in versions(nobody_erased)] == [row[:5] for row in after]


def test_what_was_purged_is_judged_again_without_the_person(house):
    erase("--email", ANN)
    before = versions(house)
    for number in (1, 2, 3):
        house.sql(f"drop table judged.delivery_{number}; drop table staging.delivery_{number}")
    things(house, 2, f"n,a,9,,{BOB}", f"n,b,1,,{BOB}", "n,c,1,,")
    house.run()
    house.retract(4)
    house.run()
    assert versions(house) == before
    assert ANN not in everything(house)
    assert house.value("select count(*) from ledger.row_accounts where opened is null") == 0


def test_a_file_delivered_again_brings_nobody_back(house):
    erase("--email", ANN)
    for day, lines in STORY:
        outcome = things(house, day, *lines).outcome
        assert outcome == "again"
    house.run()
    assert ANN not in everything(house)


def test_who_comes_back_is_stopped_however_spelt(house):
    erase("--email", ANN)
    things(house, 6, f"n,x,1,,{ANN}", "n,y,1,, ANN.LEE@example.COM", f"n,b,2,,{BOB}", "n,a,2,,", "n,c,1,,")
    house.run()
    reasons = house.sql("select reasons -> 0 ->> 'code', raw::text from quarantine.thing where delivery_id = 4")
    assert reasons == [("erased_person", "{}")] * 2
    assert house.value("select count(*) from published.thing where code in ('x', 'y')") == 0
    assert "ann.lee" not in everything(house)


def test_who_is_named_in_a_text_or_an_unreadable_record_is_stopped(house):
    erase("--email", ANN)
    erase("--value", "phone", "702 555 0143")
    texts = [f"<ANN.LEE@example.com>, and {BOB}", "ring (702) 555-0143 today", f"ask {BOB}, 702 555 0144; 2026-01-31"]
    rows = [f'n,{code},1,"{text}",' for code, text in zip("xyz", texts, strict=True)]
    assert house.value("select count(*) from pii.erased_rows where delivery_id = 1 and fate = 'good'") == 2
    broken = [f"n,c,{ANN}", "n,short,+1 702-555-0143", f"n,b,{BOB}"]
    things(house, 6, rows[0], broken[0], rows[1], broken[1], rows[2], broken[2], "n,a,2,,")
    house.run()
    assert house.sql("select row_number, kind, status from quarantine.thing where delivery_id = 4 order by 1") == [
        (1, "judged", "discarded"),
        (2, "unreadable", "open"),
        (3, "judged", "discarded"),
        (4, "unreadable", "open"),
        (6, "unreadable", "open"),
    ]
    assert "ann.lee" not in everything(house)
    assert not re.search("555.?0143", everything(house))
    assert BOB in everything(house)
    assert house.sql("select code from published.thing order by 1") == [("a",), ("b",), ("c",), ("z",)]
    house.sql("drop table judged.delivery_4; drop table staging.delivery_4")
    things(house, 5, f"n,a,2,,{BOB}", f"n,b,2,,{BOB}", "n,c,1,,")
    house.run()
    assert house.sql("select code from published.thing order by 1") == [("a",), ("b",), ("c",), ("z",)]
    assert "ann.lee" not in everything(house)
    erase("--value", "phone", "+1 (702) 555-0144")  # spelt otherwise than in the file
    assert "555 0144" not in everything(house)


def test_a_name_in_a_text_or_an_unreadable_record_is_recognised_by_its_words(house):
    dry = json.loads(command("pii", "erase", "--value", "person_name", "Lee, Ann", "--dry-run").stdout)
    certificate = erase("--value", "person_name", "Lee, Ann")
    assert [of["rows"] for of in certificate["deliveries"]] == [of["rows"] for of in dry["deliveries"]] == [1, 1]
    assert house.value("select note from history.dim_thing where code = 'c' order by valid_from limit 1") is None
    texts = ["ask ANN  LEE's sister", "Leeann Smith", "Ann and Lee", "to Lee, Ann"]
    rows = [f'n,{code},1,"{text}",' for code, text in zip("wxyz", texts, strict=True)]
    things(house, 6, *rows, "n,short,(Ann-Lee)", "n,short,Anna Lee", f"n,a,2,,{BOB}", f"n,b,2,,{BOB}", "n,c,1,,")
    house.run()
    stopped = "select row_number, kind from quarantine.thing where delivery_id = 4 order by 1"
    assert house.sql(stopped) == [(1, "judged"), (4, "judged"), (5, "unreadable"), (6, "unreadable")]
    assert not re.search("ann lee|to lee, ann|ann-lee", everything(house))
    assert "anna lee" in everything(house)


def test_a_name_of_one_word_is_not_looked_for_in_texts(house):
    assert erase("--value", "person_name", "A. Bob")["deliveries"] == []
    things(house, 6, "n,x,1,a Bob,", f"n,a,2,,{BOB}", f"n,b,2,,{BOB}", "n,c,1,,")
    house.run()
    assert house.value("select note from published.thing where code = 'x'") == "a Bob"


UNDECLARED = [
    "n,a,1,ask her,,LEE (Ann),,,1 Oak",
    "n,b,-1,,,Ann and Lee,Ann,Lee,2 Elm",  # its size is wrong: it waits in quarantine
    "n,c,1,,,Anna Lee,Lee,Bob,12 High Street",
    "n,d,1,,,call (702) 555-0143,Ann,,Lee",
    "n,short,Ann Lee",
]


@pytest.mark.parametrize("kind", ["csv", "json"])
@pytest.mark.parametrize(
    ("pii", "value", "rows"),
    [
        ("person_name", "Ann Lee", {"csv": [1, 2, 5], "json": [1, 2]}),
        ("street_address", "12 High Street", {"csv": [3], "json": [3]}),
        ("phone", "+1 702 555 0143", {"csv": [4], "json": [4]}),
        ("person_name", "Bob", {"csv": [], "json": []}),
    ],
)
def test_undeclared_columns_name_somebody_too(small, kind, pii, value, rows):
    header = f"{HEADER.strip()},Contact,First Name,Last Name,Where"
    if kind == "csv":
        content = "\n".join([header, *UNDECLARED, ""])
    else:
        lines = [dict(zip(header.split(","), line.split(","), strict=True)) for line in UNDECLARED[:-1]]
        content = json.dumps(lines)
    small.deliver("acme.things", small.file(f"things-2026-01-01.{kind}", content))
    small.run()
    small.sql("drop table judged.delivery_1; drop table staging.delivery_1")  # purged: they come from the archive
    before = everything(small)
    dry = json.loads(command("pii", "erase", "--value", pii, value, "--dry-run").stdout)
    certificate = erase("--value", pii, value)
    counted = [len(rows[kind])] if rows[kind] else []
    assert [of["rows"] for of in certificate["deliveries"]] == [of["rows"] for of in dry["deliveries"]] == counted
    emptied = small.sql("select row_number from pii.erased_rows order by 1")
    assert emptied == [(number,) for number in rows[kind]]
    for number in rows[kind]:
        unique = UNDECLARED[number - 1].split(",")[-4 if number < 5 else -1].lower()
        assert unique in before
        assert unique not in everything(small)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_records_that_cannot_be_read_are_read_in_the_files_encoding(small, encoding):
    lines = [f"n,a,1,,{BOB}", "n,gödöllő 𝄞,1", f"n,c,{ANN}", "n,d,1,,"]
    of_day = [small.file(f"things-2026-01-0{day}.csv", in_encoding(lines[: day + 2], encoding)) for day in (1, 2)]
    small.deliver("acme.things", of_day[0])
    small.run()
    assert ANN in everything(small).replace("\\\\000", "")
    assert [of["rows"] for of in erase("--email", ANN)["deliveries"]] == [1]
    small.deliver("acme.things", of_day[1])
    small.run()
    assert len(small.sql("select from pii.erased_rows where fate = 'unreadable'")) == 2
    assert ANN not in everything(small).replace("\\\\000", "")
    texts = small.sql("select record from staging.unreadable_texts order by delivery_id, row_number")
    assert [text for (text,) in texts] == ["n,gödöllő 𝄞,1", "a\nn"] * 2


def in_encoding(lines, encoding):
    bom = "" if encoding == "utf-16" else "\ufeff"
    return (bom + HEADER + "".join(line + "\n" for line in lines)).encode(encoding)


NEIGHBOURS = [
    "n,a,1,mail o'ann.lee@example.com,joann.lee@example.com",
    "n,b,1,from 203.0.113.77,ann.lee@example.com.au",
    "n,c,1,702-555-01432,mary-ann.lee@example.com",
    "n,short,joann.lee@example.com",
]


@pytest.mark.parametrize(
    "who",
    [
        ("--email", ANN),
        ("--email", "@"),
        ("--email", "example.com"),
        ("--value", "ip", "203.0.113.7"),
        ("--value", "phone", "702-555-0143"),
        ("--value", "phone", "5"),
    ],
)
def test_whose_value_holds_the_persons_is_somebody_else(small, who):
    things(small, 1, *NEIGHBOURS)
    small.run()
    assert erase(*who, "--dry-run")["deliveries"] == []


def test_the_person_is_found_between_other_signs(small):
    things(small, 1, f"n,{ANN},1,,", f"n,b,1,<{ANN}>;x,", f"n,c,1,'{ANN}'.,", f"n,short,mailto:{ANN.title()}")
    small.run()
    assert [of["rows"] for of in erase("--email", ANN, "--dry-run")["deliveries"]] == [4]


BLANK = [("--email", " "), ("--token", ""), ("--value", "phone", " "), ("--key", "thing", "")]


@pytest.mark.parametrize("who", BLANK)
def test_nobody_is_named_by_nothing(house, who):
    assert command("pii", "erase", *who).exit_code == 2
    assert house.value("select count(*) from pii.erasures") == 0


@pytest.mark.parametrize("pii", ["none", "free_text"])
def test_a_class_that_names_nobody_is_refused(house, pii):
    assert "names nobody" in refusal(command("pii", "erase", "--value", pii, "x"))


def test_a_key_that_no_row_has_is_refused(house):
    """Nor has a record that cannot be read, though it says n,short,ann.lee@example.com."""
    assert "No row of thing has this key" in refusal(command("pii", "erase", "--key", "thing", "n|nn"))
    assert house.value("select count(*) from pii.erasures") == 0


def test_a_key_whose_values_hold_what_joins_them(house):
    things(house, 7, "n,a|b,5,,carol@example.com", "n|a,b,6,,dave@example.com")
    house.run()
    told = refusal(command("pii", "erase", "--key", "thing", "n|a|b"))
    assert "The key of thing is region|code, 2 values, and here are 3." in told
    erase("--key", "thing", r"n|a\|b")
    held = house.sql("select code, keeper from published.thing where size in (5, 6) order by size")
    assert held == [("a|b", None), ("b", "d***@example.com")]


def test_by_token_and_by_key(house):
    token = house.value(f"select token from pii.vault where value = '{BOB}'")
    erase("--token", token)
    assert BOB not in everything(house)
    erase("--key", "thing", "n|a")
    assert house.sql("select distinct keeper, keeper_token from history.dim_thing where code = 'a'") == [(None, None)]
    things(house, 7, "n,a,5,,carol@example.com")
    house.run()
    assert house.value("select count(*) from published.thing where code = 'a' and size = 5") == 0


def test_a_row_that_cannot_be_mapped_is_erased_too(house):
    mapped = house.value("select pg_get_viewdef('staging.stg_acme__things'::regclass)")
    raising = mapped.replace("_line_number", "_line_number + 0 / (size::integer - 7) as _line_number", 1)
    house.sql(f"create or replace view staging.stg_acme__things as {raising}")
    things(house, 5, "n,a,2,,", "n,b,7,,", f"n,c,7,,{ANN}", f"n,d,1,,{ANN}")
    house.run()
    assert house.value('select count(*) from quarantine.thing where reasons @> \'[{"code": "mapping_error"}]\'') == 2
    assert [of["rows"] for of in erase("--email", ANN)["deliveries"]] == [2, 3, 2]
    assert ANN not in everything(house)


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
    assert erase("--email", ANN, "--dry-run")["dropped_files_deleted"] == 1
    assert erase("--email", ANN)["dropped_files_deleted"] == 1
    assert ANN not in everything(small)
    small.run()


def test_nobody_is_named_twice_over(house):
    result = command("pii", "erase", "--email", ANN, "--token", "email:00")
    assert result.exit_code == 2
    assert "does not hold this token" in refusal(command("pii", "erase", "--token", "email:00"))


def test_the_key_rotates_and_the_erased_stay_erased(house):
    same = "select thing_id, _fingerprint, valid_from, _recorded_in from history.dim_thing order by 1, 3, 4"
    before = house.sql(same)
    tokens = dict(house.sql("select code, keeper_token from published.thing where keeper is not null"))
    erase("--email", ANN)
    done = command("pii", "rotate")
    assert done.exit_code == 0, done.output
    assert "key version 2" in done.stdout
    after = dict(house.sql("select code, keeper_token from published.thing where keeper is not null"))
    assert after.keys() == tokens.keys()
    assert not set(after.values()) & set(tokens.values())
    assert house.sql(same) == before
    things(house, 8, f"n,x,1,,{ANN}", f"n,b,2,,{BOB}", f"n,a,2,,{BOB}", "n,c,1,,")
    house.run()
    assert dict(house.sql("select code, keeper_token from published.thing where keeper is not null")) == after
    assert house.value("select count(*) from history.dim_thing where valid_from > '2026-01-05'") == 0
    assert "ann.lee" not in everything(house)
    exported = (house.home / "exports" / "thing" / "latest" / "thing.csv").read_text()
    assert set(re.findall(r"email:[0-9a-f]{32}", exported)) == set(after.values())


@pytest.fixture
def declare(house, small_project, tmp_path, monkeypatch):
    """Gives the entity a setting more, while its relations stand."""

    def setting(said):
        project = changed(small_project, tmp_path, (JUDGED, "entity: thing", f"entity: thing\n        {said}"))
        monkeypatch.setenv("SLUICE_DBT_PROJECT", str(project))
        forget_settings()
        dbt._record(dbt.project_hash())

    return setting


@pytest.mark.parametrize("words", [("pii", "erase", "--email", ANN), ("pii", "rotate")])
def test_exports_that_are_written_anew_have_their_parts(house, declare, words):
    declare("export_by: region")
    assert command(*words).exit_code == 0
    assert (house.home / "exports" / "thing" / "latest" / "region" / "n" / "thing.csv").is_file()


def test_who_comes_back_is_flagged_where_that_is_asked(house, declare):
    declare("erased: flag")
    assert erase("--email", ANN)["if_it_comes_back"] == {"thing": "flag"}
    broken = [f"n,bad,-1,,{ANN}", f"n,short,{ANN}", f"n,short,{BOB}"]
    things(house, 6, f"n,new,1,,{ANN}", f"n,new,1,,{ANN}", f"n,b,2,,{BOB}", *broken)
    house.run()
    assert house.value("select keeper from published.thing where code = 'new'") == "a***@example.com"
    returned = json.loads(command("pii", "erasures").stdout)["returned"]
    assert [(row["delivery_id"], row["rows"], row["unreadable"]) for row in returned] == [(4, 3, 1)]
    assert house.value("select count(*) from staging.unreadable where delivery_id = 4 and raw_length > 12") == 2


def test_any_number_of_entities_is_held_at_once(house):
    """Each lock had a connection of its own: with sixteen entities an erasure waited 30 s and gave up."""
    many = [f"entity_{number}" for number in range(40)]
    with runs.entity_lock(*many):
        assert house.value("select 1") == 1
        with pytest.raises(SluiceError, match="merging entity_7 right now"), runs.entity_lock("thing", "entity_7"):
            pass
    with runs.entity_lock(*many, "thing"):
        pass


def test_a_person_whose_row_stood_in_several_files_goes_from_all_of_them(small):
    few = [f"n,k{number},1,,{number}@example.com" for number in range(20)]
    for day in (1, 3, 4):
        things(small, day, *few, f"n,a,1,,{ANN}", f"n,day,{day},,")
        small.run()
    assert small.value("select to_regclass('judged.carried_3') is not null")
    erase("--email", ANN)
    assert ANN not in everything(small)
    things(small, 2, *few[:19], "n,k19,7,,19@example.com", "n,day,2,,")
    small.run()
    assert versions(small)[0][:5] == ("n", "a", 1, "2026-01-01", "2026-01-02")
    assert [row[2:5] for row in versions(small) if row[1] == "k19"] == [
        (1, "2026-01-01", "2026-01-02"),
        (7, "2026-01-02", "2026-01-03"),
        (1, "2026-01-03", None),
    ]
    assert ANN not in everything(small)
    assert small.value("select count(*) from published.thing where code = 'a'") == 1
