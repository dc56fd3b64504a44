"""A real warehouse for the tests: one embedded server for the session, one fresh database for each test."""

import itertools
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url, text

os.environ["SODA_CORE_TELEMETRY_ENABLED"] = "false"
os.environ["DO_NOT_TRACK"] = "1"
for _name in [name for name in os.environ if name.startswith("SLUICE_")]:
    del os.environ[_name]  # a developer's own settings are not the tests'
os.environ["SLUICE_DROP_SETTLES"] = "0"  # a test has written its file when it runs
os.environ.pop("PREFECT_API_URL", None)

PROJECT = Path(__file__).resolve().parents[1]
TEST_PROJECT = PROJECT / "tests" / "project"


# Files that share what is dear to make: one worker of pytest has all of a kind. A Prefect server costs 20 s and 300 MB;
# the samples of all feeds, published, cost 60 s.
TOGETHER = {
    "prefect": (
        "deployments/test_a",
        "deployments/test_listen",
        "flows/test_prefect",
        "flows/test_flow_runs",
        "test_leaks_after_demo",
    ),
    "samples": (
        "dbt_project/test_dbt.py",
        "dbt_project/test_leaks.py",
        "dbt_project/test_split.py",
        "flows/test_report.py",
        "flows/test_returns.py",
        "pipelines/test_life.py",
        "pipelines/test_outreach.py",
        "publish/test_export_samples.py",
        "publish/test_numbers.py",
        "test_every_feed",
        "test_pipelines_pages",
        "warehouse/test_roles.py",
    ),
}
# What takes half a minute and more goes first: begun last, as files of few tests are, it leaves the other worker idle.
FIRST = (
    *TOGETHER,
    "test_kill",
    "test_chaos",
    "dbt_project/test_history",
    "test_supplements",
    "test_erase_property",
    "test_demos",
    "test_restore",
    "test_many_rows",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: Any, log: Any) -> Any:
    """Each file is one worker's, as with --dist loadfile."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class ByCost(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file: str = super()._split_scope(nodeid)
            return next((kind for kind, files in TOGETHER.items() if any(name in file for name in files)), file)

        def _assign_work_unit(self, node: Any) -> None:
            first = next((scope for name in FIRST for scope in self.workqueue if name in scope), None)
            if first:
                self.workqueue.move_to_end(first, last=False)
            super()._assign_work_unit(node)

    return ByCost(config, log)


def forget_settings() -> None:
    """Let the process read its settings, feeds and engine anew."""
    from extract import entities, feeds
    from warehouse import connection
    from warehouse.settings import settings

    settings.cache_clear()
    feeds.catalogue.cache_clear()
    for declared in (entities.key_columns, entities.classes, entities.optional_columns, entities.export_by):
        declared.cache_clear()
    for url in list(_engines):
        connection._engine(url).dispose()
    _engines.clear()
    connection._engine.cache_clear()


_engines: set[str] = set()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of a running embedded server; stopped and deleted at the end."""
    from warehouse import embedded

    # pytest's own folders are closed to all but root, so that the server's account could not reach them. A database is
    # 300 files: copied and dropped in memory they take 0.03 s of CPU, on a disk 0.1 s.
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2 * 2**30
    home = Path(tempfile.mkdtemp(prefix="sluice-tests-", dir=memory if roomy else None))
    home.chmod(0o755)
    try:
        url = embedded.lease(home, linger=5)
        # No test pulls the plug of the machine, and a killed process loses nothing that the system has taken.
        _sql(url, "alter system set fsync = off", "alter system set full_page_writes = off", "select pg_reload_conf()")
        # For each connection the password is hashed 4,096 times, 3 ms of its 4 ms of CPU; once will do here.
        _sql(url, "set scram_iterations = 1", f"alter role sluice password '{make_url(url).password}'")
        yield url
    finally:
        forget_settings()
        embedded.stop(home)
        shutil.rmtree(home)


class Sluice:
    """One installation: its own home, database, and project."""

    def __init__(self, home: Path, url: str) -> None:
        self.home, self.url = home, url

    def sql(self, query: str, **parameters: Any) -> list[Any]:
        """The rows of a query, each as a tuple."""
        from warehouse.connection import transaction

        with transaction() as connection:
            result = connection.execute(text(query), parameters)
            return [tuple(row) for row in result] if result.returns_rows else []

    def value(self, query: str, **parameters: Any) -> Any:
        """The one value of a query."""
        return self.sql(query, **parameters)[0][0]

    def drop(self, where: str, content: bytes | str) -> Path:
        """A file in the drop folder."""
        path = self.home / "drop" / where
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def file(self, name: str, content: bytes | str) -> Path:
        """A file that lies somewhere."""
        path = self.home / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def deliver(self, feed: str, path: Path, effective: str | None = None) -> Any:
        """Take a file in, as `sluice deliver` does."""
        from datetime import date

        from flows.ingest import ingest
        from flows.prefect_door import go
        from flows.run import prepare_ledger

        prepare_ledger(feed)
        return go(ingest, feed, path, date.fromisoformat(effective) if effective else None)

    def run(self, *entities: str) -> Any:
        """Run, as `sluice run` does."""
        from flows.prefect_door import go
        from flows.run import run

        return go(run, list(entities))

    def retract(self, delivery_id: int, *, undo: bool = False) -> bool:
        """Take a delivery out of force, or put it back; False where that is refused."""
        from warehouse import word
        from warehouse.connection import transaction
        from warehouse.errors import SluiceError

        try:
            with transaction() as connection:
                if undo:
                    word.undo(connection, delivery_id)
                else:
                    word.retract(connection, delivery_id, "a test wants it")
        except SluiceError:
            return False
        return True

    def account(self, delivery_id: int) -> dict[str, int]:
        """A delivery's row account."""
        from publish.views import status

        return next(d["rows"] for d in status()["deliveries"] if d["delivery_id"] == delivery_id)


