"""Merge: the staged deliveries of one entity are judged, folded into history, and published."""

from dataclasses import dataclass
from pathlib import Path

from prefect import flow

from checks import contract, delivery_checks, plausible
from extract import stage as staging
from extract.entities import classes, key_columns, optional_columns
from extract.feeds import catalogue
from flows import dbt
from flows.prefect_door import keep_artifact, step
from publish import export as exports
from publish import pointer, tables
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
    refused: tuple[str, ...] = ()  # why deliveries were refused for what is in them
    notices: tuple[str, ...] = ()  # warnings of the gate: published, and to be looked at


@flow(name="merge", flow_run_name="merge {entity}")
def merge(entity: str) -> Merged:
    """Bring one entity up to date. What an earlier run left unfinished is finished first."""
    with runs.entity_lock(entity):
        run = start(entity)
        refused = finish(entity, run) if run else ()
        candidate = runs.candidate(entity)
        if candidate is None or pointer.is_held(entity):
            make_up_for_export(entity)
            return Merged(entity, run, held=candidate is not None, waiting=waiting(entity), refused=refused)
        notices = gate(entity, candidate)
        publication = publish(entity, candidate)
        exported = export(entity, candidate)
    keep_artifact(f"row-accounts-{entity.replace('_', '-')}", tables.accounts_markdown(entity))
    return Merged(
        entity, candidate, publication.rows, exported, waiting=waiting(entity), refused=refused, notices=notices
    )


def finish(entity: str, run: int) -> tuple[str, ...]:
    """Judge, verify and fold; a run that fails gives its deliveries back. Gives why deliveries were refused."""
    refused: tuple[str, ...] = ()
    try:
        if runs.to_judge(run):
            stage_again(entity, run)
            judge(entity, run)
            refused = refuse(entity, run)
            verify(entity, run)
            doubt(entity, run)
        if runs.has_work(run):
            fold(entity, run)
        else:
            runs.fail(run, "all that it was to bring in was refused, or waits for a person's word")
        return refused
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
    version, gate, rules = todays_contract(entity)
    run = runs.start(entity, version, gate, rules)
    if run:
        contract.keep(contract.contract_file(entity), entity, version)
    return run


def todays_contract(entity: str) -> tuple[str, str, tuple[runs.Rule, ...]]:
    """The versions of the entity's contract and gate, and the contract's rules as SQL."""
    file, gate = contract.contract_file(entity), contract.gate_file(entity)
    contract.compiles(gate)
    rules = (*contract.row_rules(file, classes(entity), optional_columns(entity)), *key_rules(entity))
    contract.fits(file, entity, rules)
    return contract.version(file, rules), contract.version(gate), rules


def key_rules(entity: str) -> tuple[runs.Rule, runs.Rule]:
    """The reasons of rows that history could not tell apart, where no rule of the contract holds them back."""
    key = key_columns(entity)
    names = " and ".join(key)
    missing = f"Every row needs a value in {names}: rows are told apart by it."
    repeated = f"Rows with the same {names} differ in other columns; one row may stand for each."
    return (
        runs.Rule("key_missing", key[0], missing, f'"{entity}_id" is null', scope="key"),
        runs.Rule("key_repeated", key[0], repeated, "false", scope="key"),
    )


@step("stage again for {entity} run {run}")
def stage_again(entity: str, run: int) -> None:  # noqa: ARG001  (the entity is in its name)
    """Load again what the run judges and staging does not hold any more."""
    for delivery in runs.to_judge(run):
        if not staging.is_intact(delivery["delivery_id"]):
            staging.stage_content_again(catalogue().feed(delivery["feed"]), delivery["delivery_id"])


@step("judge {entity} run {run}")
def judge(entity: str, run: int) -> None:
    """Split the rows: good ones on, bad ones to quarantine with all their reasons."""
    dbt.run_model(f"judged_{entity}", run)


@step("refuse {entity} run {run}")
def refuse(entity: str, run: int) -> tuple[str, ...]:
    """Refuse the deliveries that break a rule with on_fail: refuse; the others go on. Gives why, in words."""
    told = []
    for delivery, why in delivery_checks.refusals(entity, run):
        with transaction() as connection:
            word.refuse_in_run(connection, run, delivery["delivery_id"], why)
        told.append(f"delivery {delivery['delivery_id']} of {delivery['feed']} ({delivery['name']}) is refused: {why}")
    return tuple(told)


@step("verify {entity} run {run}")
def verify(entity: str, run: int) -> None:
    """Soda looks at the good rows with the same contract: an independent check of the split."""
    file = contract.contract_file(entity)
    judged = [f"_delivery_id = {delivery['delivery_id']}" for delivery in runs.to_judge(run)]
    parts = judged if contract.looks_across(file) else [f"({' or '.join(judged)})"]
    for part in parts if judged else ():
        _require(entity, run, "verify", contract.verify(file, part, optional_columns(entity)))


@step("doubt {entity} run {run}")
def doubt(entity: str, run: int) -> None:
    """Let deliveries that would do what is implausible wait for a person; the others go on."""
    bounds = {feed.key: feed.bounds.model_dump() for feed in catalogue().of_entity(entity)}
    for delivery_id, why in plausible.doubts(entity, run, bounds).items():
        with transaction() as connection:
            word.wait(connection, run, delivery_id, why)


@step("fold {entity} run {run}")
def fold(entity: str, run: int) -> None:
    """Merge the good rows into history."""
    dbt.run_model(f"dim_{entity}", run)


@step("gate {entity} run {run}")
def gate(entity: str, run: int) -> tuple[str, ...]:
    """Soda looks at the candidate of history; what does not pass is not published. Gives its warnings, in words."""
    verification = contract.verify(contract.gate_file(entity))
    _require(entity, run, "gate", verification)
    return tuple(f"{entity} run {run}: the gate warns: {warning}" for warning in verification.warnings())


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
