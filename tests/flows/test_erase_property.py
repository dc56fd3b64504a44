"""Erase, then replay everything, and it is as if the files had never named the person: history, accounts, the rest."""

import os
import random
from dataclasses import dataclass, field

import pytest
from conftest import TEST_PROJECT, forget_settings, keep
from workbench import HEADER, everything

from flows.erase import erase
from flows.erase_plan import Person
from warehouse import quarantine
from warehouse.connection import transaction

ANN, EVE, BOB = "ann.lee@example.com", "eve@example.com", "bob@example.com"  # Bob stays
NOBODY = {ANN: "zed.nox@example.net", EVE: "yon.nox@example.net"}
EXAMPLES = max(1, int(os.environ.get("DEEP_EXAMPLES", "1")) // 100)
KEYS, DAYS = 60, 6  # each key of a database is an example of its own


@dataclass
class File:
    """A file of a day: its lines as they are, and as they would be if they had never held the person's data."""

    day: int
    lines: list[str] = field(default_factory=list)
    innocent: list[str] = field(default_factory=list)
    personal: set[int] = field(default_factory=set)  # row numbers

    def add(self, line: str, erased_by_now: bool) -> None:
        named = ANN in line or EVE in line
        instead = line.replace(ANN, NOBODY[ANN]).replace(EVE, NOBODY[EVE])
        if erased_by_now and ANN in line and line.count(",") == HEADER.count(","):
            # Stopped at the door: its key is there, and says nothing. One that cannot be read is emptied.
            region, code, size, *_ = line.split(",")
            instead = f"{region},{code},-{size.strip('-')},,"
        self.lines.append(line)
        self.innocent.append(instead)
        if named:
            self.personal.add(len(self.lines))


def files(chance: random.Random) -> tuple[list[File], list[File]]:
    """What comes before Ann is erased, and after; Eve is erased at the end."""
    days = [1, *chance.sample(range(2, DAYS + 1), DAYS - 1), *chance.choices(range(1, DAYS + 1), k=2)]
    cut = chance.randint(3, len(days) - 2)
    made = [file_of(chance, day, first=not i, late=i >= cut) for i, day in enumerate(days)]
    return made[:cut], made[cut:]


def file_of(chance: random.Random, day: int, *, first: bool, late: bool) -> File:
    made = File(day)
    kinds = ["good"] * 12 + ["absent"] * 2 + ["bad", "twice", "again", "named", "unreadable"]
    for number in range(KEYS):
        key = f"r{number:02},k{number:02}"
        kind = "good" if first and number % 2 else chance.choice(kinds)
        size = "-1" if kind == "bad" else chance.choice("12")
        line = f"{key},{size},,{chance.choice([ANN, EVE, BOB, BOB, ''] if late else [ANN, ANN, EVE, BOB, ''])}"
        if kind == "named":
            line = f"{key},1,ask {ANN},{chance.choice([BOB, ''])}"
        elif kind == "unreadable" and number % 2:
            line = f"{key},{chance.choice([ANN, BOB]) if late else ANN}"
        elif kind == "absent":
            continue
        made.add(line, late)
        if kind == "again":
            made.add(line, late)
        elif kind == "twice":
            made.add(f"{key},3,,{chance.choice([ANN, BOB])}", late)
    return made


def deliver(house, file, lines):
    content = HEADER + "".join(line + "\n" for line in lines)
    return house.deliver("acme.things", house.file(f"things-2026-01-{file.day:02}.csv", content))


def purge(house, deliveries):
    for number in deliveries:
        house.sql(f"drop table if exists judged.delivery_{number}; drop table if exists staging.delivery_{number}")


def history(house, personal):
    """The current versions; those of `personal` rows (delivery, row) without what is personal. Not the row that each
    comes from: a revision that says the same leaves a version as it is."""
    found = house.sql(
        "select code, size, note, keeper, keeper_token, valid_from::date::text, valid_to::date::text, _delivery_id,"
        " _row_number from history.dim_thing where _superseded_in is null order by 1, 6"
    )
    return [row[:2] + ((None,) * 3 if row[-2:] in personal else row[2:5]) + row[5:-2] for row in found]


def accounts(house):
    return house.sql(
        "select a.* from ledger.row_accounts as a join ledger.deliveries using (delivery_id)"
        " where state in ('merged', 'sighted') order by delivery_id"
    )


def held(house):
    """What is set aside of the deliveries in force: one that another superseded was judged, or never was."""
    return house.sql(
        "select delivery_id, row_number, kind from quarantine.thing join ledger.deliveries using (delivery_id)"
        " where state in ('merged', 'sighted') order by 1, 2"
    )


@pytest.fixture(scope="module")
def empty(install, small_project):
    return keep(install(small_project, TEST_PROJECT / "checks"))


@pytest.mark.parametrize("seed", range(EXAMPLES))
def test_erased_and_replayed_is_never_delivered(empty, seed):
    chance = random.Random(seed)
    before, after = files(chance)
    every = [*before, *after]
    retracted = chance.randint(2, len(every))

    house = empty()
    for file in before:
        deliver(house, file, file.lines)
    house.run()
    erase(Person(pii="email", value=ANN))
    assert ANN not in everything(house)
    purge(house, chance.sample(range(1, len(before) + 1), 2))
    for file in after:
        deliver(house, file, file.lines)
    house.retract(retracted)
    house.run()
    token = house.value("select token from pii.vault where value = :eve", eve=EVE)
    erase(Person(token=token))
    purge(house, range(1, len(every) + 1))
    with transaction() as connection:
        quarantine.judge_again(connection, range(1, len(every) + 1))
    house.run()
    assert not [line for line in everything(house).splitlines() if ANN in line or EVE in line]
    found = history(house, set()), accounts(house), held(house)
    forget_settings()

    innocent = empty()
    for file in every:
        deliver(innocent, file, file.innocent)
    innocent.retract(retracted)
    innocent.run()
    personal = {(number, row) for number, file in enumerate(every, 1) for row in file.personal}
    assert found[0] == history(innocent, personal)
    assert found[1] == accounts(innocent)
    assert found[2] == held(innocent)
    assert {row[3] for row in found[0]} == {None, "b***@example.com"}
    forget_settings()
