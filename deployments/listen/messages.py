"""What a message of the queue says: S3's own notifications, EventBridge's, either of them wrapped by SNS."""

import json
from typing import Any
from urllib.parse import unquote_plus

from extract.collect.s3 import S3Object


class Poison(Exception):
    """A message that will not be understood however often it comes. Its text quotes nothing of it."""


def objects_of(body: str) -> list[S3Object]:
    """The objects that a message announces: none for S3's test event, and for what is no new object."""
    try:
        said = json.loads(body)
        if isinstance(said, dict) and said.get("Type") == "Notification" and "Message" in said:
            said = json.loads(said["Message"])
        return _objects(said)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Poison(f"not a notification of S3 or EventBridge ({type(error).__name__})") from None


def _objects(said: dict[str, Any]) -> list[S3Object]:
    if said.get("Event") == "s3:TestEvent":
        return []
    if said.get("source") == "aws.s3":
        return [_of_event_bridge(said["detail"])] if said.get("detail-type") == "Object Created" else []
    records = said["Records"]
    return [_of_s3(r["s3"]) for r in records if str(r["eventName"]).removeprefix("s3:").startswith("ObjectCreated:")]


def _of_s3(said: dict[str, Any]) -> S3Object:
    """S3 writes keys as in a query string. `versionId` is missing where the bucket keeps no versions."""
    thing = said["object"]
    return _object(said["bucket"]["name"], unquote_plus(thing["key"]), thing.get("versionId"), thing.get("eTag"))


def _of_event_bridge(said: dict[str, Any]) -> S3Object:
    """EventBridge writes keys as they are."""
    thing = said["object"]
    return _object(said["bucket"]["name"], thing["key"], thing.get("version-id"), thing.get("etag"))


def _object(bucket: str, key: str, version: str | None, etag: str | None) -> S3Object:
    if not bucket or not key:
        raise ValueError("no bucket or no key")
    if version and version != "null":  # the word for objects from before the bucket kept versions
        return S3Object(bucket, key, version, versioned=True)
    return S3Object(bucket, key, (etag or "").strip('"'))
