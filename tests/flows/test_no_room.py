"""No room, or no right to write: it is told in one paragraph, nothing is half done, and with room it goes on."""

import os
import subprocess
import sys

import pytest
from conftest import PROJECT
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
def as_somebody():
    """Root may write everywhere; nobody may not."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


def test_an_archive_that_is_read_only_is_told(tmp_path, monkeypatch, request):
    from conftest import forget_settings

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
