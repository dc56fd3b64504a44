"""What masking costs, as a ratio to a bare server-side COPY of the same file: `python tests/bench/mask.py`.

The three personal columns (name, e-mail, phone) of all rows of the 13-column file are masked by the project's own
macro and written into a table, interleaved with the COPY; figures are medians of the rounds.
"""

import argparse
import contextlib
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from data import HEADER, write_items
from history import prepare_project, timed

PERSONAL = {"keeper": "person_name", "email": "email", "phone": "phone"}


def main() -> None:
    import os
    import shutil

    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--rounds", type=int, default=3)
    chosen = arguments.parse_args()
    home = Path(tempfile.mkdtemp(prefix="sluice-bench-"))
    home.chmod(0o755)
    prepare_project(home)
    os.environ.update(SLUICE_HOME=str(home), SLUICE_DBT_PROJECT=str(home / "project"))
    os.environ.update(SLUICE_CHECKS_FOLDER=str(Path(__file__).resolve().parent / "project/checks"))
    os.environ.pop("SLUICE_WAREHOUSE_URL", None)
    from warehouse import embedded

    try:
        tell(measure(home, chosen.rows, chosen.rounds), chosen.rows)
    finally:
        embedded.stop(home)
        shutil.rmtree(home)


def measure(home: Path, rows: int, rounds: int) -> dict[str, list[float]]:
    """Seconds of each way, round by round."""
    from flows.run import prepare
    from warehouse.connection import engine

    prepare()
    masks = masked_select()
    file = write_items(home / "items.csv", 0, rows)
    file.chmod(0o644)
    seconds: dict[str, list[float]] = {}
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        run = connection.exec_driver_sql
        columns = ", ".join(f"{name} text" for name in HEADER.split(","))
        run(f"create unlogged table public.given ({columns})")
        run(f"copy public.given from '{file}' (format csv, header)")
        run("analyze public.given")
        for _ in range(rounds):
            ways = {
                "bare COPY": (f"({columns})", f"copy public.out from '{file}' (format csv, header)"),
                "the columns as they are": ("(k text, a text, b text, c text)", "insert into public.out " + raw()),
                "masked, one process": (masked_columns(), f"insert into public.out {masks}"),
            }
            for name, (shape, statement) in ways.items():
                run(f"create unlogged table public.out {shape}")
                seconds.setdefault(name, []).append(timed(lambda s=statement: run(s)))
                run("drop table public.out")
            run("set parallel_tuple_cost = 0")
            begun = time.perf_counter()
            run(f"create unlogged table public.out as {masks}")
            seconds.setdefault("masked, parallel workers", []).append(time.perf_counter() - begun)
            run("reset parallel_tuple_cost")
            run("drop table public.out")
    return seconds


def raw() -> str:
    return "select item_code, keeper, email, phone from public.given"


def masked_columns() -> str:
    return "(k text, " + ", ".join(f"{name} text, {name}_token text" for name in PERSONAL) + ")"


def masked_select() -> str:
    """The project's masks over the given columns, as dbt compiles them."""
    from flows import dbt

    laterals, names = "", []
    for name, pii in PERSONAL.items():
        column = f"{{'name': '{name}', 'pii': '{pii}'}}"
        names += [f"m_{name}.masked as {name}", f"m_{name}.token as {name}_token"]
        laterals += f" {{{{ mask_of({column}, 'given', 'm_{name}') }}}}"
    inline = f"select given.item_code, {', '.join(names)} from public.given {laterals}"
    with contextlib.redirect_stdout(None):
        compiled: str = dbt.invoke("compile", "--inline", inline).results[0].node.compiled_code
    return compiled.replace("%", "%%")


def tell(seconds: dict[str, list[float]], rows: int) -> None:
    floor: Any = statistics.median(seconds["bare COPY"])
    print(f"{rows:,} rows, 3 personal columns; bare COPY {floor:.2f} s")
    for name, times in seconds.items():
        print(f"{name:28} {statistics.median(times) / floor:5.2f}")


if __name__ == "__main__":
    main()
