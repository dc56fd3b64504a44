"""Doubt about a delivery: what it would do to history, against the bounds of its feed. Deletion needs proof."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import RowMapping, text

from warehouse.connection import transaction


@dataclass(frozen=True)
class Bounds:
    """What a delivery may do before a person is asked; see extract.feeds.Bounds."""

    vanish: float
    change: float
    bad: float
    at_least: int


# Of each new delivery of a run: its rows, the keys that are open at its time, and what it would do to them.
EFFECTS = (
    "with coming as (select d.delivery_id, d.feed, d.mode, d.effective_at from ledger.run_deliveries as r"
    " join ledger.deliveries as d using (delivery_id)"
    " where r.run = :run and r.effect = 'add' and r.judge),"
    # Of several files in one run each is held against the one before it, as if they had come one by one.
    " ordered as (select c.*, (select p.delivery_id from coming as p where p.feed = c.feed and p.mode = 'full'"
    " and p.effective_at < c.effective_at order by p.effective_at desc limit 1) as before from coming as c),"
    " known as (select c.delivery_id, v.{entity}_id as id, v._fingerprint as fingerprint from ordered as c"
    ' join history."dim_{entity}" as v on v._feed = c.feed and v._superseded_in is null'
    " and v.valid_from <= c.effective_at and (v.valid_to is null or v.valid_to > c.effective_at)"
    " where c.before is null union all"
    " select c.delivery_id, j.{entity}_id, j._fingerprint from ordered as c"
    ' join judged."{entity}" as j on j._delivery_id = c.before'
    " where j._delivery_id = any (array(select delivery_id from coming))),"
    " told as (select c.delivery_id, j.{entity}_id as id, j._fingerprint as fingerprint from coming as c"
    ' join judged."{entity}" as j on j._delivery_id = c.delivery_id'
    " where j._delivery_id = any (array(select delivery_id from coming))),"
    " compared as (select known.delivery_id, count(*) as keys,"
    " count(*) filter (where told.id is not null and told.fingerprint <> known.fingerprint) as changed,"
    ' count(*) filter (where told.id is null and not exists (select from quarantine."{entity}" as q'
    " where q.{entity}_id = known.id and q.delivery_id = known.delivery_id)) as gone"
    " from known left join told using (delivery_id, id) group by 1)"
    " select c.delivery_id, c.feed, c.mode, a.staged, a.quarantined, coalesce(compared.keys, 0) as keys,"
    " coalesce(compared.changed, 0) as changed,"
    " case when c.mode = 'full' then coalesce(compared.gone, 0) else 0 end as gone"
    " from coming as c join ledger.row_accounts as a using (delivery_id) left join compared using (delivery_id)"
    " join ledger.deliveries as d using (delivery_id) where not d.accepted and not d.in_history order by 1"
)


def doubts(entity: str, run: int, bounds: Mapping[str, Bounds]) -> dict[int, str]:
    """The run's new deliveries that lie outside of their feed's bounds, each with why; `bounds` are by feed."""
    with transaction() as connection:
        found = connection.execute(text(EFFECTS.format(entity=entity)), {"run": run}).mappings().all()
    doubted = {row["delivery_id"]: _doubt(row, bounds[row["feed"]]) for row in found}
    return {delivery_id: why for delivery_id, why in doubted.items() if why}


def _doubt(row: RowMapping, bounds: Bounds) -> str:
    outside = [
        f"{part} of {whole} {what} ({part / whole:.0%}, the bound is {bound:.0%})"
        for part, whole, bound, what in (
            (row["gone"], row["keys"], bounds.vanish, "keys would vanish"),
            (row["changed"], row["keys"], bounds.change, "keys would change"),
            (row["quarantined"], row["staged"], bounds.bad, "rows are bad"),
        )
        if whole >= bounds.at_least and part > bound * whole
    ]
    return "; ".join(outside)
