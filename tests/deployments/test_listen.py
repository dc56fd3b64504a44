"""An object that comes into the bucket ends in published rows, once, whatever the queue does with its message."""

import json
import threading
import time
from datetime import UTC, datetime
from uuid import uuid4

import httpx
import pytest
from bucket import HEADER, make

from deployments.listen.consumer import Consumer
from deployments.listen.queue import Queue
from deployments.listen.work import in_the_pool, in_this_process


@pytest.fixture
def bucket(small, aws, monkeypatch):
    from flows.run import prepare

    made = make(aws, monkeypatch)
    prepare()
    return made


def consumer(bucket, work=in_this_process):
    return Consumer(Queue(bucket.queue), work)


def published(sluice):
    return sluice.sql("select code, size from published.thing order by code")


def test_an_object_becomes_rows(small, bucket):
    bucket.things(1, "n,a,1,,", "n,b,2,,", "n,c,-1,,")
    consumer(bucket).run(until_empty=True)
    assert published(small) == [("a", 1), ("b", 2)]
    assert bucket.waiting() == 0
    assert not list((small.home / "tmp").iterdir())


def test_a_draught_is_one_merge_and_its_order_does_not_matter(small, bucket):
    for day in (3, 1, 4, 2):
        bucket.things(day, f"n,a,{day},,")
    worked = []

    def work(uris, tags):
        worked.append((len(uris), list(tags)))
        return in_this_process(uris, tags)

    consumer(bucket, work).run(until_empty=True)
    assert worked == [(4, ["thing", "acme"])]
    assert small.value("select count(*) from ledger.runs") == 1
    assert [size for (size,) in small.sql("select size from published.thing_history order by valid_from")] == [
        1,
        2,
        3,
        4,
    ]


def test_an_announcement_that_comes_twice_is_one_delivery(small, bucket):
    bucket.things(1, "n,a,1,,")
    [message] = bucket.sqs.receive_message(QueueUrl=bucket.queue, VisibilityTimeout=0)["Messages"]
    for _ in range(3):
        bucket.say(message["Body"])
    consumer(bucket).run(until_empty=True)
    bucket.say(message["Body"])
    consumer(bucket).run(until_empty=True)
    assert small.value("select count(*) from ledger.deliveries") == 1
    assert small.value("select count(*) from ledger.publications") == 1
    assert bucket.waiting() == 0


