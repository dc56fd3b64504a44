"""The commands of an operator: deploy, listen, up, down."""

from pathlib import Path
from typing import Any

import click

from flows.telling import say, told_plainly


@click.command()
@click.option(
    "--pool-template",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Type and job template of the work pool where it is not there yet (deployments/aws/ecs_pool.json).",
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
@told_plainly
def listen(until_empty: bool) -> None:
    """Listen to the queue that is told of new objects in the bucket (SLUICE_EVENTS_QUEUE), and run for each."""
    from deployments.listen.command import listen as listening

    listening(until_empty=until_empty)


COMMANDS: tuple[Any, ...] = (deploy, listen)
