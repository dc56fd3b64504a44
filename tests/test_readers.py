"""Readers who never stop, while merges run, are killed and are published: they see whole publications only."""

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg
import pytest
from conftest import PROJECT, TEST_PROJECT, Sluice, _aim, forget_settings

HEADER = "Region,Code,Size,Note,Keeper\n"
KEYS = 40
DAYS = int(os.environ.get("DEEP_DAYS", "3"))
WORK = """
import sys
from flows import publish, run
import dbt.cli.main
print("ready", flush=True)
run.run.fn(["gadget", "thing"]) if sys.argv[1] == "run" else publish.publish_merged.fn(["gadget", "thing"])
"""
BOTH = (
    "select 'thing', count(*), min(size), max(size) from published.thing"
    " union all select 'gadget', count(*), min(size), max(size) from published.gadget"
)


def twin(text: str) -> str:
    return text.replace("acme", "bolt").replace("Acme", "Bolt").replace("thing", "gadget").replace("Thing", "Gadget")


def add_twin(folder: Path) -> None:
    """A second entity, `gadget` of the vendor `bolt`, exactly as the first."""
    for file in sorted(folder.rglob("*")):
        copy = folder / twin(str(file.relative_to(folder)))
        if file.is_file() and copy != file and "macros" not in file.parts:
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(twin(file.read_text()))


@pytest.fixture
def two(install, small_project, tmp_path):
    project, checks = tmp_path / "project", tmp_path / "checks"
    shutil.copytree(small_project, project)
    shutil.copytree(TEST_PROJECT / "checks", checks)
    add_twin(project)
    add_twin(checks)
    sluice = install(small_project, TEST_PROJECT / "checks")
    _aim(sluice.home, sluice.url, project, checks)
    yield sluice
    forget_settings()


class Reader(threading.Thread):
    """Asks for both entities in one statement, over and over; keeps whatever is not whole."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url, self.over = url, threading.Event()
        self.wrong: list[object] = []
        self.seen: list[int] = []

    def run(self) -> None:
        try:
            with psycopg.connect(self.url, autocommit=True) as connection:
                while not self.over.wait(0.005):
                    found = connection.execute(BOTH).fetchall()
                    sizes = {size for _, _, *both in found for size in both}
                    if len(sizes) != 1 or {count for _, count, *_ in found} != {KEYS}:
                        self.wrong.append(found)
                    elif not self.seen or sizes != {self.seen[-1]}:
                        self.seen.append(sizes.pop())
        except Exception as error:
            self.wrong.append(error)


def drop(sluice: Sluice, day: int) -> None:
    rows = "".join(f"n,k{key:02},{day},,\n" for key in range(KEYS))
    for where in ("acme/things", "bolt/gadgets"):
        sluice.drop(f"{where}-2026-01-0{day}.csv", HEADER + rows)


def work(what: str, kill_after: float | None = None) -> int:
    """Run, or publish both entities, in a process of its own; killed after some seconds of work."""
    process = subprocess.Popen(
        [sys.executable, "-c", WORK, what], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    if kill_after is not None:
        time.sleep(kill_after)
        process.kill()
    _, complaint = process.communicate(timeout=120)
    assert process.returncode in (0, -signal.SIGKILL), complaint
    return process.returncode


def hold(sluice: Sluice) -> None:
    """What is merged waits from now on, so that both entities are published together."""
    sluice.sql("update ledger.pointers set held = true")


@pytest.mark.slow
def test_readers_see_whole_publications_only(two):
    drop(two, 1)
    two.run("gadget", "thing")
    hold(two)
    moments = random.Random(4)
    readers = [Reader(two.url) for _ in range(2)]
    for reader in readers:
        reader.start()
    for day in range(2, DAYS + 1):
        drop(two, day)
        work("run", kill_after=moments.uniform(0.2, 3.0))
        work("run")
        work("publish", kill_after=moments.uniform(0.05, 0.8))
        if two.value("select count(distinct run) from ledger.pointers where held") == 2:
            work("publish")
        hold(two)
    for reader in readers:
        reader.over.set()
        reader.join(30)
    assert [reader.wrong for reader in readers] == [[], []]
    for reader in readers:
        assert reader.seen == sorted(reader.seen)
        assert reader.seen[-1] == DAYS
