"""Runs: one merge attempt of one entity at a time, whoever starts it and on whichever machine."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, RowMapping, text

from warehouse import ledger
from warehouse.connection import locks, transaction
from warehouse.errors import SluiceError


@dataclass(frozen=True)
class Rule:
    """A row rule of a contract: `predicate` is SQL, true for a row that breaks it; see ledger.rules."""

    code: str
    column_name: str | None
    message: str
    predicate: str
    on_fail: str = "quarantine"
    severity: str = "error"
    responsible: str = "vendor"
    scope: str = "row"
    unique_columns: list[str] | None = None
    of_cells: bool = field(default=False, repr=False)  # no part of what the rule says: a contract's version is that


@dataclass(frozen=True)
class CheckResult:
    """What one check of a contract or gate gave."""

    name: str
    column_name: str | None
    outcome: str
    value: float | None


@contextmanager
def entity_lock(*entities: str) -> Iterator[None]:
    """Hold entities for this process; refused while another one merges any of them."""
    with locks([f"entity.{entity}" for entity in entities]) as taken:
        if taken:
            merged = taken.removeprefix("entity.")
            raise SluiceError(f"Another process is merging {merged} right now; run again when it is done.")
        yield


def is_asked_for(entity: str) -> bool:
    """Whether there is anything to come into the entity's history or to go out of it. Call it under `entity_lock`."""
    with transaction() as connection:
        return _is_asked_for(connection, entity)


def start(entity: str, contract_hash: str, gate_hash: str, rules: Sequence[Rule]) -> int | None:
    """Open a run over what is to come into the entity's history or to go out of it; None where nothing is. Call it
    under `entity_lock`. A run that died is closed first: its deliveries are judged again."""
    with transaction() as connection:
        if not _is_asked_for(connection, entity):
            return None
        run = _open(connection, entity, contract_hash, gate_hash, rules)
        _attach_deliveries(connection, entity, run)
        return run


def _is_asked_for(connection: Connection, entity: str) -> bool:
    _close_dead(connection, entity)
    ledger.settle_sightings(connection, entity)
    asked = f"select exists ({TO_DO}) or exists (select {UNACCOUNTED} and d.entity = :entity)"
    return bool(connection.scalar(text(asked), {"entity": entity}))


def start_trial(
    entity: str, contract_hash: str, gate_hash: str, rules: Sequence[Rule], deliveries: Sequence[int]
) -> int:
    """Open a run that only tries how deliveries would be judged today; `fail` ends it. Call it under `entity_lock`."""
    with transaction() as connection:
        _close_dead(connection, entity)
        run = _open(connection, entity, contract_hash, gate_hash, rules)
        connection.execute(
            text(
                "insert into ledger.run_deliveries (run, delivery_id, effect, judge)"
                " select :run, unnest(cast(:ids as bigint[])), 'content', true"
            ),
            {"run": run, "ids": list(deliveries)},
        )
        return run


def _open(connection: Connection, entity: str, contract_hash: str, gate_hash: str, rules: Sequence[Rule]) -> int:
    _record_rules(connection, contract_hash, rules)
    statement = text(
        "insert into ledger.runs (entity, contract_hash, gate_hash)"
        " values (:entity, :contract_hash, :gate_hash) returning run"
    )
    row = {"entity": entity, "contract_hash": contract_hash, "gate_hash": gate_hash}
    return int(connection.scalar(statement, row))


# What comes into history, and what goes out of it; what is to be judged again does both. What is staged and in history
# a backfill wants judged again.
TO_DO = (
    "select delivery_id, feed, effective_at, sighting_of, state,"
    " case when in_history and state in ('superseded', 'retracted', 'refused') then 'remove' else 'add' end as effect,"
    " judge_again from ledger.deliveries where entity = :entity and case when in_history then"
    " state in ('superseded', 'retracted', 'refused', 'staged') or (state = 'merged' and judge_again)"
    " else state in ('staged', 'sighted') end"
)

# An earlier run loaded or judged them again, and did not come to account for them.
UNACCOUNTED = (
    "from ledger.deliveries as d join ledger.row_accounts as a using (delivery_id)"
    " where d.in_history and d.state = 'merged' and a.opened is null"
)


