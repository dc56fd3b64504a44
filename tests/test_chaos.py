"""The short form of `make test-chaos`; it prints its seed, with which it can be had again."""

import os
import subprocess
import sys

import pytest
from conftest import PROJECT


@pytest.mark.timeout(600)
def test_whoever_is_killed_everything_is_published_once():
    seed = os.environ.get("CHAOS_SEED", "7")
    asked = ["--seed", seed, "--deliveries", "5", "--kills", "3", "--seconds", "20", "--without-prefect"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SLUICE_", "PREFECT_"))}
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos", *asked],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "All published once, accounts add up, nothing left over." in done.stdout
