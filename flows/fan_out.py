"""Staging a backlog: one delivery after the other, or many at once on a Dask cluster, where SLUICE_STAGING_CLUSTER
names one (an address, or a number of processes on this machine)."""

from collections.abc import Iterable, Sequence
from typing import Any

import prefect

from flows.ingest import Ingested, stage, why_refused
from flows.prefect_door import KEEPS_NOTHING, served
from warehouse.errors import SluiceError
from warehouse.settings import settings

WORTHWHILE = 4  # deliveries from which on a cluster is asked
NOT_STAGED = ("new", "received")


def stage_waiting(files: Iterable[Ingested]) -> list[str]:
    """Stage those of the files that were registered only; gives the reasons of those that are refused."""
    return refusals([(file.feed, file.delivery_id) for file in files if (file.outcome, file.state) == NOT_STAGED])


def refusals(deliveries: Sequence[tuple[str, int]]) -> list[str]:
    """Stage deliveries; gives the reasons of those that are refused."""
    return [why_refused(delivery_id) for delivery_id, state in stage_all(deliveries).items() if state == "refused"]


def stage_all(deliveries: Sequence[tuple[str, int]]) -> dict[int, str]:
    """Stage deliveries (feed, id); gives the new state of each."""
    cluster = settings().staging_cluster
    if cluster is None or not served() or len(deliveries) < WORTHWHILE:
        return {delivery_id: stage(feed, delivery_id) for feed, delivery_id in deliveries}
    return stage_many.with_options(task_runner=_runner(cluster))(list(deliveries))


@prefect.flow(name="stage-many", **KEEPS_NOTHING)
def stage_many(deliveries: list[tuple[str, int]]) -> dict[int, str]:
    """Stage deliveries side by side."""
    futures = {delivery_id: stage_there.submit(feed, delivery_id) for feed, delivery_id in deliveries}
    return {delivery_id: future.result() for delivery_id, future in futures.items()}


@prefect.task(task_run_name="stage {feed} delivery {delivery_id} on the cluster", **KEEPS_NOTHING)
def stage_there(feed: str, delivery_id: int) -> str:
    """Stage one, on whichever machine: its file comes from the archive."""
    return stage(feed, delivery_id)


def _runner(cluster: str) -> Any:
    try:
        from prefect_dask.task_runners import DaskTaskRunner
    except ImportError as error:
        raise SluiceError("SLUICE_STAGING_CLUSTER is set, and prefect-dask is not installed: install it.") from error
    if not cluster.isdigit():
        return DaskTaskRunner(address=cluster)
    local = {"n_workers": int(cluster), "threads_per_worker": 1, "processes": True, "host": "127.0.0.1"}
    return DaskTaskRunner(cluster_kwargs={**local, "dashboard_address": None})