def _attach_deliveries(connection: Connection, entity: str, run: int) -> None:
    """Write what the run works on: what is to do; what is in force since the earliest of that, for it is folded again;
    and the deliveries whose rows a sighting among them has. Rows that are not in `judged` any more are judged again."""
    connection.execute(
        text(
            f"with to_do as ({TO_DO}), since as (select feed, min(s.rows_from) as at from to_do"
            " join ledger.spans as s using (delivery_id) group by feed),"
            " context as (select d.delivery_id, d.feed, d.effective_at, d.sighting_of, d.state, 'context' as effect,"
            " false from ledger.deliveries as d join since using (feed) join ledger.spans as s using (delivery_id)"
            " where d.in_history and s.rows_until >= since.at"
            " and d.state in ('merged', 'sighted') and not d.judge_again),"
            " folded as (select * from to_do union all select * from context),"
            " content as (select distinct o.delivery_id, o.feed, o.effective_at, o.sighting_of, o.state, 'content',"
            " false"
            " from folded as s join ledger.deliveries as o on o.delivery_id = s.sighting_of"
            " where s.effect <> 'remove' and o.delivery_id not in (select delivery_id from folded)),"
            " unaccounted as (select d.delivery_id, d.feed, d.effective_at, d.sighting_of, d.state, 'content',"
            f" false {UNACCOUNTED} and d.entity = :entity"
            " and d.delivery_id not in (select delivery_id from folded union select delivery_id from content))"
            " insert into ledger.run_deliveries (run, delivery_id, effect, judge)"
            " select :run, delivery_id, effect, effect = 'add' and (state = 'staged' or judge_again)"
            " from (select * from folded union all select * from content union all select * from unaccounted) as every"
        ),
        {"entity": entity, "run": run},
    )
    for delivery_id in _not_judged_any_more(connection, run):
        connection.execute(
            text("update ledger.run_deliveries set judge = true where run = :run and delivery_id = :id"),
            {"run": run, "id": delivery_id},
        )


def _not_judged_any_more(connection: Connection, run: int) -> list[int]:
    """The run's deliveries whose judged rows are needed and gone: purged, lost when the server crashed, or never made
    by a run that died before."""
    needed = connection.execute(
        text(
            "select d.delivery_id, a.good - a.duplicate as rows, to_regclass('judged.delivery_' || d.delivery_id)"
            " is not null as there, to_regclass('judged.carried_' || d.delivery_id) is not null as carried,"
            " judged.bases_of(d.delivery_id) as bases"
            " from ledger.run_deliveries as r join ledger.deliveries as d using (delivery_id)"
            " left join ledger.row_accounts as a using (delivery_id)"
            " where r.run = :run and not r.judge and d.sighting_of is null and (r.effect in ('context', 'content')"
            " or exists (select from ledger.run_deliveries as s join ledger.deliveries as sd using (delivery_id)"
            " where s.run = :run and s.effect <> 'remove' and sd.sighting_of = d.delivery_id))"
        ),
        {"run": run},
    ).mappings()
    return [
        row["delivery_id"]
        for row in list(needed)
        if not row["there"]
        or row["rows"] is None
        or (row["carried"] and row["bases"] is None)
        # A crash of the server leaves such tables empty, never in part.
        or (row["rows"] and not _any_row(connection, row["delivery_id"], carried=row["carried"]))
    ]


def _any_row(connection: Connection, delivery: int, *, carried: bool) -> bool:
    tables = [f"judged.delivery_{delivery}", *([f"judged.carried_{delivery}"] if carried else [])]
    return bool(connection.scalar(text("select " + " or ".join(f"exists (table {table})" for table in tables))))


def has_work(run: int) -> bool:
    """Whether a run still has something to bring into history, to take out of it, or to account for."""
    with transaction() as connection:
        work = text(
            "select exists (select from ledger.run_deliveries where run = :run and effect in ('add', 'remove'))"
            f" or exists (select {UNACCOUNTED} and delivery_id in"
            " (select delivery_id from ledger.run_deliveries where run = :run and effect = 'content'))"
        )
        return bool(connection.scalar(work, {"run": run}))


def waiting(entity: str) -> list[RowMapping]:
    """The deliveries of the entity that wait for a person's word."""
    with transaction() as connection:
        return ledger.deliveries_in_state(connection, "waiting", entity=entity)


def to_judge(run: int) -> list[RowMapping]:
    """The deliveries whose rows the run judges."""
    with transaction() as connection:
        found = connection.execute(
            text(
                "select d.* from ledger.run_deliveries join ledger.deliveries as d using (delivery_id)"
                " where run = :run and judge order by 1"
            ),
            {"run": run},
        ).mappings()
        return list(found)


def _close_dead(connection: Connection, entity: str) -> None:
    connection.execute(
        text(
            "update ledger.runs set state = 'failed', finished_at = now(), reason = 'the process that ran it died'"
            " where entity = :entity and state = 'running'"
        ),
        {"entity": entity},
    )
    _give_back(connection, entity)


