"""Flow runs on a real Prefect server: repeated where that helps, clean when cancelled, without a value of any row."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from conftest import PROJECT, TEST_PROJECT
from workbench import everything_that_prefect_keeps, things

from warehouse import transient
from warehouse.errors import SluiceError, without_values

SECRET = "quillara@trevanion.example"  # a value of a row that nobody is to read in a log


def test_a_lost_connection_is_tried_again(small, monkeypatch):
    """The server ends our session in the middle of a step, as it does when it restarts."""
    from flows import run

    things(small, 1, "n,a,1,,")
    monkeypatch.setattr(transient, "ATTEMPTS", 4)
    real, times = run.merge.fn, []

    def cut(entity):
        times.append(entity)
        if len(times) == 1:
            small.sql("select pg_terminate_backend(pg_backend_pid())")
        return real(entity)

    monkeypatch.setattr(run.merge, "fn", cut)
    small.run()
    assert len(times) == 2
    assert small.sql("select code from published.thing") == [("a",)]


def test_bad_data_is_not_tried_again():
    times = []

    def bad():
        times.append(1)
        raise SluiceError("the header is another one")

    with pytest.raises(SluiceError):
        transient.persistently(bad)
    assert len(times) == 1


@pytest.mark.parametrize(
    ("code", "status", "again"),
    [("SlowDown", 503, True), ("InternalError", 500, True), ("AccessDenied", 403, False), ("NoSuchKey", 404, False)],
)
def test_of_s3_only_its_own_trouble_is_transient(code, status, again):
    from botocore.exceptions import ClientError

    error = ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "GetObject")
    told = SluiceError("the archive does not answer")
    told.__cause__ = error
    assert transient.is_transient(told) is again


@pytest.mark.parametrize(
    "told",
    [
        f'duplicate key value violates unique constraint "x"\nDETAIL:  Key (keeper)=({SECRET}) already exists.',
        f'invalid input syntax for type integer: "{SECRET}"\nCONTEXT:  COPY things, line 7, column keeper: "{SECRET}"',
        f"Database Error in model x\n  invalid input syntax for type date: \"{SECRET}\"\n  LINE 3: select '{SECRET}'\n",
        f'value "{SECRET}" is out of range for type integer',
        f'malformed array literal: "{SECRET}"',
        f'time zone "{SECRET}" not recognized',
        f"new row violates check constraint\nDETAIL:  Failing row contains (1, {SECRET},\n second line {SECRET}).",
    ],
)
def test_what_a_database_quotes_is_taken_out(told):
    assert SECRET not in without_values(told)
    assert without_values(told)


# A run in a process of its own, whose staging fails as PostgreSQL's COPY does where a value does not fit its column.
QUOTING = """
from extract import stage
from flows import run
from warehouse.connection import transaction
from sqlalchemy import text
import psycopg
def bad(feed, delivery_id, told=None):
    with transaction() as connection:
        connection.execute(text("create temporary table things (size integer, keeper text) on commit drop"))
        with connection.connection.driver_connection.cursor() as cursor, cursor.copy("copy things from stdin") as copy:
            copy.write("{secret}\\t{secret}\\n")
stage.stage = bad
try:
    run.run(["thing"])
except Exception:
    pass
