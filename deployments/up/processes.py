"""Processes that outlive the command which started them: known by id and start, so that no stranger is ever taken for
one of ours."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from warehouse.errors import SluiceError

PATIENCE = 20.0  # seconds that a process has to end by itself


@dataclass(frozen=True)
class Process:
    """A process of ours. `born` tells it from a later process with the same id."""

    name: str
    pid: int
    born: str
    address: str | None = None

    @property
    def alive(self) -> bool:
        """Whether it runs still, and is none that has its id by now."""
        return bool(self.born) and birth(self.pid) == self.born


def birth(pid: int) -> str:
    """When a process began, in whatever way the system tells; empty where there is none, or it has ended."""
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if words[0] == "Z" else words[19]
    told = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S607
    return told.stdout.strip()


def start(name: str, command: Sequence[str], log: Path, environment: dict[str, str], address: str | None) -> Process:
    """Start a process in a session of its own; what it says goes to its log."""
    with open(log, "ab") as out:
        running = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=environment,
            start_new_session=True,
        )
    return Process(name, running.pid, birth(running.pid), address)


def stop(process: Process) -> None:
    """End a process and all that it started: politely, then not. No-op where it has ended."""
    if not process.alive:
        return
    os.kill(process.pid, signal.SIGTERM)
    until = time.monotonic() + PATIENCE
    while process.alive and time.monotonic() < until:
        time.sleep(0.1)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # the session's leader has its group's id


class Register:
    """The file that knows what runs: `home/up/processes.json`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "processes.json"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else goes up or down meanwhile."""
        import fcntl

        with open(self.folder / "lock", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise SluiceError("Somebody else is going up or down with this home right now; wait for it.") from None
            yield

    def read(self) -> dict[str, Process]:
        """What was started and runs still; ids of processes that are gone are forgotten."""
        try:
            known = [Process(**said) for said in json.loads(self.file.read_text())]
        except (OSError, ValueError, TypeError):
            return {}
        return {process.name: process for process in known if process.alive}

    def write(self, running: dict[str, Process]) -> None:
        """Keep what runs, whole or not at all."""
        aside = self.file.with_suffix(".new")
        aside.write_text(json.dumps([asdict(process) for process in running.values()], indent=2))
        aside.replace(self.file)
