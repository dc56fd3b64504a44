"""Many rows are masked by all cores, a few by one process: what history and vault hold is the same."""

import shutil

import pytest
import yaml
from conftest import TEST_PROJECT, Sluice, forget_settings

HEADER = "Region,Code,Size,Note,Keeper\n"
SHOWN = (
    "select region, code, size, note, keeper, keeper_token, _feed, _delivery_id, _row_number, valid_from::text,"
    " valid_to::text, _recorded_in, _superseded_in from history.dim_thing order by 1, 2, 7, 10, 12"
)
KEPT = "select token, class, key_version, entities, value, normal from pii.vault order by 1"

MASKS = {"A***@Example.com", *(f"{first}***@example.com" for first in "akKlc")}


@pytest.fixture
def project(small_project, tmp_path):
    """The small project, to be changed."""
    yield shutil.copytree(small_project, tmp_path / "project")
    forget_settings()


def rows(first: int, last: int, size: int, keeper: str) -> str:
    return "".join(
        f'n,k{n},{size},"call 702-555-0143 or {keeper.format(n)}",{keeper.format(n)}\n' for n in range(first, last)
    )


def story(sluice: Sluice) -> tuple[list[tuple], list[tuple]]:
    """A first load, whose keepers repeat; changes and new keys, whose keepers do not; a late file; a delta."""
    days = {
        1: rows(0, 60, 1, "Ann.Lee@Example.com") + rows(60, 70, 1, "k{}@example.com") + "n,none,1,,\n",
        3: rows(0, 5, 2, "Ann.Lee@Example.com") + rows(5, 75, 2, "K{}@example.com") + "n,none,2,,\n",
        2: rows(0, 50, 3, "ann.lee@example.com") + rows(80, 90, 3, "late{}@example.com"),
    }
    for day, lines in days.items():
        sluice.deliver("acme.things", sluice.file(f"things-2026-01-{day:02}.csv", HEADER + lines))
        sluice.run()
    changes = HEADER + rows(100, 140, 4, "c{}@example.com")
    sluice.deliver("acme.changes", sluice.file("changes-2026-01-02.csv", changes))
    sluice.run()
    return sluice.sql(SHOWN), sluice.sql(KEPT)


def test_many_rows_are_masked_as_few_are(install, project):
    few = story(install(project, TEST_PROJECT / "checks"))
    file = project / "dbt_project.yml"
    declared = yaml.safe_load(file.read_text())
    declared["vars"]["many_rows"] = 1
    file.write_text(yaml.safe_dump(declared))
    sluice = install(project, TEST_PROJECT / "checks")  # of the same template: with the same keys
    assert story(sluice) == few
    history, vault = few
    assert {row[4] for row in history if row[4]} == MASKS
    assert {row[5] for row in history} == {None, *(row[0] for row in vault)}
    assert sluice.sql("select relname from pg_class where relname ~ '^(made|picked)_'") == []
