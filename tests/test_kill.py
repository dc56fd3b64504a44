"""Killed at any step's boundary, the next run completes the work: nothing lost, nothing doubled."""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from command import sluice
from conftest import PROJECT, TEST_PROJECT, Sluice, _engines, forget_settings
from workbench import everything as held
from workbench import things

from warehouse.errors import SluiceError

HEADER = "Region,Code,Size,Note,Keeper\n"
DAYS = {
    "2026-01-01": "n,a,1,,\nn,b,1,,\nn,c,-1,,\n",
    "2026-01-02": "n,a,2,,\nn,c,3,,\nn,c,3,,\n",
    "2026-01-03": "n,a,2,,\nn,b,1,,\nn\n",
}
# Runs the flow in a process of its own that kills itself right before, or right after, one of its steps.
KILLED = """
import os, signal, sys
from flows import ingest, merge, run
module, step, when = {module}, "{step}", "{when}"
real = getattr(module, step)
def killed(*arguments, **named):
    result = real(*arguments, **named) if when == "after" else None
    os.kill(os.getpid(), signal.SIGKILL)
setattr(module, step, killed)
run.run.fn(["thing"])
"""
STEPS = [
    ("ingest", "register", "after"),
    ("merge", "judge", "after"),
    ("merge", "fold", "after"),
    ("merge", "publish", "before"),
    *(
        pytest.param(*step, marks=pytest.mark.slow)
        for step in [
            ("ingest", "stage", "after"),
            ("merge", "judge", "before"),
            ("merge", "verify", "after"),
            ("merge", "publish", "after"),
        ]
    ),
]
TABLES = {
    "history": "select region, code, size, valid_from, valid_to, _recorded_in is null from history.dim_thing"
    " where _superseded_in is null order by 1, 2, 4",
    "published": "select * from published.thing_history order by region, code, valid_from",
    "quarantine": "select delivery_id, row_number, reasons from quarantine.thing order by 1, 2",
    "accounts": "select * from ledger.row_accounts order by delivery_id",
    "states": "select delivery_id, state from ledger.deliveries order by 1",
}


def everything(sluice) -> dict[str, list]:
    """What must not depend on a kill; masks and ids aside, which differ with each database's keys. Deliveries are
    counted: a server that was killed leaves out numbers of its sequences."""
    found = {name: sluice.sql(query) for name, query in TABLES.items()}
    count = {delivery_id: number for number, (delivery_id, _) in enumerate(found["states"], start=1)}
    for name in ("quarantine", "accounts", "states"):
        found[name] = [(count[row[0]], *row[1:]) for row in found[name]]
    found["published"] = [row[:4] + row[-2:] for row in found["published"]]
    return found


def drop_all(sluice) -> None:
    for day, rows in DAYS.items():
        sluice.drop(f"acme/things-{day}.csv", HEADER + rows)


@pytest.fixture(scope="module")
def undisturbed(install, small_project):
    sluice = install(small_project, TEST_PROJECT / "checks")
    drop_all(sluice)
    sluice.run()
    return everything(sluice)


@pytest.mark.parametrize(("module", "step", "when"), STEPS)
def test_the_next_run_completes_what_a_kill_left(undisturbed, small, module, step, when):
    drop_all(small)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED.format(module=module, step=step, when=when)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    small.run()
    assert everything(small) == undisturbed
    assert small.value("select count(*) from ledger.runs where state = 'running'") == 0
    assert small.value("select count(*) from ledger.publications") == 1
    assert not list((small.home / "tmp").iterdir()) or module == "ingest"


# An erasure in a process of its own that kills itself before one of its last steps.
KILLED_ERASING = """
import os, signal, sys
from flows import erase_rest, erase, erase_plan
setattr(erase_rest.{module}, "{step}", lambda *told: os.kill(os.getpid(), signal.SIGKILL))
erase.erase(erase_plan.Person(entity="thing", key=("n", "a")))
"""


@pytest.mark.parametrize(
    ("module", "step", "next_is"),
    [("archive", "remove", "erase"), ("archive", "remove", "run"), ("erasure", "finished", "erase")],
)
def test_an_erasure_that_died_is_finished_by_the_next_command(small, module, step, next_is):
    """What had died after its transaction was never finished by a key or a token: no row had it any more."""
    small.drop("acme/things-2026-01-01.csv", HEADER + "n,a,1,,ann@example.com\nn,b,1,,\n")
    small.run()
    script = KILLED_ERASING.format(module=module, step=step)
    killed = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert small.value("select count(*) from pii.erasures where not finished") == 1
    if next_is == "run":
        small.run()
    else:
        again = sluice("pii", "erase", "--key", "thing", "n|a")
        assert "erasure 1, whose process died, is finished now" in again.stderr
    assert "ann@example.com" not in held(small)
    assert [file.name for file in (small.home / "certificates").iterdir()] == ["erasure-000001.json"]
    exports = [file.read_text() for file in (small.home / "exports" / "thing").rglob("*.csv")]
    assert exports
    assert not any("a***@example.com" in export for export in exports)
    assert small.value("select count(*) from pii.erasures where not finished") == 0


