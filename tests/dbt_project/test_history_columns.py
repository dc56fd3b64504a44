"""A tracked column comes or goes: no version more in valid time; what is seen with it gets its values."""

import os
import random
import re
import shutil
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from conftest import TEST_PROJECT, forget_settings
from dbt_project.test_history import EXAMPLES, Delivery, Key, Played, Step, contents, each_of, in_force, told_apart
from hypothesis import strategies as st
from workbench import everything

from flows import reprocess
from flows.erase import erase
from flows.erase_plan import Person
from flows.privacy import rotate
from warehouse.errors import SluiceError

HEADER = "Region,Code,Size,Note,Keeper\n"
OTHER = "n,z,1,1,"  # so that a file is not the same content as the one before: that would be a sighting
OF_A = "_superseded_in is null and code = 'a'"
NEW = "      - {name: weight, data_type: bigint, config: {meta: {pii: none}}}\n"


class Project:
    """A project whose entity `thing` a test may change."""

    def __init__(self, folder: Path) -> None:
        self.judged = folder / "models/judged/judged_thing.yml"
        self.identity = folder / "macros/judge/identity.sql"
        self.mappings = sorted((folder / "models/staging/acme").glob("stg_acme__*.sql"))

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

    def retype_size(self, data_type: str) -> None:
        """Sizes with digits behind the point."""
        self.judged.write_text(
            self.judged.read_text().replace("name: size, data_type: integer", f"name: size, data_type: '{data_type}'")
        )
        for mapping in self.mappings:
            text = mapping.read_text().replace("(size, 'integer')", "(size, 'numeric')")
            mapping.write_text(text.replace("size::integer", "size::numeric"))
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


@pytest.mark.parametrize("data_type", ["numeric", "numeric(9,1)"])
def test_a_number_that_is_written_otherwise_is_the_same(install, small_project, tmp_path, data_type):
    folder = tmp_path / "project"
    shutil.copytree(small_project, folder)
    Project(folder).retype_size(data_type)
    small = install(folder, TEST_PROJECT / "checks")
    day(small, 1, "n,a,1.5,,", "n,b,7.0,,", "n,c,100,,")
    day(small, 3, "n,a,1.50,,", "n,b,7,,", "n,c,1e2,,")
    day(small, 2, "n,a,01.500,,", "n,b,7.1,,", "n,c,100.0,,")
    assert versions(small, "trim_scale(size)::text") == [
        ("a", "1.5", "2026-01-01", None),
        ("b", "7", "2026-01-01", "2026-01-02"),
        ("b", "7.1", "2026-01-02", "2026-01-03"),
        ("b", "7", "2026-01-03", None),
        ("c", "100", "2026-01-01", None),
    ]
    forget_settings()


def test_before_there_is_a_history_a_column_may_have_another_type(small, project):
    project.retype_size("numeric(9,1)")
    with pytest.raises(SluiceError, match=r"Nothing of it is in history yet: drop table judged.thing") as refused:
        small.run()
    small.sql(re.search(r"drop table [^;]+ cascade", str(refused.value))[0])
    day(small, 1, "n,a,1.5,,")
    assert versions(small, "size::text") == [("a", "1.5", "2026-01-01", None)]
    assert small.sql("select code, size::text from published.thing") == [("a", "1.5")]


def test_a_column_of_another_type_is_refused_before_any_data_moves(small, project):
    day(small, 1, "n,a,1,,", "n,b,1,,")
    project.retype_size("numeric(9,1)")
    with pytest.raises(SluiceError, match="column size: it is declared numeric") as refused:
        small.run()
    for part in ("judged_thing.yml", "numeric(9,1)", "integer", "another name"):
        assert part in str(refused.value)
    project.drop("size")  # and one of another name
    project.judged.write_text(project.judged.read_text() + NEW.replace("weight", "extent").replace("bigint", "numeric"))
    for mapping in project.mappings:
        mapping.write_text(mapping.read_text().replace(" as size,", " as extent,"))
    forget_settings()
    day(small, 2, "n,a,1.5,,", "n,b,1.0,,")
    assert versions(small, "size, extent::text") == [
        ("a", 1, "1.5", "2026-01-01", None),
        ("b", 1, "1.0", "2026-01-01", None),
    ]


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
    erase(Person(pii="email", value="ann@example.com"))
    assert "ann@" not in everything(small)
    assert small.sql("select distinct keeper, keeper_token from history.dim_thing where code = 'a'") == [(None, None)]


