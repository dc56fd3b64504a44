"""Doubt about a delivery: what it would do to history, against the bounds of its feed. Deletion needs proof."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import RowMapping, text

from checks.delivery_checks import Finding, record
from warehouse.connection import transaction

Bounds = Mapping[str, Any]  # as extract.feeds.Bounds has them
LAST = 10  # deliveries that a row count is held against

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
    " select c.delivery_id, c.feed, c.mode, d.mends, a.staged, a.quarantined, coalesce(compared.keys, 0) as keys,"
    " coalesce(compared.changed, 0) as changed,"
    " case when c.mode = 'full' then coalesce(compared.gone, 0) else 0 end as gone,"
    " (select percentile_cont(0.5) within group (order by staged) from (select la.staged from ledger.deliveries as l"
    " join ledger.row_accounts as la using (delivery_id) where l.feed = c.feed and l.mode = c.mode and l.mends is null"
    " and l.effective_at < c.effective_at and l.state in ('staged', 'judged', 'merged', 'sighted')"
    f" order by l.effective_at desc limit {LAST}) as last) as usual"
    " from coming as c join ledger.row_accounts as a using (delivery_id) left join compared using (delivery_id)"
    " join ledger.deliveries as d using (delivery_id) where not d.accepted and not d.in_history order by 1"
)


def doubts(entity: str, run: int, bounds: Mapping[str, Bounds]) -> dict[int, str]:
    """The run's new deliveries that lie outside of their feed's bounds, each with why; `bounds` are by feed. What was
    found of each delivery is recorded, whatever came of it."""
    with transaction() as connection:
        rows = connection.execute(text(EFFECTS.replace("{entity}", entity)), {"run": run}).mappings().all()
    doubted = {}
    for row in rows:
        found = _shares(row, bounds[row["feed"]])
        if row["mends"] is None:  # a mended file holds a few rows, as it should
            found += _volume(row, bounds[row["feed"]])
        record(row["delivery_id"], found)
        why = "; ".join(finding.message for finding in found if finding.outcome == "wait")
        if why:
            doubted[row["delivery_id"]] = why
    return doubted


def _shares(row: RowMapping, bounds: Bounds) -> list[Finding]:
    """What the delivery would do to its feed's keys, and how many of its rows are bad, as shares."""
    found = []
    for check, part, whole, what in (
        ("vanish", row["gone"], row["keys"], "keys would vanish"),
        ("change", row["changed"], row["keys"], "keys would change"),
        ("bad", row["quarantined"], row["staged"], "rows are bad"),
    ):
        bound = bounds[check]
        outside = whole >= bounds["at_least"] and part > bound * whole
        share = part / whole if whole else 0.0
        message = f"{part} of {whole} {what} ({share:.0%}, the bound is {bound:.0%})"
        found.append(Finding(check, "wait" if outside else "pass", message, share, bound))
    return found


def _volume(row: RowMapping, bounds: Bounds) -> list[Finding]:
    """How many rows the delivery has, against its feed's limits and its last deliveries."""
    rows, usual, limits = row["staged"], row["usual"], bounds["rows"]
    low, high, share = limits["min"], limits["max"], limits["against_last"]
    told = []
    if low is not None and rows < low:
        told.append((low, f"{rows} rows are fewer than {low}"))
    if high is not None and rows > high:
        told.append((high, f"{rows} rows are more than {high}"))
    if share and usual is not None and usual >= bounds["at_least"]:
        if rows < usual * share:
            told.append((usual * share, f"{rows} rows are under {share:.0%} of the usual {usual:g}"))
        elif rows > usual / share:
            told.append((usual / share, f"{rows} rows are over {1 / share:.3g} times the usual {usual:g}"))
    if told:
        return [Finding("rows", "wait", "; ".join(why for _, why in told), rows, told[0][0])]
    known = "" if usual is None else f", where the last ones had {usual:g}"
    return [Finding("rows", "pass", f"{rows} rows{known}", rows)]
