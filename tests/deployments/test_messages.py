"""Whatever a queue of S3's events can hold is understood, or is poison; nothing in between."""

import json

import pytest

from deployments.listen.messages import Poison, objects_of
from deployments.listen.work import idempotency_key
from extract.collect.s3 import S3Object


def s3(key="acme/things.csv", event="ObjectCreated:Put", **more):
    thing = {"key": key, "size": 3, "eTag": "e1", **more}
    return {"eventSource": "aws:s3", "eventName": event, "s3": {"bucket": {"name": "arrivals"}, "object": thing}}


def found(said):
    return [each.uri for each in objects_of(json.dumps(said))]


def test_s3_announces_an_object():
    assert found({"Records": [s3()]}) == ["s3://arrivals/acme/things.csv@e1"]
    assert found({"Records": [s3(versionId="7Qx.a")]}) == ["s3://arrivals/acme/things.csv@v:7Qx.a"]
    assert found({"Records": [s3(versionId="null")]}) == ["s3://arrivals/acme/things.csv@e1"]
    assert found({"Records": [s3(event="s3:ObjectCreated:CompleteMultipartUpload")]})


def test_a_key_is_written_as_in_a_query_string():
    [thing] = objects_of(json.dumps({"Records": [s3("acme/two+words+%28caf%C3%A9%29%2B1.csv")]}))
    assert thing.key == "acme/two words (café)+1.csv"


def test_event_bridge_writes_the_key_as_it_is():
    detail = {"bucket": {"name": "arrivals"}, "object": {"key": "acme/a+b.csv", "etag": "e", "version-id": "v"}}
    said = {"source": "aws.s3", "detail-type": "Object Created", "detail": detail}
    assert found(said) == ["s3://arrivals/acme/a+b.csv@v:v"]
    assert found({**said, "detail-type": "Object Deleted"}) == []


def test_sns_wraps_what_s3_says():
    assert found({"Type": "Notification", "Message": json.dumps({"Records": [s3()]})})


@pytest.mark.parametrize(
    "said",
    [
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "arrivals"},
        {"Records": []},
        {"Records": [s3(event="ObjectRemoved:Delete")]},
    ],
)
def test_what_announces_no_object_is_accepted(said):
    assert found(said) == []


@pytest.mark.parametrize(
    "body",
    ["", "hello", "[]", "null", "{}", '{"Records": [{}]}', '{"Records": 3}', '"Records"',
     json.dumps({"Records": [s3(key="")]})],
)  # fmt: skip
def test_what_nobody_can_understand_is_poison(body):
    with pytest.raises(Poison) as poison:
        objects_of(body)
    assert "hello" not in str(poison.value)


@pytest.mark.parametrize("uri", ["s3://b/k@e", "s3://b/a@b/c d.csv@v:7", "s3://b/k@"])
def test_a_uri_is_an_object(uri):
    assert S3Object.of(uri).uri == uri


def test_the_same_announcement_has_the_same_key():
    assert idempotency_key(["s3://b/k@e"]) == "s3://b/k@e"
    assert idempotency_key(["a", "b"]) == idempotency_key(["b", "a"]) != idempotency_key(["a"])