def test_tokens_of_a_column_that_went_are_rotated_with_the_others(small, project):
    day(small, 1, "n,a,1,5,ann@example.com", "n,b,1,6,bob@example.com")
    declared = project.judged.read_text()
    project.drop("keeper")
    day(small, 2, "n,a,1,5,ann@example.com", "n,b,2,6,bob@example.com")
    rotate()
    project.judged.write_text(declared)
    forget_settings()
    day(small, 3, "n,a,1,5,ann@example.com", "n,b,2,6,bob@example.com", OTHER)
    assert versions(small, "size", OF_A) == [("a", 1, "2026-01-01", None)]
    assert small.value("select keeper_token in (select token from pii.vault) from history.dim_thing where " + OF_A)


def test_a_token_that_a_column_that_went_still_has_stays_in_the_vault(small, project):
    day(small, 1, "n,a,1,5,ann@example.com", "n,b,1,6,ann@example.com")
    project.drop("keeper")
    day(small, 2, "n,a,1,5,ann@example.com", "n,b,2,6,ann@example.com")
    erase(Person(entity="thing", key=("n", "a")))
    assert small.value(
        "select keeper_token in (select token from pii.vault) from history.dim_thing where"
        " code = 'b' and keeper_token is not null"
    )
    rotate()


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


# A dimension of before versions knew more than two sets of columns.
AS_IT_WAS = """
    alter table history.dim_thing add _first_fingerprint bytea, add _refreshed_at timestamptz;
    update history.dim_thing set _first_fingerprint = _fingerprints[1], _refreshed_at = _seen_at[2]
    where _fingerprints is not null;
    alter table history.dim_thing drop _fingerprints, drop _seen_at;
"""


def test_the_delivery_that_brought_the_column_is_retracted(small, project):
    day(small, 1, "n,a,1,5,")
    project.add()
    second = day(small, 2, "n,a,1,5,", OTHER)
    assert versions(small, known=OF_A) == [("a", 1, 5, "2026-01-01", None)]
    small.sql(AS_IT_WAS)
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


@pytest.mark.parametrize("purged", [False, True])
def test_erased_rows_differ_in_what_was_personal(small, project, purged):
    day(small, 1, "n,a,1,5,ann@example.com", "n,b,1,5,ann@example.com", "n,c,1,5,ann@example.com")
    project.add()
    day(small, 3, "n,a,1,5,eve@example.com", "n,b,1,5,ann@example.com", "n,c,1,5,")
    for who in ("ann", "eve"):
        erase(Person(pii="email", value=f"{who}@example.com"))
    before = [
        ("a", 1, None, "2026-01-01", "2026-01-03"),
        ("a", 1, 5, "2026-01-03", None),
        ("b", 1, 5, "2026-01-01", None),
        ("c", 1, None, "2026-01-01", "2026-01-03"),
        ("c", 1, 5, "2026-01-03", None),
    ]
    assert versions(small) == before
    if purged:
        small.sql("drop table judged.delivery_2; drop table staging.delivery_2")
    late = day(small, 2, "n,a,1,5,", "n,b,1,6,", "n,c,1,6,")
    assert small.retract(late)
    small.run()
    assert versions(small) == before
    assert not [line for line in everything(small).splitlines() if "ann@" in line or "eve@" in line]


AWAY = "n,d,1,5,ann@example.com"


