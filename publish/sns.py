"""Notices to an SNS topic. Honours AWS_ENDPOINT_URL and the usual AWS settings."""

from publish.mail import Outcome

LONGEST = 250_000  # bytes; SNS takes 256 KiB
PATIENCE = 20  # seconds


def send(topic: str, subject: str, text: str, attributes: dict[str, str]) -> Outcome:
    """Publish a text with attributes that subscribers can filter by (feed, vendor, entity)."""
    import boto3
    from boto3.exceptions import Boto3Error
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    bounded = Config(
        connect_timeout=PATIENCE, read_timeout=PATIENCE, retries={"mode": "standard", "total_max_attempts": 3}
    )
    region = topic.split(":")[3] if topic.count(":") >= 5 else None
    try:
        boto3.Session().client("sns", config=bounded, region_name=region).publish(
            TopicArn=topic,
            Subject=subject.encode("ascii", "replace").decode()[:100],
            Message=text.encode()[:LONGEST].decode(errors="ignore"),
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value} for name, value in attributes.items() if value
            },
        )
    except ClientError as error:
        return Outcome(1, f"SNS refuses the notice ({error.response['Error']['Code']}); look at SLUICE_SNS_TOPIC")
    except (Boto3Error, BotoCoreError) as error:
        return Outcome(3, f"SNS does not answer ({type(error).__name__}); look at the AWS_ variables")
    return Outcome(1)
