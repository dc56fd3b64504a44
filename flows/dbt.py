"""The one door to dbt: its project, its connection, its runner."""

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import ContextVar, copy_context
from functools import lru_cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sqlalchemy import make_url, text

from extract import amend
from extract.entities import parent
from extract.feeds import Feed, catalogue
from flows.dbt_spared import spare
from flows.telling import NO_ROOM, WAREHOUSE_IS_FULL
from warehouse.connection import lock, transaction, warehouse_url
from warehouse.errors import SluiceError, without_values
from warehouse.settings import settings

SECRET = "DBT_ENV_SECRET_SLUICE_PG_PASSWORD"  # noqa: S105  (its name, not its value; dbt scrubs this prefix from logs)
# Of a model's run no artifacts and no list of all relations: they cost more than its SQL.
LEAN = ("--no-write-json", "--no-populate-cache", "--threads", "1")
NEXT = "-- sluice: the next piece"
PROJECT_FILES = (".sql", ".yml", ".csv", ".md")


def prepare() -> None:
    """Build every view, empty table and seed of the project, if the project is not the one that stands already.

    A run then only has its judged and its dimension model to run. Two processes build one after the other.
    """
    version = project_hash()
    if _standing() == version:
        return
    with lock("build", wait=True):
        if _standing() != version:
            parsed = _manifest(version, warehouse_url())
            invoke("seed", "--no-write-json", manifest=parsed)
            invoke("run", "--no-write-json", manifest=parsed)
            _record(version)


def _standing() -> str | None:
    with transaction() as connection:
        newest = text("select project_hash from ledger.builds order by built_at desc limit 1")
        found: str | None = connection.scalar(newest)
        return found


def _record(version: str) -> None:
    with transaction() as connection:
        connection.execute(
            text(
                "insert into ledger.builds (project_hash) values (:version)"
                " on conflict (project_hash) do update set built_at = clock_timestamp()"
            ),
            {"version": version},
        )


def project_hash() -> str:
    """The version of the dbt project: its files and the feeds that it is run with."""
    return _hash(settings().dbt_project, _vars(), _states(settings().dbt_project))


def _states(project: Path) -> tuple[tuple[Path, int, int], ...]:
    """The project's files, each with its time of change and its size."""
    files = [file for file in sorted(project.rglob("*.*")) if "samples" not in file.parts]
    found = ((file, file.stat()) for kind in PROJECT_FILES for file in files if file.suffix == kind)
    return tuple((file, state.st_mtime_ns, state.st_size) for file, state in found)


