"""Merge: the staged deliveries of one entity are judged, folded into history, and published."""

from dataclasses import dataclass
from pathlib import Path

from checks import contract, delivery_checks, drift, personal, plausible
from extract import amend, geometry
from extract import stage as staging
from extract.entities import (
    classes,
    erased_policy,
    export_by,
    key_columns,
    needs_approval,
    optional_columns,
    unclassed_texts,
)
from extract.feeds import Feed, catalogue
from extract.personal import looks_personal
from flows import assets, basis, carried, dbt
from flows.erase_again import erase_again
from flows.prefect_door import flow, keep_artifact, keep_link, step, tell_event
from publish import export as exports
from publish import pointer, tables, validation
from warehouse import alarms, erasure, judged_by, runs, vault, word
from warehouse.connection import transaction
from warehouse.errors import SluiceError, without_values
from warehouse.settings import settings
from warehouse.turns import turn

NOT_ERASED = "(_delivery_id, _row_number) not in (select delivery_id, row_number from pii.erased_rows)"


@dataclass(frozen=True)
class Merged:
    """What a merge did: nothing (`run` is None), or a publication and its export."""

    entity: str
    run: int | None = None
    rows: int | None = None
    exported: Path | None = None
    held: bool = False  # merged, and not published: the entity was rolled back
    asks: bool = False  # merged, and not published: its publications need a person's yes
    left: bool = False  # another process waits for its turn to merge, and takes in what is staged now
    waiting: tuple[str, ...] = ()  # why deliveries wait for a person's word
    refused: tuple[str, ...] = ()  # why deliveries were refused for what is in them
    notices: tuple[str, ...] = ()  # warnings of the gate: published, and to be looked at


@flow(name="merge", flow_run_name="merge {entity}")
def merge(entity: str) -> Merged:
    """Bring one entity up to date. What an earlier run left unfinished is finished first."""
    with turn(entity) as ours:
        if not ours:
            return Merged(entity, left=True)
        run = start(entity)
        refused = finish(entity, run) if run else ()
        candidate = runs.candidate(entity)
        if candidate is None or pointer.is_held(entity):
            make_up_for_export(entity)
            return Merged(entity, run, held=candidate is not None, waiting=waiting(entity), refused=refused)
        notices = gate(entity, candidate)
        if needs_approval(entity):
            ask(entity, candidate, new=candidate == run)
            return Merged(entity, candidate, asks=True, waiting=waiting(entity), refused=refused, notices=notices)
        publication = publish(entity, candidate)
        exported = export(entity, candidate)
    show(entity)
    return Merged(
        entity, candidate, publication.rows, exported, waiting=waiting(entity), refused=refused, notices=notices
    )


def show(entity: str) -> None:
    """What an operator finds beside the flow run: the account of every record, and where to read on."""
    key = entity.replace("_", "-")
    keep_artifact(f"row-accounts-{key}", tables.accounts_markdown(entity), "Where each record of its deliveries went")
    if settings().pages_url:
        keep_link("pages", str(settings().pages_url), "Where to read on: quality, documentation")


def ask(entity: str, run: int, *, new: bool) -> None:
    """Let a person know that a publication waits, once; nobody waits with it."""
    if new:
        tell_event("sluice.publication.waits", f"sluice.entity.{entity}", entity=entity, run=run)


def finish(entity: str, run: int) -> tuple[str, ...]:
    """Judge, verify and fold; a run that fails gives its deliveries back. Gives why deliveries were refused."""
    refused: tuple[str, ...] = ()
    try:
        if runs.to_judge(run):
            stage_again(entity, run)
            read_shapes(entity, run)
            judge(entity, run)
            validation.keep(entity, run)
            refused = refuse(entity, run)
            verify(entity, run)
            empty_returned(entity, run)
            look(entity, run)
            doubt(entity, run)
        if runs.has_work(run):
            fold(entity, run)
            seal(entity, run)
        else:
            runs.fail(run, "all that it was to bring in was refused, or waits for a person's word")
        return refused
    except BaseException as error:
        runs.fail(run, without_values(str(error)) or type(error).__name__)
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
        exports.export(entity, published, export_by(entity))


@step("start {entity}")
def start(entity: str) -> int | None:
    """Open a run over what is staged, under today's contract; where nothing is, that is not even read."""
    if not runs.is_asked_for(entity):
        return None
    version, gate, rules = todays_contract(entity)
    run = runs.start(entity, version, gate, rules)
    if run:
        contract.keep(contract.contract_file(entity), entity, version)
    return run


