"""A fetch whose process is killed leaves nothing behind that counts."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from collect_server import CSV, CollectServer, chunked, sends
from conftest import PROJECT


def leftovers(things: Any) -> list[Path]:
    return list((things.small.home / "tmp").iterdir())


def test_half_a_file_of_a_killed_process_is_no_delivery(things: Any, web: CollectServer) -> None:
    dripping = chunked(*[b"north,a,1,,\n"] * 1000, pause=0.05)
    things.declare({"http": {"url": web.at("/things.csv", dripping, sends())}})
    command = [sys.executable, "-m", "flows.cli", "collect", "acme.things"]
    killed = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size for path in (things.small.home / "tmp").glob("collecting-*/body")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    killed.kill()
    killed.wait()
    [left] = leftovers(things)
    os.utime(left, (time.time() - 100, time.time() - 100))

    assert things.collect().problems == []
    assert leftovers(things) == []
    assert things.content(1) == CSV
    assert things.fetches() == [("new", 200, 1)]


def test_the_folder_of_a_living_process_stays(things: Any, web: CollectServer) -> None:
    from extract.collect.scratch import scratch

    with scratch() as mine:
        os.utime(mine, (time.time() - 100, time.time() - 100))
        with scratch() as other:
            assert mine.is_dir()
            assert other.is_dir()
    assert leftovers(things) == []
