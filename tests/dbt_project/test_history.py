"""The fold against a plain reference: whatever comes in, and however it is batched, the versions are the same.

An example is a story: deliveries of three feeds (full, delta, and a delta whose rows have times of their own), and what
happens to them in which order. Each file holds the rows of many worlds, which share no key: so one run of the warehouse
proves the fold for as many histories as there are worlds.
"""

import os
import random
import shutil
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from conftest import TEST_PROJECT, forget_settings
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from extract.deliver import deliver
from extract.feeds import catalogue
from flows import merge
from flows.report import Report
from flows.run import bring_up_to_date
from warehouse.turns import turn

HEADER = "Region,Code,Size,Note,Keeper\n"
EXAMPLES = int(os.environ.get("DEEP_EXAMPLES", "60")) // 10  # stories; each holds many histories
WORLDS = 60
DAY_ONE = datetime(2026, 1, 1, tzinfo=UTC)

Key = tuple[str, str]


@dataclass
class Delivery:
    feed: str
    rows: list[Any] = field(repr=False)
    day: int = 0
    unreadable: list[Key] = field(default_factory=list, repr=False)

    def text(self) -> str:
        moved = self.feed == "moves"
        lines = self.with_lost([",".join([*row[:3], "", *row[3:]]) for row in self.rows])
        return HEADER.replace("\n", ",Moved\n" if moved else "\n") + "".join(f"{line}\n" for line in lines)

    def with_lost(self, lines: list[str]) -> list[str]:
        """The lines with records of too few cells among them: many at the end would be another table."""
        lines, each = list(lines), len(lines) // (len(self.unreadable) + 1)
        for number, lost in enumerate(self.unreadable, 1):
            lines.insert(number * each, ",".join(lost))
        return lines

    @property
    def at(self) -> datetime:
        return DAY_ONE + timedelta(days=self.day)


@dataclass
class Version:
    value: tuple[str, str]
    start: datetime
    end: datetime | None = None


Versions = dict[tuple[str, Key], list[Version]]
Effects = set[tuple[str, date, int, int, int]]  # feed, day, opened, changed, closed


def reference(told: list[Delivery]) -> tuple[Versions, Effects]:
    """The versions of each (feed, key), by walking through the deliveries in force, day by day; and what each of these
    did."""
    versions: Versions = {}
    effects: Effects = set()
    for delivery in told:
        if delivery.feed == "moves":
            continue
        opened = changed = closed = 0
        good, present = judge(delivery)
        for key, value in good.items():
            known = versions.setdefault((delivery.feed, key), [])
            if not known or known[-1].end:
                known.append(Version(value, delivery.at))
                opened += 1
            elif known[-1].value != value:
                known[-1].end = delivery.at
                known.append(Version(value, delivery.at))
                changed += 1
        protected = {part for one in delivery.unreadable for part in one}
        for (feed, key), known in versions.items():
            absent = key not in good and key not in present and not protected & set(key)
            if delivery.feed == "things" == feed and absent and not known[-1].end:
                known[-1].end = delivery.at
                closed += 1
        effects.add((f"acme.{delivery.feed}", delivery.at.date(), opened, changed, closed))
    moved, moved_effects = reference_of_moves([delivery for delivery in told if delivery.feed == "moves"])
    return versions | moved, effects | moved_effects


def reference_of_moves(told: list[Delivery]) -> tuple[Versions, Effects]:
    """The same of rows with times of their own: of a key and time the last word counts, and it is the doing of the
    delivery since which it stands."""
    said: dict[Key, dict[datetime, list[tuple[tuple[str, str], Delivery]]]] = defaultdict(lambda: defaultdict(list))
    for delivery in told:
        for (region, code, at), value in judge(delivery)[0].items():
            said[region, code][at].append((value, delivery))
    versions: Versions = {}
    done = {delivery.day: [0, 0] for delivery in told}
    for key, times in said.items():
        known = versions.setdefault(("moves", key), [])
        for at in sorted(times):
            value, doer = times[at][-1]
            for other, delivery in reversed(times[at]):
                if other != value:
                    break
                doer = delivery
            if known and known[-1].value == value:
                continue
            done[doer.day][1 if known else 0] += 1
            if known:
                known[-1].end = at
            known.append(Version(value, at))
    return versions, {("acme.moves", delivery.at.date(), *done[delivery.day], 0) for delivery in told}