def todays_contract(entity: str) -> tuple[str, str, tuple[runs.Rule, ...]]:
    """The versions of the entity's contract and gate, and the contract's rules as SQL."""
    file, gate = contract.contract_file(entity), contract.gate_file(entity)
    contract.compiles(gate)
    rules = rules_of(entity)
    contract.fits(file, entity, rules)
    contract.gate_fits(gate, entity)
    return contract.version(file, rules), contract.version(gate), contract.with_of_cells(entity, rules)


def rules_of(entity: str) -> tuple[runs.Rule, ...]:
    """What each row of an entity is judged by: its contract, and that history can tell the rows apart."""
    timed = bool(catalogue().with_row_times(entity))
    found = contract.row_rules(contract.contract_file(entity), classes(entity), optional_columns(entity), timed)
    return (*found, *key_rules(entity), *time_rules(entity), *erased_rule(entity))


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


def time_rules(entity: str) -> tuple[runs.Rule, ...]:
    """The reasons of rows whose own effective time is none, or lies ahead; none where no feed's rows have one."""
    told = [(feed.key, feed.row_times) for feed in catalogue().with_row_times(entity) if feed.row_times]
    if not told:
        return ()
    columns = {rule.column for _, rule in told}
    column = columns.pop() if len(columns) == 1 else None
    written = "; ".join(dict.fromkeys(f"in {rule.column}, as {rule.told()}" for _, rule in told))
    theirs = " or ".join(f"_feed = '{key}'" for key, _ in told)
    ahead = " ".join(f"when '{key}' then {rule.hours_ahead}" for key, rule in told)
    received = "(select received_at from ledger.deliveries as d where d.delivery_id = candidates._delivery_id)"
    late = f"_effective_at > {received} + make_interval(hours => case _feed {ahead} end)"
    unread, ahead_of_time = "effective_at_unparsed", "effective_at_in_future"
    missing = f"Every row says since when it holds: {written}."
    return (
        runs.Rule(unread, column, missing, f"({theirs}) and _effective_at is null"),
        runs.Rule(ahead_of_time, column, "A row holds since a time that has come.", f"({theirs}) and {late}"),
    )


def erased_rule(entity: str) -> tuple[runs.Rule, ...]:
    """The reason of a row that brings an erased person back; none where nobody was erased, or it is let in."""
    with transaction() as connection:
        if erased_policy(entity) == "flag" or not erasure.any_marks(connection):
            return ()
    told = "The person whom this row is about is erased; take the row out of the file."
    [predicate] = dbt.compiled(f"{{{{ is_erased('{entity}') }}}}")
    return (runs.Rule(code="erased_person", column_name=None, message=told, predicate=predicate),)


@step("empty what brings erased persons back in {entity} run {run}")
def empty_returned(entity: str, run: int) -> None:
    """Empty the rows that brought an erased person back; where they are let in, note them."""
    erase_again(entity, run)


@step("stage again for {entity} run {run}")
def stage_again(entity: str, run: int) -> None:  # noqa: ARG001  (the entity is in its name)
    """Load again what the run judges and staging does not hold any more; what is erased stays so."""
    for delivery in runs.to_judge(run):
        if not staging.is_intact(delivery["delivery_id"]):
            staging.stage_content_again(catalogue().feed(delivery["feed"]), delivery["delivery_id"])
    with transaction() as connection:
        erasure.keep_unreadable(connection, run)


@step("read shapes of {entity} run {run}")
def read_shapes(entity: str, run: int) -> None:  # noqa: ARG001  (the entity is in its name)
    """Look every new spelling of a shape up once, for the mappings to join."""
    for delivery in runs.to_judge(run):
        feed = catalogue().feed(delivery["feed"])
        geometry.read_delivery(feed, delivery["delivery_id"], amended_rows(feed, delivery["delivery_id"]))


def amended_rows(feed: Feed, delivery_id: int) -> str | None:
    """A query for a delivery's rows as its mapping sees them; None where no shape in them is amended."""
    if not amend.amends_shapes(feed):
        return None
    [rows] = dbt.compiled(f"select * from {{{{ amended('{feed.vendor}', '{feed.name}') }}}} as amended")
    return f"{rows} where _delivery_id = {delivery_id}"


