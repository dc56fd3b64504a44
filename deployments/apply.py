"""Bring a Prefect server to the state that the files declare; a second time there is nothing to do."""

from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate, WorkPoolCreate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.client.schemas.objects import ConcurrencyOptions
from prefect.exceptions import ObjectNotFound
from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema
from prefect.workers.process import ProcessWorker

from deployments import automations, schedules
from deployments.aws import blocks
from deployments.change import Change
from deployments.declared import FILE, OWN_TAG, Declared, Deployment, declared
from extract.feeds import Catalogue, catalogue
from flows.prefect_door import served
from warehouse.errors import SluiceError

OF_FEEDS = "feed"  # the deployment that has the feeds' schedules


def apply(file: Path = FILE, pool_template: dict[str, Any] | None = None) -> list[Change]:
    """Apply work pools, deployments, schedules, automations and blocks; gives what was changed.

    `pool_template`: type and base job template of a work pool that is not there yet; else it runs processes.
    Raises SluiceError where no server is configured, or a file cannot be used.
    """
    if not served():
        raise SluiceError("No Prefect server is configured: set PREFECT_API_URL, or start one with `sluice up`.")
    said = declared(file)
    with get_client(sync_client=True) as client:
        changes = _pools(client, said, pool_template)
        ids: dict[str, UUID] = {}
        for deployment in said.deployments:
            ids[deployment.name], changed = _deployment(client, deployment, said, catalogue())
            changes += changed
        changes += _removed(client, said)
        return changes + automations.reconcile(client, automations.wanted(ids)) + blocks.reconcile()


def _pools(client: SyncPrefectClient, said: Declared, template: dict[str, Any] | None) -> list[Change]:
    changes = []
    for name in sorted({deployment.work_pool.name for deployment in said.deployments}):
        try:
            client.read_work_pool(name)
        except ObjectNotFound:
            made = template or {"type": "process", "base_job_template": ProcessWorker.get_default_base_job_template()}
            client.create_work_pool(WorkPoolCreate(name=name, **made))
            changes.append(Change("work pool", name, "added"))
    return changes


def _deployment(
    client: SyncPrefectClient, said: Deployment, whole: Declared, feeds: Catalogue
) -> tuple[UUID, list[Change]]:
    flow: Any = load_flow_from_entrypoint(said.entrypoint, use_placeholder_flow=False)
    wanted = _schedules(said, feeds)
    name, version = f"{flow.name}/{said.name}", said.version(whole.pull)
    try:
        there = client.read_deployment_by_name(name)
    except ObjectNotFound:
        created = _write(client, flow, said, whole, version, wanted)
        timed = [Change("schedule", f"{said.name}/{slug}", "added") for slug in wanted]
        return created, [Change("deployment", said.name, "added"), *timed]
    changes = schedules.reconcile(client, there.id, said.name, wanted)
    if there.version != version:
        _write(client, flow, said, whole, version, wanted)
        changes = [Change("deployment", said.name, "changed"), *changes]
    return there.id, changes


def _schedules(said: Deployment, feeds: Catalogue) -> dict[str, DeploymentScheduleCreate]:
    own = {timed.slug: schedules.as_prefect(timed.slug, timed, "UTC", {}) for timed in said.schedules}
    return own | (schedules.of_feeds(feeds.feeds.values()) if said.name == OF_FEEDS else {})


def _write(
    client: SyncPrefectClient,
    flow: Any,
    said: Deployment,
    whole: Declared,
    version: str,
    wanted: dict[str, DeploymentScheduleCreate],
) -> UUID:
    limit = said.concurrency_limit
    return client.create_deployment(
        flow_id=client.create_flow(flow),
        name=said.name,
        version=version,
        schedules=list(wanted.values()),
        concurrency_limit=limit.limit if limit else None,
        concurrency_options=ConcurrencyOptions.model_validate(limit.model_dump(exclude={"limit"})) if limit else None,
        parameters=said.parameters,
        description=said.description,
        work_pool_name=said.work_pool.name,
        tags=sorted({*said.tags, OWN_TAG}),
        entrypoint=said.entrypoint,
        parameter_openapi_schema=parameter_schema(flow).model_dump_for_openapi(),
        pull_steps=whole.pull,
        enforce_parameter_schema=True,
    )


def _removed(client: SyncPrefectClient, said: Declared) -> list[Change]:
    """Deployments that are ours (their tag) and not declared any more go."""
    names = {deployment.name for deployment in said.deployments}
    changes = []
    ours = DeploymentFilter(tags=DeploymentFilterTags(all_=[OWN_TAG]))
    for found in client.read_deployments(deployment_filter=ours):
        if found.name not in names:
            client.delete_deployment(found.id)
            changes.append(Change("deployment", found.name, "removed"))
    return changes
