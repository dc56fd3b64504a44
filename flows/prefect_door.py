"""The one door to Prefect: flows and tasks run through its server where one is configured, and as plain functions
where none is. (Without a server Prefect starts a hidden one in each process: 11-20 s before the first flow.)"""

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

os.environ.setdefault("DO_NOT_TRACK", "1")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")

from prefect import Flow, task
from prefect.context import FlowRunContext
from prefect.settings import get_current_settings

from warehouse.errors import SluiceError

P = ParamSpec("P")
R = TypeVar("R")


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


def go(flow: Flow[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a flow: as a flow run where a server is configured, as its plain function where not."""
    return flow(*args, **kwargs) if served() else flow.fn(*args, **kwargs)


def step(name: str, **options: Any) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A task whose runs are called `name` (with parameters in braces); outside a flow run, the plain function."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        as_task = task(task_run_name=name, **options)(function)

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            return as_task(*args, **kwargs) if in_flow() else function(*args, **kwargs)

        return call

    return decorate


def keep_artifact(key: str, markdown: str) -> None:
    """Show a markdown page beside the flow run, where there is one."""
    if in_flow():
        from prefect.artifacts import create_markdown_artifact

        create_markdown_artifact(key=key, markdown=markdown)


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
