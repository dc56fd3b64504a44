"""Notices to SNS topics: what owners are told, and operators' alarms."""

from publish.mail import Outcome
from warehouse import aws

LONGEST = 250_000  # bytes; SNS takes 256 KiB
LONGEST_SUBJECT = 100  # characters of ASCII
PATIENCE = 20.0  # seconds


def publish(topic: str, subject: str, text: str, attributes: dict[str, str] | None = None) -> None:
    """Publish a text with attributes that subscribers can filter by. Raises what boto3 raises."""
    region = topic.split(":")[3] if topic.count(":") >= 5 else None
    aws.client("sns", region, PATIENCE, PATIENCE).publish(
        TopicArn=topic,
        Subject=" ".join(subject.split()).encode("ascii", "replace").decode()[:LONGEST_SUBJECT],
        Message=text.encode()[:LONGEST].decode(errors="ignore"),
        MessageAttributes={
            name: {"DataType": "String", "StringValue": value} for name, value in (attributes or {}).items() if value
        },
    )


def send(topic: str, subject: str, text: str, attributes: dict[str, str]) -> Outcome:
    """Publish; what goes wrong is told without the text."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        publish(topic, subject, text, attributes)
    except ClientError as error:
        return Outcome(1, f"SNS refuses the notice ({error.response['Error']['Code']}); look at SLUICE_SNS_TOPIC")
    except (Boto3Error, BotoCoreError) as error:
        return Outcome(3, f"SNS does not answer ({type(error).__name__}); look at the AWS_ variables")
    return Outcome(1)
