"""A tracked column comes or goes: no version more in valid time; what is seen with it gets its values."""

import shutil
from pathlib import Path

import pytest
from conftest import forget_settings

HEADER = "Region,Code,Size,Note,Keeper\n"
OTHER = "n,z,1,1,"  # so that a file is not the same content as the one before: that would be a sighting
OF_A = "_superseded_in is null and code = 'a'"
NEW = "      - {name: weight, data_type: bigint, config: {meta: {pii: none}}}\n"


class Project:
    """A project whose entity `thing` a test may change."""

    def __init__(self, folder: Path) -> None:
        self.judged = folder / "models/judged/judged_thing.yml"
        self.identity = folder / "macros/judge/identity.sql"
        self.mappings = [folder / f"models/staging/acme/stg_acme__{feed}.sql" for feed in ("things", "changes")]

    def add(self) -> None:
        """`weight`, as the note says it."""
        self.judged.write_text(self.judged.read_text() + NEW)
        for mapping in self.mappings:
            weight = "case when note ~ '^[0-9]+$' then note::bigint end as weight,"
            mapping.write_text(mapping.read_text().replace("    note,\n", f"    note,\n    {weight}\n"))
        forget_settings()

    def hash_otherwise(self) -> None:
        """As a release does that takes fingerprints in another way."""
        self.identity.write_text(self.identity.read_text().replace("sha512", "sha384"))
        forget_settings()

    def drop(self, column: str) -> None:
        lines = self.judged.read_text().splitlines(keepends=True)
        self.judged.write_text("".join(line for line in lines if f"name: {column}," not in line))
        forget_settings()


@pytest.fixture
def project(small, small_project, tmp_path, monkeypatch) -> Project:
    folder = tmp_path / "project"
    shutil.copytree(small_project, folder)
    monkeypatch.setenv("SLUICE_DBT_PROJECT", str(folder))
    changed = Project(folder)
    # The note stands for the new column's value: let it be no tracked column itself.
    changed.judged.write_text(changed.judged.read_text().replace("pii: free_text", "pii: free_text, tracked: false"))
    forget_settings()
    return changed


def day(small, number: int, *rows: str, feed: str = "things") -> int:
    file = small.file(f"{feed}-2026-01-0{number}.csv", HEADER + "".join(row + "\n" for row in rows))
    delivery = small.deliver(f"acme.{feed}", file).delivery_id
    small.run()
    return delivery


def versions(small, columns: str = "size, weight", known: str = "_superseded_in is null") -> list[tuple]:
    return small.sql(
        f"select code, {columns}, valid_from::date::text, valid_to::date::text from history.dim_thing"
        f" where {known} order by code, valid_from"
    )


def test_fingerprints_of_another_form_make_no_version(small, project):
    day(small, 1, "n,a,1,,ann@example.com", "n,b,1,,", "n,c,1,,")
    day(small, 3, "n,a,1,,ann@example.com", "n,b,1,,")
    project.hash_otherwise()
    day(small, 4, "n,a,1,,ann@example.com", "n,b,2,,")
    day(small, 2, "n,a,1,,ann@example.com", "n,b,3,,", "n,c,1,,")
    assert versions(small, "size") == [
        ("a", 1, "2026-01-01", None),
        ("b", 1, "2026-01-01", "2026-01-02"),
        ("b", 3, "2026-01-02", "2026-01-03"),
        ("b", 1, "2026-01-03", "2026-01-04"),
        ("b", 2, "2026-01-04", None),
        ("c", 1, "2026-01-01", "2026-01-03"),
    ]
    assert small.value("select count(distinct substr(_fingerprint, 1, 4)) from history.dim_thing") == 2


def test_a_new_column_is_filled_and_makes_no_version(small, project):
    day(small, 1, "n,a,1,5,ann@example.com", "n,b,1,6,")
    project.add()
    second = day(small, 2, "n,a,1,5,ann@example.com", "n,b,2,6,")
    assert versions(small) == [
        ("a", 1, 5, "2026-01-01", None),
        ("b", 1, None, "2026-01-01", "2026-01-02"),
        ("b", 2, 6, "2026-01-02", None),
    ]
    account = small.account(second)
    assert (account["opened"], account["changed"], account["unchanged"]) == (0, 1, 1)
    known_then = "_recorded_in = 1 and code = 'a'"
    assert versions(small, known=known_then) == [("a", 1, None, "2026-01-01", None)]
    explained = small.sql("select _delivery_id, _row_number, _line_number from history.dim_thing where weight = 5")
    assert explained == [(1, 1, 2)]
    day(small, 3, "n,a,1,7,ann@example.com", "n,b,2,6,")  # from now on it counts
    assert versions(small)[:2] == [("a", 1, 5, "2026-01-01", "2026-01-03"), ("a", 1, 7, "2026-01-03", None)]


def test_a_dropped_column_keeps_its_old_values_and_counts_no_more(small, project):
    day(small, 1, "n,a,1,5,ann@example.com", "n,b,1,6,bob@example.com")
    project.drop("keeper")
    day(small, 2, "n,a,1,5,someone@example.com", "n,b,2,6,")
    assert versions(small, "size, keeper") == [
        ("a", 1, "a***@example.com", "2026-01-01", None),
        ("b", 1, "b***@example.com", "2026-01-01", "2026-01-02"),
        ("b", 2, None, "2026-01-02", None),
    ]


def test_one_comes_and_one_goes(small, project):
    day(small, 1, "n,a,1,5,ann@example.com")
    project.add()
    project.drop("keeper")
    day(small, 2, "n,a,1,5,", "n,c,1,9,")
    assert versions(small) == [("a", 1, 5, "2026-01-01", None), ("c", 1, 9, "2026-01-02", None)]
    assert small.value("select keeper from history.dim_thing where code = 'a' and weight = 5") == "a***@example.com"


def test_a_delivery_from_before_the_refresh_comes_late(small, project):
    day(small, 1, "n,a,1,5,")
    project.add()
    day(small, 4, "n,a,1,5,", OTHER)
    assert versions(small, known=OF_A) == [("a", 1, 5, "2026-01-01", None)]
    day(small, 3, "n,a,1,3,", OTHER)
    assert versions(small, known=OF_A) == [("a", 1, 3, "2026-01-01", "2026-01-04"), ("a", 1, 5, "2026-01-04", None)]
    day(small, 2, "n,a,2,3,", OTHER)
    assert versions(small, known=OF_A) == [
        ("a", 1, None, "2026-01-01", "2026-01-02"),
        ("a", 2, 3, "2026-01-02", "2026-01-03"),
        ("a", 1, 3, "2026-01-03", "2026-01-04"),
        ("a", 1, 5, "2026-01-04", None),
    ]


def test_the_delivery_that_brought_the_column_is_retracted(small, project):
    day(small, 1, "n,a,1,5,")
    project.add()
    second = day(small, 2, "n,a,1,5,", OTHER)
    assert versions(small, known=OF_A) == [("a", 1, 5, "2026-01-01", None)]
    assert small.retract(second)
    small.run()
    assert versions(small, known=OF_A) == [("a", 1, None, "2026-01-01", None)]
    assert small.retract(second, undo=True)
    small.run()
    assert versions(small, known=OF_A) == [("a", 1, 5, "2026-01-01", None)]


def test_a_delta_refreshes_its_own_keys(small, project):
    day(small, 1, "n,a,1,5,", "n,b,1,6,", feed="changes")
    project.add()
    day(small, 2, "n,b,1,6,", feed="changes")
    assert versions(small) == [("a", 1, None, "2026-01-01", None), ("b", 1, 6, "2026-01-01", None)]
