"""What history costs, as ratios to a bare server-side COPY of the same file, step by step: `make bench`.

Parts, each selectable with --part: full, delta, year, dbt, dlt.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
DELTA = 10_000
DAYS = 30
PARTS = ("full", "delta", "year", "dbt", "dlt")


def main() -> None:
    """Run the chosen parts in a home of their own, and print a table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--part", action="append", choices=PARTS, help="may be given several times; all are run")
    chosen = arguments.parse_args()
    home = Path(tempfile.mkdtemp(prefix="sluice-bench-"))
    home.chmod(0o755)
    prepare_project(home)
    os.environ.update(
        SLUICE_HOME=str(home),
        SLUICE_DBT_PROJECT=str(home / "project"),
        SLUICE_CHECKS_FOLDER=str(HERE / "project/checks"),
    )
    os.environ.pop("SLUICE_WAREHOUSE_URL", None)
    from warehouse import embedded

    try:
        Bench(home, chosen.rows, chosen.rounds).run(chosen.part or PARTS)
    finally:
        embedded.stop(home)
        os.environ.get("BENCH_KEEP") or shutil.rmtree(home)


def prepare_project(home: Path) -> None:
    """The real macros with the benchmark's models."""
    real = PROJECT / "dbt_project"
    shutil.copytree(HERE / "project" / "models", home / "project" / "models")
    shutil.copytree(real / "macros", home / "project" / "macros")
    shutil.copytree(HERE / "project" / "macros", home / "project" / "macros", dirs_exist_ok=True)
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(real / name, home / "project" / name)


