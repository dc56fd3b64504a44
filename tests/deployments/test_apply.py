"""`sluice deploy` brings a real Prefect server to what the files say, says what it changed, then has nothing to do."""

import time
from datetime import UTC, datetime

import pytest
import yaml
from command import refusal, sluice
from conftest import PROJECT
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId, FlowRunFilter, FlowRunFilterState
from prefect.client.schemas.filters import FlowRunFilterStateType as StateType
from prefect.client.schemas.schedules import CronSchedule
from prefect.states import Completed, Pending, Scheduled

from deployments import apply as applying
from deployments import automations
from deployments.schedules import of_feeds, reconcile
from extract.feeds import catalogue
from extract.schedule import Schedule


@pytest.fixture
def client(api):
    with get_client(sync_client=True) as client:
        yield client


def scheduled(client, deployment, minimum, patience=90):
    """The runs that the server's scheduler has made for a deployment."""
    only = DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id]))
    waiting = FlowRunFilter(state=FlowRunFilterState(type=StateType(any_=["SCHEDULED"])))
    until = time.monotonic() + patience
    while True:
        runs = client.read_flow_runs(deployment_filter=only, flow_run_filter=waiting, limit=200)
        if len(runs) >= minimum or time.monotonic() > until:
            return runs
        time.sleep(0.5)


def test_the_server_comes_to_what_the_files_say(bare_api, client, sluice_home_of_the_project):
    done = sluice("deploy")
    assert done.exit_code == 0, done.output
    told = done.output.splitlines()
    assert "deployment feed: added" in told
    assert "schedule feed/nevada.licences: added" in told
    assert "automation A feed is overdue: added" in told
    again = sluice("deploy")
    assert again.output.strip() == "Nothing to do: the server is as the files say."

    # With SQLAlchemy 2.1 Prefect 3.8.8 took a cron schedule and never scheduled a run, while all else looked healthy.
    hourly = client.read_deployment_by_name("run/everything")
    client.resume_deployment(hourly.id)
    runs = scheduled(client, hourly, 3)
    assert len(runs) >= 3, "no run was scheduled within 90 s"
    assert all(run.expected_start_time.minute == 10 for run in runs)

    feeds = client.read_deployment_by_name("run/feed")
    client.resume_deployment(feeds.id)
    of_nevada = [r for r in scheduled(client, feeds, 8) if r.parameters["feeds"] == ["nevada.licences"]]
    assert of_nevada, "the schedule of a feed gave no run of it"
    assert {run.expected_start_time.astimezone(catalogue_zone("nevada")).hour for run in of_nevada} == {6}

    assert begins(client, hourly) == ["Pending", "AwaitingConcurrencySlot", "Pending"]
    watches = client.read_deployment_by_name("watch/watch")
    assert begins(client, watches) == ["Pending", "Cancelled", "Cancelled"]


def begins(client, deployment):
    """What the server says to a worker that begins a run, then another, and the other again when the first is done."""
    first, second = (client.create_flow_run_from_deployment(deployment.id) for _ in range(2))
    told = [client.set_flow_run_state(run.id, Pending()) for run in (first, second)]
    client.set_flow_run_state(first.id, Completed(), force=True)
    if told[1].state.name == "AwaitingConcurrencySlot":
        client.set_flow_run_state(second.id, Scheduled(), force=True)
        told.append(client.set_flow_run_state(second.id, Pending()))
    states = [told[0].state or client.read_flow_run(first.id).state, told[1].state]
    return [state.name for state in (*states, client.read_flow_run(second.id).state)]


def catalogue_zone(vendor):
    from zoneinfo import ZoneInfo

    return ZoneInfo(catalogue().feed(f"{vendor}.licences").schedule.timezone)


@pytest.fixture
def sluice_home_of_the_project(install):
    from conftest import PROJECT, forget_settings

    yield install(PROJECT / "dbt_project", PROJECT / "checks")
    forget_settings()


@pytest.fixture
def deployment(client):
    """A deployment of its own, whose schedules a test may change."""
    from prefect import flow

    @flow(name="a test's flow")
    def flow_of_a_test(feeds: list[str]) -> None: ...

    made = client.create_deployment(flow_id=client.create_flow(flow_of_a_test), name="schedules")
    yield made
    client.delete_deployment(made)


def feeds_with(**schedules):
    feed = catalogue().feed("acme.things")
    return [feed.model_copy(update={"name": name, "schedule": Schedule(**said)}) for name, said in schedules.items()]


def told(client, deployment, feeds):
    return sorted(str(change) for change in reconcile(client, deployment, "feed", of_feeds(feeds)))


