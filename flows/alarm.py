"""Alarm: what an automation tells is told on, by SNS where a topic is set, and always as an artifact."""

from typing import Any

from flows.prefect_door import flow, keep_artifact, step
from warehouse.settings import settings

LONGEST_SUBJECT = 100  # characters, by SNS


@flow(name="alarm", flow_run_name="alarm: {subject}")
def alarm(subject: str, told: str, about: str = "") -> bool:
    """Tell the operators; whether it went to SNS."""
    keep_artifact("alarm", f"# {subject}\n\n{told}\n\n{about}")
    if settings().alarm_topic is None:
        return False
    send(subject, told, about)
    return True


@step("send", again=True)
def send(subject: str, told: str, about: str) -> None:
    """Publish a notice to the topic; it names things, and holds no value of any row."""
    message = "\n\n".join(filter(None, [told, about, f"Pages: {settings().pages_url}" if settings().pages_url else ""]))
    one_line = " ".join(subject.split())[:LONGEST_SUBJECT].encode("ascii", "replace").decode()
    _topic().publish(TopicArn=settings().alarm_topic, Subject=one_line, Message=message)


def _topic() -> Any:
    from extract.collect.objects import client

    return client("sns")
