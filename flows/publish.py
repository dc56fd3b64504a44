"""Publish: what is merged and waits for a person's word, of several entities in one transaction."""

from collections.abc import Sequence

from flows.merge import export, gate
from flows.prefect_door import flow, step
from publish import pointer
from warehouse import alarms, runs
from warehouse.errors import SluiceError


@flow(name="publish", flow_run_name="publish {entities}")
def publish_merged(entities: Sequence[str]) -> list[pointer.Publication]:
    """Gate the newest merged run of each entity, then move all their pointers at once, then export.

    One entity whose gate does not pass keeps all of them where they are.
    """
    with runs.entity_lock(*entities):
        newest = {entity: runs.newest_merged(entity) for entity in sorted(entities)}
        merged = {entity: run for entity, run in newest.items() if run is not None}
        if missing := sorted(newest.keys() - merged.keys()):
            raise SluiceError(f"Nothing of {', '.join(missing)} was merged yet; `sluice run` does it.")
        for entity, run in merged.items():
            gate(entity, run)
        publications = publish_together(merged)
        for entity, run in merged.items():
            alarms.settled("gate stopped", entity)
            export(entity, run)
    return publications


@step("publish {runs_of}")
def publish_together(runs_of: dict[str, int]) -> list[pointer.Publication]:
    """Move the publication pointers of several entities in one transaction."""
    return pointer.publish(runs_of, release=True)
