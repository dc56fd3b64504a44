"""What becomes of quarantined rows: settled by later files, by mended files, by people. Raw rows are not read here."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

from warehouse.connection import transaction
from warehouse.errors import SluiceError

IN_FORCE = "(d.in_history and d.state in ('merged', 'sighted'))"
# The files of a run that speak with good rows: what came in, and what was folded again; a sighting has another's rows.
SPEAKING = (
    "speaking as (select d.delivery_id, coalesce(d.sighting_of, d.delivery_id) as content_id, d.feed, d.effective_at,"
    " d.mends from ledger.run_deliveries as r join ledger.deliveries as d using (delivery_id)"
    f" where r.run = :run and r.effect in ('add', 'context') and {IN_FORCE})"
)
SETTLE = (
    ' update quarantine."{entity}" as q set status = settled.status, settled_at = clock_timestamp(),'
    " settled_by = 'delivery ' || settled.by, settled_why = settled.why, settled_run = :run,"
    " settled_delivery = settled.by from settled where q.quarantine_id = settled.quarantine_id"
)
# What settled a row is not in force any more.
REOPEN = (
    "update quarantine.\"{entity}\" as q set status = 'open', settled_at = null, settled_by = null,"
    " settled_why = null, settled_run = null, settled_delivery = null from ledger.deliveries as d"
    " where d.delivery_id = q.settled_delivery and q.status in ('released', 'superseded') and not " + IN_FORCE
)
# A mended file says which row each of its rows stands for; where it does not, the key does.
RELEASE = (
    "with " + SPEAKING + ","
    ' attempts as (select q.quarantine_id, s.delivery_id as by, exists (select from quarantine."{entity}" as again'
    " where again.delivery_id = m.delivery_id and again.row_number = m.row_number"
    " and again.status <> 'replayed') as bad"
    " from speaking as s join ledger.mended_rows as m on m.delivery_id = s.delivery_id"
    ' join quarantine."{entity}" as q on q.delivery_id = m.mended_delivery and q.row_number = m.mended_row'
    " where q.status = 'open'"
    " union all select q.quarantine_id, s.delivery_id, false from speaking as s"
    " join quarantine.\"{entity}\" as q on q.delivery_id = s.mends and q.status = 'open'"
    ' join judged."{entity}" as j on j._delivery_id = s.content_id and j.{entity}_id = q.{entity}_id'
    " where j._delivery_id = any (array(select content_id from speaking where mends is not null))),"
    " settled as (select distinct on (quarantine_id) quarantine_id, by,"
    " case when bad then 'superseded' else 'released' end as status,"
    " case when bad then 'sent again, and not yet right: see there' else 'its owner mended it' end as why"
    " from attempts order by quarantine_id, bad, by)" + SETTLE
)
# Another content took the place of the whole file, and has the key right, or does not have it any more.
REPLACE = (
    "with " + SPEAKING + ","
    " settled as (select q.quarantine_id, s.delivery_id as by, 'released' as status,"
    " 'another file for the same time has it right, or no more' as why"
    " from speaking as s join ledger.deliveries as old on old.feed = s.feed and old.effective_at = s.effective_at"
    " and old.state = 'superseded' and s.mends is null"
    " join quarantine.\"{entity}\" as q on q.delivery_id = old.delivery_id and q.status = 'open'"
    ' where q.{entity}_id is not null and not exists (select from quarantine."{entity}" as again'
    " where again.delivery_id = s.content_id and again.{entity}_id = q.{entity}_id))" + SETTLE
)
# The first later file in which the key is good.
SUPERSEDE = (
    "with " + SPEAKING + ","
    " waiting as (select q.quarantine_id, q.{entity}_id as id, q.feed, d.effective_at, by.effective_at as settled_at"
    ' from quarantine."{entity}" as q join ledger.deliveries as d using (delivery_id)'
    " left join ledger.deliveries as by on by.delivery_id = q.settled_delivery"
    " where q.status in ('open', 'superseded') and q.{entity}_id is not null and " + IN_FORCE + "),"
    " settled as (select distinct on (w.quarantine_id) w.quarantine_id, s.delivery_id as by, 'superseded' as status,"
    " 'a later file has its key right' as why from waiting as w"
    " join speaking as s on s.feed = w.feed and s.effective_at > w.effective_at"
    " and (w.settled_at is null or s.effective_at < w.settled_at)"
    ' join judged."{entity}" as j on j._delivery_id = s.content_id and j.{entity}_id = w.id'
    " where j._delivery_id = any (array(select content_id from speaking))"
    " order by w.quarantine_id, s.effective_at, s.delivery_id)" + SETTLE
)


def settle(entity: str) -> None:
    """Write down which quarantined rows the entity's merged runs brought right, and which of those are open again.

    Runs that died before this are made up for: call it under the entity's lock, before and after a merge.
    """
    with transaction() as connection:
        runs = connection.scalars(
            text(
                "update ledger.runs set settled_at = clock_timestamp()"
                " where entity = :entity and state = 'merged' and settled_at is null returning run"
            ),
            {"entity": entity},
        ).all()
        for run in sorted(runs):
            connection.execute(text(REOPEN.format(entity=entity)))
            for statement in (RELEASE, REPLACE, SUPERSEDE):
                connection.execute(text(statement.format(entity=entity)), {"run": run})


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
            " settled_by = :by, settled_why = :why, settled_run = null, settled_delivery = null"
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
    """The deliveries in force that hold open rows of the choice, with how many: a replay judges them again whole."""
    found = connection.execute(
        text(
            f'select q.delivery_id, count(*) from quarantine."{entity}" as q join ledger.deliveries as d'
            f" using (delivery_id) where q.status = 'open' and d.in_history and d.state = 'merged' and {CHOSEN}"
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
