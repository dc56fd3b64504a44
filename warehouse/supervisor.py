"""One home's server, supervised: `python -m warehouse.supervisor HOME [--linger SECONDS | --stop]`.

The command comes back when the server is ready, and leaves a detached process behind, the only one for that
home, that stops the server when nobody has used it for `linger` seconds. With `--stop` it comes back when the
server is gone. Exit code 1 and a paragraph on standard error: it did not work.
"""

import argparse
import fcntl
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from warehouse.server.cluster import make_ready
from warehouse.server.files import (
    LOCK_WAIT,
    PROC,
    EmbeddedError,
    ServerFiles,
    explained,
    is_current,
    open_lock,
    soon,
    try_lock,
)
from warehouse.server.orphans import clear_orphans, command_line, signal_verified
from warehouse.server.place import binaries, settle
from warehouse.server.postmaster import START_WAIT, Server, shut_down, start

READY = "ready"
LOOK = 1.0  # seconds between two looks at who uses the server

_asked_to_stop = False


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m warehouse.supervisor", description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--linger", type=float, default=30.0)
    parser.add_argument("--stop", action="store_true")
    chosen = parser.parse_args()
    files = ServerFiles.of(chosen.home)
    try:
        with explained(files):
            stop(files) if chosen.stop else launch(files, chosen.linger)
    except EmbeddedError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def launch(files: ServerFiles, linger: float) -> None:
    """Leave a supervisor behind, and wait until its server is ready."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.close(reader)
        _daemon(files, linger, writer)
    os.close(writer)
    with open(reader) as pipe:
        word = pipe.read()
    if word != READY:
        raise EmbeddedError(word or f"The supervisor of {files.folder} was killed while it started the server.")


def _daemon(files: ServerFiles, linger: float, writer: int) -> None:
    """The rest of this process's life: never returns."""

    def tell(word: str) -> None:
        nonlocal writer
        if writer >= 0:
            writer, pipe = -1, writer
            with suppress(BrokenPipeError):  # who asked is gone
                os.write(pipe, word.encode())
            os.close(pipe)

    code = 1
    try:
        _detach()
        with explained(files):
            supervise(files, linger, tell)
        code = 0
    except EmbeddedError as error:
        tell(str(error))
    except Exception as error:
        tell(f"The supervisor of {files.folder} failed: {error!r}")
    finally:
        os._exit(code)


def _detach() -> None:
    os.chdir("/")
    os.umask(0o077)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _ask_to_stop)


def _ask_to_stop(*_signal: object) -> None:
    global _asked_to_stop
    _asked_to_stop = True


def supervise(files: ServerFiles, linger: float, tell: Callable[[str], None]) -> None:
    """Run the server for as long as it is used. Tells READY when it is, be it by another supervisor."""
    lock = _turn(files)
    if lock is None:
        tell(READY)
        return
    files.remove("running")
    users = open_lock(files.users_lock)
    place = settle(files)
    programs = binaries(place.account)
    clear_orphans(place.data, place.account)
    make_ready(files, place, programs)
    server = start(files, place, programs, lambda: _asked_to_stop)
    try:
        files.write("running", f"{os.getpid()} {server.pid}")
        tell(READY)
        _watch(files, lock, users, server, linger)
    finally:
        if is_current(lock, files.supervisor_lock):
            files.remove("running")
        shut_down(server)
        clear_orphans(place.data, place.account)
    os.close(lock)
    os.close(users)  # last: a newcomer that waits for it finds no server, no supervisor, and starts both


def _turn(files: ServerFiles) -> int | None:
    """The supervisor's lock; None if another has the server ready. Waits for one that starts or stops."""
    lock = open_lock(files.supervisor_lock)
    deadline = time.monotonic() + START_WAIT + LOCK_WAIT
    while not try_lock(lock, fcntl.LOCK_EX):
        if files.running():
            return None
        if not soon(deadline):
            raise EmbeddedError(f"Another supervisor of {files.folder} has neither started nor stopped its server.")
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock


def _watch(files: ServerFiles, lock: int, users: int, server: Server, linger: float) -> None:
    """Come back when the server is to stop; if that is for want of users, they are locked out."""
    look = min(LOOK, max(linger, 0.05))
    wake = _wake_up_on_signals()
    used = time.monotonic()
    while server.poll() is None and not _asked_to_stop and is_current(lock, files.supervisor_lock):
        if not try_lock(users, fcntl.LOCK_EX):
            used = time.monotonic()
        elif time.monotonic() - used >= linger:
            return
        else:
            fcntl.flock(users, fcntl.LOCK_UN)
        if select.select([wake], [], [], look)[0]:
            os.read(wake, 4096)


def _wake_up_on_signals() -> int:
    """A descriptor that can be read as soon as a signal came, the server's end among them."""
    wake, end = os.pipe()
    os.set_blocking(end, False)
    signal.set_wakeup_fd(end, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_signal: None)
    return wake


def stop(files: ServerFiles) -> None:
    """Ask the supervisor to stop and wait until it has, then end what a killed supervisor left behind."""
    lock = open_lock(files.supervisor_lock)
    deadline = time.monotonic() + LOCK_WAIT
    while not try_lock(lock, fcntl.LOCK_EX):
        _ask(files)
        if not soon(deadline):
            raise EmbeddedError(f"The supervisor of {files.folder} has not stopped its server in {LOCK_WAIT:.0f} s.")
    files.remove("running")
    if files.read("password") is not None:  # else no server has ever been made here
        place = settle(files)
        clear_orphans(place.data, place.account)


def _ask(files: ServerFiles) -> None:
    """Send SIGTERM to the supervisor, once it is sure that the process is this home's supervisor."""

    def is_ours(pid: int) -> bool:
        words = command_line(pid).split(b"\0")
        named = b"warehouse.supervisor" in words and os.fsencode(files.folder.parent) in words
        return named or not PROC.exists()  # without /proc: it wrote its number into the lock that somebody holds

    if pid := int(files.read("supervisor.lock") or 0):
        signal_verified(pid, signal.SIGTERM, is_ours)


if __name__ == "__main__":
    sys.exit(main())
