"""What a delivery costs of which every row is bad: `python tests/bench/all_bad.py`.

It waits for a person and nothing of it is merged. Told are the peaks of this process's and of the server's memory, for
a small file and a large one."""

import argparse
import os
import resource
import shutil
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from multiprocessing import get_context
from pathlib import Path

from data import write_items
from history import HERE, Bench, ServerMemory, prepare_project


def main() -> None:
    """Deliver a file of each size, run, and print what became of it."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, nargs="+", default=[10_000, 1_000_000])
    chosen = arguments.parse_args()
    home = Path(tempfile.mkdtemp(prefix="sluice-bench-"))
    home.chmod(0o755)
    prepare_project(home)
    os.environ.update(
        SLUICE_HOME=str(home), SLUICE_DBT_PROJECT=str(home / "project"), SLUICE_CHECKS_FOLDER=f"{HERE}/project/checks"
    )
    os.environ.pop("SLUICE_WAREHOUSE_URL", None)
    from warehouse import embedded

    try:
        bench = AllBad(home, 0, 1)
        for number, rows in enumerate(chosen.rows):
            bench.waits(rows, date(2001, 1, 1 + number))
    finally:
        embedded.stop(home)
        shutil.rmtree(home)


class AllBad(Bench):
    """Files in which every row breaks a rule."""

    def waits(self, rows: int, day: date) -> None:
        """Deliver and run as `sluice` does; the run ends with an error that says why the file waits."""
        from sqlalchemy import text

        from flows.ingest import ingest
        from flows.prefect_door import go
        from flows.report import RunError
        from flows.run import prepare, run
        from warehouse.connection import transaction

        prepare()
        self.reset()
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:  # DuckDB's memory is not ours
            file = apart.submit(write_items, self.files / f"items-{day}.csv", 0, rows, bad=1.0).result()
        begun, said = time.perf_counter(), "it was merged"
        with ServerMemory(self.home) as memory:
            go(ingest, "bench.items", file, None)
            try:
                go(run, ["item"])
            except RunError as error:
                said = str(error)
        with transaction() as connection:
            held = connection.scalar(text("select count(*) from quarantine.item"))
            merged = connection.scalar(text("select count(*) from history.dim_item"))
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{rows:,} rows, all bad: {time.perf_counter() - begun:.1f} s; {said}")
        print(f"  in quarantine {held:,}, in history {merged:,}; peaks: this process {own:,.0f} MB", end="")
        print(f", the server {memory.peak:,.0f} MB", flush=True)


if __name__ == "__main__":
    main()
