"""Merge: the staged deliveries of one entity are judged, folded into history, and published."""

from dataclasses import dataclass
from pathlib import Path

from prefect import flow

from checks import contract, plausible
from checks.plausible import Bounds
from extract import geometry
from extract import stage as staging
from extract.entities import key_columns
from extract.feeds import catalogue
from flows import dbt
from flows.prefect_door import keep_artifact, step
from publish import export as exports
from publish import pointer, tables, validation
from warehouse import runs, word
from warehouse.connection import transaction
from warehouse.errors import SluiceError


@dataclass(frozen=True)
class Merged:
    """What a merge did: nothing (`run` is None), or a publication and its export."""

    entity: str
    run: int | None = None
    rows: int | None = None
    exported: Path | None = None
    held: bool = False  # merged, and not published: the entity was rolled back
    waiting: tuple[str, ...] = ()  # why deliveries wait for a person's word


@flow(name="merge", flow_run_name="merge {entity}")
def merge(entity: str) -> Merged:
    """Bring one entity up to date. What an earlier run left unfinished is finished first."""
    with runs.entity_lock(entity):
        run = start(entity)
        if run:
            finish(entity, run)
        candidate = runs.candidate(entity)
        if candidate is None or pointer.is_held(entity):
            make_up_for_export(entity)
            return Merged(entity, run, held=candidate is not None, waiting=waiting(entity))
        gate(entity, candidate)
        publication = publish(entity, candidate)
        exported = export(entity, candidate)
    keep_artifact(f"row-accounts-{entity.replace('_', '-')}", tables.accounts_markdown(entity))
    return Merged(entity, candidate, publication.rows, exported, waiting=waiting(entity))


def finish(entity: str, run: int) -> None:
    """Judge, verify and fold; a run that fails gives its deliveries back."""
    try:
        if runs.to_judge(run):
            stage_again(entity, run)
            read_shapes(entity, run)
            judge(entity, run)
            validation.keep(entity, run)
            verify(entity, run)
            doubt(entity, run)
        if runs.has_work(run):
            fold(entity, run)
        else:
            runs.fail(run, "all that it was to bring in waits for a person's word")
    except BaseException as error:
        runs.fail(run, str(error) or type(error).__name__)
        raise


def waiting(entity: str) -> tuple[str, ...]:
    """What a person has to decide on, in words."""
    return tuple(
        f"delivery {d['delivery_id']} of {d['feed']} ({d['name']}) waits: {d['reason']}."
        f" Say sluice accept {d['delivery_id']}, or sluice refuse {d['delivery_id']} --why ..."
        for d in runs.waiting(entity)
    )


def make_up_for_export(entity: str) -> None:
    """Write the export of what is published, where an earlier run died between the two; else a no-op."""
    published = pointer.current(entity)
    if published is not None:
        exports.export(entity, published)


@step("start {entity}")
def start(entity: str) -> int | None:
    """Open a run over what is staged, under today's contract."""
    file, gate = contract.contract_file(entity), contract.gate_file(entity)
    contract.compiles(gate)
    rules = (*contract.row_rules(file), key_rule(entity))
    contract.fits(file, entity, rules)
    return runs.start(entity, contract.version(file, rules), contract.version(gate), rules)


def key_rule(entity: str) -> runs.Rule:
    """The reason of a row without its key that breaks no rule of its contract: history could not tell it apart."""
    key = key_columns(entity)
    told = f"Every row needs a value in {' and '.join(key)}: rows are told apart by it."
    return runs.Rule(code="key_missing", column_name=key[0], message=told, predicate=f'"{entity}_id" is null')


@step("stage again for {entity} run {run}")
def stage_again(entity: str, run: int) -> None:  # noqa: ARG001  (the entity is in its name)
    """Load again what the run judges and staging does not hold any more."""
    for delivery in runs.to_judge(run):
        if not staging.is_intact(delivery["delivery_id"]):
            staging.stage_content_again(catalogue().feed(delivery["feed"]), delivery["delivery_id"])


@step("read shapes of {entity} run {run}")
def read_shapes(entity: str, run: int) -> None:  # noqa: ARG001  (the entity is in its name)
    """Look every new spelling of a shape up once, for the mappings to join."""
    for delivery in runs.to_judge(run):
        geometry.read_delivery(catalogue().feed(delivery["feed"]), delivery["delivery_id"])


@step("judge {entity} run {run}")
def judge(entity: str, run: int) -> None:
    """Split the rows: good ones on, bad ones to quarantine with all their reasons."""
    dbt.run_model(f"judged_{entity}", run)


@step("verify {entity} run {run}")
def verify(entity: str, run: int) -> None:
    """Soda looks at the good rows with the same contract: an independent check of the split."""
    waiting = f"_delivery_id in (select delivery_id from ledger.run_deliveries where run = {run} and judge)"
    _require(entity, run, "verify", contract.verify(contract.contract_file(entity), waiting))


@step("doubt {entity} run {run}")
def doubt(entity: str, run: int) -> None:
    """Let deliveries that would do what is implausible wait for a person; the others go on."""
    bounds = {feed.key: Bounds(**feed.bounds.model_dump()) for feed in catalogue().of_entity(entity)}
    for delivery_id, why in plausible.doubts(entity, run, bounds).items():
        with transaction() as connection:
            word.wait(connection, run, delivery_id, why)


@step("fold {entity} run {run}")
def fold(entity: str, run: int) -> None:
    """Merge the good rows into history."""
    dbt.run_model(f"dim_{entity}", run)


@step("gate {entity} run {run}")
def gate(entity: str, run: int) -> None:
    """Soda looks at the candidate of history; what does not pass is not published."""
    _require(entity, run, "gate", contract.verify(contract.gate_file(entity)))


@step("publish {entity} run {run}")
def publish(entity: str, run: int) -> pointer.Publication:
    """Move the publication pointer."""
    [publication] = pointer.publish({entity: run}, release=False)
    return publication


@step("export {entity} run {run}")
def export(entity: str, run: int) -> Path:
    """Write the publication's files."""
    return exports.export(entity, run)


def _require(entity: str, run: int, stage: str, verification: contract.Verification) -> None:
    runs.record_checks(run, stage, verification.results)
    if not verification.passed:
        raise SluiceError(
            f"{entity} run {run}: the {stage} did not pass, nothing new is published: {verification.complaint()}"
        )
