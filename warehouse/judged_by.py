"""By what deliveries were judged: hashes of their mapping, contract and reference lists, kept with each of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, text


@dataclass(frozen=True)
class Basis:
    """What the rows of one feed are judged by, as hashes; `lists`: table of the schema reference -> its rows'."""

    format_hash: str
    mapping_hash: str
    contract_hash: str
    lists: Mapping[str, str]


def mapping_of(connection: Connection, model: str) -> str:
    """A mapping as the database has it: what macros, patches and defaults have become, whatever text they came from."""
    definition = text("select pg_get_viewdef(to_regclass(:model), true)")
    return str(connection.scalar(definition, {"model": f'staging."{model}"'}))


def lists_of(connection: Connection, model: str) -> set[str]:
    """The tables of the schema reference that a mapping looks into."""
    return {name for schema, name in relations_of(connection, model) if schema == "reference"}


def relations_of(connection: Connection, model: str) -> set[tuple[str, str]]:
    """The relations that a mapping reads, as (schema, name)."""
    found = connection.execute(
        text(
            "select distinct c.relnamespace::regnamespace::text, c.relname"
            f" {USED} join pg_class as c on d.refclassid = 'pg_class'::regclass and c.oid = d.refobjid"
            " where r.ev_class = to_regclass(:model) and c.oid <> r.ev_class"
        ),
        {"model": f'staging."{model}"'},
    )
    return {(schema, name) for schema, name in found}


def uses_immutable_functions(connection: Connection, model: str) -> bool:
    """Whether the functions of the project's own that a mapping calls give the same for the same, always."""
    changeable = (
        f"select exists (select {USED} join pg_proc as p on d.refclassid = 'pg_proc'::regclass and p.oid = d.refobjid"
        " where r.ev_class = to_regclass(:model) and p.provolatile <> 'i')"
    )
    return not connection.scalar(text(changeable), {"model": f'staging."{model}"'})


# What a view is made of; what PostgreSQL itself brings along is not told there.
USED = "from pg_rewrite as r join pg_depend as d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid"


def hash_of_list(connection: Connection, name: str) -> str:
    """A hash of the rows of a table of the schema reference, whatever their order; empty where there is none."""
    if connection.scalar(text("select to_regclass(:name)"), {"name": f'reference."{name}"'}) is None:
        return ""
    rows = text(
        "select encode(sha256(convert_to(coalesce(string_agg(list::text, chr(10) order by list::text), ''), 'UTF8')),"
        f" 'hex') from reference.\"{name}\" as list"
    )
    return str(connection.scalar(rows))


def stamp(connection: Connection, run: int, deliveries: Sequence[int], basis: Basis) -> None:
    """Write down by what a run has judged deliveries of one feed."""
    connection.execute(
        text(
            "insert into ledger.judged_by (delivery_id, run, format_hash, mapping_hash, contract_hash, lists)"
            " select unnest(cast(:ids as bigint[])), :run, :format, :mapping, :contract, cast(:lists as jsonb)"
            " on conflict (delivery_id) do update set run = excluded.run, format_hash = excluded.format_hash,"
            " mapping_hash = excluded.mapping_hash, contract_hash = excluded.contract_hash, lists = excluded.lists,"
            " judged_at = excluded.judged_at"
        ),
        {
            "ids": list(deliveries),
            "run": run,
            "format": basis.format_hash,
            "mapping": basis.mapping_hash,
            "contract": basis.contract_hash,
            "lists": json.dumps(dict(basis.lists), sort_keys=True),
        },
    )


def keep_seeds(connection: Connection, run: int, seeds: Mapping[int, int]) -> None:
    """Write down the seed by which the cells of each delivery's records are hashed; see ledger.run_deliveries."""
    connection.execute(
        text(
            "update ledger.run_deliveries as r set cells_seed = told.seed"
            " from unnest(cast(:deliveries as bigint[]), cast(:seeds as bigint[])) as told (delivery_id, seed)"
            " where r.run = :run and r.delivery_id = told.delivery_id"
        ),
        {"run": run, "deliveries": list(seeds), "seeds": list(seeds.values())},
    )