KILLED_ROTATING = """
import os, signal
from flows import privacy
privacy.renew_exports = lambda entity: os.kill(os.getpid(), signal.SIGKILL)
privacy.rotate()
"""


def test_a_rotation_that_died_before_its_exports_is_finished_by_the_next_run(small):
    """Exports kept tokens of a key that is gone: no join of theirs with what was exported later found anybody."""
    small.drop("acme/things-2026-01-01.csv", HEADER + "n,a,1,,ann@example.com\nn,b,1,,\n")
    small.run()
    former = small.value("select token from pii.vault")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_ROTATING], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    token = small.value("select token from pii.vault")
    assert token != former
    small.run()
    exports = [file.read_text() for file in (small.home / "exports" / "thing").rglob("*.csv")]
    assert [(former in export, token in export) for export in exports] == [(False, True)] * len(exports)
    assert exports


@pytest.mark.parametrize("step", ["stage", "judge"])
def test_what_a_crash_of_the_server_took_is_staged_again(undisturbed, small, step):
    from extract.feeds import catalogue
    from flows import merge, run

    run.prepare()
    drop_all(small)
    run.collect_feeds(catalogue().of_entity("thing"), run.Report())
    if step == "judge":
        merge.judge("thing", merge.start("thing"))
    crash(small)
    small.run()
    assert everything(small) == undisturbed


def crash(small) -> None:
    """What a crash does to unlogged tables, without taking the other tests' server down."""
    for (table,) in small.sql(
        "select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where c.relpersistence = 'u' and c.relkind = 'r'"
    ):
        small.sql(f"truncate {table}")


@pytest.mark.parametrize("then", ["run again", "retract"])
def test_a_run_that_dies_while_it_loads_again_what_history_needs(small, monkeypatch, then):
    """A late file needs the rows around it, a crash took them, and the run that loads them dies before it judges."""
    from flows import merge

    for day in (1, 3):
        things(small, day, f"n,a,{day},,")
    small.run()
    crash(small)
    late = things(small, 2, "n,a,2,,").delivery_id
    with monkeypatch.context() as patched:
        patched.setattr(merge, "judge", lambda entity, run: 1 / 0)
        with pytest.raises(SluiceError):
            small.run()
    if then == "retract":
        small.retract(late)
    small.run()
    sizes = [1, 3] if then == "retract" else [1, 2, 3]
    assert [size for (size,) in small.sql("select size from published.thing_history order by valid_from")] == sizes
    summed = "select good = opened + changed + unchanged + duplicate from ledger.row_accounts join ledger.deliveries"
    assert set(small.sql(f"{summed} using (delivery_id) where state = 'merged'")) == {(True,)}


# Tells when the work begins, so that the instant of the kill lies in it and not in Python's start.
WORKING = """
from flows import run
import dbt.cli.main
run.prepare()
print("ready", flush=True)
run.run.fn(["thing"])
"""
TIMES = int(os.environ.get("DEEP_KILLS", "4"))


def begin() -> subprocess.Popen[str]:
    """A run in a process of its own, right where its work begins."""
    process = subprocess.Popen(
        [sys.executable, "-c", WORKING], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.slow
def test_killed_at_random_instants(undisturbed, small):
    drop_all(small)
    moments = random.Random()
    for _ in range(TIMES):
        process = begin()
        time.sleep(moments.uniform(0, 2.5))
        process.kill()
        process.wait()
    small.run()
    assert everything(small) == undisturbed


def test_two_runs_at_once_harm_nothing(undisturbed, small):
    drop_all(small)
    first, second = begin(), begin()
    assert 0 in (first.wait(120), second.wait(120))
    small.run()
    assert everything(small) == undisturbed


@pytest.fixture
def own_server(small_project, monkeypatch):
    """An installation with an embedded server of its own, which a test may kill."""
    from warehouse import embedded

    home = Path(tempfile.mkdtemp(prefix="sluice-killed-"))
    home.chmod(0o755)
    monkeypatch.setenv("SLUICE_HOME", str(home))
    monkeypatch.setenv("SLUICE_DBT_PROJECT", str(small_project))
    monkeypatch.setenv("SLUICE_CHECKS_FOLDER", str(TEST_PROJECT / "checks"))
    monkeypatch.delenv("SLUICE_WAREHOUSE_URL", raising=False)
    forget_settings()
    yield home
    forget_settings()
    embedded.stop(home)
    shutil.rmtree(home)


def kill_the_server(home: Path) -> None:
    """The postmaster and all its children at once, as a machine that loses its power does."""
    pid_file = home / "postgres/data/postmaster.pid"
    master = int(pid_file.read_text().split()[0])
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    for pid in [master, *map(int, children)]:
        os.kill(pid, signal.SIGKILL)


def test_the_database_killed_in_the_middle(undisturbed, own_server):
    from warehouse.connection import warehouse_url

    sluice = Sluice(own_server, warehouse_url())
    _engines.add(sluice.url)
    drop_all(sluice)
    for seconds in (0.4, 1.2):
        process = begin()
        time.sleep(seconds)
        kill_the_server(own_server)
        threading.Timer(20, process.kill).start()
        process.wait()
        forget_settings()
    sluice.url = warehouse_url()
    _engines.add(sluice.url)
    sluice.run()
    assert everything(sluice) == undisturbed
