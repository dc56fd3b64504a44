"""Runs through a real Prefect server: what an operator sees in its UI, and what its scheduler does."""

import json
import logging
import os
import shutil
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime

from collect_server import CollectServer, sends
from command import refusal, sluice
from conftest import PROJECT, TEST_PROJECT, forget_settings
from prefect._internal.concurrency.services import QueueService
from prefect.blocks.system import Secret
from prefect.events.schemas.events import Event

import flows.prefect_door  # noqa: F401  (it says how Prefect logs)

HEADER = "Region,Code,Size,Note,Keeper\n"


BEGUN = {"type": {"not_any_": ["SCHEDULED", "PENDING"]}}  # a test of schedules may have used the server before


def ask(api: str, what: str, **body: object) -> list[dict]:
    request = urllib.request.Request(
        f"{api}/{what}/filter", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


# What is long, and how often it is told, made small: a file of 60 kB stands for one of 20 MB.
RUN = (
    "from extract.read import progress; progress.LONG, progress.EVERY = 1000, 0.0\n"
    "from flows.cli import main; main(['run', 'thing'])"
)


def test_an_operator_sees_what_ran(api, install, small_project):
    small = install(small_project, TEST_PROJECT / "checks")
    small.drop("acme/things-2026-01-01.csv", HEADER + "north,a,1,,\nnorth,b,-1,,\n")
    small.drop("acme/things-2026-01-03.csv", HEADER + "".join(f"north,c{i},{i},,\n" for i in range(3000)))
    began = {"after_": datetime.now(UTC).isoformat()}  # the server is the session's, and knows the runs of others
    # A process of its own, as a user starts it: Prefect reads its settings when it is imported.
    done = subprocess.run([sys.executable, "-c", RUN], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "thing: run 1 published, 3000 rows" in done.stdout

    runs = ask(api, "flow_runs", flow_runs={"start_time": began, "state": BEGUN})
    flows = {run["name"]: run["state_name"] for run in runs}
    files = [f"ingest acme.things things-2026-01-0{day}.csv" for day in (1, 3)]
    assert flows == dict.fromkeys(["run thing", *files, "merge thing"], "Completed")
    tasks = {run["name"] for run in ask(api, "task_runs", task_runs={"start_time": began})}
    assert {"stage acme.things delivery 1", "judge thing run 1", "gate thing run 1", "publish thing run 1"} <= tasks
    assert {"model judged_thing", "model dim_thing"} <= tasks
    page = ask(api, "artifacts", artifacts={"key": {"any_": ["row-accounts-thing"]}}, sort="CREATED_DESC")[0]
    assert page["type"] == "markdown"
    assert "| 1 | acme.things | 2026-01-01 | merged | 2 | 0 | 0 | 0 | 1 | 1 | 1 |" in page["data"]
    [bar] = ask(api, "artifacts", artifacts={"key": {"any_": ["stage-2"]}}, sort="CREATED_DESC")[:1]
    assert (bar["type"], bar["data"]) == ("progress", 100)
    assert "acme.things" in bar["description"]


def test_a_run_that_fails_is_a_failed_run(api, small):
    small.drop("acme/things-2026-02-01.csv", "Another,Table\n1,2\n")
    told = refusal(sluice("run", "thing"))
    assert "things-2026-02-01.csv" in told
    begun = ask(api, "flow_runs", sort="START_TIME_DESC", flows={"name": {"any_": ["run"]}}, flow_runs={"state": BEGUN})
    newest = begun[0]
    assert newest["state_type"] == "FAILED"


def test_credentials_from_a_block_of_the_server(api, small, tmp_path, monkeypatch):
    project = tmp_path / "project"
    shutil.copytree(os.environ["SLUICE_DBT_PROJECT"], project)
    with CollectServer() as web:
        url = web.at("/things-2026-01-01.csv", sends())
        block = '{send: bearer, reference: "block:acme-key"}'
        file = project / "models/staging/acme/_acme.yml"
        file.write_text(
            file.read_text().replace('{drop: "acme/things-*.csv"}', f'{{http: {{url: "{url}", credentials: {block}}}}}')
        )
        monkeypatch.setenv("SLUICE_DBT_PROJECT", str(project))
        monkeypatch.setenv("SLUICE_ALLOW_ADDRESSES", "127.0.0.1")
        forget_settings()
        assert "no Secret block 'acme-key'" in refusal(sluice("collect", "acme.things"))
        assert web.asked == []
        Secret(value="hush-hush").save("acme-key")
        done = sluice("collect", "acme.things")
        assert done.exit_code == 0, done.output
        assert web.asked[-1].headers["authorization"] == "Bearer hush-hush"
    assert small.sql("select outcome from ledger.fetches order by 1") == [("failed",), ("new",)]
    flows = [(run["name"], run["state_name"]) for run in ask(api, "flow_runs", sort="START_TIME_DESC")]
    assert ("collect", "Completed") in flows
    assert ("ingest acme.things things-2026-01-01.csv", "Completed") in flows


def test_an_event_that_cannot_be_sent_is_told_by_its_name_and_the_reason():
    """Prefect's own line shows the whole event, and not why."""

    class Lost(QueueService):
        async def _handle(self, _):
            raise ConnectionResetError("the server has gone, 100 % sure")

    told = []
    listener = logging.Handler()
    listener.emit = lambda record: told.append((record.levelname, record.getMessage()))
    logger = logging.getLogger("prefect._internal.concurrency")
    logger.addHandler(listener)
    try:
        about = {"prefect.resource.id": "sluice.delivery.1"}
        service = Lost.instance()
        service.send(Event(event="sluice.delivery.staged", resource=about, payload={"long": "x" * 700}))
        service.send("something else")
        service.drain()
    finally:
        logger.removeHandler(listener)
    reason = "(ConnectionResetError: the server has gone, 100 % sure)"
    assert told == [
        ("ERROR", f"Service 'Lost' failed to process item 'sluice.delivery.staged of sluice.delivery.1' {reason}"),
        ("ERROR", "Service 'Lost' failed to process item 'something else'"),
    ]