class Bench:
    """The scenarios, each timed step by step; figures are medians of the rounds."""

    def __init__(self, home: Path, rows: int, rounds: int) -> None:
        self.home, self.rows, self.rounds = home, rows, rounds
        self.files = home / "files"
        self.files.mkdir()
        self.copy: list[float] = []
        self.times: dict[str, dict[str, list[float]]] = {}

    def run(self, parts: tuple[str, ...]) -> None:
        from flows.run import prepare

        prepare()
        with ServerMemory(self.home) as memory:
            for number in range(self.rounds):
                for part in parts:
                    self.reset()
                    getattr(self, part)(date(2001 + number, 1, 1))
        self.tell(memory.peak)

    def second(self) -> dict[str, Any]:
        """How the second full file differs from the first."""
        return {"last": self.rows + self.rows // 1000, "day": 1, "changed": 0.01, "gone": 0.001, "bad": 0.01}

    def full(self, day: date) -> None:
        """The first full load, the second full delivery, the same content again, a third that differs from it."""
        first = self.file("items", day, last=self.rows, bad=0.01)
        self.copied(first)
        self.deliver("first full load", first)
        second = self.file("items", day + timedelta(1), **self.second())
        self.copied(second)
        self.deliver("second full delivery", second)
        same = second.rename(second.with_name(f"items-{day + timedelta(2)}.csv"))
        self.deliver("the same content again", same)
        third = self.file("items", day + timedelta(3), **{**self.second(), "day": 2})
        self.deliver("third full delivery", third)

    def delta(self, day: date) -> None:
        """Changes only: two deltas in order, then a late one between them, against all rows of the feed."""
        first = self.file("changes", day, last=self.rows)
        self.copied(first)
        self.deliver("a first delta of all rows", first)
        for number, name in ((2, "a delta of"), (4, "another delta of"), (3, "a late delta of")):
            file = self.file("changes", day + timedelta(number), last=DELTA, day=number, changed=0.5)
            self.deliver(f"{name} {DELTA:,} rows", file)

    def year(self, day: date) -> None:
        """A month of daily full files, in one run and in as many."""
        how = {"last": self.rows, "changed": 0.01, "gone": 0.001, "bad": 0.01}
        days = [self.file("items", day + timedelta(n), day=n, **how) for n in range(DAYS)]
        self.copied(days[0])
        self.deliver(f"{DAYS} full files in {DAYS} runs", *days, together=False)
        self.reset()
        self.deliver(f"{DAYS} full files in one run", *days)

    def dbt(self, day: date) -> None:
        """dbt snapshot over the same two files, in tables already."""
        from peers import Snapshot

        peer = Snapshot(self.home)
        self.peer("dbt snapshot", day, peer.load, peer.merge)

    def dlt(self, day: date) -> None:
        """dlt's scd2 over the same two files."""
        from peers import Dlt

        peer = Dlt(self.home)
        self.peer("dlt scd2", day, peer.load, peer.merge)

    def peer(self, name: str, day: date, load: Callable[[Path], Any], merge: Callable[[Path], Any]) -> None:
        first = self.file("items", day, last=self.rows)
        second = self.file("items", day + timedelta(1), **{**self.second(), "bad": 0})
        self.copied(second)
        for scenario, file in ((f"{name}: first", first), (f"{name}: second", second)):
            steps = self.times.setdefault(scenario, {})
            steps.setdefault("stage", []).append(timed(lambda file=file: load(file)))
            begun = time.perf_counter()
            told = merge(file)
            steps.setdefault("merge", []).append(told or time.perf_counter() - begun)

    def copied(self, file: Path) -> None:
        """Measure the floor now: between the scenarios, so that the machine's mood is the same."""
        self.copy.append(timed(lambda: self.bare_copy(file)))

    def reset(self) -> None:
        """Empty history and ledger, the tables kept."""
        from sqlalchemy import text

        from warehouse.connection import transaction

        with transaction() as connection:
            connection.execute(
                text("truncate ledger.deliveries, ledger.runs, ledger.pointers restart identity cascade")
            )
            connection.execute(text("truncate history.dim_item, quarantine.item"))
            for index in ("one_open_version", "one_version_at_a_time", "recorded", "open"):
                connection.execute(text(f"drop index if exists history.item_{index}"))
            for event in ("insert", "update"):
                connection.execute(text(f"drop trigger if exists refuse_overlap_on_{event} on history.dim_item"))
            for schema, parents in (("staging", ("bench__items", "bench__changes")), ("judged", ("item",))):
                for parent in parents:
                    children = text(
                        "select inhrelid::regclass::text from pg_inherits where inhparent = cast(:parent as regclass)"
                    )
                    for (child,) in connection.execute(children, {"parent": f"{schema}.{parent}"}).all():
                        connection.execute(text(f"drop table {child}"))

    def file(self, feed: str, when: date, *, last: int, **how: Any) -> Path:
        from data import write_items

        return write_items(self.files / f"{feed}-{when}.csv", 0, last, **how)

    def bare_copy(self, file: Path) -> None:
        """The floor: the server reads the same file into an unlogged table of text columns."""
        from data import HEADER
        from sqlalchemy import text

        from warehouse.connection import transaction

        file.chmod(0o644)
        self.files.chmod(0o755)
        columns = ", ".join(f"{name} text" for name in HEADER.split(","))
        with transaction() as connection:
            connection.execute(text(f"create unlogged table public.bare ({columns})"))
            connection.execute(text(f"copy public.bare from '{file}' (format csv, header)"))
        with transaction() as connection:
            connection.execute(text("drop table public.bare"))

    def deliver(self, scenario: str, *files: Path, together: bool = True) -> None:
        """Take files in and merge them, in one run or one by one, each step timed; times of several add up."""
        from flows import ingest, merge
        from publish import pointer
        from warehouse import runs

        spent: dict[str, float] = {}

        def note(step: str, call: Callable[[], Any]) -> Any:
            begun = time.perf_counter()
            result = call()
            spent[step] = spent.get(step, 0.0) + time.perf_counter() - begun
            return result

        begun = time.perf_counter()
        for number, file in enumerate(files, start=1):
            feed = f"bench.{file.name.split('-')[0]}"
            registered = note("register", lambda: ingest.register(feed, file, None, None, True, None))  # noqa: B023
            if registered.outcome == "new":
                note("stage", lambda: ingest.stage(feed, registered.delivery_id))  # noqa: B023
            if together and number < len(files):
                continue
            run = note("start", lambda: merge.start("item"))
            if run:
                for step in ("judge", "verify", "doubt", "fold", "gate"):
                    note("merge" if step == "fold" else step, lambda: getattr(merge, step)("item", run))  # noqa: B023
                note("publish", lambda: pointer.publish({"item": run}, release=False))  # noqa: B023
        spent["end to end"] = time.perf_counter() - begun
        for step, seconds in spent.items():
            self.times.setdefault(scenario, {}).setdefault(step, []).append(seconds)
        told = ", ".join(f"{step} {seconds:.2f}" for step, seconds in spent.items())
        print(f"{scenario}, in seconds: {told}", file=sys.stderr, flush=True)
        assert runs.candidate("item") is None

    def tell(self, server_peak: int) -> None:
        from rich.console import Console
        from rich.table import Table

        floor = statistics.median(self.copy)
        table = Table(
            title=f"{self.rows:,} rows; bare COPY {floor:.2f} s; ratios to it, medians of {self.rounds} rounds"
        )
        names = list(dict.fromkeys(step for steps in self.times.values() for step in steps))
        table.add_column("")
        for name in names:
            table.add_column(name, justify="right")
        for scenario, steps in self.times.items():
            figures = [f"{statistics.median(steps[name]) / floor:.2f}" if name in steps else "" for name in names]
            table.add_row(scenario, *figures)
        console = Console(width=160)
        console.print(table)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        console.print(f"peak memory: this process {peak:.0f} MB; the server's processes together {server_peak} MB")


class ServerMemory:
    """The most memory that the embedded server's processes held together, in MB: shared pages count once (PSS)."""

    def __init__(self, home: Path) -> None:
        self.home, self.peak, self.over = home, 0, threading.Event()

    def __enter__(self) -> "ServerMemory":
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join()

    def _watch(self) -> None:
        while not self.over.wait(0.5):
            self.peak = max(self.peak, sum(_pss(pid) for pid in self._processes()) // 1024)

    def _processes(self) -> list[str]:
        asked = subprocess.run(["ps", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True)
        rows = [line.split(maxsplit=2) for line in asked.stdout.splitlines()]
        masters = {pid for pid, _, args in rows if "postgres" in args and f"{self.home}/" in args}
        return [pid for pid, parent, _ in rows if pid in masters or parent in masters]


def _pss(pid: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def timed(call: Callable[[], Any]) -> float:
    """Seconds that a call took."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    main()
