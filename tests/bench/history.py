"""What history costs, as ratios to a bare server-side COPY of the same file, step by step: `make bench`."""

import argparse
import os
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
DELTA = 10_000


def main() -> None:
    """Run the scenarios in a home of their own, and print a table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--rounds", type=int, default=3)
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
        Bench(home, chosen.rows, chosen.rounds).run()
    finally:
        embedded.stop(home)
        os.environ.get("BENCH_KEEP") or shutil.rmtree(home)


def prepare_project(home: Path) -> None:
    """The real macros with the benchmark's models."""
    real = PROJECT / "dbt_project"
    shutil.copytree(HERE / "project" / "models", home / "project" / "models")
    shutil.copytree(real / "macros", home / "project" / "macros")
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

    def run(self) -> None:
        from flows.run import prepare

        prepare()
        for round_number in range(self.rounds):
            self.reset()
            year = 2001 + round_number
            first = self.file("items", f"{year}-01-01", 0, self.rows, bad=0.01)
            self.copy.append(timed(lambda file=first: self.bare_copy(file)))
            self.deliver("first full load", first)
            second = self.file(
                "items", f"{year}-01-02", 0, self.rows + self.rows // 1000, day=1, changed=0.01, gone=0.001, bad=0.01
            )
            self.copy.append(timed(lambda file=second: self.bare_copy(file)))
            self.deliver("second full delivery", second)
            same = second.rename(second.with_name(f"items-{year}-01-03.csv"))
            self.deliver("the same content again", same)
            delta = self.file("changes", f"{year}-01-04", 0, DELTA, day=4, changed=0.5)
            self.deliver(f"a delta of {DELTA:,} rows", delta)
            delta = self.file("changes", f"{year}-01-05", 0, DELTA, day=5, changed=0.5)
            self.deliver(f"another delta of {DELTA:,} rows", delta)
            late = self.file("changes", f"{year}-01-03", 0, DELTA, day=3, changed=0.5)
            self.deliver(f"a late delta of {DELTA:,} rows", late)
        self.tell()

    def reset(self) -> None:
        """Empty history and ledger, the tables kept."""
        from sqlalchemy import text

        from warehouse.connection import transaction

        with transaction() as connection:
            connection.execute(
                text("truncate ledger.deliveries, ledger.runs, ledger.pointers restart identity cascade")
            )
            connection.execute(text("truncate history.dim_item, quarantine.item"))
            for index in ("one_open_version", "one_version_at_a_time", "begun", "ended"):
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

    def file(self, feed: str, date: str, first: int, last: int, **how: Any) -> Path:
        import sys

        sys.path.insert(0, str(HERE))
        from data import write_items

        return write_items(self.files / f"{feed}-{date}.csv", first, last, **how)

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

    def deliver(self, scenario: str, file: Path) -> None:
        from flows import ingest, merge
        from publish import pointer
        from warehouse import runs

        steps = self.times.setdefault(scenario, {})

        def note(step: str, call: Callable[[], Any]) -> Any:
            begun = time.perf_counter()
            result = call()
            steps.setdefault(step, []).append(time.perf_counter() - begun)
            return result

        feed = f"bench.{file.name.split('-')[0]}"
        begun = time.perf_counter()
        registered = note("register", lambda: ingest.register(feed, file, None, None, True, None))
        if registered.outcome == "new":
            note("stage", lambda: ingest.stage(feed, registered.delivery_id))
        run = note("start", lambda: merge.start("item"))
        if run:
            note("judge", lambda: merge.judge("item", run))
            note("verify", lambda: merge.verify("item", run))
            note("doubt", lambda: merge.doubt("item", run))
            note("merge", lambda: merge.fold("item", run))
            note("gate", lambda: merge.gate("item", run))
            note("publish", lambda: pointer.publish({"item": run}, release=False))
        steps.setdefault("end to end", []).append(time.perf_counter() - begun)
        assert runs.candidate("item") is None

    def tell(self) -> None:
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
        console.print(f"peak memory of the process: {peak:.0f} MB")


def timed(call: Callable[[], Any]) -> float:
    """Seconds that a call took."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