def test_two_consumers_take_each_file_once(small, bucket):
    from flows.run import run

    for day in range(1, 9):
        bucket.things(day, f"n,a,{day},,")
    consumers = [consumer(bucket) for _ in range(2)]
    threads = [threading.Thread(target=each.run, kwargs={"until_empty": True}) for each in consumers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.fn()
    assert small.value("select count(*) from ledger.deliveries where state = 'merged'") == 8
    assert published(small) == [("a", 8)]


def test_poison_goes_to_the_dead_letters_and_stops_nobody(small, bucket):
    bucket.say("what is this")
    bucket.say({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "arrivals"})
    bucket.put("nobody/knows.csv", "a\n")
    bucket.things(1, "n,a,1,,")
    consumer(bucket).run(until_empty=True)
    assert published(small) == [("a", 1)]
    assert bucket.waiting() == 0
    [dead] = bucket.sqs.receive_message(QueueUrl=bucket.dead, MessageAttributeNames=["All"])["Messages"]
    assert dead["Body"] == "what is this"
    assert "not a notification" in dead["MessageAttributes"]["why"]["StringValue"]


def test_a_message_whose_work_fails_comes_again(small, bucket):
    def fails(uris, tags):
        raise ConnectionError("the server has a bad minute")

    bucket.things(1, "n,a,1,,")
    consumer(bucket, fails).once(wait=0)
    assert bucket.waiting() == 1
    [held] = bucket.sqs.get_queue_attributes(
        QueueUrl=bucket.queue, AttributeNames=["ApproximateNumberOfMessagesNotVisible"]
    )["Attributes"].values()
    assert held == "1"


def test_a_file_that_is_no_good_is_refused_and_not_tried_for_ever(small, bucket):
    bucket.put("acme/things-2026-01-01.csv", "Another,Table\n1,2\n")
    bucket.things(2, "n,a,2,,")
    consumer(bucket).run(until_empty=True)
    assert small.sql("select state from ledger.deliveries order by effective_at") == [("refused",), ("merged",)]
    assert bucket.waiting() == 0


def test_an_object_that_is_gone_again_is_no_trouble(small, bucket):
    bucket.things(1, "n,a,1,,")
    bucket.s3.delete_object(Bucket="arrivals", Key="in/acme/things-2026-01-01.csv")
    consumer(bucket).run(until_empty=True)
    assert bucket.waiting() == 0
    assert small.value("select count(*) from ledger.deliveries") == 0


def test_a_lost_notification_only_delays(small, bucket):
    bucket.things(1, "n,a,1,,")
    bucket.put("acme/.things-2026-01-09.csv", HEADER)  # hidden: not meant
    bucket.sqs.purge_queue(QueueUrl=bucket.queue)
    report = small.run()
    assert [file.outcome for file in report.ingested] == ["new"]
    assert published(small) == [("a", 1)]
    assert small.run().ingested == []  # a listing fetches what is new only
    bucket.things(1, "n,a,5,,")
    assert [file.outcome for file in small.run().ingested] == ["new"]
    assert published(small) == [("a", 5)]


def test_versions_of_an_object_are_fetched_as_they_were(small, bucket):
    bucket.s3.put_bucket_versioning(Bucket="arrivals", VersioningConfiguration={"Status": "Enabled"})
    uris = []
    for size in (1, 2):
        body = f"{HEADER}n,a,{size},,\n".encode()
        put = bucket.s3.put_object(Bucket="arrivals", Key="in/acme/things-2026-01-01.csv", Body=body)
        uris.append(f"s3://arrivals/in/acme/things-2026-01-01.csv@v:{put['VersionId']}")
    in_this_process(uris[:1], [])
    assert published(small) == [("a", 1)]
    in_this_process(uris[1:], [])
    assert published(small) == [("a", 2)]


def test_a_long_work_keeps_its_messages(small, bucket, monkeypatch):
    from deployments.listen import queue as queues

    monkeypatch.setattr(queues, "INVISIBLE", 1)
    seen = []

    def slowly(uris, tags):
        import time

        time.sleep(2.5)
        seen.extend(bucket.sqs.receive_message(QueueUrl=bucket.queue).get("Messages", []))
        return set(uris)

    bucket.things(1, "n,a,1,,")
    consumer(bucket, slowly).once(wait=0)
    assert seen == []
    assert bucket.waiting() == 0


@pytest.mark.timeout(900)
def test_an_event_posted_to_prefect_starts_a_run(small, api, worker):
    """Whoever cannot reach the queue says it to Prefect's own API."""
    from deployments.apply import apply

    apply()
    uri = f"s3://arrivals/in/acme/things-2026-01-01.csv@{uuid4()}"
    event = {
        "id": str(uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": "sluice.object.created",
        "resource": {"prefect.resource.id": uri.rpartition("@")[0]},
        "payload": {"uri": uri},
    }
    until = time.monotonic() + 300
    while time.monotonic() < until and not worker.count("take-objects"):
        # An automation that is new is heard of by the server's triggers within seconds.
        httpx.post(f"{api}/events", json=[{**event, "id": str(uuid4())}], timeout=30).raise_for_status()
        time.sleep(5)
    assert worker.runs("take-objects")[0].parameters == {"objects": [uri]}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_through_the_pool_a_worker_runs_it(small, bucket, api, worker):
    from deployments.apply import apply

    apply()
    bucket.things(1, "n,a,1,,")
    [message] = bucket.sqs.receive_message(QueueUrl=bucket.queue, VisibilityTimeout=0)["Messages"]
    bucket.say(json.loads(message["Body"]))
    consumer(bucket, in_the_pool).run(until_empty=True)
    assert bucket.waiting() == 0  # acknowledged: the run exists
    run = worker.finish("take-objects")
    assert (run.state_name, run.name) == ("Completed", "objects things-2026-01-01.csv")
    assert {"thing", "acme"} <= set(run.tags)
    assert published(small) == [("a", 1)]
    assert worker.count("take-objects") == 1
