"""The one door to Prefect: flows and tasks run through its server where one is configured, and as plain functions
where none is. (Without a server Prefect starts a hidden one in each process: 11-20 s before the first flow.)"""

import functools
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, ParamSpec, TypeVar

os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")

import prefect
from prefect import Flow, task
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext, TagsContext
from prefect.events.clients import PrefectEventsClient
from prefect.events.schemas.events import Event
from prefect.events.worker import EventsWorker, emit_events_to_cloud
from prefect.settings import get_current_settings

from flows.without_values import Told, keep_values_out
from warehouse.errors import SluiceError
from warehouse.transient import persistently

P = ParamSpec("P")
R = TypeVar("R")

# Results stay in the process: a report names files, and what needs keeping is in the ledger.
LONGEST = 6 * 3600.0  # seconds that a run may take; what hangs longer than that is ended, and taken up by the next
KEEPS_NOTHING: dict[str, Any] = {"persist_result": False}

keep_values_out()
# An event that cannot be sent is kept and sent after the next connection. At Prefect's ten attempts each of them holds
# the end of a process up for 7 s more where its server has gone.
if not emit_events_to_cloud():
    EventsWorker.set_client_override(PrefectEventsClient, reconnection_attempts=2)


class EventsByName(logging.Filter):
    """Of an event that cannot be sent its name and the reason are told: Prefect prints all of each, 700 characters, and
    keeps the reason to itself."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite a record that holds an event; nothing is withheld."""
        args = record.args if isinstance(record.args, tuple) else ()
        if any(isinstance(arg, Event) for arg in args):
            record.args = tuple(f"{a.event} of {a.resource.id}" if isinstance(a, Event) else a for a in args)
            error = sys.exc_info()[1]
            why = f" ({type(error).__name__}: {error})" if error else ""
            record.msg, record.args = record.getMessage() + why, ()
        return True


logging.getLogger("prefect._internal.concurrency").addFilter(EventsByName())


def served() -> bool:
    """Whether a Prefect server is configured (PREFECT_API_URL, or a Prefect profile)."""
    return bool(get_current_settings().api.url)


def secret_block(name: str) -> str:
    """The value of a Secret block of the Prefect server, for credentials that are declared as block:name."""
    from prefect.blocks.system import Secret

    if not served():
        raise SluiceError(f"block:{name} is kept by a Prefect server, and none is configured (PREFECT_API_URL).")
    try:
        return str(Secret.load(name).get())  # type: ignore[union-attr]
    except ValueError:
        raise SluiceError(f"The Prefect server has no Secret block {name!r}; make it there.") from None


def in_flow() -> bool:
    """Whether this code runs within a Prefect flow run."""
    return FlowRunContext.get() is not None


def flow(**options: Any) -> Callable[[Callable[P, R]], Flow[P, R]]:
    """A flow whose errors reach Prefect without the values of any row, and whose end is told (flows/hooks.py)."""

    def decorate(function: Callable[P, R]) -> Flow[P, R]:
        from flows import hooks

        made: Flow[P, R] = prefect.flow(**KEEPS_NOTHING, **hooks.ALL, **options)(_told_plainly(function))
        return made

    return decorate


def go(flow: Flow[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a flow: as a flow run where a server is configured, as its plain function where not."""
    return flow(*args, **kwargs) if served() else flow.fn(*args, **kwargs)


def step(name: str, *, again: bool = False, **options: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A task whose runs are called `name` (with parameters in braces); outside a flow run, the plain function.

    `again`: it may be repeated, and is where it fails for a reason that goes by itself.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        work = _persistent(function) if again else function
        made = task(task_run_name=name, cache_policy=NO_CACHE, **KEEPS_NOTHING, **options)
        as_task = made(_told_plainly(work))

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            if not in_flow():
                return work(*args, **kwargs)
            # Its flow run has the tags. Of a task that has some, the server is asked whether they limit it: 30 ms each.
            with TagsContext(current_tags=set()):
                return as_task(*args, **kwargs)

        return call

    return decorate


def _persistent(function: Callable[P, R]) -> Callable[P, R]:
    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        return persistently(lambda: function(*args, **kwargs))

    return call


def _told_plainly(function: Callable[P, R]) -> Callable[P, R]:
    """Within Prefect an error that is not ours is told without what a database quotes of a row."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except SluiceError:
            raise
        except Exception as error:
            if not in_flow():
                raise
            raise Told(error) from None

    return call


@contextmanager
def tagged(*tags: str) -> Iterator[None]:
    """Flow and task runs that begin in the block have these tags: the UI filters by vendor and entity."""
    with prefect.tags(*tags) if served() else nullcontext():
        yield


def tell_event(event: str, about: str, *, related: list[dict[str, str]] | None = None, **payload: Any) -> None:
    """Send an event to the server, where one is configured: `about` is the resource's id."""
    if served():
        from prefect.events import emit_event

        emit_event(event, {"prefect.resource.id": about}, related=related or [], payload=payload)


def keep_artifact(key: str, markdown: str, description: str) -> None:
    """Show a markdown page beside the flow run, where there is one."""
    if in_flow():
        from prefect.artifacts import create_markdown_artifact

        create_markdown_artifact(key=key, markdown=markdown, description=description)


def keep_table(key: str, rows: list[dict[str, Any]], description: str) -> None:
    """Show a table beside the flow run, where there is one."""
    if in_flow():
        from prefect.artifacts import create_table_artifact

        create_table_artifact(key=key, table=rows, description=description)


def keep_link(key: str, address: str, description: str) -> None:
    """Show a link beside the flow run, where there is one."""
    if in_flow():
        from prefect.artifacts import create_link_artifact

        create_link_artifact(key=key, link=address, link_text=description, description=description)


@contextmanager
def progress_artifact(key: str, description: str) -> Iterator[Callable[[float, int], None] | None]:
    """A progress bar beside the flow run, where there is one; it appears when it is first told of."""
    if not in_flow():
        yield None
        return
    from prefect.artifacts import create_progress_artifact, update_progress_artifact

    artifacts: list[Any] = []

    def told(share: float, _: int) -> None:
        if artifacts:
            update_progress_artifact(artifacts[0], progress=100 * share)
        else:
            artifacts.append(create_progress_artifact(key=key, progress=100 * share, description=description))

    yield told
