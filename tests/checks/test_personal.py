"""A column that looks personal while classed none stops the run, and is told without a value."""

import pytest
from conftest import TEST_PROJECT, forget_settings
from workbench import JUDGED, STAGED, changed, things

from checks.personal import looks
from warehouse.errors import SluiceError

CELLS = {
    "email": ["ann@example.com", "bob.lee+x@mail.example.co.uk", "cat@example.org"],
    "phone": ["(702) 555-0143", "702-555-0144", "+44 20 7946 0001"],
    "government_id": ["123-45-6789", "123-45-6780", "219-09-9999"],
    "ip": ["203.0.113.77", "198.51.100.2", "192.0.2.255"],
}
CARDS = ["4111 1111 1111 1111", "5555555555554444", "378282246310005"]
HARMLESS = {
    "dates": ["2026-01-05", "29.11.2016", "1/5/2026"],
    "licence numbers": ["7025550143", "FC-20021", "1512001"],
    "zips": ["89027-1234", "02139", "73101"],
    "amounts": ["1,250.00", "12.5", "-3"],
    "versions": ["1.2.3", "10.0", "2.4.1"],
    "coordinates": ["-0.127758", "51.507351", "529090"],
    "planning references": ["16/00123/FUL", "2016/0042", "DC/17/1"],
    "handles": ["@ann", "a@b", "50 @ 3"],
    "numbers of sixteen digits": ["1234567890123456", "4000000000000001", "9999999999999999"],
}


MORE_PHONES = ["(702)555-0143", "1-702-555-0144", "702-555-0145x12"]


@pytest.mark.parametrize(("pii", "cells"), [*CELLS.items(), ("government_id", CARDS), ("phone", MORE_PHONES)])
def test_what_looks_personal(pii, cells):
    (found,) = looks({"a": cells})
    assert (found.pii, found.cells, found.of) == (pii, 3, 3)


@pytest.mark.parametrize("cells", HARMLESS.values(), ids=HARMLESS)
def test_what_does_not(cells):
    assert looks({"a": cells}) == []


@pytest.mark.parametrize("filled", [1, 2])
def test_a_column_with_few_filled_cells_looks_personal_where_all_do(filled):
    for pii, cells in CELLS.items():
        told = looks({"a": [*cells[:filled], "", None]})
        assert [found.pii for found in told] == ([] if pii == "ip" else [pii])
    assert looks({"a": [CARDS[0]]}) == []  # one of ten numbers passes its check digit
    assert looks({"a": [CELLS["email"][0], "none"]}) == []


def test_a_few_among_many_do_not_make_a_column():
    assert looks({"a": CELLS["phone"] + ["none"] * 100}) == []
    assert looks({"a": [*CELLS["email"], *["none"] * 20]}) != []  # e-mails: from one in twenty on


def with_code(install, small_project, tmp_path, meta):
    classed = (
        (STAGED, 'headers: ["Code", "Thing Code"], required: true, pii: none'),
        (JUDGED, "name: code, data_type: text, config: {meta: {pii: none"),
    )
    changes = [(file, before, before.replace("pii: none", meta)) for file, before in classed]
    return install(changed(small_project, tmp_path, *changes), TEST_PROJECT / "checks")


ROWS = [f"n,person{i}@example.com,{i},," for i in range(5)]


def test_the_run_stops_and_names_column_and_class(install, small_project, tmp_path):
    small = with_code(install, small_project, tmp_path, "pii: none")
    things(small, 1, *ROWS)
    with pytest.raises(SluiceError) as stopped:
        small.run()
    for part in ("acme.things.code", "judged_thing.code", "5 of 5", "email", "pii: ...", "why: ..."):
        assert part in str(stopped.value)
    assert "person" not in str(stopped.value).replace("personal", "")
    assert small.value("select count(*) from history.dim_thing") == 0
    assert small.value("select state from ledger.deliveries") == "staged"
    forget_settings()


def test_with_a_reason_it_goes_on(install, small_project, tmp_path):
    small = with_code(install, small_project, tmp_path, 'pii: none, why: "codes of machines"')
    things(small, 1, *ROWS)
    small.run()
    assert small.value("select count(*) from published.thing") == 5
    forget_settings()
