"""Alarm: what an automation tells is told on, by SNS where a topic is set, and always as an artifact."""

from flows.prefect_door import flow, keep_artifact, step
from publish import sns
from warehouse.settings import settings


@flow(name="alarm", flow_run_name="alarm: {subject}")
def alarm(subject: str, told: str, about: str = "") -> bool:
    """Tell the operators; whether it went to SNS."""
    keep_artifact("alarm", f"# {subject}\n\n{told}\n\n{about}", subject)
    topic = settings().alarm_topic
    if topic is None:
        return False
    send(topic, subject, told, about)
    return True


@step("send", again=True)
def send(topic: str, subject: str, told: str, about: str) -> None:
    """Publish a notice to the topic; it names things, and holds no value of any row."""
    pages = settings().pages_url
    sns.publish(topic, subject, "\n\n".join(filter(None, [told, about, f"Pages: {pages}" if pages else ""])))
