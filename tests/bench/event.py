"""From an object in the bucket to a published row: S3, SQS and Prefect are servers in processes of their own, and the
consumer is `sluice listen` in its own warm process, its flow runs seen by the Prefect server.

    python -m tests.bench.event --times 20 --rows 1000
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FEED_FOLDER, NAME = "nevada", "licences-{}.csv"
SAMPLE = Path("dbt_project/models/staging/nevada/samples/licences-2026-01-05.csv")


def file_of(rows: int, day: int) -> bytes:
    """A register of so many licences, of which every tenth has another name than the day before."""
    header, first, *_ = SAMPLE.read_text().splitlines()
    name, kind, number, rest = first.split(",", 3)
    lines = [f"{name if i % 10 else f'{name} {day}'},{kind},{number}{i},{rest}" for i in range(rows)]
    return "\n".join([header, *lines, ""]).encode()


@contextmanager
def process(*command: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process for as long as the block lasts."""
    with open(log, "wb") as out:
        running = subprocess.Popen([sys.executable, "-m", *command], stdout=out, stderr=out)
    try:
        yield running
    finally:
        running.terminate()
        running.wait(120)


def cpu(pid: int) -> float:
    """Seconds of processor time that a process has used (Linux)."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure, and print the median."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--rows", type=int, default=1000)
    asked = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="sluice-event-"))
    home.chmod(0o755)
    os.environ["SLUICE_HOME"] = str(home)
    from flows.server import free_port, prefect_server
    from warehouse import embedded

    port = free_port()
    os.environ.update(
        AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}",
        AWS_ACCESS_KEY_ID="x",
        AWS_SECRET_ACCESS_KEY="x",
        AWS_DEFAULT_REGION="us-east-1",
        SLUICE_DROP_FOLDER="s3://arrivals/in",
    )
    try:
        with prefect_server(), process("moto.server", "-H", "127.0.0.1", "-p", str(port), log=home / "moto.log"):
            measure(asked.times, asked.rows, home)
    finally:
        embedded.stop(home)
        shutil.rmtree(home)


def measure(times: int, rows: int, home: Path) -> None:
    """Put an object, wait until its rows are published, so many times."""
    import boto3

    from deployments.demo_aws import prepare
    from flows.server import wait_for
    from publish import pointer

    wait_for(os.environ["AWS_ENDPOINT_URL"] + "/moto-api/")
    s3 = boto3.client("s3")
    os.environ["SLUICE_EVENTS_QUEUE"] = prepare(s3, boto3.client("sqs"), "arrivals", "in/").queue
    taken, spent = [], 0.0
    with process("flows.cli", "listen", log=home / "listen.log") as consumer:
        while b"Listening" not in (home / "listen.log").read_bytes():
            time.sleep(0.2)
        for day in range(times + 1):
            before = pointer.current("provider")
            name = NAME.format(f"2026-{1 + day // 28:02}-{1 + day % 28:02}")
            began = time.monotonic()
            s3.put_object(Bucket="arrivals", Key=f"in/{FEED_FOLDER}/{name}", Body=file_of(rows, day))
            while pointer.current("provider") == before:
                if time.monotonic() - began > 120:
                    sys.exit((home / "listen.log").read_text()[-3000:])
                time.sleep(0.02)
            if day:  # the first one warms up
                taken.append(time.monotonic() - began)
            else:
                spent = -cpu(consumer.pid)
        spent += cpu(consumer.pid)
    listed = " ".join(f"{seconds:.2f}" for seconds in sorted(taken))
    print(f"{rows} rows, object in the bucket to published: median {statistics.median(taken):.2f} s of {listed}")
    print(f"of the consumer's own processor time: {spent / times:.2f} s each; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
