"""What masking costs, as a ratio to a bare server-side COPY of the same file: `make bench PART=mask`.

The three personal columns (name, e-mail, phone) of all rows of the 13-column file are masked as a merge masks many
rows, and their tokens go into the vault, interleaved with the COPY; figures are medians of the rounds.
"""

import argparse
import json
import os
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

from data import HEADER, write_items
from history import HERE, prepare_project, timed


def main() -> None:
    """Measure in a home of its own, and print the ratios."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--rounds", type=int, default=3)
    chosen = arguments.parse_args()
    home = Path(tempfile.mkdtemp(prefix="sluice-bench-"))
    home.chmod(0o755)
    prepare_project(home)
    os.environ.update(SLUICE_HOME=str(home), SLUICE_DBT_PROJECT=str(home / "project"))
    os.environ.update(SLUICE_CHECKS_FOLDER=str(HERE / "project/checks"))
    os.environ.pop("SLUICE_WAREHOUSE_URL", None)
    from warehouse import embedded

    try:
        tell(measure(home, chosen.rows, chosen.rounds), chosen.rows)
    finally:
        embedded.stop(home)
        shutil.rmtree(home)


def measure(home: Path, rows: int, rounds: int) -> dict[str, list[float]]:
    """Seconds of each way, round by round."""
    from flows import dbt
    from flows.run import prepare
    from warehouse.connection import engine

    prepare()
    file = write_items(home / "items.csv", 0, rows)
    file.chmod(0o644)
    columns = ", ".join(f"{name} text" for name in HEADER.split(","))
    seconds: dict[str, list[float]] = {}
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        run = connection.exec_driver_sql
        run("create table public.seconds (what text, seconds float)")
        numbers = "_row_number bigint generated always as identity, _delivery_id bigint default 1"
        run(f"create unlogged table public.given ({columns}, {numbers})")
        run(f"copy public.given ({HEADER}) from '{file}' (format csv, header)")
        run("analyze public.given")
        ways = {
            "bare COPY": (f"({columns})", f"copy public.out from '{file}' (format csv, header)"),
            "the columns as they are": (
                "(item_code text, keeper text, email text, phone text)",
                "insert into public.out select item_code, keeper, email, phone from public.given",
            ),
        }
        for _ in range(rounds):
            for name, (shape, statement) in ways.items():
                run(f"create unlogged table public.out {shape}")
                seconds.setdefault(name, []).append(timed(lambda s=statement: run(s)))
                run("drop table public.out")
            dbt.invoke("run-operation", "measure_masks", "--args", json.dumps({"rows": rows}))
        for what, spent in run("select * from public.seconds").all():
            seconds.setdefault(what, []).append(spent)
    return seconds


def tell(seconds: dict[str, list[float]], rows: int) -> None:
    floor: Any = statistics.median(seconds["bare COPY"])
    print(f"{rows:,} rows, 3 personal columns; bare COPY {floor:.2f} s")
    for name, times in seconds.items():
        print(f"{name:24} {statistics.median(times) / floor:5.2f}")


if __name__ == "__main__":
    main()
