"""The one door to dbt: its project, its connection, its runner."""

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import make_url, text

from extract.entities import parent
from extract.feeds import catalogue
from warehouse.connection import lock, transaction, warehouse_url
from warehouse.errors import SluiceError
from warehouse.settings import settings

SECRET = "DBT_ENV_SECRET_SLUICE_PG_PASSWORD"  # noqa: S105  (its name, not its value; dbt scrubs this prefix from logs)
# Of a model's run no artifacts and no list of all relations: they cost more than its SQL.
LEAN = ("--no-write-json", "--no-populate-cache", "--threads", "1")
PROJECT_FILES = ("*.sql", "*.yml", "*.csv", "*.md")


def prepare() -> None:
    """Build every view, empty table and seed of the project, if the project is not the one that stands already.

    A run then only has its judged and its dimension model to run. Two processes build one after the other.
    """
    version = project_hash()
    if _standing() == version:
        return
    with lock("build", wait=True):
        if _standing() != version:
            invoke("seed")
            invoke("run")
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
    project = settings().dbt_project
    digest = hashlib.sha256(_vars().encode())
    for pattern in PROJECT_FILES:
        for file in sorted(project.rglob(pattern)):
            if "samples" not in file.parts:
                digest.update(str(file.relative_to(project)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def run_model(name: str, run: int) -> None:
    """Run one model for a run: without one, judged and dimension models only make their tables."""
    invoke("run", "--select", name, *LEAN, run=run, manifest=_manifest(project_hash()))


@lru_cache(maxsize=1)
def _manifest(version: str) -> Any:  # noqa: ARG001  (another version of the project is another manifest)
    """The parsed project, kept as long as this process lives: parsing took 0.27 s of a run's 0.84 s."""
    return invoke("parse", "--no-write-json")


def warm_up() -> None:
    """Import dbt and parse the project, so that the first run need not."""
    from flows.prefect_door import served

    if served():
        import prefect_dbt  # noqa: F401  (3 s on a busy machine)
    _manifest(project_hash())


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
        *(["--quiet"] if quiet else []),
    ]
    runner = _shown(manifest) if in_flow() and arguments[0] != "parse" else dbtRunner(manifest=manifest)
    result = runner.invoke([*arguments, *settings_of_all])
    if not result.success:
        raise SluiceError(f"dbt {' '.join(arguments)} failed. {_complaint(result)}")
    return result.result


def compiled(inline: str) -> str:
    """The SQL that a piece of Jinja becomes, with the project's macros."""
    with contextlib.redirect_stdout(None):
        result = invoke("compile", "--inline", inline)
    sql: str = result.results[0].node.compiled_code
    return sql


def _shown(manifest: Any) -> Any:
    """A runner of which each node shows as a task of the flow run."""
    from prefect_dbt import PrefectDbtRunner, PrefectDbtSettings

    return PrefectDbtRunner(
        settings=PrefectDbtSettings(
            project_dir=settings().dbt_project,
            profiles_dir=settings().dbt_project,
            target_path=settings().folder("dbt") / "target",
        ),
        manifest=manifest,
        raise_on_failure=False,
    )


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
    """Which staging models fill which entity, and which entity is another's parent. That changes only when a vendor or
    an entity comes or goes: dbt parses anew then."""
    feeds = catalogue()
    models = {entity: sorted(feed.model for feed in feeds.of_entity(entity)) for entity in feeds.entities}
    parents = {entity: found._asdict() for entity in feeds.entities if (found := parent(entity))}
    return json.dumps({"feeds": models, "parents": parents}, sort_keys=True)


def _complaint(result: Any) -> str:
    if result.exception:
        return str(result.exception)
    return " ".join(_failures(getattr(result.result, "results", None) or []))


def _failures(results: Sequence[Any]) -> list[str]:
    return [f"{r.node.name}: {r.message}" for r in results if str(r.status) in ("error", "fail", "runtime error")]