def test_a_value_that_was_erased_while_its_column_was_away_is_not_the_next_ones(small, project):
    """Nobody knows it; it is not the value of the row that comes next."""
    declared = project.judged.read_text()
    project.drop("keeper")
    day(small, 1, "n,a,1,5,ann@example.com", "n,b,1,5,bob@example.com", "n,c,1,5,ann@example.com", AWAY)
    day(small, 2, "n,a,1,5,ann@example.com", "n,b,1,5,bob@example.com", "n,c,1,5,", AWAY, OTHER)
    day(small, 3, "n,a,1,5,bob@example.com", "n,b,1,5,bob@example.com", "n,c,1,5,", AWAY)
    erase(Person(pii="email", value="ann@example.com"))
    project.judged.write_text(declared)
    forget_settings()
    reprocess.reprocess(reprocess.find("thing"), by="test")
    expected = [
        ("a", None, "2026-01-01", "2026-01-03"),
        ("a", "b***@example.com", "2026-01-03", None),
        ("b", "b***@example.com", "2026-01-01", None),
        ("c", None, "2026-01-01", "2026-01-02"),
        ("c", None, "2026-01-02", None),
        ("d", None, "2026-01-01", None),
    ]
    assert versions(small, "keeper", "_superseded_in is null and code < 'z'") == expected
    day(small, 4, "n,a,1,5,bob@example.com", "n,b,1,5,bob@example.com", "n,c,1,5,", "n,d,1,5,eve@example.com")
    expected[-1:] = [("d", None, "2026-01-01", "2026-01-04"), ("d", "e***@example.com", "2026-01-04", None)]
    assert versions(small, "keeper", "_superseded_in is null and code < 'z'") == expected


class Weighed(Delivery):
    """A delivery whose rows have a weight, in their note: (region, code, size, keeper, weight)."""

    columns: frozenset[str] = frozenset()  # the tracked ones that it was judged by, beside the size

    def text(self) -> str:
        lines = [f"{region},{code},{size},{weight},{keeper}" for region, code, size, keeper, weight in self.rows]
        return HEADER + "".join(f"{line}\n" for line in self.with_lost(lines))

    def seen(self) -> dict[Key, dict[str, str]]:
        """The values of the keys that are good, as far as its columns go."""
        distinct: dict[Key, list[dict[str, str]]] = defaultdict(list)
        for region, code, size, keeper, weight in self.rows:
            told = {"size": size, "keeper": keeper, "weight": weight}
            values = {name: value for name, value in told.items() if name in self.columns or name == "size"}
            if values not in distinct[region, code]:
                distinct[region, code].append(values)
        return {key: of[0] for key, of in distinct.items() if len(of) == 1 and of[0]["size"] in ("1", "2")}


@dataclass
class Known:
    """A version: what was said of each column since it began."""

    values: dict[str, str]
    start: datetime
    end: datetime | None = None


def reference(told: list[Weighed]) -> dict[tuple[str, Key], list[Known]]:
    """The versions of each feed's keys. One goes on while nothing is said that differs from what is known of it; what
    is said of a column for the first time is known of it from then on."""
    versions: dict[tuple[str, Key], list[Known]] = {}
    for delivery in told:
        for key, values in delivery.seen().items():
            known = versions.setdefault((delivery.feed, key), [])
            is_open = bool(known) and known[-1].end is None
            if is_open and all(known[-1].values.get(name, value) == value for name, value in values.items()):
                known[-1].values |= values
                continue
            if is_open:
                known[-1].end = delivery.at
            known.append(Known(values, delivery.at))
        there = {row[:2] for row in delivery.rows}
        protected = {part for one in delivery.unreadable for part in one}
        for (feed, key), known in versions.items():
            absent = key not in there and not protected & set(key)
            if delivery.feed == "things" == feed and absent and known[-1].end is None:
                known[-1].end = delivery.at
    return versions


Phase = tuple[frozenset[str], list[Step]]