def _give_back(connection: Connection, entity: str) -> None:
    """Judged but not merged: their judgement is void, they are judged again."""
    connection.execute(
        text(
            "with back as (update ledger.deliveries set state = 'staged'"
            " where entity = :entity and state = 'judged' returning delivery_id)"
            " update ledger.row_accounts set quarantined = null, good = null, duplicate = null"
            " where delivery_id in (select delivery_id from back)"
        ),
        {"entity": entity},
    )


def _record_rules(connection: Connection, contract_hash: str, rules: Sequence[Rule]) -> None:
    rows = [
        {"contract_hash": contract_hash, "position": position, **rule.__dict__} for position, rule in enumerate(rules)
    ]
    connection.execute(
        text(
            "insert into ledger.rules (contract_hash, position, code, column_name, message, predicate, on_fail,"
            " severity, responsible, scope, unique_columns, of_cells)"
            " values (:contract_hash, :position, :code, :column_name, :message, :predicate, :on_fail,"
            " :severity, :responsible, :scope, :unique_columns, :of_cells)"
            " on conflict (contract_hash, code) do update set of_cells = excluded.of_cells"
        ),
        rows,
    )


def have_one_gate(*which: int) -> bool:
    """Whether runs have the same version of the gate."""
    with transaction() as connection:
        gates = text("select count(distinct gate_hash) = 1 from ledger.runs where run = any (:runs)")
        return bool(connection.scalar(gates, {"runs": list(which)}))


def fail(run: int, reason: str) -> None:
    """Close a run that could not finish; its deliveries wait again. A run that is merged stays merged."""
    with transaction() as connection:
        entity = connection.scalar(
            text(
                "update ledger.runs set state = 'failed', finished_at = now(), reason = :reason"
                " where run = :run and state = 'running' returning entity"
            ),
            {"run": run, "reason": reason},
        )
        if entity:
            _give_back(connection, entity)


def record_checks(run: int, stage: str, results: Sequence[CheckResult]) -> None:
    """Keep what a verification or a gate gave; the last attempt counts."""
    rows = [
        {"run": run, "stage": stage, "position": position, **result.__dict__} for position, result in enumerate(results)
    ]
    with transaction() as connection:
        connection.execute(
            text("delete from ledger.check_results where run = :run and stage = :stage"),
            {"run": run, "stage": stage},
        )
        if rows:
            connection.execute(
                text(
                    "insert into ledger.check_results (run, stage, position, name, column_name, outcome, value)"
                    " values (:run, :stage, :position, :name, :column_name, :outcome, :value)"
                ),
                rows,
            )


def candidate(entity: str) -> int | None:
    """The newest merged run of the entity that is not yet published, or None."""
    with transaction() as connection:
        newest = connection.scalar(
            text(
                "select max(r.run) from ledger.runs as r left join ledger.pointers as p using (entity)"
                " where r.entity = :entity and r.state = 'merged' and (p.run is null or r.run > p.run)"
            ),
            {"entity": entity},
        )
    return None if newest is None else int(newest)


def newest_merged(entity: str) -> int | None:
    """The newest merged run of the entity, or None."""
    with transaction() as connection:
        newest = text("select max(run) from ledger.runs where entity = :entity and state = 'merged'")
        run = connection.scalar(newest, {"entity": entity})
    return None if run is None else int(run)


def unbalanced(connection: Connection, entity: str) -> list[int]:
    """The merged deliveries of an entity whose account is missing or does not add up.

    The table's constraints refuse wrong sums; this looks at what they let pass: a missing account, a missing sum.
    """
    found = connection.scalars(
        text(
            "select d.delivery_id from ledger.deliveries as d left join ledger.row_accounts as a using (delivery_id)"
            " where d.entity = :entity and d.state in ('merged', 'sighted') and d.in_history and ("
            " a.read = a.blank + a.banner + a.skipped + a.unreadable + a.quarantined + a.good"
            " and a.good = a.opened + a.changed + a.unchanged + a.duplicate) is not true order by 1"
        ),
        {"entity": entity},
    )
    return list(found)


def accounts() -> list[RowMapping]:
    """All deliveries with their row accounts, oldest first."""
    with transaction() as connection:
        found = connection.execute(
            text(
                "select d.*, a.read, a.blank, a.banner + a.skipped as banner, a.skipped, a.unreadable, a.quarantined,"
                " a.good, a.opened, a.changed, a.unchanged, a.duplicate, a.closed"
                " from ledger.deliveries as d left join ledger.row_accounts as a using (delivery_id)"
                " order by d.received_at, d.delivery_id"
            )
        ).mappings()
        return list(found)


def publications() -> list[dict[str, Any]]:
    """Every publication, oldest first: entity, run, published_at, rows."""
    with transaction() as connection:
        found = connection.execute(
            text("select entity, run, published_at, rows from ledger.publications order by publication_id")
        ).mappings()
        return [dict(row) for row in found]