def judge(delivery: Delivery) -> tuple[dict[Any, tuple[str, str]], set[Key]]:
    """Good values by what identifies them (key, or key and time), and keys that are present though not good."""
    distinct: dict[Any, tuple[str, str]] = {}
    times: dict[Any, int] = defaultdict(int)
    for row in dict.fromkeys((*row[:4], *map(moment, row[4:])) for row in delivery.rows):
        identity = (row[0], row[1], *row[4:])
        times[identity] += 1
        distinct[identity] = (row[2], row[3])
    good = {
        identity: value
        for identity, value in distinct.items()
        if value[0] in ("1", "2") and times[identity] == 1 and None not in identity
    }
    return good, {identity[:2] for identity in distinct.keys() - good.keys()}


def moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def contents(rng: random.Random, feed: str) -> tuple[list[Any], list[Key]]:
    """What a file of a feed holds: of each world up to six rows."""
    rows: list[Any] = []
    for world in range(WORLDS):
        for _ in range(rng.randint(0, 6)):
            row = (
                f"{rng.choice('ns')}{world:03}",
                f"{rng.choice('xyz')}{world:03}",
                rng.choice(["1", "2", "1", "2", "-1", "many"]),
                rng.choice(["", "ann@example.com"]),
            )
            rows.append((*row, rng.choice(MOMENTS)) if feed == "moves" else row)
    lost = [(f"{rng.choice('ns')}{w:03}", f"{rng.choice('xyz')}{w:03}") for w in rng.sample(range(WORLDS), WORLDS // 6)]
    return rows, lost


# One of them is another's in a zone of its own; two are none.
MOMENTS = [
    *(f"2026-01-0{day}T{hour}:00Z" for day in (1, 2, 3) for hour in ("00", "18")),
    "2026-01-02T15:30-02:30",
    "soon",
    "",
]


def delivered(seed: int, feed: str, day: int, content: int) -> Delivery:
    """A delivery of a day; the same content may come for several. The last one is empty."""
    rows, lost = contents(random.Random(f"{seed} {feed} {content}"), feed) if content < 5 else ([], [])
    return Delivery(feed, rows, day, lost)


Step = tuple[str, int]  # ("deliver" | "register" | "retract" | "undo" | "run" | "crash", number)


def in_force(told: list[Delivery], steps: list[Step]) -> list[Delivery]:
    """The deliveries that history counts with after the steps, by day: of each feed's day the newest that is not
    retracted. What comes once more is the newest, if another has taken its place."""
    arrived: dict[int, int] = {}  # number -> revision
    retracted: set[int] = set()

    def newest() -> dict[tuple[str, int], int]:
        known = sorted((number for number in arrived if number not in retracted), key=lambda number: arrived[number])
        return {(told[number].feed, told[number].day): number for number in known}

    for order, (what, number) in enumerate(steps):
        if what in ("deliver", "register") and number not in retracted and number not in newest().values():
            arrived[number] = order
        elif what == "retract":
            retracted.add(number)
        elif what == "undo":
            retracted.discard(number)
    return sorted((told[number] for number in newest().values()), key=lambda delivery: delivery.day)


@st.composite
def stories(draw) -> tuple[list[Delivery], list[Step]]:
    """Deliveries, some for the same day, some with the content of another day, some empty; and steps in any order:
    arrivals, repetitions, retractions, runs, and processes that die: before staging, and before any step of a merge."""
    seed = draw(st.integers(0, 2**32))
    kind = st.tuples(
        st.sampled_from(["things", "things", "changes", "moves", "moves"]), st.integers(0, 4), st.integers(0, 5)
    )
    told = [delivered(seed, *one) for one in draw(st.lists(kind, min_size=3, max_size=8, unique=True))]
    arrive = st.sampled_from(["deliver", "deliver", "register"])
    steps: list[Step] = [(draw(arrive), number) for number in draw(st.permutations(range(len(told))))]
    extra = st.tuples(st.sampled_from(["run", "run", "retract", "undo", "deliver", "crash"]), st.integers(0, 7))
    for what, number in draw(st.lists(extra, max_size=8)):
        steps.insert(draw(st.integers(0, len(steps))), (what, number if what == "crash" else number % len(told)))
    return told, steps


def run(sluice: Any) -> None:
    """A run without what it prepares and collects: nothing of that changes here."""
    report = Report()
    bring_up_to_date("thing", report, within=True)
    assert not report.problems


def die(before: int) -> None:
    """A merge whose process dies before one of its steps: nobody says that its run has failed."""
    with turn("thing"):
        number = merge.start("thing")
        steps = (merge.stage_again, merge.judge, merge.refuse, merge.verify, merge.look, merge.doubt, merge.fold)
        for step in steps[:before] if number else ():
            step("thing", number)


class Played:
    """An installation in which the steps of a story happen; `done` are those that changed anything."""

    def __init__(self, sluice: Any, told: list[Delivery]) -> None:
        self.sluice, self.told = sluice, told
        self.ids: dict[int, int] = {}
        self.gone: set[int] = set()
        self.done: list[Step] = []

    def play(self, steps: list[Step]) -> None:
        for what, number in steps:
            if getattr(self, what)(number):
                self.done.append((what, number))

    def run(self, _: int) -> bool:
        run(self.sluice)
        return True

    def crash(self, before: int) -> bool:
        die(before)
        return True

    def deliver(self, number: int) -> bool:
        delivery, file, effective = self._file(number)
        taken = self.sluice.deliver(f"acme.{delivery.feed}", file, effective)
        assert (taken.outcome == "refused") == (not delivery.rows)
        self.ids[number] = taken.delivery_id
        return bool(delivery.rows)

    def register(self, number: int) -> bool:
        delivery, file, effective = self._file(number)
        if not delivery.rows:
            return self.deliver(number)
        day = date.fromisoformat(effective) if effective else None
        self.ids[number] = deliver(catalogue().feed(f"acme.{delivery.feed}"), file, day).delivery_id
        return True

    def _file(self, number: int) -> tuple[Delivery, Any, str | None]:
        delivery = self.told[number]
        file = self.sluice.file(f"{delivery.feed}-{delivery.at:%Y-%m-%d}.csv", delivery.text())
        return delivery, file, f"{delivery.at:%Y-%m-%d}" if delivery.feed == "moves" else None

    def retract(self, number: int) -> bool:
        if number not in self.ids or number in self.gone or not self.sluice.retract(self.ids[number]):
            return False
        self.gone.add(number)
        return True

    def undo(self, number: int) -> bool:
        if number not in self.gone:
            return False
        assert self.sluice.retract(self.ids[number], undo=True)
        self.gone.discard(number)
        return True


def told_apart(found: list[Any], expected: set[Any]) -> str:
    """What is found and not expected, and the other way round, a few lines of each; empty where nothing is."""
    assert len(found) == len(set(found))
    found_only, expected_only = set(found) - expected, expected - set(found)
    told = [f"found: {one}" for one in sorted(map(str, found_only))[:9]]
    return "\n".join([*told, *(f"expected: {one}" for one in sorted(map(str, expected_only))[:9])])


def each_of(stories: Any, examples: int = EXAMPLES) -> Callable[[Any], Any]:
    """A test of `story`: of each of so many. An example takes seconds: shrinking would take hours."""
    few = settings(
        max_examples=examples,
        deadline=None,
        derandomize=EXAMPLES < 100,
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
    return lambda test: given(story=stories)(few(pytest.mark.timeout(36000)(test)))


@each_of(stories())
def test_history_is_a_function_of_the_deliveries_in_force(install, moving_project, story):
    told, steps = story
    sluice = install(moving_project, TEST_PROJECT / "checks")
    played = Played(sluice, told)
    played.play([*steps, ("run", 0)])

    versions, effects = reference(in_force(told, played.done))
    expected = {
        (f"acme.{feed}", *key, int(v.value[0]), bool(v.value[1]), v.start, v.end)
        for (feed, key), known in versions.items()
        for v in known
    }
    found = sluice.sql(
        "select _feed, region, code, size, keeper_token is not null, valid_from, valid_to"
        " from history.dim_thing where _superseded_in is null"
    )
    assert told_apart(found, expected) == ""
    # The accounts too are a function of what is in force: a late delivery changes those of the ones that follow it.
    accounts = sluice.sql(
        "select feed, effective_date, opened, changed, closed from ledger.row_accounts"
        " join ledger.deliveries using (delivery_id) where in_history"
    )
    assert told_apart(accounts, effects) == ""
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
