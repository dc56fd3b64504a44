"""A Prefect server of our own on loopback, for as long as a block lasts."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from warehouse.errors import SluiceError
from warehouse.settings import settings

START_SECONDS = 300.0  # seen: 8-15 s on 2 cores, 45 s beside a test suite, over 120 s beside ten of them
STOP_SECONDS = 15.0


@contextmanager
def prefect_server() -> Iterator[str]:
    """Start a server with its data in the home, point this process's Prefect at it, and stop it at the end.

    Gives its API's URL. Enter before Prefect is imported: Prefect reads its settings when it is.
    """
    folder = settings().folder("prefect")
    port = free_port()
    url = f"http://127.0.0.1:{port}/api"
    os.environ.update(
        PREFECT_HOME=str(folder),
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        DO_NOT_TRACK="1",
        PREFECT_API_URL=url,
        PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW="ignore",
    )
    with open(folder / "server.log", "ab") as log:
        command = [
            sys.executable,
            "-m",
            "prefect",
            "server",
            "start",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
        ]
        server = subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=_die_with_parent)
    try:
        _wait_until_healthy(server, url, str(folder / "server.log"))
        yield url
    finally:
        _send_last_logs()
        os.environ.pop("PREFECT_API_URL", None)
        _stop(server)


def free_port() -> int:
    """A port of loopback that nobody has right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answers(address: str) -> bool:
    """Whether an address of ours answers well."""
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:  # noqa: S310  (our own loopback URL)
            return bool(answer.status == 200)
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


def wait_for(address: str, seconds: float = START_SECONDS) -> bool:
    """Wait until an address answers well; whether it did."""
    deadline = time.monotonic() + seconds
    while not answers(address):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def _send_last_logs() -> None:
    """Prefect sends logs from a thread; what it still holds is lost, with a complaint, once the server is gone."""
    if "prefect" in sys.modules:
        from prefect.logging.handlers import APILogHandler

        APILogHandler().flush()


def _die_with_parent() -> None:
    """Ask the kernel for SIGTERM when our process dies, however it dies (Linux, prctl PR_SET_PDEATHSIG)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _wait_until_healthy(server: subprocess.Popen[bytes], url: str, log: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        if answers(f"{url}/health"):
            return
        time.sleep(0.2)
    raise SluiceError(f"The Prefect server did not start within {START_SECONDS:g} s; its log is {log}.")


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
