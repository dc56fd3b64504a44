"""python -m tests.chaos --seed 7 --deliveries 20 --kills 10: prints its account, and ends with 1 where it is wrong."""

import argparse
import contextlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.chaos.actors import PROJECT, Actor, Postgres, answers

HEADER = "Region,Code,Size,Note,Keeper\n"
CODES = "abcdefgh"
VICTIMS = ("consumer", "consumer", "postgres", "postgres", "s3", "prefect", "worker")


class Chaos:
    """One installation with all that runs, and the stream of files that comes into its bucket."""

    def __init__(self, seed: int, home: Path, prefect: bool) -> None:
        from flows.server import free_port

        self.dice, self.home = random.Random(seed), home
        self.occupied = 0  # runs that the worker was killed in
        self.sent: dict[int, dict[str, int]] = {}  # day -> what its file says: code -> size
        s3, server = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self.actors: dict[str, Any] = {
            "postgres": Postgres(home),
            "s3": Actor("s3", _at("moto.server", "-H", "127.0.0.1", "-p", s3), home, answers(f"{s3}/moto-api/")),
            "consumer": Actor("consumer", ["flows.cli", "listen"], home),
        }
        if prefect:
            start = ["prefect", "server", "start", "--host", "127.0.0.1", "--port", server.rpartition(":")[2]]
            self.actors["prefect"] = Actor("prefect", start, home, answers(f"{server}/api/health"))
            self.actors["worker"] = Actor("worker", ["prefect", "worker", "start", "--pool", "sluice"], home)
        os.environ.update(environment(home, s3, f"{server}/api" if prefect else None))

    def begin(self) -> None:
        """Start everything, and the bucket."""
        from flows.run import prepare

        prepare()
        for name in ("s3", "prefect"):
            if name in self.actors:
                self.actors[name].start()
        self.bucket()
        if "prefect" in self.actors:
            subprocess.run([sys.executable, "-m", "flows.cli", "deploy"], cwd=PROJECT, check=True, capture_output=True)
            self.actors["worker"].start()
        self.actors["consumer"].start()

    def bucket(self) -> None:
        """The bucket and its queue. Real S3 keeps its objects when a server dies; this one's are put back: their
        announcements are lost then, and a listing has to find them."""
        import boto3

        from deployments.demo_aws import prepare

        s3, sqs = boto3.client("s3"), boto3.client("sqs")
        if "arrivals" not in {found["Name"] for found in s3.list_buckets()["Buckets"]}:
            s3.create_bucket(Bucket="arrivals")
            for day, rows in self.sent.items():
                self._put(s3, day, rows)
        os.environ["SLUICE_EVENTS_QUEUE"] = prepare(s3, sqs, "arrivals", "in/").queue

    def _put(self, s3: Any, day: int, rows: dict[str, int]) -> None:
        body = HEADER + "".join(f"n,{code},{size},,\n" for code, size in rows.items())
        s3.put_object(Bucket="arrivals", Key=f"in/acme/things-2026-{1 + day // 28:02}-{1 + day % 28:02}.csv", Body=body)

    def deliver(self, day: int) -> None:
        """A file of all things comes: some have changed since the day before."""
        import boto3

        self.sent[day] = {code: self.dice.randrange(3) for code in CODES}
        with contextlib.suppress(Exception):  # while the S3 server is down the vendor tries again: bucket() does it
            self._put(boto3.client("s3"), day, self.sent[day])

    def victims(self, kills: int) -> list[str]:
        """Whom to kill, in order: each kind once, then whomever the dice hit."""
        there = [name for name in VICTIMS if name in self.actors]
        each = list(dict.fromkeys(there))
        self.dice.shuffle(each)
        return (each + self.dice.choices(there, k=kills))[: max(kills, len(each))]

    def strike(self, victim: str) -> str:
        """Kill somebody, and start what was killed again. A worker is killed while it works."""
        if victim == "worker":
            self.occupy()
        self.actors[victim].kill()
        time.sleep(self.dice.random())
        self.actors[victim].start()
        if victim == "s3":
            self.bucket()
        return victim

    def occupy(self, patience: float = 20) -> None:
        """Let the worker have a run, and be at it."""
        from prefect.client.orchestration import get_client
        from prefect.deployments import run_deployment

        with contextlib.suppress(Exception), get_client(sync_client=True) as client:  # the server may be down just now
            asked = run_deployment("run/everything", timeout=0, as_subflow=False)
            until = time.monotonic() + patience
            while time.monotonic() < until:
                time.sleep(0.3)
                if client.read_flow_run(asked.id).state.is_running():
                    self.occupied += 1
                    return

    def stream(self, deliveries: int, kills: int, seconds: float) -> list[str]:
        """Files come and processes die, in an order that the seed decides, until both are done or time is over."""
        victims = self.victims(kills)
        events = ["file"] * deliveries + ["kill"] * len(victims)
        days = self.dice.sample(range(deliveries), deliveries)
        self.dice.shuffle(events)
        struck, until = [], time.monotonic() + seconds
        for event in events:
            if event == "file":
                self.deliver(days.pop())
            elif time.monotonic() < until:
                struck.append(self.strike(victims.pop(0)))
            time.sleep(self.dice.random() * 1.5)
        return struck

    def settle(self) -> None:
        """Nobody is killed any more: what is left is taken up by the next runs."""
        from flows.prefect_door import go
        from flows.run import run

        for name in ("s3", "prefect"):
            if name in self.actors:
                self.actors[name].start()
        self.bucket()
        self.actors["consumer"].start()
        time.sleep(3)
        self.actors["consumer"].stop()
        for _ in range(4):
            try:
                go(run)
                return
            except Exception as error:  # what was left is taken up by the next
                wrong = error
        print(wrong)

    def end(self) -> None:
        """Stop everything."""
        for name in ("consumer", "worker", "prefect", "s3"):
            if name in self.actors:
                self.actors[name].stop()


