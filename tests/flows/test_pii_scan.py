"""`sluice pii scan`: raw personal values are found wherever they stand and may not."""

import json

import pytest
from command import refusal
from command import sluice as command
from conftest import TEST_PROJECT, forget_settings, keep
from workbench import HEADER, all_but, things

ANN = "n,a,1,call 702-555-0143,Ann.Lee@example.com"
PLACES = {
    "a table": "create table published.copy as select 'by ann.lee@example.com today' as said",
    "json": """create table ledger.notes as select jsonb_build_object('a', array['Ann.Lee@Example.com']) as doc""",
    "bytes": "create table public.blob as select 'x ann.lee@example.com'::bytea as raw",
    "a view of another schema": "create schema elsewhere; create view elsewhere.v as select keeper from judged.thing",
}


@pytest.fixture(scope="module")
def copies(install, small_project):
    small = install(small_project, TEST_PROJECT / "checks")
    things(small, 1, ANN)
    small.run()
    return keep(small)


@pytest.fixture
def house(copies):
    yield copies()
    forget_settings()


def test_a_run_leaves_nothing_behind(house):
    done = command("pii", "scan", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"values": 1, "leaks": []}


@pytest.mark.parametrize("place", PLACES)
def test_a_leak_in_the_warehouse_is_found(house, place):
    house.sql(PLACES[place])
    told = refusal(command("pii", "scan"))
    assert "1 places" in told
    assert "ann" not in told.lower()


def test_a_leak_in_a_file_is_found(house):
    (house.home / "exports" / "thing" / "mine.csv").write_text("a,b\n1,ann.lee@example.com\n")
    found = json.loads(command("pii", "scan", "--json").stdout)["leaks"]
    assert [(leak["place"].rsplit("/", 1)[1], leak["pii"], leak["count"]) for leak in found] == [
        ("mine.csv", "email", 1)
    ]


def test_a_column_that_nobody_declared_is_known_and_goes_nowhere(small):
    """Its values stay in staging, quarantine's raw rows and the archive; a scan searches them elsewhere."""
    header = HEADER.strip() + ",Second Contact,Colour\n"
    people = [f"zoe.{letter}@example.com" for letter in "pqrs"]
    rows = "".join(f"n,{who[4]},{size},,,{who},red\n" for who, size in zip(people, (1, 2, 3, -1), strict=True))
    small.deliver("acme.things", small.file("things-2026-01-01.csv", header + rows))
    small.run()
    assert command("report").exit_code == 0
    done = json.loads(command("pii", "scan", "--json").stdout)
    assert done == {"values": 4, "leaks": []}
    told = small.value("select message from ledger.delivery_checks where \"check\" = 'undeclared_personal'")
    assert told.startswith("columns that are not declared look personal: 'Second Contact' looks like email;")
    assert "zoe." not in all_but(small, ("staging", "judged", "quarantine", "pii"), ("archive", "drop"))
    small.sql("create table published.copy as select _extra from staging.acme__things")
    assert "1 places" in refusal(command("pii", "scan"))


@pytest.mark.parametrize(
    ("name", "warned"), [("ann.lee@example.com", True), ("078-05-1120", True), ("7025550143", False)]
)
def test_a_file_whose_name_tells_of_somebody_is_told(small, name, warned):
    small.deliver("acme.things", small.file(f"{name} things-2026-01-01.csv", HEADER + "n,a,1,,ann.lee@example.com\n"))
    told = small.sql("select outcome, message from ledger.delivery_checks where \"check\" = 'personal_name'")
    assert [outcome for outcome, _ in told] == ["warn"] * warned
    assert name not in str(told)
