"""Doubt about a delivery: what it would do to history, against the bounds of its feed. Deletion needs proof."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, text

from warehouse.connection import transaction


@dataclass(frozen=True)
class Bounds:
    """What a delivery may do before a person is asked; see extract.feeds.Bounds."""

    vanish: float
    change: float
    bad: float
    at_least: int


# The new deliveries of a run. Of several files in one run each is held against the one before it, as if they had come
# one by one; `is_latest`: history knows nothing of its feed that is later.
COMING = (
    "select d.delivery_id, d.feed, d.mode, d.effective_at, d.accepted, a.staged, a.quarantined,"
    " lag(case when d.mode = 'full' then d.delivery_id end) over (partition by d.feed, d.mode order by d.effective_at)"
    " as before, not exists (select from ledger.deliveries as later where later.feed = d.feed and later.in_history"
    " and later.effective_at > d.effective_at) as is_latest"
    " from ledger.run_deliveries as r join ledger.deliveries as d using (delivery_id)"
    " join ledger.row_accounts as a using (delivery_id)"
    " where r.run = :run and r.effect = 'add' and r.judge order by 1"
)
# What a delivery would do to the keys that are open at its time. It names its partition, so that no other is read.
EFFECTS = (
    # The first four bytes tell which columns a fingerprint speaks of: a new column changes no key.
    "select count(*) as keys, count(*) filter (where told.fingerprint <> known.fingerprint"
    " and substr(told.fingerprint, 1, 4) = substr(known.fingerprint, 1, 4)) as changed,"
    " count(*) filter (where told.id is null and not exists (select from quarantine.{entity} as q"
    " where q.{entity}_id = known.id and q.delivery_id = {delivery_id})) as gone"
    " from ({known}) as known left join (select {entity}_id as id, _fingerprint as fingerprint"
    " from judged.delivery_{delivery_id}) as told on told.id = known.id"
)
BEFORE = "select {entity}_id as id, _fingerprint as fingerprint from judged.delivery_{before}"
OPEN = (
    "select {entity}_id as id, _fingerprint as fingerprint from history.dim_{entity}"
    " where _feed = :feed and _superseded_in is null and {at_its_time}"
)
AT_ITS_TIME = "valid_from <= :effective_at and (valid_to is null or valid_to > :effective_at)"


def doubts(entity: str, run: int, bounds: Mapping[str, Bounds]) -> dict[int, str]:
    """The run's new deliveries that lie outside of their feed's bounds, each with why; `bounds` are by feed."""
    with transaction() as connection:
        coming = connection.execute(text(COMING), {"run": run}).mappings().all()
        looked_at = [
            {**row, **_effects(connection, entity, row, bounds[row["feed"]])} for row in coming if not row["accepted"]
        ]
    doubted = {row["delivery_id"]: _doubt(row, bounds[row["feed"]]) for row in looked_at}
    return {delivery_id: why for delivery_id, why in doubted.items() if why}


def _effects(connection: Connection, entity: str, delivery: RowMapping, bounds: Bounds) -> Mapping[str, Any]:
    """Keys that are open, would change and would vanish. A delta closes nothing: where it may change every key, none
    has to be looked at."""
    if delivery["mode"] == "delta" and bounds.change >= 1:
        return {"keys": 0, "changed": 0, "gone": 0}
    at_its_time = "valid_to is null" if delivery["is_latest"] else AT_ITS_TIME
    known = (BEFORE if delivery["before"] else OPEN).format(entity=entity, at_its_time=at_its_time, **delivery)
    effects = text(EFFECTS.format(entity=entity, delivery_id=delivery["delivery_id"], known=known))
    found = connection.execute(effects, dict(delivery)).mappings().one()
    return {**found, "gone": found["gone"] if delivery["mode"] == "full" else 0}


def _doubt(row: Mapping[str, Any], bounds: Bounds) -> str:
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
