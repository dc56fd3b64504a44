"""Drop folders: files that are still being written, and the order in which they come."""

import os
import time
from threading import Event, Thread
from typing import Any

import pytest
from collect_server import CSV
from conftest import Sluice, forget_settings

from extract.collect.drop import feeds_at, waiting
from extract.feeds import catalogue


def names(small: Sluice) -> list[str]:
    return [path.name for path in waiting(catalogue().feed("acme.things"))]


def test_a_file_that_grows_is_left_alone_until_it_has_settled(small: Sluice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_DROP_SETTLES", "0.3")
    forget_settings()
    small.drop("acme/things-2026-01-01.csv", CSV)
    growing, done = small.drop("acme/things-2026-01-02.csv", CSV), Event()

    def grow() -> None:
        while not done.wait(0.02):
            with growing.open("ab") as file:
                file.write(b"north,b,1,,\n")

    writer = Thread(target=grow)
    writer.start()
    assert names(small) == ["things-2026-01-01.csv"]
    done.set()
    writer.join()
    assert names(small) == ["things-2026-01-01.csv", "things-2026-01-02.csv"]


def test_an_old_file_is_not_waited_for(small: Sluice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_DROP_SETTLES", "200")
    forget_settings()
    old = small.drop("acme/things-2026-01-01.csv", CSV)
    os.utime(old, (time.time() - 300, time.time() - 300))
    assert names(small) == ["things-2026-01-01.csv"]


def test_they_come_in_the_order_of_their_time(small: Sluice) -> None:
    for age, name in ((1, "b"), (3, "c"), (2, "a"), (2, "0")):
        path = small.drop(f"acme/things-{name}.csv", CSV)
        os.utime(path, (1_000_000 - age, 1_000_000 - age))
    assert names(small) == ["things-c.csv", "things-0.csv", "things-a.csv", "things-b.csv"]


def test_what_a_transfer_program_has_not_finished_is_left_alone(small: Sluice, monkeypatch: pytest.MonkeyPatch) -> None:
    project = small.home / "project"
    import shutil

    shutil.copytree(os.environ["SLUICE_DBT_PROJECT"], project)
    file = project / "models/staging/acme/_acme.yml"
    file.write_text(file.read_text().replace("acme/things-*.csv", "acme/things-*"))
    monkeypatch.setenv("SLUICE_DBT_PROJECT", str(project))
    forget_settings()
    for name in ("things-1.csv", "things-2.csv.part", "things-3.filepart", ".things-4.csv", "things-5.TMP"):
        small.drop(f"acme/{name}", CSV)
    (small.home / "drop/acme/things-6").mkdir()
    assert names(small) == ["things-1.csv"]


def test_a_new_file_is_written_down_once(small: Sluice) -> None:
    path = small.drop("acme/things-2026-01-01.csv", CSV)
    small.run()
    small.run()
    assert small.sql("select way, source, bytes, outcome, delivery_id from ledger.fetches") == [
        ("drop", str(path), len(CSV), "new", 1)
    ]


@pytest.mark.parametrize(
    ("place", "feeds"),
    [
        ("acme/things-2026-01-01.csv", ["acme.things"]),
        ("acme/changes-x.csv", ["acme.changes"]),
        ("acme/sub/things-x.csv", []),
        ("acme/things-x.csv.part", []),
        ("other/things-x.csv", []),
    ],
)
def test_the_feed_of_a_place(place: str, feeds: list[str], small: Sluice) -> None:
    every: Any = catalogue().feeds.values()
    assert [feed.key for feed in feeds_at(place, every)] == feeds
    assert [feed.key for feed in feeds_at(str(small.home / "drop" / place), every)] == feeds
