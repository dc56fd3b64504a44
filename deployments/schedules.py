"""Schedules of the feeds, kept equal to what the vendors' files declare: one slug per feed, whoever changed what."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule

from deployments.change import Change
from extract.feeds import Feed
from extract.schedule import Schedule

ANCHOR = "2020-01-01T00:00:00+00:00"  # `every: 6 hours` means 0, 6, 12 and 18 o'clock, whenever it was deployed


def of_feeds(feeds: Iterable[Feed]) -> dict[str, DeploymentScheduleCreate]:
    """The schedules that feeds declare, by slug, which is the feed's key."""
    return {
        feed.key: as_prefect(feed.key, feed.schedule, feed.timezone, {"feeds": [feed.key]})
        for feed in feeds
        if feed.schedule
    }


def as_prefect(slug: str, schedule: Schedule, zone: str, parameters: dict[str, Any]) -> DeploymentScheduleCreate:
    """A schedule in Prefect's words."""
    timezone = schedule.timezone or zone
    timed = (
        CronSchedule(cron=schedule.cron, timezone=timezone)
        if schedule.cron
        else IntervalSchedule.model_validate({"interval": schedule.every, "timezone": timezone, "anchor_date": ANCHOR})
    )
    return DeploymentScheduleCreate(schedule=timed, active=not schedule.paused, slug=slug, parameters=parameters)


def reconcile(
    client: SyncPrefectClient, deployment: UUID, name: str, wanted: Mapping[str, DeploymentScheduleCreate]
) -> list[Change]:
    """Make a deployment's schedules those that are wanted; what is right already is not touched, so that its runs
    that are scheduled stay. Schedules without a slug were made by nobody we know, and go."""
    changes = []
    there = {}
    for found in client.read_deployment_schedules(deployment):
        if found.slug in wanted and found.slug not in there:
            there[found.slug] = found
        else:
            client.delete_deployment_schedule(deployment, found.id)
            changes.append(Change("schedule", f"{name}/{found.slug or found.id}", "removed"))
    for slug, schedule in wanted.items():
        if slug not in there:
            client.create_deployment_schedules(deployment, [schedule])
            changes.append(Change("schedule", f"{name}/{slug}", "added"))
        elif how := _difference(there[slug], schedule):
            _update(client, deployment, there[slug], schedule)
            changes.append(Change("schedule", f"{name}/{slug}", how))
    return changes


def _difference(there: DeploymentSchedule, wanted: DeploymentScheduleCreate) -> Any:
    same = _said(there.schedule) == _said(wanted.schedule) and there.parameters == wanted.parameters
    if not same:
        return "changed"
    if there.active != wanted.active:
        return "resumed" if wanted.active else "paused"
    return None


def _said(schedule: Any) -> tuple[Any, ...]:
    return (getattr(schedule, "cron", None), getattr(schedule, "interval", None), schedule.timezone)


def _update(
    client: SyncPrefectClient, deployment: UUID, there: DeploymentSchedule, wanted: DeploymentScheduleCreate
) -> None:
    client.update_deployment_schedule(
        deployment,
        there.id,
        active=wanted.active,
        schedule=wanted.schedule,
        parameters=wanted.parameters,
        slug=wanted.slug,
    )
