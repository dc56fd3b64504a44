"""A bucket, its queue and a dead-letter queue on an S3 that is there, for the demo and the tests. On AWS the stack of
deployments/aws/sluice.yml makes them."""

import json
from dataclasses import dataclass
from typing import Any

RECEIVED_AT_MOST = 5  # times that a message comes before it goes to the dead-letter queue


@dataclass(frozen=True)
class Made:
    """The URLs of the queues."""

    queue: str
    dead: str


def prepare(s3: Any, sqs: Any, bucket: str, prefix: str = "", *, name: str = "sluice-arrivals") -> Made:
    """Make what is not there yet: a bucket which tells a queue of each object that comes below `prefix`."""
    dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    redrive = {"deadLetterTargetArn": _arn(sqs, dead), "maxReceiveCount": RECEIVED_AT_MOST}
    queue = sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": json.dumps(redrive)})["QueueUrl"]
    if bucket not in {found["Name"] for found in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=bucket)
    told = {
        "QueueArn": _arn(sqs, queue),
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}},
    }
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [told]})
    return Made(queue, dead)


def topic(sns: Any) -> str:
    """The ARN of a topic for alarms, made if it is not there."""
    return str(sns.create_topic(Name="sluice-alarms")["TopicArn"])


def _arn(sqs: Any, url: str) -> str:
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return str(found["Attributes"]["QueueArn"])
