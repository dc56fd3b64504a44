"""Approve: ask a person about a delivery or a publication that waits, in Prefect's UI, and do what they say.

The run suspends while it waits: its process ends, and it holds no worker. Whoever would rather type says
`sluice accept` or `sluice refuse`; the run then finds that it is decided.
"""

from prefect.input import RunInput

from flows.merge import Merged, merge
from flows.prefect_door import flow
from flows.run import prepare
from warehouse import ledger, runs, word
from warehouse.connection import transaction
from warehouse.errors import SluiceError

DAYS = 14


class Answer(RunInput):
    """What a person is asked for."""

    yes: bool
    why: str = ""


@flow(name="approve", flow_run_name="approve {entity}")
def approve(entity: str, delivery: int | None = None, run: int | None = None) -> str:
    """Wait for a person's word on a delivery, or on the publication of a run, then act on it. Gives what was done."""
    question = _question(entity, delivery, run)
    if question is None:
        return "decided meanwhile"
    answer = _ask(entity, question, f"{entity}-{delivery or run}")
    if _question(entity, delivery, run) is None:
        return "decided meanwhile"
    return _decide(entity, delivery, answer)


def _ask(entity: str, question: str, key: str) -> Answer:
    from prefect.flow_runs import suspend_flow_run

    form = Answer.with_initial_data(description=f"**{entity}** {question}", yes=False, why="")
    answer: Answer = suspend_flow_run(wait_for_input=form, timeout=DAYS * 86400, key=key)
    return answer


def _question(entity: str, delivery: int | None, run: int | None) -> str | None:
    """What is to be decided; None where it is."""
    if delivery is not None:
        with transaction() as connection:
            found = ledger.delivery(connection, delivery)
        return (
            f"Delivery {delivery} of {found['feed']} waits: {found['reason']}" if found["state"] == "waiting" else None
        )
    if run is not None and runs.candidate(entity) == run:
        return f"Run {run} is merged, and its gate has passed. Publish it?"
    return None


def _decide(entity: str, delivery: int | None, answer: Answer) -> str:
    prepare()
    if delivery is None:
        return _publish(entity) if answer.yes else "not published; the next run's publication asks anew"
    with transaction() as connection:
        if not answer.yes:
            word.refuse(connection, delivery, answer.why or "a person said no in the Prefect UI")
            return f"delivery {delivery} is refused"
        word.accept(connection, delivery)
    merged: Merged = merge.fn(entity)
    return f"delivery {delivery} is accepted; run {merged.run} has {merged.rows} rows"


def _publish(entity: str) -> str:
    from flows.publish import publish_merged

    try:
        [publication] = publish_merged.fn([entity])
    except SluiceError as error:
        return str(error)
    return f"run {publication.run} is published, {publication.rows} rows"