"""


def test_neither_prefects_database_nor_a_log_knows_a_value(api, prefect_url, install, small_project, monkeypatch):
    sluice = install(small_project, TEST_PROJECT / "checks")
    sluice.drop("acme/things-2026-03-01.csv", "Region,Code,Size,Note,Keeper\nn,a,1,a note," + SECRET + "\n")
    monkeypatch.delenv("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", raising=False)  # a command line before us sets it
    done = subprocess.run(
        [sys.executable, "-c", QUOTING.replace("{secret}", SECRET)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    told = done.stdout + done.stderr
    assert "invalid input syntax for type integer" in told, told
    assert SECRET not in told
    time.sleep(3)  # Prefect sends its logs from a thread; the server writes them from a queue
    dump = everything_that_prefect_keeps(prefect_url)
    assert "invalid input syntax for type integer" in dump
    assert SECRET not in dump


def test_a_cancelled_run_leaves_the_ledger_clean(api, install, small_project, tmp_path):
    """What a worker does on a cancellation: it terminates the run's process."""
    sluice = install(small_project, TEST_PROJECT / "checks")
    things(sluice, 1, "n,a,1,,")
    code = (
        "import time\nfrom flows import merge, run\n"
        "def slow(entity, run):\n    print('judging', flush=True)\n    time.sleep(60)\n"
        "merge.judge = slow\nrun.run(['thing'])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "judging" in line:
            break
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(30) != 0
    assert sluice.sql("select state from ledger.runs") == [("failed",)]
    sluice.run()
    assert sluice.sql("select code from published.thing") == [("a",)]


@pytest.mark.slow
def test_a_run_that_hangs_is_ended_and_taken_up_by_the_next(api, small, monkeypatch):
    """After LONGEST seconds, which are three here."""
    from flows import merge, run
    from flows.prefect_door import LONGEST

    assert run.run.timeout_seconds == LONGEST == 6 * 3600
    things(small, 1, "n,a,1,,")
    real = merge.judge
    monkeypatch.setattr(merge, "judge", lambda entity, run: time.sleep(60))
    with pytest.raises(Exception, match=r"(?i)timed? ?out|took longer|exceeded"):
        run.run.with_options(timeout_seconds=3)(["thing"])
    assert small.value("select count(*) from ledger.runs where state = 'running'") == 0
    monkeypatch.setattr(merge, "judge", real)
    run.run.fn(["thing"])
    assert small.sql("select code from published.thing") == [("a",)]


TELLING = """
import sys
from flows.prefect_door import tell_event
tell_event("sluice.test", "sluice.first")
sys.stdin.readline()
for number in range(20):
    tell_event("sluice.test", f"sluice.{number}")
"""


def test_a_process_whose_server_has_gone_comes_to_its_end():
    """A server that takes one event and is gone: the twenty others are tried, not waited for. They were, for 140 s."""
    from websockets.sync.server import serve

    heard = threading.Event()

    def take_one(connection):
        connection.recv()
        connection.send(json.dumps({"type": "auth_success"}))
        connection.recv()
        heard.set()
        connection.close()

    with serve(take_one, "127.0.0.1", 0, subprotocols=["prefect"], logger=logging.getLogger("quiet")) as server:
        answering = threading.Thread(target=server.serve_forever)
        answering.start()
        address = f"http://127.0.0.1:{server.socket.getsockname()[1]}/api"
        process = subprocess.Popen(
            [sys.executable, "-c", TELLING],
            cwd=PROJECT,
            env={**os.environ, "PREFECT_API_URL": address},
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert heard.wait(60)
        server.shutdown()
        answering.join()
    process.communicate("\n", timeout=60)
    assert process.returncode == 0


def parses(monkeypatch):
    """A list that grows whenever dbt reads the project."""
    from dbt.parser.manifest import ManifestLoader

    counted, real = [], ManifestLoader.load
    monkeypatch.setattr(ManifestLoader, "load", lambda self: counted.append(1) or real(self))
    return counted


def test_lineage_goes_from_object_to_published_view(api, small, aws, monkeypatch):
    from bucket import make

    from deployments.listen.work import in_this_process
    from flows import dbt
    from flows.run import prepare

    bucket = make(aws, monkeypatch)
    prepare()
    dbt.warm_up()
    parsed = parses(monkeypatch)
    bucket.things(1, "n,a,1,,")
    in_this_process(["s3://arrivals/in/acme/things-2026-01-01.csv@e"], ["thing"])
    assert parsed == []  # the manifest is kept: parsing takes longer than all the rest
    wanted = {
        ("s3://arrivals/in/acme/things-2026-01-01.csv", "postgres://sluice/staging/acme__things"),
        ("postgres://sluice/history/dim_thing", "postgres://sluice/published/thing"),
    }
    edges = lineage(api, wanted)
    assert wanted <= edges
    assert any(made == "postgres://sluice/history/dim_thing" for _, made in edges)


def lineage(api, wanted, patience=120) -> set[tuple[str, str]]:
    """The edges that the server knows, once it knows the wanted ones: (upstream, asset). Others' runs left theirs."""
    import urllib.request

    body = json.dumps({"filter": {"event": {"prefix": ["prefect.asset.materialization"]}}, "limit": 50}).encode()
    until = time.monotonic() + patience
    edges: set[tuple[str, str]] = set()
    while time.monotonic() < until and not wanted <= edges:
        request = urllib.request.Request(f"{api}/events/filter", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            events = json.load(answer)["events"]
        edges = {
            (r["prefect.resource.id"], event["resource"]["prefect.resource.id"])
            for event in events
            for r in event["related"]
            if r.get("prefect.resource.role") == "asset"
        }
        time.sleep(0.5)
    return edges
