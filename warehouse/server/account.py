"""The account that PostgreSQL runs as. It refuses to be root, so root drops to an account that exists."""

import os
import pwd
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warehouse.server.files import EmbeddedError

CANDIDATES = ("postgres", "nobody")
# All that the server sees of our environment: the rest may hold secrets, and PG* variables change its ways.
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True)
class Account:
    """An unprivileged user id and its primary group."""

    uid: int
    gid: int
    name: str


def account_for(folder: Path) -> Account | None:
    """Who runs the server of `folder`. None: ourselves. For root: its owner, a candidate if root owns it."""
    if os.geteuid() != 0:
        return None
    owner = folder.stat()
    if owner.st_uid != 0:
        return Account(owner.st_uid, owner.st_gid, _name(owner.st_uid))
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid, name)
    raise EmbeddedError(
        f"PostgreSQL does not run as root, and there is no account {' or '.join(CANDIDATES)} to run it as. "
        "Run Sluice as a plain user, or set SLUICE_WAREHOUSE_URL to a server of your own."
    )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def identity(account: Account | None) -> dict[str, Any]:
    """Arguments of subprocess: a child that is the account, in a place where it may be."""
    common: dict[str, Any] = {"cwd": "/", "env": ENVIRONMENT, "umask": 0o077}
    return common | ({"user": account.uid, "group": account.gid, "extra_groups": []} if account else {})


def run_as(account: Account | None, *command: str | Path, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command to its end as the account. `typed` is its standard input, `stdout` all that it says."""
    out: dict[str, Any] = {
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        "text": True,
        "errors": "replace",
    }
    try:
        return subprocess.run(command, input=typed, check=False, **out, **identity(account))
    except OSError as error:
        return subprocess.CompletedProcess(command, 127, stdout=str(error))


def reaches(account: Account | None, path: Path) -> bool:
    """Whether the account can really get to the path."""
    with acting_as(account):
        try:
            path.lstat()
        except PermissionError:
            return False
    return True


@contextmanager
def acting_as(account: Account | None) -> Iterator[None]:
    """Be the account for a while; in a process with one thread only.

    Root without CAP_SYS_PTRACE (a container) cannot look at another account's processes, but that one can.
    """
    if account is None:
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(account.gid)
    os.seteuid(account.uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)