@st.composite
def stories(draw) -> tuple[list[Weighed], list[Phase]]:
    """Deliveries, and times of other columns each, which come, go and come again: what arrives in one may speak of any
    day, and what came before may be retracted then, or put back."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    days = st.tuples(st.sampled_from(["things", "things", "changes"]), st.integers(0, 8))
    told = []
    for feed, day in sorted(draw(st.sets(days, min_size=7, max_size=10))):
        rows, lost = contents(rng, feed)
        told.append(Weighed(feed, [(*row, rng.choice("56")) for row in rows], day, lost))
    sets = draw(st.lists(st.sampled_from(COLUMNS), min_size=4, max_size=4))
    arrives_in = [draw(st.integers(0, len(sets) - 1)) for _ in told]
    phases: list[Phase] = []
    for phase, columns in enumerate(sets):
        ours = [number for number, arrives in enumerate(arrives_in) if arrives == phase]
        steps: list[Step] = [("deliver", number) for number in draw(st.permutations(ours))]
        every = st.sampled_from(range(len(told)))
        extra = st.one_of(
            st.tuples(st.just("run"), st.just(0)),
            st.tuples(st.just("crash"), st.integers(0, FOLDED)),
            st.tuples(st.sampled_from(["retract", "undo"]), every),
        )
        for step in draw(st.lists(extra, max_size=4)):
            steps.insert(draw(st.integers(0, len(steps))), step)
        phases.append((columns, [*steps, ("run", 0)]))
    return told, phases


COLUMNS = [frozenset(names) for names in (("keeper",), ("keeper", "weight"), ("weight",), ())]
FOLDED = 7  # a merge that dies after so many steps has come to its end


class Judged(Played):
    """The steps, and by which columns each delivery was judged: those of the run that brought it into history."""

    def __init__(self, sluice: Any, told: list[Weighed]) -> None:
        super().__init__(sluice, told)
        self.in_history: set[int] = set()
        self.columns: frozenset[str] = frozenset()

    def run(self, number: int) -> bool:
        return super().run(number) and self._folded()

    def crash(self, before: int) -> bool:
        super().crash(before)
        return before < FOLDED or self._folded()

    def _folded(self) -> bool:
        in_force = self.ids.keys() - self.gone
        for number in in_force - self.in_history:
            self.told[number].columns = self.columns
        self.in_history = set(in_force)
        return True


@pytest.fixture(scope="module")
def weighed_project(moving_project, tmp_path_factory) -> Path:
    """The project in which the note, which stands for the weight, is no tracked column itself."""
    folder = tmp_path_factory.mktemp("weighed") / "project"
    shutil.copytree(moving_project, folder)
    project = Project(folder)
    project.judged.write_text(project.judged.read_text().replace("pii: free_text", "pii: free_text, tracked: false"))
    return folder


@each_of(stories(), max(1, EXAMPLES // 3))
def test_history_is_a_function_of_the_deliveries_when_columns_change(install, weighed_project, story):
    told, phases = story
    sluice = install(weighed_project, TEST_PROJECT / "checks")
    shutil.copytree(weighed_project, sluice.home / "project")
    os.environ["SLUICE_DBT_PROJECT"] = str(sluice.home / "project")
    declared = Project(sluice.home / "project")
    declared.add()
    every = declared.judged.read_text()
    played = Judged(sluice, told)
    for columns, steps in phases:
        declared.judged.write_text(every)
        for column in {"keeper", "weight"} - columns:
            declared.drop(column)
        forget_settings()
        sluice.run()
        played.columns = columns
        played.play(steps)
    expected = {
        (f"acme.{feed}", *key, *(known.values.get(name) or None for name in SHOWN), known.start, known.end)
        for (feed, key), versions in reference(in_force(told, played.done)).items()
        for known in versions
    }
    found = sluice.sql(
        "select _feed, region, code, told ->> 'size', case when told ->> 'keeper_token' is not null then"
        " 'ann@example.com' end, told ->> 'weight', valid_from, valid_to"
        " from history.dim_thing, to_jsonb(dim_thing) as told where _superseded_in is null"
    )
    assert told_apart(found, expected) == ""
    assert not sluice.sql(
        "select * from ledger.row_accounts join ledger.deliveries using (delivery_id) where in_history and"
        " (good = opened + changed + unchanged + duplicate and least(opened, changed, unchanged, closed) >= 0)"
        " is not true"
    )


SHOWN = ("size", "keeper", "weight")
