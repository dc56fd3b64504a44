"""A body of 200 MB is fetched in the memory that one of 1 MB takes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from collect_server import CollectServer, large, zipped
from conftest import PROJECT

MEGABYTE = 2**20
CODE = """
import re, sys
from pathlib import Path
from extract.collect.client import Client
from extract.collect.digest import digest
got = Client().download(sys.argv[1], Path(sys.argv[2]))
digest(got.path, [r"made at \\d+"])
# Not getrusage: its peak is that of the parent at the fork, where that was larger.
print(got.path.stat().st_size, int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024)
"""


def fetch(url: str, into: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """Size and peak memory of a process of its own."""
    monkeypatch.setenv("SLUICE_ALLOW_ADDRESSES", "127.0.0.1")
    monkeypatch.setenv("SLUICE_LIMITS", json.dumps({"unpacked_ratio": 5000}))
    told = subprocess.run(
        [sys.executable, "-c", CODE, url, str(into)], cwd=PROJECT, check=True, capture_output=True, text=True
    )
    size, peak = map(int, told.stdout.split())
    into.unlink()
    return size, peak


@pytest.mark.parametrize("how", ["plain", "gzip"])
def test_the_memory_does_not_follow_the_body(
    how: str, web: CollectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def body(size: int) -> str:
        answer = large(size) if how == "plain" else zipped(b"north,a,1,,\n" * (size // 12))
        return web.at("/things.csv", answer)

    _, small = fetch(body(MEGABYTE), tmp_path / "body", monkeypatch)
    size, peak = fetch(body(200 * MEGABYTE), tmp_path / "body", monkeypatch)
    print(f"{how}: {size / MEGABYTE:.0f} MB in {(peak - small) / MEGABYTE:.1f} MB more than 1 MB takes")
    assert size > 199 * MEGABYTE
    assert peak - small < 12 * MEGABYTE
