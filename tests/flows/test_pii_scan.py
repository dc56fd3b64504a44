"""`sluice pii scan`: raw personal values are found wherever they stand and may not."""

import json

import pytest
from command import refusal
from command import sluice as command
from workbench import things

ANN = "n,a,1,call 702-555-0143,Ann.Lee@example.com"
PLACES = {
    "a table": "create table published.copy as select 'by ann.lee@example.com today' as said",
    "json": """create table ledger.notes as select jsonb_build_object('a', array['Ann.Lee@Example.com']) as doc""",
    "bytes": "create table public.blob as select 'x ann.lee@example.com'::bytea as raw",
    "a view of another schema": "create schema elsewhere; create view elsewhere.v as select keeper from judged.thing",
}


@pytest.fixture
def house(small):
    things(small, 1, ANN)
    small.run()
    return small


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
