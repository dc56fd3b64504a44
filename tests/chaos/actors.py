"""What runs, how it is started, and how it is killed: with SIGKILL, whatever it does just then."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


@dataclass
class Actor:
    """A process that is started again when it was killed, as a supervisor does."""

    name: str
    command: list[str]
    home: Path
    ready: Callable[[], bool] = lambda: True
    process: subprocess.Popen[bytes] | None = None
    killed: int = 0
    environment: dict[str, str] = field(default_factory=dict)

    def start(self, patience: float = 120) -> None:
        """Start it, unless it runs; wait until it is there."""
        if self.process is None or self.process.poll() is not None:
            with open(self.home / f"{self.name}.log", "ab") as log:
                self.process = subprocess.Popen(
                    [sys.executable, "-m", *self.command],
                    cwd=PROJECT,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    env={**os.environ, **self.environment},
                )
        until = time.monotonic() + patience
        while not self.ready() and time.monotonic() < until:
            time.sleep(0.1)

    def kill(self) -> None:
        """End it and all that it started, at once."""
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.killed += 1

    def stop(self) -> None:
        """Let it end as it likes, within limits."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)


def answers(address: str) -> Callable[[], bool]:
    """Whether an address answers."""

    def ask() -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=2) as answer:
            return bool(answer.status == 200)
        return False

    return ask


class Postgres:
    """The embedded server, which its next user starts again."""

    name = "postgres"

    def __init__(self, home: Path) -> None:
        self.home, self.killed = home, 0

    def kill(self) -> None:
        """Kill the postmaster; its backends follow."""
        from warehouse.server.files import ServerFiles

        words = (ServerFiles.of(self.home).read("running") or "").split()
        if len(words) == 2:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(words[1]), signal.SIGKILL)
                self.killed += 1

    def start(self) -> None:
        """Nobody has to: who needs it starts it."""
