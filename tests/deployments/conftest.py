"""A worker, for the tests that need one."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from conftest import PROJECT


class Worker:
    """Runs what the server's pool has, in processes, from the first `finish` on until the test ends."""

    def __init__(self, client: Any) -> None:
        self.client, self.since = client, datetime.now(UTC)
        self.process: subprocess.Popen[bytes] | None = None

    def runs(self, flow: str) -> list[Any]:
        """The runs of a flow since the test began."""
        from prefect.client.schemas.filters import (
            FlowFilter,
            FlowFilterName,
            FlowRunFilter,
            FlowRunFilterExpectedStartTime,
        )

        return self.client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=[flow])),
            flow_run_filter=FlowRunFilter(expected_start_time=FlowRunFilterExpectedStartTime(after_=self.since)),
        )

    def count(self, flow: str) -> int:
        """How many there are."""
        return len(self.runs(flow))

    def finish(self, flow: str, patience: float = 400, until: Callable[[Any], bool] | None = None) -> Any:
        """Wait until the newest run of a flow has ended (or is as `until` wants it) with a worker at work; gives it."""
        settled = until or (lambda run: run.state is not None and run.state.is_final())
        self._start()
        end = time.monotonic() + patience
        while time.monotonic() < end:
            found = self.runs(flow)
            if found and settled(found[0]):
                return found[0]
            time.sleep(0.2)
        raise AssertionError(f"{flow} did not come to its end: {[(r.name, r.state_name) for r in self.runs(flow)]}")

    def _start(self) -> None:
        """Starting one takes 5 s and more: a test has one for all that it wants to see done."""
        self._quieten()
        if self.process is None:
            environment = {**os.environ, "PREFECT_WORKER_QUERY_SECONDS": "1", "PYTHONPATH": str(PROJECT)}
            command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "sluice", "--name", "test"]
            nowhere = subprocess.DEVNULL
            self.process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=nowhere, stderr=nowhere)

    def stop(self) -> None:
        """Let it go."""
        if self.process:
            self.process.terminate()
            self.process.wait(30)

    def _quieten(self) -> None:
        """Nothing that the clock starts is to run among what a test starts."""
        for deployment in self.client.read_deployments():
            if deployment.schedules and not deployment.paused:
                self.client.pause_deployment(deployment.id)


@pytest.fixture
def bare_api(api: str) -> str:
    """The session's server as nobody has deployed to it: what others before us did is taken away."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        for deployment in client.read_deployments():
            client.delete_deployment(deployment.id)
        for automation in client.read_automations():
            client.delete_automation(automation.id)
        for block in client.read_block_documents():
            if str(block.name).startswith("sluice"):
                client.delete_block_document(block.id)
    return api


@pytest.fixture
def worker(api: str) -> Iterator[Worker]:
    """A worker of the session's server."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        made = Worker(client)
        yield made
        made.stop()
