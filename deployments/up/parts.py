"""The parts of `sluice up`, in the order in which they start; each says how one knows that it is there."""

import os
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path

from flows.server import free_port
from warehouse.settings import PROJECT, settings

PORTS = {"s3": 4220, "prefect": 4200, "pages": 4210}  # where they are free; else any that is
DEMO_BUCKET, DEMO_PREFIX = "arrivals", "in/"


@dataclass
class Part:
    """A process to be started. `ready`: the address that answers when it is, or a line of its log that says so."""

    name: str
    command: list[str]
    address: str | None = None
    ready: str | None = None
    says: str | None = None
    environment: dict[str, str] = field(default_factory=dict)


def port_of(name: str) -> int:
    """The port that a part is known by, or a free one where somebody else has it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", PORTS[name]))
        except OSError:
            return free_port()
    return PORTS[name]


def s3() -> Part:
    """A server that answers as S3, SQS and SNS do. It keeps nothing: what is in it goes with it."""
    port = port_of("s3")
    address = f"http://127.0.0.1:{port}"
    return Part("s3", _module("moto.server", "-H", "127.0.0.1", "-p", str(port)), address, f"{address}/moto-api/")


def prefect() -> Part:
    """The Prefect server with its UI; its data lies in the home."""
    port = port_of("prefect")
    address = f"http://127.0.0.1:{port}"
    command = _module("prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port))
    told = {
        # The UI asks the server where its API is; on another port than 4200 it has to be told.
        "PREFECT_UI_API_URL": f"{address}/api",
        # Who holds a deployment's place is kept in memory else: after a restart nobody gave it back, and no run began.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    }
    return Part("prefect", command, address, f"{address}/api/health", environment=told)


def worker() -> Part:
    """A worker of the pool; it starts a process for each run."""
    command = _module("prefect", "worker", "start", "--pool", "sluice", "--name", "sluice-up")
    return Part("worker", command, says="Worker 'sluice-up' started!")


def listener() -> Part:
    """The event consumer, warm."""
    return Part("listener", _module("flows.cli", "listen"), says="Listening to")


def pages(folder: Path) -> Part:
    """One page that links what runs, and the documentation."""
    port = port_of("pages")
    command = _module("http.server", str(port), "--bind", "127.0.0.1", "--directory", str(folder))
    address = f"http://127.0.0.1:{port}"
    return Part("pages", command, address, f"{address}/")


def docs() -> Part:
    """Writes the report and the documentation, once, and ends."""
    return Part("docs", _module("deployments.up.page"))


def environment() -> dict[str, str]:
    """What every part is started with."""
    home = str(settings().home.expanduser().absolute())
    paths = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
    return {
        **os.environ,
        "PYTHONPATH": paths,
        "PYTHONUNBUFFERED": "1",
        "SLUICE_HOME": home,
        "SLUICE_PROJECT": str(PROJECT),
        "PREFECT_HOME": str(settings().folder("prefect")),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
        "PREFECT_WORKER_QUERY_SECONDS": os.environ.get("PREFECT_WORKER_QUERY_SECONDS", "2"),
        "DO_NOT_TRACK": "1",
    }


def _module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", name, *arguments]
