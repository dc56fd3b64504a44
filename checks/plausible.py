"""Doubt about a delivery: what it would do to history, against the bounds of its feed. Deletion needs proof."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping, text

from checks.delivery_checks import Finding, record
from checks.falls import falls
from warehouse import judged_by
from warehouse.connection import transaction

Bounds = Mapping[str, Any]  # as extract.feeds.Bounds has them
LAST = 10  # deliveries that a row count is held against

# The new deliveries of a run. Of several files in one run each is held against the one before it, as if they had come
# one by one; `is_latest`: history knows nothing of its feed that is later.
COMING = (
    "select d.delivery_id, d.feed, d.mode, d.mends, d.effective_at, d.rows_from, a.read, a.staged, a.quarantined,"
    " lag(case when d.mode = 'full' then d.delivery_id end) over (partition by d.feed, d.mode order by d.effective_at)"
    " as before, not exists (select from ledger.deliveries as later where later.feed = d.feed and later.in_history"
    " and later.effective_at > d.effective_at) as is_latest,"
    " (select percentile_cont(0.5) within group (order by staged) from (select la.staged from ledger.deliveries as l"
    " join ledger.row_accounts as la using (delivery_id) where l.feed = d.feed and l.mode = d.mode and l.mends is null"
    " and l.effective_at < d.effective_at and l.state in ('staged', 'judged', 'merged', 'sighted')"
    f" order by l.effective_at desc limit {LAST}) as last) as usual"
    " from ledger.run_deliveries as r join ledger.deliveries as d using (delivery_id)"
    " join ledger.row_accounts as a using (delivery_id)"
    " where r.run = :run and r.effect = 'add' and r.judge and not d.accepted and not d.in_history order by 1"
)
# What a delivery would do to the keys that are open at its time. It names its partition, so that no other is read.
EFFECTS = (
    # The first four bytes tell which columns a fingerprint speaks of: a new column changes no key.
    "select {keys} as keys, count(*) filter (where told.fingerprint <> known.fingerprint"
    " and substr(told.fingerprint, 1, 4) = substr(known.fingerprint, 1, 4)) as changed,"
    # As a set, not as an EXISTS: that was looked up by delivery for each of 10,000 keys, 12 s of a processor's time.
    " count(*) filter (where told.id is null and known.id not in (select q.{entity}_id from quarantine.{entity} as q"
    " where q.delivery_id = {delivery_id} and q.{entity}_id is not null)) as gone"
    " from ({known}) as known left join ({told}) as told on told.id = known.id"
)
TOLD = "select {entity}_id as id, _fingerprint as fingerprint from judged.delivery_{delivery_id}"
# A file that was half written when it was taken ends within a record, and so within a line.
TORN = (
    "select exists (select from quarantine.{entity} where delivery_id = {delivery_id} and kind = 'unreadable'"
    " and row_number = {read} and reasons -> 0 ->> 'code' in ('too_few_cells', 'unbalanced_quote', 'bad_json')"
    " and position('\\x0a'::bytea in substring(raw_bytes from octet_length(raw_bytes) - 1)) = 0"
    " and position('\\x0d'::bytea in substring(raw_bytes from octet_length(raw_bytes) - 1)) = 0)"
)
# Where rows have times of their own, the last that is said of a key.
TOLD_LAST = (
    "select distinct on ({entity}_id) {entity}_id as id, _fingerprint as fingerprint from judged.delivery_{delivery_id}"
    " order by {entity}_id, _effective_at desc"
)
# Where it is known of which ids anything differs, these are told of either side. All others are there and open.
TOLD_OTHERWISE = "select id, fingerprint from judged.difference_{delivery_id} where row_number is not null"
KNOWN_OTHERWISE = "select * from ({known}) as every where id in (select id from judged.difference_{delivery_id})"
KEYS = (
    "(select good - duplicate from ledger.row_accounts where delivery_id = :delivery_id)"
    " - (select count(row_number) from judged.difference_{delivery_id}) + count(*)"
)
IS_TOLD = (
    "select coalesce((select base_id = cast(:before as bigint) from ledger.differences"
    " where delivery_id = :delivery_id), false)"
    " or (cast(:before as bigint) is null and ledger.is_difference_to_history(:delivery_id))"
)
BEFORE = "select {entity}_id as id, _fingerprint as fingerprint from judged.delivery_{before}"
OPEN = (
    "select {entity}_id as id, _fingerprint as fingerprint from history.dim_{entity}"
    " where _feed = :feed and _superseded_in is null and {at_its_time}"
)
AT_ITS_TIME = "valid_from <= :effective_at and (valid_to is null or valid_to > :effective_at)"


def doubts(entity: str, run: int, bounds: Mapping[str, Bounds]) -> dict[int, str]:
    """The run's new deliveries that lie outside of their feed's bounds, each with why; `bounds` are by feed. What was
    found of each delivery is recorded, whatever came of it."""
    with transaction() as connection:
        coming = connection.execute(text(COMING), {"run": run}).mappings().all()
        looked_at = [{**row, **_effects(connection, entity, row, bounds[row["feed"]])} for row in coming]
    with_row_times = {row["feed"] for row in coming if row["rows_from"]}
    fallen = {
        delivery_id: [finding]
        for feed, bound in bounds.items()
        if bound["fall"]
        for delivery_id, finding in falls(
            entity, run, feed, bound["fall"], bound["at_least"], row_times=feed in with_row_times
        ).items()
    }
    doubted = {}
    for row in looked_at:
        found = [*_shares(row, bounds[row["feed"]]), *fallen.get(row["delivery_id"], [])]
        if row["mends"] is None:  # a mended file holds a few rows, as it should
            found += _volume(row, bounds[row["feed"]])
        record(row["delivery_id"], found)
        why = "; ".join(finding.message for finding in found if finding.outcome == "wait")
        if why:
            doubted[row["delivery_id"]] = why
    return doubted


def _effects(connection: Connection, entity: str, delivery: RowMapping, bounds: Bounds) -> Mapping[str, Any]:
    """Keys that are open, would change and would vanish, and whether a torn file has them vanish. A delta closes
    nothing: where it may change every key, none has to be looked at."""
    if delivery["mode"] == "delta" and bounds["change"] >= 1:
        return {"keys": 0, "changed": 0, "gone": 0, "torn": False}
    at_its_time = "valid_to is null" if delivery["is_latest"] else AT_ITS_TIME
    known = (BEFORE if delivery["before"] else OPEN).format(entity=entity, at_its_time=at_its_time, **delivery)
    told = (TOLD_LAST if delivery["rows_from"] else TOLD).format(entity=entity, **delivery)
    keys = "count(*)"
    is_told = connection.scalar(text(IS_TOLD), dict(delivery))
    whole = [delivery["before"], None if is_told else delivery["delivery_id"]]
    judged_by.make_whole(connection, [one for one in whole if one])
    if is_told:
        at = {"delivery_id": delivery["delivery_id"]}
        keys, told, known = KEYS.format(**at), TOLD_OTHERWISE.format(**at), KNOWN_OTHERWISE.format(known=known, **at)
    effects = text(
        EFFECTS.format(entity=entity, delivery_id=delivery["delivery_id"], known=known, told=told, keys=keys)
    )
    found = connection.execute(effects, dict(delivery)).mappings().one()
    gone = found["gone"] if delivery["mode"] == "full" else 0
    torn = gone and connection.scalar(text(TORN.format(entity=entity, **delivery)))
    return {**found, "gone": gone, "torn": bool(torn)}


def _shares(row: Mapping[str, Any], bounds: Bounds) -> list[Finding]:
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
    if row["torn"]:
        message = f"it ends in the middle of a line, so it may be half a file, and {row['gone']} keys would vanish"
        found.append(Finding("torn", "wait", message, row["gone"], 0))
    return found


def _volume(row: Mapping[str, Any], bounds: Bounds) -> list[Finding]:
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
