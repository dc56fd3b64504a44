"""The server process: its settings and its port, when it is ready, and how it is stopped."""

import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from warehouse.server.account import identity
from warehouse.server.files import EmbeddedError, ServerFiles, soon
from warehouse.server.place import Place

# Below Linux's ephemeral ports (32768 on): no outgoing connection takes ours while the server is away.
PORTS = range(20000, 32000)
START_WAIT = 600.0  # seconds; redoing 4 GB of write-ahead log after a crash takes minutes on a slow disk
STOPS = ((signal.SIGINT, 120.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))  # fast, immediate, by force
LOG_KEEP = 10_000_000  # bytes; a start puts a longer server.log away as server.log.1
MIB = 2**20


def memory() -> int:
    """Bytes of memory that we may use: the machine's, or what a container has of them."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(machine, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    except (OSError, ValueError):  # no such file, or `max`
        return machine


# A quarter of the memory, as PostgreSQL's manual begins with; what is not used of it is never taken. In 256 MB the
# index of a million keys and the rows of a delivery pushed each other out: a merge of 1% took 3.7 s, 2.5 s with 1 GB.
BUFFERS = min(max(memory() // 4, 256 * MIB), 1024 * MIB)
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path may not be longer than about 100 characters
    "max_connections": "100",
    "shared_buffers": f"{BUFFERS // MIB}MB",
    "work_mem": "64MB",
    "maintenance_work_mem": "256MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    # The process that asks works too: two helpers on two cores took 3.3 s for a million rows, one took 2.9 s.
    "max_parallel_workers_per_gather": str(max(1, min(4, (os.cpu_count() or 2) - 1))),
    "timezone": "UTC",
    "log_timezone": "UTC",
    "datestyle": "ISO, YMD",
    # Errors, their details and the statements quote values of rows: the log carries no personal data.
    "log_statement": "none",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}

Server = subprocess.Popen[bytes]


def start(files: ServerFiles, place: Place, programs: Path, cancelled: Callable[[], bool]) -> Server:
    """Start the server as our child and wait until it takes connections; its port is in `files` then."""
    begin = _log_end(place)
    while True:
        port = _choose_port(files)
        server = _launch(place, programs, port)
        if _comes_up(place, server, cancelled):
            files.write("port", str(port))
            return server
        if cancelled() or _is_free(port):  # else somebody took the port in between: another one
            raise EmbeddedError(_failure(place, begin, cancelled()))


def shut_down(server: Server) -> None:
    """Stop the server: transactions are rolled back, a checkpoint is written. Forced if it takes long."""
    for number, seconds in STOPS:
        if server.poll() is None:
            server.send_signal(number)
        try:
            server.wait(seconds)
            return
        except subprocess.TimeoutExpired:
            continue


def _choose_port(files: ServerFiles) -> int:
    """The port that this home had last time if it is free, another free one if not."""
    kept = files.read("port") or ""
    if kept.isdigit() and _is_free(int(kept)):
        return int(kept)
    for port in random.sample(PORTS, 200):
        if _is_free(port):
            return port
    raise EmbeddedError(f"No free port between {PORTS.start} and {PORTS.stop} on 127.0.0.1.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as PostgreSQL does
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _launch(place: Place, programs: Path, port: int) -> Server:
    options = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
    log = os.open(place.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    try:
        return subprocess.Popen(
            [programs / "postgres", "-D", place.data, "-p", str(port), *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=_die_with_parent(),
            **identity(place.account),
        )
    finally:
        os.close(log)


def _die_with_parent() -> Callable[[], None] | None:
    """What the child does last before it becomes PostgreSQL: ask for a fast shutdown when we die. Linux only.

    It does so after its change of account, which would undo it (prctl(2)).
    """
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def ask() -> None:
        prctl(1, signal.SIGINT)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)

    return ask


def _comes_up(place: Place, server: Server, cancelled: Callable[[], bool]) -> bool:
    """Wait until the server takes connections. False: it is gone, by itself or because it had to."""
    deadline = time.monotonic() + START_WAIT
    while server.poll() is None:
        if _is_ready(place, server.pid):
            return True
        if cancelled() or not soon(deadline):
            shut_down(server)
    return False


def _is_ready(place: Place, pid: int) -> bool:
    """Whether the postmaster `pid` takes connections: it says so in its pid file."""
    try:
        lines = (place.data / "postmaster.pid").read_text().split("\n")
    except FileNotFoundError:
        return False
    return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _log_end(place: Place) -> int:
    if place.log.exists() and place.log.stat().st_size > LOG_KEEP:
        place.log.rename(place.log.with_name("server.log.1"))
    return place.log.stat().st_size if place.log.exists() else 0


def _failure(place: Place, begin: int, cancelled: bool) -> str:
    with open(place.log, "rb") as log:
        log.seek(begin)
        said = log.read()[-3000:].decode(errors="replace").strip()
    why = "was stopped before it was ready" if cancelled else "did not start"
    return f"The embedded PostgreSQL on {place.data} {why}. The end of {place.log}:\n{said}"
