"""The fold against a plain reference: whatever comes in, and however it is batched, the versions are the same."""

import os
import shutil
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest
from conftest import TEST_PROJECT, forget_settings
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

HEADER = "Region,Code,Size,Note,Keeper\n"
EXAMPLES = int(os.environ.get("DEEP_EXAMPLES", "12"))
DAY_ONE = date(2026, 1, 1)

Key = tuple[str, str]
Row = tuple[str, str, str, str]  # region, code, size, keeper


@dataclass
class Delivery:
    feed: str
    rows: list[Row]
    day: int = 0
    unreadable: list[Key] = field(default_factory=list)

    def text(self) -> str:
        lines = [f"{region},{code},{size},,{keeper}" for region, code, size, keeper in self.rows]
        lines += [f"{region},{code}" for region, code in self.unreadable]  # too few cells
        return HEADER + "\n".join(lines) + "\n"


@dataclass
class Version:
    value: tuple[str, str]
    start: date
    end: date | None = None


Versions = dict[tuple[str, Key], list[Version]]
Effects = set[tuple[str, str, int, int, int]]  # feed, day, opened, changed, closed


def reference(told: list[tuple[date, Delivery]]) -> tuple[Versions, Effects]:
    """The versions of each (feed, key), by walking through the deliveries in force, day by day; and what each of these
    did."""
    versions: Versions = {}
    effects: Effects = set()
    for day, delivery in told:
        opened = changed = closed = 0
        good, present = judge(delivery)
        for key, value in good.items():
            known = versions.setdefault((delivery.feed, key), [])
            if not known or known[-1].end:
                known.append(Version(value, day))
                opened += 1
            elif known[-1].value != value:
                known[-1].end = day
                known.append(Version(value, day))
                changed += 1
        for (feed, key), known in versions.items():
            absent = key not in good and key not in present
            if delivery.feed == "things" == feed and absent and not known[-1].end:
                known[-1].end = day
                closed += 1
        effects.add((f"acme.{delivery.feed}", str(day), opened, changed, closed))
    return versions, effects


def judge(delivery: Delivery) -> tuple[dict[Key, tuple[str, str]], set[Key]]:
    """Good values by key, and keys that are present though not good."""
    distinct: dict[Row, None] = dict.fromkeys(delivery.rows)
    keys = [row[:2] for row in distinct]
    good, bad = {}, set()
    for region, code, size, keeper in distinct:
        if size in ("1", "2") and keys.count((region, code)) == 1:
            good[region, code] = (size, keeper)
        else:
            bad.add((region, code))
    # A part of a key that occurs in a record that could not be read protects every key that has this part.
    texts = [",".join(key) for key in delivery.unreadable]
    every = [(region, code) for region in "ns" for code in "xyz"]
    protected = {key for key in every if any(part in text for part in key for text in texts)}
    return good, bad | protected


keys = st.tuples(st.sampled_from("ns"), st.sampled_from("xyz"))
rows = st.tuples(
    st.sampled_from("ns"),
    st.sampled_from("xyz"),
    st.sampled_from(["1", "2", "1", "2", "-1", "many"]),
    st.sampled_from(["", "ann@example.com"]),
)
deliveries = st.builds(
    Delivery,
    feed=st.sampled_from(["things", "things", "changes"]),
    rows=st.lists(rows, min_size=1, max_size=6),
    day=st.integers(0, 4),
    unreadable=st.lists(keys, max_size=1),
)


Step = tuple[str, int]  # ("deliver" | "retract" | "undo" | "run", number)


def in_force(told: list[Delivery], steps: list[Step]) -> list[tuple[date, Delivery]]:
    """The deliveries that history counts with after the steps, by day: of each feed's day the newest that is not
    retracted."""
    arrived: dict[int, int] = {}  # number -> revision
    retracted: set[int] = set()
    for order, (what, number) in enumerate(steps):
        if what == "deliver":
            arrived.setdefault(number, order)
        elif what == "retract" and number in arrived:
            retracted.add(number)
        elif what == "undo":
            retracted.discard(number)
    newest: dict[tuple[str, int], int] = {}
    for number in sorted((n for n in arrived if n not in retracted), key=lambda n: arrived[n]):
        newest[told[number].feed, told[number].day] = number
    chosen = sorted(newest.values(), key=lambda n: told[n].day)
    return [(DAY_ONE + timedelta(days=told[n].day), told[n]) for n in chosen]


@st.composite
def stories(draw) -> tuple[list[Delivery], list[Step]]:
    """Deliveries, some for the same day, and steps in any order: arrivals, repetitions, retractions, runs."""
    told = draw(st.lists(deliveries, min_size=1, max_size=6, unique_by=lambda d: (d.feed, d.day, d.text())))
    steps: list[Step] = [("deliver", number) for number in draw(st.permutations(range(len(told))))]
    extra = st.tuples(st.sampled_from(["run", "run", "retract", "undo", "deliver"]), st.integers(0, len(told) - 1))
    for step in draw(st.lists(extra, max_size=6)):
        steps.insert(draw(st.integers(0, len(steps))), step)
    return told, steps