def differences(connection: Connection, run: int) -> set[int]:
    """The deliveries of a run whose rows were judged as far as they differ from the delivery before."""
    found = connection.scalars(
        text(
            "select delivery_id from ledger.differences join ledger.run_deliveries using (delivery_id)"
            " where run = :run and judge"
        ),
        {"run": run},
    )
    return set(found)


def make_whole(connection: Connection, deliveries: Sequence[int]) -> None:
    """Bring into judged.delivery_<id> what stands in the deliveries before, for whoever has to read all of it."""
    whole = text("select judged.make_whole(delivery) from unnest(cast(:deliveries as bigint[])) as delivery")
    connection.execute(whole, {"deliveries": list(deliveries)})


def codes_of_cells(connection: Connection, run: int) -> frozenset[str]:
    """The rules of a run that a row's own values decide, whenever they are asked."""
    found = connection.scalars(
        text("select code from ledger.rules join ledger.runs using (contract_hash) where run = :run and of_cells"),
        {"run": run},
    )
    return frozenset(found)


def in_history(connection: Connection, entity: str) -> list[RowMapping]:
    """The deliveries whose rows history holds (sightings have those of another), with what they were judged by; that is
    NULL where it was not yet kept."""
    found = connection.execute(
        text(
            "select d.delivery_id, d.feed, d.name, d.effective_date, d.found, d.mends, j.format_hash, j.mapping_hash,"
            " j.contract_hash, j.lists from ledger.deliveries as d left join ledger.judged_by as j using (delivery_id)"
            " where d.entity = :entity and d.in_history and d.state = 'merged' and not d.judge_again"
            " order by d.effective_at, d.delivery_id"
        ),
        {"entity": entity},
    ).mappings()
    return list(found)


def contract_of(connection: Connection, run: int) -> str:
    """The version of the contract that a run judges by."""
    return str(connection.scalar(text("select contract_hash from ledger.runs where run = :run"), {"run": run}))


def rules_of(connection: Connection, contract_hash: str) -> dict[str, dict[str, Any]]:
    """The rules of a contract's version, by code."""
    found = connection.execute(
        text(
            "select code, column_name, message, predicate, on_fail, severity, responsible, scope, unique_columns"
            " from ledger.rules where contract_hash = :hash"
        ),
        {"hash": contract_hash},
    ).mappings()
    return {row["code"]: dict(row) for row in found}


def told_of(connection: Connection, entity: str, codes: Sequence[str]) -> set[int]:
    """The deliveries in which rows are held back, or were let pass, for one of these codes."""
    found = connection.scalars(
        text(
            f'select delivery_id from quarantine."{entity}" as q where exists (select from'
            " jsonb_array_elements(q.reasons) as reason where reason ->> 'code' = any (:codes))"
            " union select delivery_id from ledger.issues where entity = :entity and code = any (:codes)"
        ),
        {"entity": entity, "codes": list(codes)},
    )
    return set(found)


def looked(connection: Connection, entity: str) -> str | None:
    """The basis of an entity when all that its history holds was found to be judged by it; None where it never was."""
    found: str | None = connection.scalar(
        text("select basis_hash from ledger.looks where entity = :entity"), {"entity": entity}
    )
    return found


def keep_look(connection: Connection, entity: str, basis_hash: str) -> None:
    """Write down that all that an entity's history holds is judged by this basis."""
    connection.execute(
        text(
            "insert into ledger.looks (entity, basis_hash) values (:entity, :hash) on conflict (entity) do update"
            " set basis_hash = excluded.basis_hash, looked_at = excluded.looked_at"
        ),
        {"entity": entity, "hash": basis_hash},
    )


def forget_look(connection: Connection, entity: str, basis_hash: str) -> None:
    """Some of what an entity's history holds is judged by this basis: that all of it is by another holds no more."""
    connection.execute(
        text("delete from ledger.looks where entity = :entity and basis_hash <> :hash"),
        {"entity": entity, "hash": basis_hash},
    )
