"""No room, or no right to write: it is told in one paragraph, nothing is half done, and with room it goes on."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest
from command import refusal
from command import sluice as command
from conftest import PROJECT, forget_settings
from workbench import HEADER

# A limit on the size of any file that the process writes stands for a full disk: the same error at the same place.
CRAMPED = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}));"
COMMAND = "from flows.cli import main; main({arguments!r})"


def cramped(limit, *arguments):
    code = CRAMPED.format(limit=limit) + COMMAND.format(arguments=[str(a) for a in arguments])
    return subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False)


def test_a_full_disk_is_told_and_nothing_is_half_done(small):
    rows = "".join(f"n,c{i},{i},,\n" for i in range(20_000))
    file = small.file("things-2026-01-01.csv", HEADER + rows)
    done = cramped(100_000, "deliver", file, "--feed", "acme.things")
    assert done.returncode == 1
    assert "cannot take a copy of the file: File too large. Nothing was lost; make room." in " ".join(
        done.stderr.split()
    )
    assert "Traceback" not in done.stderr
    assert small.value("select count(*) from ledger.deliveries") == 0
    assert not [path for path in (small.home / "archive").rglob("*") if path.is_file()]
    assert not list((small.home / "tmp").iterdir())
    small.deliver("acme.things", file)
    small.run()
    assert small.value("select count(*) from published.thing") == 20_000


@pytest.fixture
def tiny(small):
    """Sets where the warehouse's new tables lie: on a disk of 1 MB, or (False) where they lay before."""
    folder = Path(tempfile.mkdtemp(prefix="sluice-tiny-"))
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], check=False).returncode:
        pytest.skip("no disk can be made here")
    owner = Path(small.value("show data_directory")).stat()
    os.chown(folder, owner.st_uid, owner.st_gid)
    with psycopg.connect(small.url.rsplit("/", 1)[0] + "/postgres", autocommit=True) as connection:
        connection.execute(f"create tablespace tiny location '{folder}'")

        def lie_there(*, there: bool) -> None:
            connection.execute(f"alter database sluice set default_tablespace = {'tiny' if there else 'pg_default'}")
            forget_settings()

        yield lie_there
        forget_settings()
        connection.execute("drop database sluice with (force)")
        connection.execute("drop tablespace tiny")
    subprocess.run(["umount", folder], check=True)
    folder.rmdir()


def test_a_full_disk_of_the_warehouse_is_told_and_with_room_it_goes_on(small, tiny):
    rows = "".join(f"n,c{i},{i},,\n" for i in range(20_000))
    small.deliver("acme.things", small.file("things-2026-01-01.csv", HEADER + rows))
    tiny(there=True)
    later = small.file("things-2026-01-02.csv", HEADER + rows.replace("n,c7,7,", "n,c7,8,"))
    for arguments in (["run"], ["deliver", later, "--feed", "acme.things"]):
        told = refusal(command(*arguments))
        assert told.startswith("Not done: The warehouse's disk is full: PostgreSQL says 'No space left on device'.")
    tiny(there=False)
    assert command("run").exit_code == 0
    assert small.value("select sum(size) from published.thing") == sum(range(20_000)) + 1


@pytest.fixture
def as_somebody():
    """Root may write everywhere; nobody may not."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


def test_an_archive_that_is_read_only_is_told(tmp_path, monkeypatch, request):
    from extract import archive
    from warehouse.errors import SluiceError

    home = tmp_path / "home"
    (home / "tmp").mkdir(parents=True)
    (home / "archive").mkdir()
    file = tmp_path / "x.csv"
    file.write_text("a\n")
    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & 0o055:  # pytest's own: one more of them where several workers test
            folder.chmod(0o755)
    (home / "tmp").chmod(0o777)
    (home / "archive").chmod(0o555)
    monkeypatch.setenv("SLUICE_HOME", str(home))
    forget_settings()
    request.getfixturevalue("as_somebody")
    with pytest.raises(SluiceError, match=r"The archive .*/home/archive cannot be written: Permission denied\."):
        archive.keep(file)
    assert list((home / "tmp").iterdir()) == []
