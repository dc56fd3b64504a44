"""`sluice up` with an S3 of its own: a file that is put into the bucket is published, one page links all, and after
`sluice down` nothing is left."""

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from browser import browser
from conftest import PROJECT, forget_settings

pytestmark = pytest.mark.slow

PATIENCE = 300
ROWS = "Region,Code,Size,Note,Keeper\nnorth,a,1,,\nnorth,b,2,,\nnorth,c,-1,,\n"
# The README keeps one of these: python -m pytest tests/deployments/test_up.py with KEEP_SCREENSHOTS=folder.
KEEP = os.environ.get("KEEP_SCREENSHOTS")


@pytest.fixture
def command(small, monkeypatch):
    """`sluice` as a user types it, for an installation that asks for an S3 of its own."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "PREFECT_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SLUICE_DEMO_S3", "1")

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", "flows.cli", *arguments], cwd=PROJECT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    yield run
    run("down")
    assert running(small.home) == []
    forget_settings()


def running(home):
    """The processes of an installation: what was started with its home in its environment, by others than this test
    (whose Python has a process that looks after shared memory). Linux only."""
    sign = f"SLUICE_HOME={home}".encode()
    return [
        told
        for folder in Path("/proc").iterdir()
        if folder.name.isdigit() and int(folder.name) != os.getpid() and sign in words_of(folder / "environ")
        if (told := b" ".join(words_of(folder / "cmdline"))) and parent_of(folder) != os.getpid()
    ]


def parent_of(folder):
    with suppress(OSError):
        return int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    return None


def words_of(file):
    try:
        return file.read_bytes().split(b"\0")
    except OSError:  # the process has ended, or is another account's
        return []


@pytest.mark.timeout(900)
def test_a_file_put_into_the_bucket_is_published(small, command, tmp_path):
    told = command("up")
    parts = {part["name"]: part for part in json.loads((small.home / "up" / "processes.json").read_text())}
    assert parts.keys() >= {"s3", "prefect", "worker", "listener", "pages"}
    page = httpx.get(parts["pages"]["address"]).text
    assert all(address in page for address in (parts["prefect"]["address"], "docs/", "report/"))
    assert parts["pages"]["address"] in told
    assert "Already up" in command("up")

    began = time.monotonic()
    address = f"{parts['s3']['address']}/arrivals/in/acme/things-2026-01-01.csv"
    httpx.put(address, content=ROWS).raise_for_status()  # as `curl -T` does
    while not (rows := small.sql("select code, size from published.thing order by code")):
        assert time.monotonic() < began + PATIENCE, (small.home / "up" / "listener.log").read_text()[-2000:]
        time.sleep(0.1)
    assert rows == [("a", 1), ("b", 2)]
    print(f"put into the bucket to published: {time.monotonic() - began:.1f} s")

    with browser() as chromium:
        seen = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
        seen.goto(parts["pages"]["address"])
        seen.get_by_role("link", name="Quality").click()
        seen.get_by_role("heading", name="Data quality").wait_for(timeout=60_000)
        seen.go_back()
        seen.screenshot(path=shown("up-page.png", tmp_path))
        seen.get_by_role("link", name="Runs").click()
        run = seen.get_by_text("objects things-2026-01-01.csv").first
        run.wait_for(timeout=60_000)
        run.click()
        seen.get_by_text("Artifacts").first.wait_for(timeout=60_000)
        seen.get_by_text("Artifacts").first.click()
        seen.get_by_text("row-accounts-thing").first.wait_for(timeout=60_000)
        seen.screenshot(path=shown("prefect-run.png", tmp_path))


def shown(name, otherwise):
    """Where a screenshot goes."""
    return str(Path(KEEP or otherwise) / name)
