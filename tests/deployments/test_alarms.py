"""An operator hears of what goes wrong, once, and reads no value of any row; a person says yes where one is asked."""

import json
import shutil
import time
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from command import refusal
from command import sluice as command
from conftest import TEST_PROJECT, forget_settings
from workbench import Checks, things

from extract.feeds import catalogue
from extract.schedule import Schedule
from warehouse.errors import SluiceError


@pytest.fixture
def hourly(small, monkeypatch):
    """The small installation, whose feed `things` comes every hour."""
    feeds = catalogue()
    schedule = {"schedule": Schedule(every="1 hour")}
    mended = {key: feed.model_copy(update=schedule) for key, feed in feeds.feeds.items()}
    found = feeds.model_copy(update={"feeds": mended})
    monkeypatch.setattr("flows.overdue.catalogue", lambda: found)
    return small


def ago(sluice, hours):
    sluice.sql("update ledger.deliveries set received_at = now() - make_interval(hours => :hours)", hours=hours)


def test_a_feed_that_does_not_come_is_told_once(hourly):
    from flows.watch import watch

    assert watch.fn().raised == ()  # nothing ever came: it is new
    things(hourly, 1, "n,a,1,,")
    assert watch.fn().raised == ()
    ago(hourly, 3)
    assert watch.fn().raised == ("acme.things",)
    assert watch.fn() == watch.fn()
    assert watch.fn().raised == ()
    things(hourly, 2, "n,a,2,,")
    assert watch.fn().settled == ("acme.things",)


def test_a_sighting_is_a_sign_of_life(hourly):
    from flows.overdue import overdue

    things(hourly, 1, "n,a,1,,")
    hourly.run()
    ago(hourly, 3)
    things(hourly, 2, "n,a,1,,")
    assert overdue() == {}
    assert "ask Acme data desk" in overdue(datetime.now(UTC) + timedelta(hours=5))["acme.things"]


def test_a_quarantine_that_fills_up_is_told(small, monkeypatch):
    from flows.watch import watch

    things(small, 1, "n,a,1,,", "n,b,-1,,", "n,c,-1,secret words,")
    small.run()
    assert watch.fn().raised == ()
    monkeypatch.setenv("SLUICE_QUARANTINE_BOUND", "1")
    forget_settings()
    assert watch.fn().raised == ("thing",)
    [(told,)] = small.sql("select told from ledger.alarms")
    assert told == "2 quarantined rows of thing are open, more than 1: sluice quarantine list thing"


def subscribed(aws):
    """A topic, and what a subscriber of it was sent."""
    topic = aws("sns").create_topic(Name="alarms")["TopicArn"]
    sqs = aws("sqs")
    queue = sqs.create_queue(QueueName="operator")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return topic, lambda: [
        json.loads(m["Body"]) for m in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    ]


def test_an_alarm_goes_to_the_topic(small, aws, monkeypatch):
    from flows.alarm import alarm

    topic, sent = subscribed(aws)
    assert alarm.fn("nobody hears", "this") is False
    monkeypatch.setenv("SLUICE_ALARM_TOPIC", topic)
    forget_settings()
    assert alarm.fn("A feed is overdue\n→ acme", "acme.things: nothing came", "sluice.feed.acme.things") is True
    [notice] = sent()
    assert notice["Subject"] == "A feed is overdue ? acme"
    assert notice["Message"] == "acme.things: nothing came\n\nsluice.feed.acme.things"


@pytest.mark.timeout(900)
@pytest.mark.slow
def test_a_gate_that_stops_is_an_alarm_that_reaches_the_operator(small, api, aws, worker, monkeypatch, tmp_path):
    """The whole way: event, automation, a worker's run, the topic, a subscriber."""
    from deployments.apply import apply

    topic, sent = subscribed(aws)
    checks = Checks(tmp_path)
    checks.rewrite(checks.gate, columns=[{"name": "size", "checks": [{"invalid": {"name": "small", "valid_max": 0}}]}])
    monkeypatch.setenv("SLUICE_ALARM_TOPIC", topic)
    monkeypatch.setenv("SLUICE_CHECKS_FOLDER", str(checks.folder))
    forget_settings()
    apply()
    things(small, 1, "n,a,1,secret words,keeper@acme.example")
    for _ in range(2):
        with pytest.raises(SluiceError, match="the gate did not pass"):
            small.run()
    notices = {}
    until = time.monotonic() + 400
    while time.monotonic() < until and "A gate stopped a publication" not in notices:
        worker.finish("alarm")
        notices |= {notice["Subject"]: notice["Message"] for notice in sent()}
    assert "thing run 1: the gate did not pass" in notices["A gate stopped a publication"]
    assert "secret" not in json.dumps(notices)
    assert "keeper" not in json.dumps(notices)
    gates = [run for run in worker.runs("alarm") if run.parameters["subject"] == "A gate stopped a publication"]
    assert len(gates) == 1  # told once, though it stopped twice


@pytest.fixture
def careful(install, small_project, tmp_path):
    """An installation whose entity needs a person's yes before each publication."""
    project = tmp_path / "careful"
    shutil.copytree(small_project, project)
    file = project / "models" / "judged" / "judged_thing.yml"
    document = yaml.safe_load(file.read_text())
    document["models"][0]["config"]["meta"]["needs_approval"] = True
    file.write_text(yaml.safe_dump(document))
    yield install(project, TEST_PROJECT / "checks")
    forget_settings()


def test_a_publication_waits_for_a_yes_and_nobody_waits_with_it(careful):
    things(careful, 1, "n,a,1,,")
    assert careful.run().merged[0].asks
    assert careful.sql("select * from published.thing") == []
    things(careful, 2, "n,a,2,,")  # the next delivery is merged all the same
    assert careful.run().merged[0].asks
    done = command("accept", "thing")
    assert "thing: run 2 published, 1 rows" in done.output
    assert careful.sql("select size from published.thing") == [(2,)]
    assert "nothing new" in command("run").output
    assert "No publication of thing waits" in refusal(command("accept", "thing"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_person_says_yes_in_the_ui(careful, api, worker):
    """The run suspends: it holds no worker while it waits."""
    from deployments.apply import apply

    apply()
    things(careful, 1, "n,a,1,,")
    careful.run()
    asked = worker.finish("approve", until=lambda run: run.state_name in ("Suspended", "Failed", "Crashed"))
    assert asked.state_name == "Suspended", asked.state.message
    assert careful.sql("select * from published.thing") == []
    worker.client.resume_flow_run(asked.id, run_input={"yes": True, "why": "looks right"})
    done = worker.finish("approve")
    assert done.state_name == "Completed", done.state.message
    assert careful.sql("select size from published.thing") == [(1,)]