def test_feeds_that_come_change_pause_and_go(client, deployment, small):
    one, two = {"cron": "0 6 * * *"}, {"every": "30 minutes"}
    assert told(client, deployment, feeds_with(one=one, two=two)) == [
        "schedule feed/acme.one: added",
        "schedule feed/acme.two: added",
    ]
    assert told(client, deployment, feeds_with(one=one, two=two)) == []
    paused = {**two, "paused": True}
    assert told(client, deployment, feeds_with(one={"cron": "0 7 * * *"}, two=paused)) == [
        "schedule feed/acme.one: changed",
        "schedule feed/acme.two: paused",
    ]
    assert told(client, deployment, feeds_with(two=two)) == [
        "schedule feed/acme.one: removed",
        "schedule feed/acme.two: resumed",
    ]
    [left] = client.read_deployment_schedules(deployment)
    assert (left.slug, left.active, left.parameters) == ("acme.two", True, {"feeds": ["acme.two"]})


def test_a_schedule_that_somebody_clicked_goes(client, deployment, small):
    clicked = DeploymentScheduleCreate(schedule=CronSchedule(cron="* * * * *", timezone="UTC"))
    client.create_deployment_schedules(deployment, [clicked])
    [change] = told(client, deployment, [])
    assert change.endswith(": removed")
    assert client.read_deployment_schedules(deployment) == []


def test_a_paused_feed_gets_no_runs(client, deployment, small):
    client.resume_deployment(deployment)
    reconcile(
        client, deployment, "feed", of_feeds(feeds_with(a={"every": "1 hour"}, b={"every": "1 hour", "paused": True}))
    )
    runs = scheduled(client, client.read_deployment(deployment), 3)
    assert {tuple(run.parameters["feeds"]) for run in runs} == {("acme.a",)}
    assert all(run.expected_start_time > datetime.now(UTC) for run in runs[1:])


def test_automations_that_are_not_declared_any_more_go(client, tmp_path, api):
    folder = tmp_path / "automations"
    folder.mkdir()
    text = (automations.FOLDER / "watch_is_silent.yml").read_text().replace("Nobody watches", "A test watches")
    (folder / "one.yml").write_text(text)
    ours = automations.wanted({"alarm": __import__("uuid").uuid4()}, folder)
    kept = [a for a in client.read_automations() if "sluice" in a.tags]
    assert [str(c) for c in automations.reconcile(client, [*kept, *ours])] == ["automation A test watches: added"]
    assert [str(c) for c in automations.reconcile(client, [*kept, *ours])] == []
    ours[0].description = "another"
    assert [str(c) for c in automations.reconcile(client, [*kept, *ours])] == ["automation A test watches: changed"]
    assert [str(c) for c in automations.reconcile(client, kept)] == ["automation A test watches: removed"]


def test_an_operator_reads_of_each_automation_what_to_do():
    told = (PROJECT / "docs" / "operating.md").read_text()
    names = [yaml.safe_load(file.read_text())["name"] for file in automations.FOLDER.glob("*.yml")]
    assert [name for name in names if name not in told] == []


@pytest.mark.slow
def test_a_run_that_never_begins_gives_its_place_back(client, bare_api, small, tmp_path):
    """Its worker was killed between taking it and starting its process. (Here after 10 s, the shortest that may be.)"""
    folder = tmp_path / "automations"
    folder.mkdir()
    said = (automations.FOLDER / "run_lost.yml").read_text()
    (folder / "one.yml").write_text(said.replace("within: 900", "within: 10"))
    applying.apply()
    automations.reconcile(client, automations.wanted({}, folder))
    time.sleep(5)  # a new automation is heard of by the server's triggers within seconds
    watches = client.read_deployment_by_name("watch/watch")
    lost = client.create_flow_run_from_deployment(watches.id)
    client.set_flow_run_state(lost.id, Pending())
    client.set_flow_run_state(lost.id, Pending(name="Submitting"))
    until = time.monotonic() + 120
    while client.read_flow_run(lost.id).state.name != "Crashed":
        assert time.monotonic() < until
        time.sleep(0.5)
    assert begins(client, watches)[0] == "Pending"


def test_without_a_server_it_says_what_to_do(small):
    assert "sluice up" in refusal(sluice("deploy"))


def test_a_file_that_cannot_be_used_is_named(small, api, tmp_path):
    from warehouse.errors import SluiceError

    broken = tmp_path / "prefect.yaml"
    broken.write_text("pull: []\ndeployments:\n  - name: x\n    entrypoint: flows.run.run\n")
    with pytest.raises(SluiceError, match=r"prefect\.yaml: deployments\.0\.description: Field required"):
        applying.apply(broken)
