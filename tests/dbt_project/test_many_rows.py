"""Many rows are masked by all cores, a few by one process: what history and vault hold is the same."""

import shutil
from pathlib import Path

import pytest
import yaml
from conftest import TEST_PROJECT, Sluice, forget_settings
from workbench import JUDGED, STAGED, changed, things

HEADER = "Region,Code,Size,Note,Keeper\n"
SHOWN = (
    "select region, code, size, note, keeper, keeper_token, _feed, _delivery_id, _row_number, valid_from::text,"
    " valid_to::text, _recorded_in, _superseded_in from history.dim_thing order by 1, 2, 7, 10, 12"
)
KEPT = "select token, class, key_version, entities, value, normal from pii.vault order by 1"

REGIONS = (
    (JUDGED, "{name: region, data_type: text, config: {meta: {pii: none}}}"),
    (STAGED, '{meta: {headers: ["Region"], required: true, pii: none}}'),
)
MASKS = {"A***@Example.com", *(f"{first}***@example.com" for first in "akKlc")}


@pytest.fixture
def project(small_project, tmp_path):
    """The small project, to be changed."""
    yield shutil.copytree(small_project, tmp_path / "project")
    forget_settings()


def with_regions(small_project: Path, folder: Path, pii: str) -> Path:
    """A project whose regions are of a class."""
    return changed(small_project, folder, *((file, said, said.replace("none", pii)) for file, said in REGIONS))


def count_as_many(project: Path, rows: int) -> None:
    """Let so many rows be masked as many are."""
    file = project / "dbt_project.yml"
    declared = yaml.safe_load(file.read_text())
    declared["vars"]["many_rows"] = rows
    file.write_text(yaml.safe_dump(declared))


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
    count_as_many(project, 1)
    sluice = install(project, TEST_PROJECT / "checks")  # of the same template: with the same keys
    assert story(sluice) == few
    history, vault = few
    assert {row[4] for row in history if row[4]} == MASKS
    assert {row[5] for row in history} == {None, *(row[0] for row in vault)}
    assert sluice.sql("select relname from pg_class where relname ~ '^(made|picked)_'") == []


@pytest.mark.parametrize("divisor", [1, 8], ids=["together", "apart"])
def test_columns_that_repeat_are_masked_as_few_are(install, small_project, tmp_path, divisor):
    """Names and e-mails that repeat, as pairs or each by itself, some of them missing."""
    project = with_regions(small_project, tmp_path, "person_name")
    lines = [
        f"Region {n % 8},k{n},1,," + (f"k{n // divisor % 8}@example.com" if n % 8 != 5 else "") + "\n"
        for n in range(64)
    ]

    def shown(many_rows):
        count_as_many(project, many_rows)
        sluice = install(project, TEST_PROJECT / "checks")
        for day in (1, 2):
            file = sluice.file(f"things-2026-01-0{day}.csv", HEADER + "".join(lines).replace(",1,", f",{day},"))
            sluice.deliver("acme.things", file)
            sluice.run()
        return sluice.sql(
            "select region, region_token, code, size, keeper, keeper_token, valid_from::text, valid_to::text"
            " from history.dim_thing where _superseded_in is null order by 3, 4"
        ), sluice.sql(KEPT)

    few, many = shown(1000), shown(1)
    assert many == few
    assert len(few[0]) == 128
    assert sum(row[4] is None for row in few[0]) == 16
    forget_settings()


@pytest.mark.parametrize("many_rows", [1000, 1], ids=["few", "many"])
def test_what_two_columns_of_a_class_tell_at_once_is_kept_once(install, small_project, tmp_path, many_rows):
    """In one merge, by a row that has it in both columns, and by one that has it in the other."""
    project = with_regions(small_project, tmp_path, "email")
    count_as_many(project, many_rows)
    sluice = install(project, TEST_PROJECT / "checks")
    things(sluice, 1, "ann@example.com,a,1,,Ann@example.com", "bob@example.com,b,1,,cy@example.com")
    sluice.run()
    things(sluice, 2, "ann@example.com,a,2,,dee@example.com", "cy@example.com,b,1,,dee@example.com")
    sluice.run()
    assert sluice.sql("select lower(value) from pii.vault order by 1") == [
        (f"{name}@example.com",) for name in ("ann", "bob", "cy", "dee")
    ]
    in_history = "select region_token from history.dim_thing union select keeper_token from history.dim_thing"
    assert sluice.sql(f"select count(*) from pii.vault where token in ({in_history})") == [(4,)]
    forget_settings()
