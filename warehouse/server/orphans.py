"""Processes that a killed server left behind: found, verified, ended. A no-op where there is no /proc."""

import os
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from warehouse.server.account import Account, acting_as
from warehouse.server.files import PROC, EmbeddedError, parent_of, soon

SUPERVISOR_GRACE = 10.0  # seconds; a supervisor whose home was deleted notices within one
FAST = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 10.0))
AT_ONCE = FAST[1:]  # loses nothing either: what was committed is in the write-ahead log


def clear_orphans(data: Path, account: Account | None) -> None:
    """End what is left of a server of `data` that lost its supervisor, and a pid file that would mislead.

    A process is signalled only if its working directory is `data` and its program is postgres. A postmaster
    that has a supervisor after all is left alone, and EmbeddedError raised.
    """
    pid_file = data / "postmaster.pid"
    if not pid_file.exists() or not PROC.exists():
        return  # a server that shut down cleanly takes its pid file away
    postmaster = recorded_pid(pid_file)
    with acting_as(account):
        if is_server(postmaster, data):
            _refuse_supervised(postmaster, data)
            _end([postmaster], data, FAST)
        _wait([pid for pid in _all_pids() if is_server(pid, data)], data, 0.3)  # idle backends go by themselves
        _end([pid for pid in _all_pids() if is_server(pid, data)], data, AT_ONCE)
        if Path(f"/proc/{postmaster}").exists():
            pid_file.unlink(missing_ok=True)  # the number is another process's by now; PostgreSQL would not start


def recorded_pid(pid_file: Path) -> int:
    """The number in a pid file's first line, 0 where there is none (a single-user server's is negative)."""
    try:
        return abs(int(pid_file.read_text().split("\n")[0]))
    except (FileNotFoundError, ValueError):
        return 0


def is_server(pid: int, data: Path) -> bool:
    """Whether the process is a postgres whose working directory is `data`."""
    try:
        program = Path(f"/proc/{pid}/exe").readlink().name.removesuffix(" (deleted)")
        return program == "postgres" and Path(f"/proc/{pid}/cwd").samefile(data)
    except OSError:
        return False


def _all_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _refuse_supervised(postmaster: int, data: Path) -> None:
    deadline = time.monotonic() + SUPERVISOR_GRACE
    while (parent := parent_of(postmaster)) and b"warehouse.supervisor" in command_line(parent):
        if not soon(deadline):
            raise EmbeddedError(
                f"Another supervisor (process {parent}) runs a server on {data}. Was this home copied, or "
                "were its lock files deleted? End that process and try again."
            )


def command_line(pid: int) -> bytes:
    """The command line of a process, empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _end(pids: list[int], data: Path, signals: Iterable[tuple[int, float]]) -> None:
    """Send each signal in turn to those that still live, waiting its seconds for them to go."""
    for number, seconds in signals:
        for pid in pids:
            signal_verified(pid, number, lambda pid: is_server(pid, data))
        if _wait(pids, data, seconds):
            return
    raise EmbeddedError(f"Processes {pids} of a lost server on {data} do not end, not even by SIGKILL; look at them.")


def signal_verified(pid: int, number: int, verify: Callable[[int], bool]) -> None:
    """Signal a process if it is the one that is meant; a pidfd keeps the number from changing hands."""
    handle = _handle(pid)
    try:
        if not verify(pid):
            return
        if handle is None:
            os.kill(pid, number)
        else:
            signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        pass
    finally:
        if handle is not None:
            os.close(handle)


def _handle(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):  # not Linux, older than 5.3, or gone
        return None


def _wait(pids: list[int], data: Path, seconds: float) -> bool:
    """Whether all of them are gone within that time."""
    deadline = time.monotonic() + seconds
    while any(is_server(pid, data) for pid in pids):
        if not soon(deadline):
            return False
    return True
