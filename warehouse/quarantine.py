"""What people do with quarantined rows: discard them, have them judged again. Raw rows are not read here."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

from warehouse.errors import SluiceError


def discard(
    connection: Connection,
    entity: str,
    *,
    by: str,
    why: str,
    rule: str | None = None,
    delivery_id: int | None = None,
    rows: Sequence[int] = (),
) -> int:
    """Let nobody wait for these open rows any more; gives how many. They stay as a record, and out of history."""
    found = connection.execute(
        text(
            f"update quarantine.\"{entity}\" as q set status = 'discarded', settled_at = clock_timestamp(),"
            " settled_by = :by, settled_why = :why, settled_run = null"
            f" where q.status = 'open' and {CHOSEN} returning q.delivery_id"
        ),
        {"by": by, "why": why, **chosen(rule, delivery_id, rows)},
    )
    deliveries = [delivery for (delivery,) in found]
    record(connection, entity, "discard", by, why, deliveries, rule, len(deliveries))
    return len(deliveries)


# Rows by rule, delivery and row number; what is left out does not narrow.
CHOSEN = (
    "(cast(:rule as text) is null or q.reasons @> jsonb_build_array(jsonb_build_object('code', cast(:rule as text))))"
    " and (cast(:delivery_id as bigint) is null or q.delivery_id = :delivery_id)"
    " and (cast(:rows as bigint[]) = '{}' or q.row_number = any (cast(:rows as bigint[])))"
)


def chosen(rule: str | None, delivery_id: int | None, rows: Sequence[int] = ()) -> dict[str, Any]:
    """The parameters of CHOSEN."""
    return {"rule": rule, "delivery_id": delivery_id, "rows": list(rows)}


def to_replay(connection: Connection, entity: str, rule: str | None, delivery_id: int | None) -> dict[int, int]:
    """The deliveries in force that hold such rows, with how many: a replay judges them again whole. A row that a later
    file has right still lacks in history at its own time."""
    found = connection.execute(
        text(
            f'select q.delivery_id, count(*) from quarantine."{entity}" as q join ledger.deliveries as d'
            f" using (delivery_id) where q.status in ('open', 'superseded') and d.in_history and d.state = 'merged'"
            f" and {CHOSEN}"
            " group by 1 order by 1"
        ),
        chosen(rule, delivery_id),
    )
    return dict(found.tuples().all())


def judge_again(connection: Connection, deliveries: Sequence[int]) -> None:
    """Let the next run judge these deliveries again and fold them anew at their own time; sightings of them follow."""
    connection.execute(
        text("update ledger.deliveries set judge_again = true where delivery_id = any (:ids)"),
        {"ids": list(deliveries)},
    )
    connection.execute(
        text(
            "delete from ledger.row_accounts where delivery_id in"
            " (select delivery_id from ledger.deliveries where sighting_of = any (:ids) and state = 'sighted')"
        ),
        {"ids": list(deliveries)},
    )


def sign_replay(connection: Connection, entity: str, run: int, *, by: str, why: str) -> int:
    """Write down who had rows judged again that a run found good; gives how many."""
    return connection.execute(
        text(
            f'update quarantine."{entity}" set settled_by = :by, settled_why = :why'
            " where settled_run = :run and status = 'replayed'"
        ),
        {"run": run, "by": by, "why": why},
    ).rowcount


def statuses(connection: Connection, entity: str, deliveries: Sequence[int] | None = None) -> dict[int, dict[str, int]]:
    """How many quarantined rows of each delivery have each status."""
    found = connection.execute(
        text(
            f'select delivery_id, status, count(*) from quarantine."{entity}"'
            " where cast(:ids as bigint[]) is null or delivery_id = any (cast(:ids as bigint[])) group by 1, 2"
        ),
        {"ids": None if deliveries is None else list(deliveries)},
    )
    counts: dict[int, dict[str, int]] = {}
    for delivery, status, count in found:
        counts.setdefault(delivery, {})[status] = count
    return counts


def record(
    connection: Connection,
    entity: str,
    action: str,
    by: str,
    why: str | None,
    deliveries: Sequence[int],
    rule: str | None,
    rows: int,
    run: int | None = None,
) -> None:
    """Write down what a person did with quarantined rows."""
    connection.execute(
        text(
            "insert into ledger.quarantine_actions (entity, action, done_by, why, deliveries, rule, rows, run)"
            " values (:entity, :action, :by, :why, :deliveries, :rule, :rows, :run)"
        ),
        {
            "entity": entity,
            "action": action,
            "by": by,
            "why": why,
            "deliveries": sorted(set(deliveries)),
            "rule": rule,
            "rows": rows,
            "run": run,
        },
    )


def require_steward(connection: Connection, entity: str) -> None:
    """Refuse who may not read raw quarantined rows."""
    may = (
        connection.execute(
            text("select current_user as name, has_table_privilege(:table, 'select') as raw"),
            {"table": f'quarantine."{entity}"'},
        )
        .mappings()
        .one()
    )
    if not may["raw"]:
        raise SluiceError(
            f"{may['name']} may not read raw rows of {entity}: that is for the role sluice_steward and the owner."
        )