@pytest.fixture(scope="session")
def install(server: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Sluice]:
    """Makes installations: each a fresh database, cloned from one where the project is built already."""
    from dbt_common.tests import enable_test_caching

    from flows.dbt import project_hash

    templates: dict[str, str] = {}
    parses = tmp_path_factory.mktemp("parsed")
    # dbt's own, for its tests: a macro is taken apart once, not for each project that has it.
    enable_test_caching()

    def make(project: Path, checks: Path) -> Sluice:
        home = tmp_path_factory.mktemp("home")
        _aim(home, server, project, checks)
        template = templates.get(str(project)) or templates.get(project_hash())
        # What dbt parsed last is parsed again only where it differs: a copied project costs 1 s instead of 6.
        parsed = parses / ("real" if project == PROJECT / "dbt_project" else "small")
        target = home / "dbt" / "target" / "partial_parse.msgpack"
        if parsed.exists():
            target.parent.mkdir(parents=True)
            shutil.copy(parsed, target)
        if template is None:
            _sql(server, "drop database if exists sluice with (force)", "create database sluice")
            from flows.run import prepare

            prepare()
            forget_settings()
            if not parsed.exists():  # of a copied project: dbt keeps its sources, where a file's time goes back
                shutil.copy(target, parsed)
            template = templates[project_hash()] = f"template_{len(templates)}"
            _sql(server, f"alter database sluice rename to {template}")
        templates[str(project)] = template  # also where the project changes: its databases have the same keys
        _sql(server, *_copy_of(template))
        _aim(home, server, project, checks)
        return Sluice(home, server)

    return make


def _aim(home: Path, url: str, project: Path, checks: Path) -> None:
    os.environ.update(
        SLUICE_HOME=str(home),
        SLUICE_WAREHOUSE_URL=url,
        SLUICE_DBT_PROJECT=str(project),
        SLUICE_CHECKS_FOLDER=str(checks),
    )
    forget_settings()
    _engines.add(url)


def _copy_of(template: str) -> tuple[str, str]:
    """What makes the database anew. By its files: by its log, as is PostgreSQL's way, it takes twice as long."""
    drop = "drop database if exists sluice with (force)"
    return drop, f"create database sluice template {template} strategy file_copy"


def _sql(url: str, *statements: str) -> None:
    with psycopg.connect(url.rsplit("/", 1)[0] + "/postgres", autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)  # type: ignore[arg-type]


def keep(told: Sluice) -> Callable[[], Sluice]:
    """Keep an installation as it stands: gives what makes copies of it, so that a story is told once for many tests."""
    number = uuid.uuid4().hex[:12]  # this file is loaded twice, as conftest and as tests.conftest
    aim = Path(os.environ["SLUICE_DBT_PROJECT"]), Path(os.environ["SLUICE_CHECKS_FOLDER"])
    forget_settings()
    # dbt's and Soda's last sessions may still be there, and a template must have none.
    leave = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = 'sluice'"
    _sql(told.url, leave, f"alter database sluice rename to kept_{number}")
    copies = itertools.count(1)

    def copy() -> Sluice:
        home = told.home.with_name(f"{told.home.name}-{number}-{next(copies)}")
        shutil.copytree(told.home, home, symlinks=True)
        _aim(home, told.url, *aim)
        _sql(told.url, *_copy_of(f"kept_{number}"))
        return Sluice(home, told.url)

    return copy


@pytest.fixture
def sluice(install: Callable[..., Sluice]) -> Iterator[Sluice]:
    """An installation of the real project."""
    yield install(PROJECT / "dbt_project", PROJECT / "checks")
    forget_settings()


@pytest.fixture(scope="session")
def small_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real project's macros with one small entity, `thing`, of the vendor `acme`."""
    folder = tmp_path_factory.mktemp("small")
    real = PROJECT / "dbt_project"
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(real / name, folder / name)
    shutil.copytree(real / "macros", folder / "macros")
    shutil.copytree(TEST_PROJECT / "models", folder / "models")
    return folder