@step("judge {entity} run {run}")
def judge(entity: str, run: int) -> None:
    """Split the rows: good ones on, bad ones to quarantine with all their reasons."""
    found = basis.of_run(run)
    basis.seed(run, found)
    dbt.run_model(f"judged_{entity}", run)
    basis.stamp(run, found)


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
    """Soda looks at the good rows with the same contract: an independent check of the split. Not at what is left of
    erased rows: it lacks what the contract asks for. What was carried over is asked what can have changed."""
    file = contract.contract_file(entity)
    timed = bool(catalogue().with_row_times(entity))
    judged = [delivery["delivery_id"] for delivery in runs.to_judge(run)]
    with transaction() as connection:
        rest = f" and {NOT_ERASED}" if erasure.any_to_judge(connection, run) else ""
    for part in ([one] for one in judged) if contract.looks_across(file) else [judged] if judged else ():
        rows, spared = carried.rows_of(part) + rest, carried.spared(entity, run, part)
        if contract.asks_every_row(file, spared):
            with transaction() as connection:
                judged_by.make_whole(connection, part)
        _require(entity, run, "verify", contract.verify(file, rows, optional_columns(entity), timed, spared))


@step("look into {entity} run {run}")
def look(entity: str, run: int) -> None:
    """Stop where a column that is classed none holds what looks personal: nothing of it comes into history. One that
    nobody has declared comes nowhere: it is told."""
    deliveries = runs.to_judge(run)
    for delivery in deliveries:
        drift.look_into_undeclared(delivery["delivery_id"], looks_personal)
    faults = [
        fault
        for delivery in deliveries
        for place, schema, columns in unguarded(entity, delivery["feed"])
        for fault in (
            f"{place}.{found.column}: {found.cells} of {found.of} sampled cells look like {found.pii}"
            for found in personal.look_into(schema, f"delivery_{delivery['delivery_id']}", columns)
        )
    ]
    if faults:
        raise SluiceError(
            f"{entity} run {run}: columns that are classed none look personal, nothing is merged: "
            + "; ".join(dict.fromkeys(faults))
            + ". Declare the class there (pii: ...), or why it is no personal data (why: ...), and run again."
        )


def unguarded(entity: str, feed: str) -> list[tuple[str, str, list[str]]]:
    """The columns that nothing masks and nobody has vouched for, of a feed and its entity: (place, schema, columns)."""
    of_feed = [column.name for column in catalogue().feed(feed).columns if column.pii == "none" and not column.why]
    return [(feed, "staging", of_feed), (f"judged_{entity}", "judged", unclassed_texts(entity))]


@step("doubt {entity} run {run}")
def doubt(entity: str, run: int) -> None:
    """Let deliveries that would do what is implausible wait for a person; the others go on."""
    bounds = {feed.key: feed.bounds.model_dump() for feed in catalogue().of_entity(entity)}
    for delivery_id, why in plausible.doubts(entity, run, bounds).items():
        with transaction() as connection:
            word.wait(connection, run, delivery_id, why)
        tell_event("sluice.delivery.waits", f"sluice.delivery.{delivery_id}", entity=entity, delivery=delivery_id)


@step("fold {entity} run {run}")
def fold(entity: str, run: int) -> None:
    """Merge the good rows into history."""
    dbt.run_model(f"dim_{entity}", run)


@step("seal {entity} run {run}")
def seal(entity: str, run: int) -> None:  # noqa: ARG001  (they are in its name)
    """Seal what the merge brought into the vault, where a key outside of the database is configured."""
    vault.seal()


@step("gate {entity} run {run}")
def gate(entity: str, run: int) -> tuple[str, ...]:
    """Soda looks at the candidate of history; what does not pass is not published. Gives its warnings, in words."""
    verification = contract.verify(contract.gate_file(entity), spared=carried.published_before(entity, run))
    _require(entity, run, "gate", verification)
    return tuple(f"{entity} run {run}: the gate warns: {warning}" for warning in verification.warnings())


@step("publish {entity} run {run}")
def publish(entity: str, run: int) -> pointer.Publication:
    """Move the publication pointer."""
    [publication] = pointer.publish({entity: run}, release=False)
    alarms.settled("gate stopped", entity)
    assets.made(assets.table("published", entity), assets.table("history", f"dim_{entity}"), run=run)
    return publication


@step("export {entity} run {run}")
def export(entity: str, run: int) -> Path:
    """Write the publication's files."""
    return exports.export(entity, run, export_by(entity))


def _require(entity: str, run: int, stage: str, verification: contract.Verification) -> None:
    runs.record_checks(run, stage, verification.results)
    if verification.passed:
        return
    told = f"{entity} run {run}: the {stage} did not pass, nothing new is published: {verification.complaint()}"
    if stage == "gate" and alarms.raised("gate stopped", entity, told):
        tell_event("sluice.gate.stopped", f"sluice.entity.{entity}", told=told)
    raise SluiceError(told)
