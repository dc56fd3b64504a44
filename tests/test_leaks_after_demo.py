"""After the demo, with a Prefect server: no personal value in other schemas, nor in Prefect's data, logs, exports."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from conftest import PROJECT


@pytest.mark.timeout(900)
def test_no_personal_value_stands_where_none_may():
    home = Path(tempfile.mkdtemp(prefix="sluice-demo-"))
    home.chmod(0o755)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("SLUICE_", "PREFECT_"))}
    environment |= {"SLUICE_HOME": str(home), "PYTHONPATH": str(PROJECT)}

    def run(*command):
        return subprocess.run(
            [sys.executable, *command], env=environment, cwd=PROJECT, capture_output=True, text=True, timeout=800
        )

    try:
        told = run("-m", "flows.demo")
        assert told.returncode == 0, told.stdout[-3000:] + told.stderr[-3000:]
        assert (home / "prefect").is_dir()
        run("-m", "flows.cli", "docs")
        scanned = run("-m", "flows.cli", "pii", "scan", "--json")
        found = json.loads(scanned.stdout)
        assert found["leaks"] == []
        assert found["values"] > 100
    finally:
        run("-m", "flows.cli", "stop")
        shutil.rmtree(home, ignore_errors=True)