@given(story=stories())
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES < 100,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # an example takes seconds: shrinking would take hours
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@pytest.mark.timeout(36000)
def test_history_is_a_function_of_the_deliveries_in_force(install, small_project, story):
    told, steps = story
    sluice = install(small_project, TEST_PROJECT / "checks")
    ids: dict[int, int] = {}
    gone: set[int] = set()
    done: list[Step] = []
    for what, number in steps:
        if what == "run":
            sluice.run()
        elif what == "deliver" and number not in ids:
            delivery = told[number]
            file = sluice.file(f"{delivery.feed}-{DAY_ONE + timedelta(days=delivery.day)}.csv", delivery.text())
            ids[number] = sluice.deliver(f"acme.{delivery.feed}", file).delivery_id
        elif what == "retract" and number in ids and number not in gone:
            if not sluice.retract(ids[number]):
                continue
            gone.add(number)
        elif what == "undo" and number in gone:
            sluice.retract(ids[number], undo=True)
            gone.discard(number)
        else:
            continue
        done.append((what, number))
    sluice.run()

    versions, effects = reference(in_force(told, done))
    expected = {
        (f"acme.{feed}", *key, int(v.value[0]), bool(v.value[1]), str(v.start), str(v.end) if v.end else None)
        for (feed, key), known in versions.items()
        for v in known
    }
    found = sluice.sql(
        "select _feed, region, code, size, keeper_token is not null, valid_from::date::text, valid_to::date::text"
        " from history.dim_thing where _superseded_in is null"
    )
    assert len(found) == len(set(found))
    assert set(found) == expected
    # The accounts too are a function of what is in force: a late delivery changes those of the ones that follow it.
    accounts = sluice.sql(
        "select feed, effective_date::text, opened, changed, closed from ledger.row_accounts"
        " join ledger.deliveries using (delivery_id) where in_history"
    )
    assert set(accounts) == effects
    assert (
        sluice.value("select count(*) from ledger.deliveries where in_history <> (state in ('merged', 'sighted'))") == 0
    )
    assert not sluice.sql(
        "select * from ledger.row_accounts join ledger.deliveries using (delivery_id) where in_history and"
        " (read = blank + banner + unreadable + quarantined + good"
        " and good = opened + changed + unchanged + duplicate) is not true"
    )


def test_the_database_refuses_what_cannot_be(small):
    small.drop("acme/things-2026-01-01.csv", HEADER + "n,x,1,,\n")
    small.run()
    small.drop("acme/things-2026-01-02.csv", HEADER + "n,x,2,,\n")
    small.run()
    columns = (
        "thing_id, region, code, size, note, keeper, keeper_token, _feed, _fingerprint,"
        " _delivery_id, _row_number, _line_number"
    )
    insert = (
        f"insert into history.dim_thing ({columns}, valid_from, valid_to, _recorded_in) select {columns},"
        " cast(:start as timestamptz), cast(:end as timestamptz), _recorded_in"
        " from history.dim_thing where valid_to is null and _superseded_in is null"
    )
    for start, end in [
        ("2026-02-01", None),  # a second open version
        ("2026-01-01", "2026-01-02"),  # a second one from the same day
        ("2025-12-01", "2026-01-01 12:00"),  # an overlap
        ("2025-12-01", "2025-12-01"),  # an empty range
    ]:
        with pytest.raises(Exception, match=r"one_open_version|one_version_at_a_time|overlap|range_not_empty"):
            small.sql(insert, start=start, end=end)
    small.sql(insert, start="2025-12-01", end="2026-01-01")  # what touches no other is taken


def test_quarantined_and_unreadable_rows_close_nothing(small):
    small.drop("acme/things-2026-01-01.csv", HEADER + "n,x,1,,\nn,y,1,,\ns,z,1,,\n")
    small.run()
    small.drop("acme/things-2026-01-02.csv", HEADER + "n,x,-5,,\ns,z\nn,q,1,,\n")
    small.run()
    still_open = small.sql("select region, code from published.thing order by 1, 2")
    assert still_open == [("n", "q"), ("n", "x"), ("s", "z")]


def test_an_entity_gets_new_columns(small, small_project, tmp_path, monkeypatch):
    small.drop("acme/things-2026-01-01.csv", HEADER + "n,x,1,,\n")
    small.run()
    project = tmp_path / "project"
    shutil.copytree(small_project, project)
    for feed in ("things", "changes"):
        mapping = project / f"models/staging/acme/stg_acme__{feed}.sql"
        mapping.write_text(
            mapping.read_text().replace("    note,\n", "    note,\n    7::bigint as weight,\n    keeper as owner,\n")
        )
    declared = project / "models/judged/judged_thing.yml"
    declared.write_text(
        declared.read_text()
        + "      - {name: weight, data_type: bigint, config: {meta: {pii: none}}}\n"
        + "      - {name: owner, data_type: text, config: {meta: {pii: email}}}\n"
    )
    monkeypatch.setenv("SLUICE_DBT_PROJECT", str(project))
    forget_settings()
    small.drop("acme/things-2026-01-02.csv", HEADER + "n,x,2,,ann@example.com\n")
    small.run()
    found = small.sql("select size, weight, owner, owner_token is not null from published.thing_history order by 1")
    assert found == [(1, None, None, False), (2, 7, "a***@example.com", True)]
