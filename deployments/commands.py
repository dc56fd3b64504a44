"""The commands of an operator: deploy, listen, up, down."""

from pathlib import Path
from typing import Any

import click

from flows.telling import say, told_plainly


@click.command()
@click.option(
    "--pool-template",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Type and job template of the work pool where it is not there yet (python -m deployments.aws.pool).",
)
@told_plainly
def deploy(pool_template: Path | None) -> None:
    """Bring the Prefect server to what prefect.yaml, the feeds' schedules and the automations' files say."""
    import json

    from deployments.apply import apply

    template = json.loads(pool_template.read_text()) if pool_template else None
    changes = apply(pool_template=template)
    for change in changes:
        say(str(change))
    if not changes:
        say("Nothing to do: the server is as the files say.")


@click.command()
@click.option("--until-empty", is_flag=True, help="End when the queue is empty.")
@click.option("--at-once", default=500, show_default=True, help="Messages that are worked on together.")
@told_plainly
def listen(until_empty: bool, at_once: int) -> None:
    """Listen to the queue that is told of new objects in the bucket (SLUICE_EVENTS_QUEUE), and run for each."""
    from deployments.listen.command import listen as listening

    listening(until_empty=until_empty, most=at_once)


@click.command()
@told_plainly
def up() -> None:
    """Start what running for real needs, on loopback: Prefect server and worker, deployments, event consumer, pages.

    With SLUICE_DEMO_S3=1 an S3 of its own too, whose objects are taken in as they come.
    """
    from deployments.up.command import demo_asked
    from deployments.up.command import up as go_up

    go_up(say, demo_s3=demo_asked())


@click.command()
@told_plainly
def down() -> None:
    """Stop what `sluice up` started."""
    from deployments.up.command import down as go_down

    go_down(say)


COMMANDS: tuple[Any, ...] = (up, down, deploy, listen)
