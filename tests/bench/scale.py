"""Deliveries in a second by one consumer process and by four, on one database: python -m tests.bench.scale"""

import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

FEEDS, DAYS, ROWS = 20, 10, 200


def main() -> None:
    """Measure both, each in an installation of its own."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        for workers in (1, 4):
            took = measure(workers, "http://{}:{}".format(*server.get_host_and_port()))
            rate = f"{FEEDS * DAYS / took:.1f} deliveries/s of {ROWS} rows"
            print(f"{workers} process{'es' * (workers > 1)}: {rate}, their start included")
    finally:
        server.stop()


def measure(workers: int, aws: str) -> float:
    """Seconds that so many consumers need."""
    import urllib.request

    import bucket  # it takes a developer's own settings away, so before ours are made
    from scaling import consume, deliver, project_of

    from tests.chaos.__main__ import environment, small_project
    from warehouse import embedded

    urllib.request.urlopen(urllib.request.Request(f"{aws}/moto-api/reset", method="POST"), timeout=10).close()
    home = Path(tempfile.mkdtemp(prefix="sluice-scale-"))
    home.chmod(0o755)
    small_project(home)
    many = project_of(FEEDS, home / "project", home / "many")
    os.environ.update(environment(home, aws, None) | {"SLUICE_DBT_PROJECT": str(many)})
    try:
        bucket = made_bucket()
        prepare_anew()
        deliver(bucket, FEEDS, DAYS, ROWS)
        began = time.monotonic()
        said = consume(workers, 20)
        took = time.monotonic() - began
        assert not said, said
        assert merged() == FEEDS * DAYS, merged()
        return took
    finally:
        embedded.stop(home)
        shutil.rmtree(home)


def merged() -> int:
    """How many deliveries are in history, asked of a process of its own."""
    status = [sys.executable, "-m", "flows.cli", "status", "--json"]
    done = subprocess.run(status, check=True, capture_output=True, text=True)
    return sum(delivery["state"] == "merged" for delivery in json.loads(done.stdout)["deliveries"])


def made_bucket() -> object:
    """The bucket, its queue, and the setting that names it."""
    import boto3
    from bucket import Bucket

    from deployments.demo_aws import prepare

    s3, sqs = boto3.client("s3"), boto3.client("sqs")
    made = prepare(s3, sqs, "arrivals", "in/")
    os.environ["SLUICE_EVENTS_QUEUE"] = made.queue
    return Bucket(s3, sqs, made.queue, made.dead)


def prepare_anew() -> None:
    """The project's views, by a process of its own: settings are read once per process."""
    subprocess.run([sys.executable, "-m", "flows.cli", "run"], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
