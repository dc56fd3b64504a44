"""The control files of one home's embedded server: how processes agree who runs it and who uses it."""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from warehouse.errors import SluiceError

PROC = Path("/proc/self")
LOCK_WAIT = 180.0  # seconds; longer than a supervisor waits for a shutdown before it forces one


class EmbeddedError(SluiceError):
    """The embedded server cannot be had: what failed, where, and what to do."""


@dataclass(frozen=True)
class ServerFiles:
    """The files in `home/postgres`. The folder may be the server account's own: no link in it is followed."""

    folder: Path

    @classmethod
    def of(cls, home: Path) -> "ServerFiles":
        return cls(Path(home).expanduser().resolve() / "postgres")

    @property
    def users_lock(self) -> Path:
        """Shared by those who use the server; exclusive for the supervisor that stops it."""
        return self.folder / "users.lock"

    @property
    def supervisor_lock(self) -> Path:
        """Exclusive for the one supervisor, whose process id it contains."""
        return self.folder / "supervisor.lock"

    def read(self, name: str) -> str | None:
        """The text of the file `name`, None where there is none."""
        try:
            with open(os.open(self.folder / name, os.O_RDONLY | os.O_NOFOLLOW)) as file:
                return file.read().strip()
        except FileNotFoundError:
            return None

    def write(self, name: str, text: str, mode: int = 0o644) -> None:
        """Put the file `name` in place in one step."""
        write_whole(self.folder / name, text, mode)

    def remove(self, name: str) -> None:
        """Remove the file `name` if it is there."""
        (self.folder / name).unlink(missing_ok=True)

    def running(self) -> bool:
        """Whether a supervisor lives that says that its server is ready, and that server lives."""
        try:
            supervisor, postmaster = (int(word) for word in (self.read("running") or "").split())
        except ValueError:
            return False
        ours = parent_of(postmaster) in ({supervisor} if PROC.exists() else {0})
        return ours and parent_of(supervisor) is not None and is_locked(self.supervisor_lock)


@contextmanager
def explained(files: ServerFiles) -> Iterator[None]:
    """Turn an error of the operating system into one that says what to do."""
    try:
        yield
    except PermissionError as error:
        raise EmbeddedError(
            f"The embedded PostgreSQL in {files.folder} cannot be used: {error}. That folder belongs to the "
            "account that used it first (if that was root: to the server's account). Run as that one, or "
            "choose another home."
        ) from error
    except OSError as error:
        raise EmbeddedError(f"The embedded PostgreSQL in {files.folder} cannot be used: {error}.") from error


def write_whole(path: Path, text: str, mode: int, owner: int = -1) -> None:
    """Write a file aside and rename it, so that nobody ever reads half of it."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.unlink(missing_ok=True)
    with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode), "w") as file:
        os.fchmod(file.fileno(), mode)
        os.fchown(file.fileno(), owner, -1)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.rename(path)


def open_lock(path: Path) -> int:
    """A descriptor for a lock file, made if it is not there; the lock dies with the descriptor."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)


def try_lock(lock: int, kind: int) -> bool:
    """Take a lock (fcntl.LOCK_SH or LOCK_EX) if it can be had now."""
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_locked(path: Path) -> bool:
    """Whether somebody holds the lock file exclusively. Looking takes it for a moment: takers try again."""
    try:
        lock = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        return not try_lock(lock, fcntl.LOCK_SH)
    finally:
        os.close(lock)


def is_current(lock: int, path: Path) -> bool:
    """Whether the open lock is still the file at `path`; it is not when the home was deleted or made anew."""
    try:
        return os.path.samestat(os.fstat(lock), path.stat())
    except FileNotFoundError:
        return False


def parent_of(pid: int) -> int | None:
    """The parent of a process, None if it is gone or going: a zombie, on its way out, or about to take a SIGKILL.

    Without /proc: 0 for a process that is there.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0 if not PROC.exists() and _answers(pid) else None
    # proc(5): state, ppid, flags (4 is PF_EXITING), pending signals. An exiting process loses its sockets before it
    # is a zombie: in 2 of 12 test runs a lease right after a kill gave the URL of a server that answered no more.
    going = fields[0] in "ZX" or int(fields[6]) & 4 or int(fields[28]) & 1 << signal.SIGKILL - 1
    return None if going else int(fields[1])


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def soon(deadline: float) -> bool:
    """Wait a moment; False once the deadline (time.monotonic) has passed."""
    time.sleep(0.02)
    return time.monotonic() < deadline