MOVES = """      - name: moves
        identifier: acme__moves
        description: One row per thing and time at which it changed.
        config:
          meta:
            <<: *meta
            mode: delta
            arrives: {drop: "acme/moves-*.csv"}
            effective_at: {column: moved_at}
            timezone: America/Chicago
        columns:
          - {name: region, config: {meta: {headers: ["Region"], required: true, pii: none}}}
          - {name: code, config: {meta: {headers: ["Code"], required: true, pii: none}}}
          - {name: size, config: {meta: {headers: ["Size"], required: true, pii: none}}}
          - {name: note, config: {meta: {headers: ["Note"], pii: free_text}}}
          - {name: keeper, config: {meta: {headers: ["Keeper"], pii: email}}}
          - {name: moved_at, config: {meta: {headers: ["Moved"], required: true, pii: none}}}
"""


@pytest.fixture(scope="session")
def moving_project(small_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small project with a third feed, `moves`, whose rows have effective times of their own. Nothing that its
    feeds do is implausible."""
    folder = tmp_path_factory.mktemp("moving") / "project"
    shutil.copytree(small_project, folder)
    acme = folder / "models" / "staging" / "acme"
    declared = (acme / "_acme.yml").read_text()
    plain = declared.replace("mode: full\n", "mode: full\n            bounds: {vanish: 1.0, bad: 1.0}\n", 1)
    (acme / "_acme.yml").write_text(plain + MOVES)
    mapping = (acme / "stg_acme__changes.sql").read_text()
    (acme / "stg_acme__moves.sql").write_text(mapping.replace("'changes'", "'moves'"))
    return folder


@pytest.fixture
def moving(install: Callable[..., Sluice], moving_project: Path) -> Iterator[Sluice]:
    """An installation with that feed."""
    yield install(moving_project, TEST_PROJECT / "checks")
    forget_settings()


@pytest.fixture
def small(install: Callable[..., Sluice], small_project: Path) -> Iterator[Sluice]:
    """An installation with the one small entity."""
    yield install(small_project, TEST_PROJECT / "checks")
    forget_settings()


@pytest.fixture
def checks(tmp_path: Path) -> Any:
    """A checks folder of the test's own, which it may change."""
    from workbench import Checks

    return Checks(tmp_path)


@pytest.fixture
def bench(install: Callable[..., Sluice], small_project: Path, checks: Any) -> Iterator[Sluice]:
    """An installation with the one small entity, and with `checks`."""
    yield install(small_project, checks.folder)
    forget_settings()


@pytest.fixture(scope="session")
def prefect_url() -> Iterator[str]:
    """The API of a Prefect server for the session: it costs 10 s and more, so it is one for all who ask.

    A developer may name one that runs: TESTS_PREFECT_URL.
    """
    from flows.server import prefect_server

    if there := os.environ.get("TESTS_PREFECT_URL"):
        yield there
        return

    before = dict(os.environ)
    home = Path(tempfile.mkdtemp(prefix="sluice-prefect-"))
    os.environ["SLUICE_HOME"] = str(home)
    forget_settings()
    with prefect_server() as url:
        os.environ.clear()
        os.environ.update(before)
        forget_settings()
        yield url
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def api(prefect_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """That server, for this test's process and the processes that it starts."""
    from prefect import context
    from prefect.settings import PREFECT_API_URL, PREFECT_LOGGING_TO_API_ENABLED, temporary_settings

    monkeypatch.setenv("PREFECT_API_URL", prefect_url)
    with temporary_settings({PREFECT_API_URL: prefect_url, PREFECT_LOGGING_TO_API_ENABLED: False}):
        # For threads, too: without it the one that sends logs started a server of its own, which took 24 s of CPU.
        monkeypatch.setattr(context, "GLOBAL_SETTINGS_CONTEXT", context.get_settings_context())
        yield prefect_url


@pytest.fixture(scope="session")
def aws_url() -> Iterator[str]:
    """A server that answers as S3, SQS, SNS and CloudFormation do."""
    import logging

    from botocore.loaders import JSONFileLoader
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    # Each session of boto3 reads what AWS offers anew, 0.2 s of JSON; here one reading serves them all.
    real, loader = JSONFileLoader.load_file, JSONFileLoader()
    described = cache(lambda path: real(loader, path))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: described(path))
        yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def aws(aws_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Clients of that server, by service; it is empty."""
    import urllib.request

    import boto3

    from warehouse import aws as doors

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    access = {"ENDPOINT_URL": aws_url, "ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "DEFAULT_REGION": "us-east-1"}
    for name, value in access.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    urllib.request.urlopen(urllib.request.Request(f"{aws_url}/moto-api/reset", method="POST"), timeout=10).close()
    doors.client.cache_clear()
    yield lambda service: boto3.Session().client(service)
    doors.client.cache_clear()
