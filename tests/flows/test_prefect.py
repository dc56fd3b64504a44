"""Runs through a real Prefect server: what an operator sees in its UI, and what its scheduler does."""

import json
import shutil
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime

from collect_server import CollectServer, sends
from conftest import PROJECT, TEST_PROJECT

HEADER = "Region,Code,Size,Note,Keeper\n"


def ask(api: str, what: str, **body: object) -> list[dict]:
    request = urllib.request.Request(
        f"{api}/{what}/filter", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def test_an_operator_sees_what_ran(api, install, small_project):
    sluice = install(small_project, TEST_PROJECT / "checks")
    sluice.drop("acme/things-2026-01-01.csv", HEADER + "north,a,1,,\nnorth,b,-1,,\n")
    began = {"after_": datetime.now(UTC).isoformat()}  # the server is the session's, and knows the runs of others
    # A process of its own, as a user starts it: Prefect reads its settings when it is imported.
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", "run", "thing"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "thing: run 1 published, 1 rows" in done.stdout

    flows = {run["name"]: run["state_name"] for run in ask(api, "flow_runs", flow_runs={"start_time": began})}
    assert flows == dict.fromkeys(
        ["run thing", "ingest acme.things things-2026-01-01.csv", "merge thing"],
        "Completed",
    )
    tasks = {run["name"] for run in ask(api, "task_runs", task_runs={"start_time": began})}
    assert {"stage acme.things delivery 1", "judge thing run 1", "gate thing run 1", "publish thing run 1"} <= tasks
    assert {"model judged_thing", "model dim_thing"} <= tasks
    page = ask(api, "artifacts", artifacts={"key": {"any_": ["row-accounts-thing"]}}, sort="CREATED_DESC")[0]
    assert page["type"] == "markdown"
    assert "| 1 | acme.things | 2026-01-01 | merged | 2 | 0 | 0 | 0 | 1 | 1 | 1 |" in page["data"]


def test_the_progress_of_a_long_file_is_an_artifact(api, install, small_project):
    sluice = install(small_project, TEST_PROJECT / "checks")
    rows = "".join(f"north,c{i},{i},,\n" for i in range(3000))
    sluice.drop("acme/things-2026-01-03.csv", HEADER + rows)
    # What is long, and how often it is told, made small: the file of 60 kB stands for one of 20 MB.
    code = (
        "from extract.read import progress; progress.LONG, progress.EVERY = 1000, 0.0\n"
        "from flows.cli import main; main(['run', 'thing'])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    bars = ask(api, "artifacts", artifacts={"type": {"any_": ["progress"]}}, sort="CREATED_DESC")
    bar = next(a for a in bars if a["data"] == 100)
    assert (bar["key"], bar["data"]) == ("stage-1", 100)
    assert "acme.things" in bar["description"]


def test_a_run_that_fails_is_a_failed_run(api, install, small_project):
    sluice = install(small_project, TEST_PROJECT / "checks")
    sluice.drop("acme/things-2026-02-01.csv", "Another,Table\n1,2\n")
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", "run", "thing"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr + done.stdout
    assert "things-2026-02-01.csv" in done.stderr
    newest = ask(api, "flow_runs", sort="START_TIME_DESC", flows={"name": {"any_": ["run"]}})[0]
    assert newest["state_type"] == "FAILED"


def test_credentials_from_a_block_of_the_server(api, install, small_project, tmp_path, monkeypatch):
    sluice = install(small_project, TEST_PROJECT / "checks")
    project = tmp_path / "project"
    shutil.copytree(small_project, project)
    with CollectServer() as web:
        url = web.at("/things-2026-01-01.csv", sends())
        block = '{send: bearer, reference: "block:acme-key"}'
        file = project / "models/staging/acme/_acme.yml"
        file.write_text(
            file.read_text().replace('{drop: "acme/things-*.csv"}', f'{{http: {{url: "{url}", credentials: {block}}}}}')
        )
        monkeypatch.setenv("SLUICE_DBT_PROJECT", str(project))
        monkeypatch.setenv("SLUICE_ALLOW_ADDRESSES", "127.0.0.1")
        collect = [sys.executable, "-m", "flows.cli", "collect", "acme.things"]
        missing = subprocess.run(collect, cwd=PROJECT, capture_output=True, text=True, check=False)
        assert "no Secret block 'acme-key'" in missing.stderr
        assert web.asked == []
        code = "from prefect.blocks.system import Secret; Secret(value='hush-hush').save('acme-key')"
        subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True, capture_output=True)
        done = subprocess.run(collect, cwd=PROJECT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert web.asked[-1].headers["authorization"] == "Bearer hush-hush"
    assert sluice.sql("select outcome from ledger.fetches order by 1") == [("failed",), ("new",)]
    flows = [(run["name"], run["state_name"]) for run in ask(api, "flow_runs", sort="START_TIME_DESC")]
    assert ("collect", "Completed") in flows
    assert ("ingest acme.things things-2026-01-01.csv", "Completed") in flows