@lru_cache(maxsize=1)
def _hash(project: Path, variables: str, states: tuple[tuple[Path, int, int], ...]) -> str:
    """Files are read where one of them has changed: reading all of them three times in a run took 0.3 s."""
    digest = hashlib.sha256(variables.encode())
    for file, _, _ in states:
        digest.update(str(file.relative_to(project)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def run_model(name: str, run: int) -> None:
    """Run one model for a run: without one, judged and dimension models only make their tables."""
    invoke("run", "--select", name, *LEAN, run=run, manifest=_manifest(project_hash(), warehouse_url()))


@lru_cache(maxsize=1)
def _manifest(version: str, url: str) -> Any:  # noqa: ARG001  (it names the relations of a version and a database)
    """The parsed project, kept as long as this process lives: parsing took 0.27 s of a run's 0.84 s."""
    return invoke("parse", "--no-write-json")


def warm_up() -> None:
    """Import dbt and parse the project, so that the first run need not."""
    from flows.prefect_door import served

    if served():
        import prefect_dbt  # noqa: F401  (3 s on a busy machine)
    _manifest(project_hash(), warehouse_url())


def try_model(name: str, run: int) -> dict[str, int]:
    """Judge for a run without keeping anything of it; gives the counts that macros/judge/settled.sql tells."""
    try:
        invoke("run", "--select", name, run=run, trial=True)
    except SluiceError as error:
        if found := re.search(r"sluice trial: (\{.*?\})", str(error)):
            return dict(json.loads(found[1]))
        raise
    raise SluiceError(f"{name} tried nothing; run it without --dry-run.")


def invoke(
    *arguments: str, run: int | None = None, quiet: bool = True, manifest: Any = None, trial: bool = False
) -> Any:
    """Run dbt in this process; inside a Prefect flow each node shows as a task.

    With a `manifest` the project is not parsed. Raises SluiceError with the messages of the nodes that failed.
    """
    from dbt.cli.main import dbtRunner

    from flows.prefect_door import in_flow

    spare()
    _hide_command()
    _environment(run, trial)
    settings_of_all = [
        "--project-dir",
        str(settings().dbt_project),
        "--profiles-dir",
        str(settings().dbt_project),
        "--target-path",
        str(settings().folder("dbt") / "target"),
        "--log-path",
        str(settings().folder("dbt") / "logs"),
        "--vars",
        _vars(),
        "--no-use-colors",
        *_loudness(quiet, trial),
    ]
    runner = _shown(manifest) if in_flow() and arguments[0] != "parse" else dbtRunner(manifest=manifest)
    result = _in_a_thread(partial(runner.invoke, [*arguments, *settings_of_all]))
    if isinstance(result.exception, SystemExit):  # nobody reads its output on (flows/pipe.py)
        raise result.exception
    if not result.success:
        complaint = _complaint(result)
        raise SluiceError(
            WAREHOUSE_IS_FULL if NO_ROOM in complaint else f"dbt {' '.join(arguments)} failed. {complaint}"
        )
    return result.result


def _loudness(quiet: bool, trial: bool) -> tuple[str, ...]:
    if trial:  # it ends with an error that is none
        return ("--log-level", "none")
    return ("--quiet",) if quiet else ()


def _hide_command() -> None:
    """dbt writes the command line of its process into its log: that of `sluice pii erase` names the person."""
    from dbt.cli import flags

    flags.sys = SimpleNamespace(argv=["dbt"])  # type: ignore[attr-defined, assignment]


def _in_a_thread(call: Callable[[], Any]) -> Any:
    """Call in a thread of its own, and where the run is cancelled meanwhile, cancel what dbt does in the database."""
    with ThreadPoolExecutor(1, thread_name_prefix="dbt") as thread:
        done = thread.submit(copy_context().run, call)
        try:
            wait([done])
        except BaseException:
            _cancel()
            raise
    return done.result()


def _cancel() -> None:
    from dbt.adapters.factory import FACTORY

    for adapter in FACTORY.adapters.values():
        for connection in list(adapter.connections.thread_connections.values()):
            if connection.state == "open":
                connection.handle.cancel()


def compiled(*pieces: str) -> tuple[str, ...]:
    """The SQL that pieces of Jinja become, with the project's macros; the same ones are compiled once in a process."""
    return _compiled(project_hash(), warehouse_url(), pieces)


@lru_cache(maxsize=64)
def _compiled(version: str, url: str, pieces: tuple[str, ...]) -> tuple[str, ...]:
    """All pieces at once, against the kept manifest: 0.2 s, where one with a parse of its own took 2 s and more."""
    try:
        with contextlib.redirect_stdout(None):
            result = invoke("compile", "--inline", f"\n{NEXT}\n".join(pieces), *LEAN, manifest=_manifest(version, url))
    except SluiceError:
        _manifest.cache_clear()  # dbt leaves a piece that does not compile in it
        raise
    sql: str = result.results[0].node.compiled_code
    return tuple(piece.strip() for piece in sql.split(NEXT))


def _shown(manifest: Any) -> Any:
    """A runner of which each node shows as a task of the flow run."""
    from prefect_dbt import PrefectDbtRunner, PrefectDbtSettings
    from prefect_dbt.core import runner

    _kept.set(manifest)
    runner.dbtRunner = _with_kept_manifest

    return PrefectDbtRunner(
        settings=PrefectDbtSettings(
            project_dir=settings().dbt_project,
            profiles_dir=settings().dbt_project,
            target_path=settings().folder("dbt") / "target",
        ),
        manifest=manifest,
        raise_on_failure=False,
    )


# prefect-dbt 0.7.25 keeps the manifest that it is given to itself, and lets dbt parse the project again: 1 s a model.
_kept: ContextVar[Any] = ContextVar("kept manifest", default=None)


def _with_kept_manifest(manifest: Any = None, callbacks: Any = None) -> Any:
    from dbt.cli.main import dbtRunner

    return dbtRunner(manifest or _kept.get(), callbacks)


def _environment(run: int | None, trial: bool) -> None:
    url = make_url(warehouse_url())
    os.environ.update(
        SLUICE_PG_HOST=str(url.host),
        SLUICE_PG_PORT=str(url.port or 5432),
        SLUICE_PG_USER=str(url.username),
        SLUICE_PG_DATABASE=str(url.database),
        DO_NOT_TRACK="1",
        PGCLIENTENCODING="UTF8",  # the binary form of texts, which is hashed, follows it
        # The run's number goes to the database session: as a dbt variable it would have the project parsed anew.
        PGOPTIONS=f"-c client_min_messages=warning -c sluice.run={run or ''}"
        + (" -c sluice.trial=on" if trial else ""),
    )
    os.environ[SECRET] = str(url.password or "")


def _vars() -> str:
    """Which staging models fill which entity, which entity is another's parent, what feeds amend, and which feeds' rows
    have effective times of their own. That changes only when a declaration does: dbt parses anew then."""
    feeds = catalogue()
    models = {entity: sorted(feed.model for feed in feeds.of_entity(entity)) for entity in feeds.entities}
    parents = {entity: found._asdict() for entity in feeds.entities if (found := parent(entity))}
    amendments = {feed.key: told for feed in feeds.feeds.values() if (told := amend.told(feed))}
    times = {feed.key: _row_time(feed) for entity in feeds.entities for feed in feeds.with_row_times(entity)}
    told = {"feeds": models, "parents": parents, "amendments": amendments} | ({"row_times": times} if times else {})
    return json.dumps(told, sort_keys=True)


def _row_time(feed: Feed) -> dict[str, str]:
    """Where a row's own effective time stands, and the SQL that reads it."""
    column = feed.row_times.column if feed.row_times else ""
    return {"entity": feed.entity, "column": column, "sql": feed.row_time_sql("own_time.told")}


def _complaint(result: Any) -> str:
    told = (
        str(result.exception)
        if result.exception
        else " ".join(_failures(getattr(result.result, "results", None) or []))
    )
    return without_values(told)


def _failures(results: Sequence[Any]) -> list[str]:
    return [f"{r.node.name}: {r.message}" for r in results if str(r.status) in ("error", "fail", "runtime error")]
