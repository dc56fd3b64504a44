"""Mended files in the fold, against a plain reference: whatever comes in which order, the versions are the same."""

import random
from dataclasses import dataclass
from typing import Any

from conftest import TEST_PROJECT
from dbt_project.test_history import EXAMPLES, Delivery, Key, Version, contents, each_of, judge, run, told_apart
from hypothesis import strategies as st


@dataclass
class Mend:
    """A file that mends the delivery with a number."""

    mends: int
    rows: list[Any]

    def text(self) -> str:
        return Delivery("things", self.rows).text()


class Model:
    """Which deliveries and mended files are in force, by walking through what happened."""

    def __init__(self, told: list[Delivery | Mend]) -> None:
        self.told = told
        self.arrived: list[int] = []
        self.retracted: set[int] = set()

    def usual_in_force(self) -> set[int]:
        newest: dict[tuple[str, int], int] = {}
        for number in self.arrived:
            one = self.told[number]
            if isinstance(one, Delivery) and number not in self.retracted:
                newest[one.feed, one.day] = number
        return set(newest.values())

    def is_in_force(self, number: int) -> bool:
        one = self.told[number]
        usual = self.usual_in_force()
        if isinstance(one, Delivery):
            return number in usual
        return number in self.arrived and number not in self.retracted and one.mends in usual

    def may_arrive(self, number: int) -> bool:
        one = self.told[number]
        return number not in self.arrived and (isinstance(one, Delivery) or self.is_in_force(one.mends))

    def versions(self) -> dict[tuple[str, Key], list[Version]]:
        usual = sorted(self.usual_in_force(), key=lambda n: self.told[n].day)
        mends = [n for n in self.arrived if isinstance(self.told[n], Mend) and self.is_in_force(n)]
        versions: dict[tuple[str, Key], list[Version]] = {}
        for number in usual:
            delivery = self.told[number]
            good, present = judge(delivery)
            for mend in mends:
                mended = self.told[self.told[mend].mends]
                said, _ = judge(Delivery(delivery.feed, self.told[mend].rows))
                if self.told[mend].mends == number:
                    good = {**good, **said}
                same = (mended.feed, mended.text()) == (delivery.feed, delivery.text())
                if same and mended.day <= delivery.day:
                    present = present | set(said)
            walk(versions, delivery.feed, delivery.at, good, present)
        return versions


def walk(versions, feed, day, good, present) -> None:
    for key, value in good.items():
        known = versions.setdefault((feed, key), [])
        if not known or known[-1].end:
            known.append(Version(value, day))
        elif known[-1].value != value:
            known[-1].end = day
            known.append(Version(value, day))
    for (of, key), known in versions.items():
        if feed == "things" == of and key not in good and key not in present and not known[-1].end:
            known[-1].end = day


@st.composite
def stories(draw):
    """Deliveries and files that mend them, with the rows of many worlds, and steps: arrivals, retractions, undone ones,
    runs."""
    seed = draw(st.integers(0, 2**32))
    feed = st.sampled_from(["things", "things", "things", "changes"])
    kinds = draw(st.lists(st.tuples(feed, st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=4, unique=True))
    told: list[Delivery | Mend] = [Delivery(of, rows(seed, content), day) for of, day, content in kinds]
    if draw(st.booleans()) and told[0].feed == "things":
        told.append(Delivery("things", told[0].rows, 3))  # the same content once more
    usual = len(told)
    told += [Mend(draw(st.integers(0, usual - 1)), rows(seed, 9 + n)) for n in range(draw(st.integers(1, 3)))]
    steps = [("deliver", n) for n in draw(st.permutations(range(usual)))] + [("run", 0)]
    steps += [("deliver", n) for n in range(usual, len(told))]
    extra = st.tuples(st.sampled_from(["run", "retract", "undo", "retract", "undo"]), st.integers(0, len(told) - 1))
    for step in draw(st.lists(extra, max_size=6)):
        steps.insert(draw(st.integers(0, len(steps))), step)
    return told, steps


def rows(seed: int, content: int) -> list[Any]:
    return contents(random.Random(f"{seed} {content}"), "things")[0]


@each_of(stories(), max(1, EXAMPLES // 2))
def test_history_is_a_function_of_the_deliveries_and_what_mends_them(install, moving_project, story):
    told, steps = story
    sluice = install(moving_project, TEST_PROJECT / "checks")
    model, ids = Model(told), {}
    texts: set[tuple[int, str]] = set()
    for what, number in steps:
        one = told[number]
        if what == "run":
            run(sluice)
        elif what == "deliver" and model.may_arrive(number):
            text = one.text()
            if isinstance(one, Mend):
                if (one.mends, text) in texts:
                    continue
                texts.add((one.mends, text))
                feed = told[one.mends].feed
                file = sluice.file(f"{feed}-back.mends-{ids[one.mends]}.csv", text)
            else:
                feed = one.feed
                file = sluice.file(f"{feed}-{one.at:%Y-%m-%d}.csv", text)
            done = sluice.deliver(f"acme.{feed}", file)
            if done.outcome == "again":
                continue
            ids[number] = done.delivery_id
            if done.state != "refused":
                model.arrived.append(number)
        elif what == "retract" and number in ids and model.is_in_force(number):
            assert sluice.retract(ids[number])
            model.retracted.add(number)
        elif what == "undo" and number in model.retracted:
            if isinstance(one, Mend) and not model.is_in_force(one.mends):
                assert not sluice.retract(ids[number], undo=True)
                continue
            sluice.retract(ids[number], undo=True)
            model.retracted.discard(number)
    run(sluice)
    expected = {
        (f"acme.{feed}", *key, int(v.value[0]), bool(v.value[1]), v.start, v.end)
        for (feed, key), known in model.versions().items()
        for v in known
    }
    found = sluice.sql(
        "select _feed, region, code, size, keeper_token is not null, valid_from, valid_to"
        " from history.dim_thing where _superseded_in is null"
    )
    assert told_apart(found, expected) == ""
    assert not sluice.sql(
        "select * from ledger.row_accounts join ledger.deliveries using (delivery_id) where in_history and"
        " (read = blank + banner + unreadable + quarantined + good"
        " and good = opened + changed + unchanged + duplicate) is not true"
    )
    assert not sluice.sql("select * from ledger.row_accounts where least(opened, changed, unchanged, closed) < 0")
    assert not sluice.sql(
        "select d.delivery_id from ledger.deliveries as d join ledger.deliveries as m on m.delivery_id = d.mends"
        " where d.state in ('received', 'staged', 'merged') and m.state in ('superseded', 'retracted', 'refused')"
    )
