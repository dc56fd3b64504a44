"""Contracts and gates: an entity's rules about rows as SQL for the split, and Soda's verification by the same text."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import text

from checks import around, grace
from checks.document import ContractError, checks_of, read
from checks.fitting import fits, gate_fits
from checks.policy import policies
from checks.predicates import predicate, unique_columns
from checks.soda import compiled, is_about_rows
from checks.verification import Spared, Verification, asks_every_row, verify
from warehouse.connection import driver, transaction, warehouse_url
from warehouse.runs import Rule
from warehouse.settings import settings

# What others take from here beside its own.
__all__ = ["ContractError", "Spared", "Verification", "asks_every_row", "fits", "gate_fits", "verify"]


def contract_file(entity: str) -> Path:
    """The contract that judges an entity's rows."""
    return _existing(settings().checks_folder / "contracts" / f"{entity}.yml")


def gate_file(entity: str) -> Path:
    """The contract that a candidate of an entity's history must keep to be published."""
    return _existing(settings().checks_folder / "gates" / f"{entity}.yml")


def _existing(file: Path) -> Path:
    if not file.is_file():
        raise ContractError(f"{file} is missing; every entity has a contract and a gate.")
    return file


def version(file: Path, rules: Sequence[Rule] = ()) -> str:
    """The version of a contract: the hash of its text and of the SQL that it gives, which Soda may give otherwise."""
    return hashlib.sha256(file.read_bytes() + repr(tuple(rules)).encode()).hexdigest()


@cache
def code() -> str:
    """A hash of the code that makes rules of contracts: another one may make others."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def keep(file: Path, entity: str, contract_hash: str) -> None:
    """Keep the text of a contract's version, so that what a run judged by can be read later."""
    with transaction() as connection:
        connection.execute(
            text("insert into ledger.contracts values (:hash, :entity, :text) on conflict do nothing"),
            {"hash": contract_hash, "entity": entity, "text": file.read_text(encoding="utf-8")},
        )


def row_rules(
    file: Path, classes: Mapping[str, str] | None = None, optional: Sequence[str] = (), row_times: bool = False
) -> tuple[Rule, ...]:
    """A contract's row rules, in its order, as SQL predicates that are true for a row that breaks the rule.

    Checks of the whole table (row counts, freshness, aggregates) divert no row and are left to the verification.
    `classes`, the PII class of each column, tells which columns history masks: those cannot be compared with it.
    A value of an `optional` column that cannot be parsed lets its row pass, whatever the contract says of it.
    `row_times`: rows may have effective times of their own.
    Raises ContractError, with file and line, for a check that cannot be used.
    """
    known = None if classes is None else tuple(classes.items())
    return _row_rules(file, file.read_bytes(), known, tuple(optional), row_times)


@lru_cache(maxsize=64)
def _row_rules(
    file: Path,
    text: bytes,  # noqa: ARG001  (another text is another contract)
    classes: tuple[tuple[str, str], ...] | None,
    optional: tuple[str, ...],
    row_times: bool,
) -> tuple[Rule, ...]:
    """Worked out once for each text: Soda takes 0.2 s to read one."""
    contract = compiled(file)
    document = read(file)
    written = [check for check in checks_of(file, document) if is_about_rows(check)]
    policy = policies(file, written)
    for check in written:
        around.refuse_masked(file, check, None if classes is None else dict(classes))
    asked = [
        (check, condition)
        for check in contract.all_check_impls
        if (condition := predicate(contract, check, document.get("filter"), row_times)) is not None
    ]
    rules = tuple(
        Rule(
            code=told.code,
            column_name=told.column,
            message=told.message,
            predicate=around.with_history(condition, around.entity_of(document), row_times),
            on_fail=told.on_fail,
            severity=told.severity,
            responsible=told.responsible,
            scope="delivery" if around.looks_around(condition) else "row",
            unique_columns=unique_columns(check, row_times),
        )
        for check, condition in asked
        for told in [policy[str(check.attributes["code"])]]
    )
    return grace.with_grace(rules, optional)


def compiles(file: Path) -> None:
    """Raise ContractError where Soda cannot read a contract, before any data moves."""
    _compiles(file, file.read_bytes())


@lru_cache(maxsize=64)
def _compiles(file: Path, text: bytes) -> None:  # noqa: ARG001  (another text is another contract)
    compiled(file)


def with_of_cells(entity: str, rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """The rules, each with whether the row's own values decide, whenever it is asked: see ledger.rules.of_cells."""
    of_rows = tuple(rule.predicate for rule in rules if rule.scope == "row")
    found = _of_cells(warehouse_url(), entity, of_rows)
    return tuple(replace(rule, of_cells=rule.scope == "row" and rule.predicate in found) for rule in rules)


@lru_cache(maxsize=64)
def _of_cells(url: str, entity: str, predicates: tuple[str, ...]) -> frozenset[str]:  # noqa: ARG001
    """Asked of PostgreSQL: what an index can be made of is IMMUTABLE, and has no sub-select in it."""
    cells = sql.SQL("create temporary table cells on commit drop as select * from {} with no data")
    found = set()
    with transaction() as connection:
        run = driver(connection).execute
        run(cells.format(sql.Identifier("judged", entity)))
        run(f"alter table pg_temp.cells {', '.join(f'drop column if exists {name}' for name in OF_THE_RECORD)}")
        for predicate in predicates:
            try:
                with driver(connection).transaction():
                    run(sql.SQL("create index on pg_temp.cells (({}))").format(sql.SQL(predicate)))
            except psycopg.Error:
                continue
            found.add(predicate)
    return frozenset(found)


# Of these two records with the same cells may have different ones.
OF_THE_RECORD = ("_delivery_id", "_row_number", "_line_number", "_effective_at", "_cells")


def looks_across(file: Path) -> bool:
    """Whether a contract has a rule that Soda must be asked of one delivery at a time: two of one run may share a value
    that is unique within each."""
    return any(
        check.kind == "duplicate" and "_delivery_id" not in (check.body.get("columns") or [])
        for check in checks_of(file, read(file))
    )
