"""The two ways in which what the queue tells is worked on: in this warm process, or in the work pool."""

import hashlib
from collections.abc import Callable, Sequence

from flows.objects import take_objects
from flows.prefect_door import go, served, tagged
from flows.run import RunError
from warehouse.errors import SluiceError

Work = Callable[[Sequence[str], Sequence[str]], set[str]]

DEPLOYMENT = "take-objects/objects"


def in_this_process(uris: Sequence[str], tags: Sequence[str]) -> set[str]:
    """Run here: dbt is imported and its manifest kept. Gives the objects that the ledger knows now; what else went
    wrong with them is told by the flow run, and the next run takes it up."""
    with tagged(*tags):
        try:
            return go(take_objects, list(uris)).taken
        except RunError as error:
            return error.report.taken


def in_the_pool(uris: Sequence[str], tags: Sequence[str]) -> set[str]:
    """Let any worker run it. The idempotency key makes the same announcement the same run."""
    if not served():
        raise SluiceError("SLUICE_EVENTS_RUN_IN=pool needs a Prefect server: set PREFECT_API_URL.")
    from prefect.deployments import run_deployment

    run_deployment(
        DEPLOYMENT,
        parameters={"objects": list(uris)},
        timeout=0,
        idempotency_key=idempotency_key(uris),
        tags=list(tags),
        as_subflow=False,
    )
    return set(uris)


def idempotency_key(uris: Sequence[str]) -> str:
    """One object's uri; of several, a hash of theirs."""
    if len(uris) == 1:
        return uris[0]
    return "s3:" + hashlib.sha256("\n".join(sorted(uris)).encode()).hexdigest()


def way(run_in: str) -> Work:
    """The way that the setting asks for."""
    return in_the_pool if run_in == "pool" else in_this_process
