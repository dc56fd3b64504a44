"""A bucket that tells a queue of its new objects, as an installation on AWS has one: the tests' and the demo's."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from conftest import forget_settings

HEADER = "Region,Code,Size,Note,Keeper\n"


@dataclass
class Bucket:
    """Bucket `arrivals` below the prefix `in/`, its queue and the dead-letter queue."""

    s3: Any
    sqs: Any
    queue: str
    dead: str

    def put(self, key: str, content: str) -> None:
        """A vendor's file comes."""
        self.s3.put_object(Bucket="arrivals", Key=f"in/{key}", Body=content.encode())

    def things(self, day: int, *lines: str) -> None:
        """A file of things of a day of January 2026."""
        self.put(f"acme/things-2026-01-{day:02}.csv", HEADER + "".join(line + "\n" for line in lines))

    def say(self, body: Any) -> None:
        """A message as somebody else would send it."""
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=body if isinstance(body, str) else json.dumps(body))

    def waiting(self, queue: str | None = None) -> int:
        """Messages in a queue, those included that somebody holds."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=queue or self.queue, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)


def make(aws: Any, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """Make them, and aim the settings at them."""
    from deployments.demo_aws import prepare

    made = prepare(aws("s3"), aws("sqs"), "arrivals", "in/")
    monkeypatch.setenv("SLUICE_DROP_FOLDER", "s3://arrivals/in")
    monkeypatch.setenv("SLUICE_EVENTS_QUEUE", made.queue)
    forget_settings()
    return Bucket(aws("s3"), aws("sqs"), made.queue, made.dead)