def _at(module: str, *arguments: str) -> list[str]:
    *rest, address = arguments
    return [module, *rest, address.rpartition(":")[2]]


def environment(home: Path, s3: str, prefect: str | None) -> dict[str, str]:
    """What everybody is started with."""
    found = {
        "PYTHONPATH": str(PROJECT),
        "SLUICE_HOME": str(home),
        "SLUICE_PROJECT": str(PROJECT),
        "SLUICE_DBT_PROJECT": str(home / "project"),
        "SLUICE_CHECKS_FOLDER": str(PROJECT / "tests" / "project" / "checks"),
        "SLUICE_DROP_FOLDER": "s3://arrivals/in",
        "AWS_ENDPOINT_URL": s3,
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "a-secret-that-is-nowhere-to-be-read",
        "AWS_DEFAULT_REGION": "us-east-1",
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        "DO_NOT_TRACK": "1",
    }
    return found | ({"PREFECT_API_URL": prefect} if prefect else {})


def small_project(home: Path) -> None:
    """The real project's macros with the one small entity of the tests."""
    target = home / "project"
    real = PROJECT / "dbt_project"
    target.mkdir()
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(real / name, target / name)
    shutil.copytree(real / "macros", target / "macros")
    shutil.copytree(PROJECT / "tests" / "project" / "models", target / "models")


def main() -> None:
    """Strike, settle, look."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))
    parser.add_argument("--deliveries", type=int, default=30)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=300, help="After that nobody is killed any more.")
    parser.add_argument("--without-prefect", action="store_true", help="The consumer runs plain functions.")
    asked = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="sluice-chaos-"))
    home.chmod(0o755)
    small_project(home)
    print(f"seed {asked.seed}", flush=True)
    chaos = Chaos(asked.seed, home, not asked.without_prefect)
    began = time.monotonic()
    try:
        took = []
        struck: list[str] = []
        for phase in (
            chaos.begin,
            lambda: struck.extend(chaos.stream(asked.deliveries, asked.kills, asked.seconds)),
            chaos.settle,
            chaos.end,
        ):
            phase()
            took.append(f"{time.monotonic() - began:.0f}")
        from tests.chaos.account import account

        wrong = account(chaos.sent, home)
    finally:
        chaos.end()
        from warehouse import embedded

        embedded.stop(home)
    counts = ", ".join(f"{struck.count(name)} {name}" for name in dict.fromkeys(VICTIMS) if name in struck)
    at_work = f" ({chaos.occupied} times within a run)" if chaos.occupied else ""
    print(f"{len(chaos.sent)} deliveries; killed: {counts or 'nobody'}{at_work}; {' '.join(took)} s")
    print("\n".join(wrong) or "All published once, accounts add up, nothing left over.")
    if wrong:
        sys.exit(f"The logs are in {home}")
    shutil.rmtree(home)


if __name__ == "__main__":
    main()
