"""Ratios to a bare server-side COPY of the same file, in one run: python tests/bench_read/speed.py [rows]"""

import csv
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

HOME = Path(tempfile.mkdtemp(prefix="sluice-bench-"))
os.environ.update(SLUICE_HOME=str(HOME), DO_NOT_TRACK="1", SODA_CORE_TELEMETRY_ENABLED="false")
NAMES = [f"column_{place}" for place in range(1, 14)]
ONE_IN = 1000  # of the file for the careful road, so many records are odd


def write(path: Path, rows: int, odd: bool) -> None:
    """A file of 13 columns, 222 bytes a row: numbers, dates, codes, names, quoted text."""
    chance = random.Random(1)
    words = list(map(str.lower, "Some Words That Stand In A Text Of No Great Meaning".split()))  # noqa: SIM905
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(",".join(NAMES) + "\n")
        for n in range(rows):
            text = " ".join(chance.choices(words, k=21))
            cells = [
                str(n), f"AB{chance.randrange(10**6):06}", f"20{n % 26:02}-0{n % 9 + 1}-{n % 28 + 1:02}",
                f"{chance.random() * 1000:.4f}", chance.choice(words), f'"{text}, and so on"', chance.choice(("", "x")),
                str(chance.randrange(10**9)), f"{chance.choice(words)} {chance.choice(words)}", "https://example.com/a",
                f'"He said ""{chance.choice(words)}"""' if n % 20 == 0 else "plain", "N/A", f"{n % 97}.5",
            ]  # fmt: skip
            if odd and n % ONE_IN == 5:
                cells = cells[:-1] if n % 2 else [*cells[:5], '"unclosed', *cells[6:]]
            file.write(",".join(cells) + "\n")


def timed(work: Callable[[], object]) -> tuple[float, object]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def staged(path: Path, delivery_id: int) -> str:
    """The whole stage of a delivery, from the file to the filled and attached table."""
    from extract.feeds import Arrives, Column, Feed, Owner
    from extract.read import open_file
    from extract.read.progress import Progress
    from extract.stage import _Loading
    from warehouse.connection import driver, transaction

    columns = tuple(Column(name=name, headers=(name,), required=True, pii="none") for name in NAMES)
    feed = Feed(
        vendor="bench", name="rows", entity="thing", owner=Owner(name="B", email=("b@example.com",)), mode="full",
        arrives=Arrives(drop="b/*.csv"), columns=columns,
    )  # fmt: skip
    with transaction() as connection:
        reading = open_file(path, expected=[column.headers for column in columns], required=range(13))
        loading = _Loading(driver(connection), feed, delivery_id, reading, Progress(path, None))
        loading.prepare()
        clean = loading.by_the_clean_road()
        account = clean or loading.by_the_careful_road()
        loading.attach()
    return f"{'clean' if clean else 'careful'} road, {account.staged:,} rows, {account.unreadable:,} unreadable"


def with_csv(path: Path) -> object:
    with open(path, encoding="utf-8", newline="") as file:
        return sum(1 for _ in csv.reader(file))


def copy_with_csv(path: Path) -> object:
    """csv.reader and COPY, without any account."""
    from warehouse.connection import driver, transaction

    with transaction() as connection, open(path, encoding="utf-8", newline="") as file:
        raw = driver(connection)
        raw.execute("create unlogged table by_csv (" + ", ".join(f"{name} text" for name in NAMES) + ")")
        rows = csv.reader(file)
        next(rows)
        with raw.cursor().copy("copy by_csv from stdin") as copy:
            for row in rows:
                copy.write_row(row)
        raw.execute("drop table by_csv")
    return "csv.reader to COPY"


def with_pandas(path: Path) -> object:
    import pandas

    return len(pandas.read_csv(path, dtype=str, keep_default_na=False))


def with_duckdb(path: Path) -> object:
    import duckdb

    return duckdb.sql(f"select count(column_5) from read_csv('{path}', all_varchar=true)").fetchall()


def read_only(path: Path) -> object:
    from extract.read import open_file

    reading = open_file(path, expected=[[name] for name in NAMES], required=range(13))
    return sum(len(batch.rows) for batch in reading.batches())


def peak_memory(function: str, path: Path) -> float:
    """MiB of a fresh process that does only this, less what the imports take."""
    code = (
        "import sys, resource; sys.path.insert(0, '.'); from tests.bench_read import speed\n"
        "import pathlib; from extract import stage; from warehouse import migrate; import pandas, duckdb\n"
        f"speed.{function}(pathlib.Path('{path}'){', 7' if function == 'staged' else ''})\n"
        "print([int(line.split()[1]) for line in open('/proc/self/status') if line.startswith('VmHWM')][0] / 1024)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    return float(done.stdout.split()[-1])


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    from warehouse import embedded
    from warehouse.connection import driver, transaction
    from warehouse.migrate import migrate

    HOME.chmod(0o755)
    url = embedded.lease(HOME, linger=5)
    os.environ["SLUICE_WAREHOUSE_URL"] = url
    try:
        migrate()
        clean, odd = HOME / "clean.csv", HOME / "odd.csv"
        write(clean, rows, odd=False)
        write(odd, rows, odd=True)
        for path in (clean, odd):
            path.chmod(0o644)
        print(f"{rows:,} rows x 13 columns, {clean.stat().st_size / 1e6:.0f} MB")

        def bare() -> object:
            with transaction() as connection:
                raw = driver(connection)
                raw.execute("create unlogged table bare (" + ", ".join(f"{name} text" for name in NAMES) + ")")
                raw.execute(f"copy bare from '{clean}' (format csv, header)")  # type: ignore[arg-type]
                raw.execute("drop table bare")
            return "bare COPY"

        base = min(timed(bare)[0] for _ in range(3))
        print(f"{'bare server-side COPY':34} {base:6.2f} s   1.00")
        for label, work, best in (
            ("clean road, the whole stage", lambda: staged(clean, 1), 2),
            ("careful road, the whole stage", lambda: staged(odd, 2), 1),
            ("careful road, reading alone", lambda: read_only(odd), 1),
            ("csv.reader, reading alone", lambda: with_csv(clean), 1),
            ("csv.reader to COPY, no account", lambda: copy_with_csv(clean), 1),
            ("pandas.read_csv, reading alone", lambda: with_pandas(clean), 1),
            ("DuckDB read_csv, reading alone", lambda: with_duckdb(clean), 1),
        ):
            runs = [timed(work) for _ in range(best)]
            seconds = min(run[0] for run in runs)
            print(f"{label:34} {seconds:6.2f} s  {seconds / base:5.2f}   {runs[0][1]}")
        for function, path in (("staged", clean), ("staged", odd), ("with_csv", clean), ("with_pandas", clean)):
            print(f"peak memory of {function:12} {path.name:10} {peak_memory(function, path):6.0f} MiB")
        print(f"this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    finally:
        embedded.stop(HOME)
        shutil.rmtree(HOME, ignore_errors=True)


if __name__ == "__main__":
    main()
