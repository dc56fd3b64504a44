"""The queue: messages are drawn in draughts, kept invisible while they are worked on, acknowledged, or buried."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from warehouse.aws import client

AT_ONCE = 10  # the most that SQS gives or takes in one call
LONG_POLL = 20  # seconds, the longest
INVISIBLE = 60  # seconds that a message is ours without an extension


@dataclass(frozen=True)
class Message:
    """A message as it was received: `handle` acknowledges this receipt of it."""

    handle: str
    body: str
    received: int  # how often it was, this time included


class Queue:
    """An SQS queue, and the dead-letter queue of its redrive policy."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.sqs: Any = client("sqs")

    def draught(self, most: int, patience: float, wait: int = LONG_POLL) -> list[Message]:
        """Wait for a message, then take what else is there, until `most`, or until `patience` seconds after the first
        are over, or until the queue is empty."""
        drawn = self._receive(wait)
        until = time.monotonic() + patience
        while drawn and len(drawn) < most and time.monotonic() < until:
            more = self._receive(0)
            if not more:
                break
            drawn += more
        return drawn

    def _receive(self, wait: int) -> list[Message]:
        answer = self.sqs.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=AT_ONCE,
            WaitTimeSeconds=wait,
            VisibilityTimeout=INVISIBLE,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        return [
            Message(m["ReceiptHandle"], m["Body"], int(m.get("Attributes", {}).get("ApproximateReceiveCount", 1)))
            for m in answer.get("Messages", [])
        ]

    @contextmanager
    def kept(self, messages: Sequence[Message]) -> Iterator[None]:
        """Nobody else receives the messages while the block lasts, however long that is."""
        done = threading.Event()

        def extend() -> None:
            while not done.wait(INVISIBLE / 3):
                self._visibility(messages, INVISIBLE)

        thread = threading.Thread(target=extend, daemon=True, name="visibility")
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def give_back(self, messages: Sequence[Message], after: int) -> None:
        """Let the messages be received again after so many seconds."""
        self._visibility(messages, after)

    def _visibility(self, messages: Sequence[Message], seconds: int) -> None:
        for some in _tens(messages):
            entries = [
                {"Id": str(i), "ReceiptHandle": m.handle, "VisibilityTimeout": seconds} for i, m in enumerate(some)
            ]
            self.sqs.change_message_visibility_batch(QueueUrl=self.url, Entries=entries)

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """The messages are done with."""
        for some in _tens(messages):
            entries = [{"Id": str(i), "ReceiptHandle": m.handle} for i, m in enumerate(some)]
            self.sqs.delete_message_batch(QueueUrl=self.url, Entries=entries)

    def bury(self, message: Message, why: str) -> bool:
        """Put a message that nobody will understand into the dead-letter queue; False where there is none: it stays."""
        policy = self._redrive_policy()
        if policy is None:
            return False
        name = policy["deadLetterTargetArn"].rpartition(":")[2]
        target = self.sqs.get_queue_url(QueueName=name)["QueueUrl"]
        said = {"why": {"DataType": "String", "StringValue": why}}
        self.sqs.send_message(QueueUrl=target, MessageBody=message.body, MessageAttributes=said)
        self.acknowledge([message])
        return True

    def _redrive_policy(self) -> dict[str, Any] | None:
        found = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["RedrivePolicy"])
        policy = found.get("Attributes", {}).get("RedrivePolicy")
        return json.loads(policy) if policy else None


def _tens(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    for start in range(0, len(messages), AT_ONCE):
        yield messages[start : start + AT_ONCE]
