"""The ledger: every delivery and run, and where each row went. Each function is a statement or a few, in the
caller's transaction, so that data and its account are committed together."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, text

OUT_OF_FORCE = "('refused', 'superseded', 'retracted')"
Span = tuple[datetime | None, datetime | None]  # the earliest and the latest effective time of rows, or they have none
Outcome = Literal["new", "sighting", "again"]
# What is known of a delivery's content before it is read: the zip that it was taken out of.
FROM_CONTAINER = "jsonb_strip_nulls(jsonb_build_object('container', cast(:container as text)))"

# What had no times of rows, and gets them, was where its own time is.
SPAN = (
    "case when in_history and cast(:{now} as timestamptz) is not null"
    " then {widest}(coalesce({bound}, effective_at), cast(:{now} as timestamptz))"
    " when in_history then {bound} else cast(:{now} as timestamptz) end"
)


@dataclass(frozen=True)
class Arrival:
    """What is known of a file when it arrives, before anything of it is read."""

    vendor: str
    feed: str  # "vendor.feed"
    entity: str
    mode: str
    name: str
    sha256: str
    bytes: int
    received_at: datetime
    effective_at: datetime
    effective_date: date
    effective_zone: str  # in which that is the day
    declaration: str  # the version of the feed's declaration
    container: str | None = None  # the SHA-256 of the zip that it was taken out of
    mends: int | None = None  # of a mended file: the delivery whose bad rows it brings back


@dataclass(frozen=True)
class Registered:
    """How the ledger took an arrival; only a `new` one is staged."""

    delivery_id: int
    outcome: Outcome
    state: str
    same_as: int | None = None  # of a sighting: the delivery whose content it has
    replaces: int | None = None  # the delivery that was in force for its time


def register(connection: Connection, arrival: Arrival, *, retry: bool = True) -> Registered:
    """Give an arrival its delivery. Identity is (feed, effective_at, sha256): the same again is a no-op. With `retry`
    one that was refused is tried anew, and one that another content superseded comes into force again; one that was
    refused is tried anew without it too, if its feed is declared otherwise than it was then."""
    lock_feed(connection, arrival.feed)
    known = _same_delivery(connection, arrival.feed, arrival.effective_at, arrival.sha256, arrival.declaration)
    if known and not _taken_anew(known, retry):
        return Registered(known["delivery_id"], "again", known["state"])
    if arrival.mends is not None:
        return _register_supplement(connection, arrival, known)
    before = _in_force_before(connection, arrival)
    sighted = before["delivery_id"] if before and before["sha256"] == arrival.sha256 else None
    replaced = supersede(connection, arrival.feed, arrival.effective_at)
    state = "sighted" if sighted else "received"
    if known and known["in_history"]:
        state, sighted = "sighted" if known["sighting_of"] else "merged", known["sighting_of"]
    delivery_id = _write(connection, arrival, known, state, _next_revision(connection, arrival), sighted)
    settle_sightings(connection, arrival.entity)
    return Registered(delivery_id, "sighting" if sighted else "new", state, sighted, replaced)


def knows_length(connection: Connection, feed: str, length: int) -> bool:
    """Whether a delivery of the feed has that many bytes."""
    statement = text("select exists (select from ledger.deliveries where feed = :feed and bytes = :length)")
    return bool(connection.scalar(statement, {"feed": feed, "length": length}))


def _register_supplement(connection: Connection, arrival: Arrival, known: RowMapping | None) -> Registered:
    """A mended file supersedes nothing: it stands beside the delivery that it mends, or is refused with that one."""
    mended = delivery(connection, int(arrival.mends or 0), for_update=True)
    state = "merged" if known and known["in_history"] else "received"
    delivery_id = _write(connection, arrival, known, state, 1, None)
    if mended["state"] in ("refused", "superseded", "retracted", "waiting"):
        told = (
            f"it mends delivery {mended['delivery_id']}, which is {mended['state']}: history does not count with"
            " that one. Export the bad rows of what came after it, and mend those"
        )
        refused(connection, delivery_id, told, arrival.declaration)
        state = "refused"
    return Registered(delivery_id, "new", state)


def lock_feed(connection: Connection, feed: str) -> None:
    """Let nobody else change which deliveries of a feed are in force before the transaction ends."""
    connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended(:lock, 0))"), {"lock": f"sluice.feed.{feed}"}
    )


def _taken_anew(known: RowMapping, retry: bool) -> bool:
    if known["state"] == "refused":
        return retry or bool(known["declared_otherwise"])
    return retry and known["state"] == "superseded"


def _write(
    connection: Connection,
    arrival: Arrival,
    known: RowMapping | None,
    state: str,
    revision: int,
    sighted: int | None,
) -> int:
    """Insert the delivery, or write the known one that is taken anew; gives its id."""
    row = {**arrival.__dict__, "state": state, "revision": revision, "sighted": sighted}
    if known:
        connection.execute(
            text(
                "update ledger.deliveries set state = :state, revision = :revision, sighting_of = :sighted,"
                " received_at = :received_at, name = :name, mode = :mode, reason = null,"
                f" found = coalesce(found, '{{}}') || {FROM_CONTAINER} where delivery_id = :id"
            ),
            {**row, "id": known["delivery_id"]},
        )
        return int(known["delivery_id"])
    statement = text(
        "insert into ledger.deliveries (vendor, feed, entity, name, sha256, bytes, received_at, effective_at,"
        " effective_date, effective_zone, revision, mode, state, sighting_of, mends, found) values (:vendor, :feed,"
        " :entity, :name, :sha256, :bytes, :received_at, :effective_at, :effective_date, :effective_zone, :revision,"
        f" :mode, :state, :sighted, :mends, {FROM_CONTAINER}) returning delivery_id"
    )
    return int(connection.scalar(statement, row))


def known(
    connection: Connection, feed: str, effective_at: datetime, sha256: str, declaration: str
) -> Registered | None:
    """The delivery that a file found once more in its drop folder is, or None where it is to be taken in."""
    found = _same_delivery(connection, feed, effective_at, sha256, declaration)
    if found is None or _taken_anew(found, retry=False):
        return None
    return Registered(found["delivery_id"], "again", found["state"])


def _same_delivery(
    connection: Connection, feed: str, effective_at: datetime, sha256: str, declaration: str
) -> RowMapping | None:
    return (
        connection.execute(
            text(
                "select delivery_id, state, in_history, sighting_of,"
                " found ->> 'declaration' <> :declaration as declared_otherwise"
                " from ledger.deliveries where feed = :feed and effective_at = :effective_at and sha256 = :sha256"
            ),
            {"feed": feed, "effective_at": effective_at, "sha256": sha256, "declaration": declaration},
        )
        .mappings()
        .one_or_none()
    )


def _in_force_before(connection: Connection, arrival: Arrival) -> RowMapping | None:
    """The delivery of the feed that was in force just before this one's effective time."""
    return (
        connection.execute(
            text(
                "select coalesce(sighting_of, delivery_id) as delivery_id, sha256 from ledger.deliveries"
                f" where feed = :feed and effective_at < :effective_at and state not in {OUT_OF_FORCE}"
                " and state <> 'waiting' and mends is null"
                " order by effective_at desc limit 1"
            ),
            arrival.__dict__,
        )
        .mappings()
        .one_or_none()
    )


def supersede(connection: Connection, feed: str, effective_at: datetime) -> int | None:
    """Take what is in force for an effective time out of force: another content takes its place. Gives what it was."""
    replaced: int | None = connection.scalar(
        text(
            "update ledger.deliveries set state = 'superseded' where feed = :feed and effective_at = :effective_at"
            f" and state not in {OUT_OF_FORCE} and mends is null returning delivery_id"
        ),
        {"feed": feed, "effective_at": effective_at},
    )
    return replaced


def _next_revision(connection: Connection, arrival: Arrival) -> int:
    highest = connection.scalar(
        text(
            "select max(revision) from ledger.deliveries"
            " where feed = :feed and effective_at = :effective_at and state <> 'refused' and mends is null"
        ),
        arrival.__dict__,
    )
    return (highest or 0) + 1


def settle_sightings(connection: Connection, entity: str) -> None:
    """Let history count with the sightings that change nothing: what is in force just before them has their content
    and is in history, and nothing later of their feed is. All of their good rows are unchanged."""
    while connection.execute(
        text(
            "with in_order as ("
            " select d.*, lag(in_history) over (partition by feed order by effective_at, delivery_id) as after_history,"
            " lag(coalesce(sighting_of, delivery_id)) over (partition by feed order by effective_at, delivery_id)"
            " as content_before"
            f" from ledger.deliveries as d where entity = :entity and state not in {OUT_OF_FORCE}"
            "), settled as ("
            " update ledger.deliveries as d set in_history = true from in_order as i"
            " where d.delivery_id = i.delivery_id and i.state = 'sighted' and not i.in_history and i.after_history"
            " and i.content_before = i.sighting_of and not exists (select from ledger.deliveries as later"
            " where later.feed = d.feed and later.effective_at >= d.effective_at and later.in_history)"
            " returning d.delivery_id, d.sighting_of"
            ") insert into ledger.row_accounts (delivery_id, read, blank, banner, unreadable, staged, quarantined,"
            " good, duplicate, opened, changed, unchanged, closed, skipped)"
            " select s.delivery_id, a.read, a.blank, a.banner, a.unreadable, a.staged,"
            " a.quarantined, a.good, a.duplicate, 0, 0, a.good - a.duplicate, 0, a.skipped from settled as s"
            " join ledger.row_accounts as a on a.delivery_id = s.sighting_of"
            " on conflict (delivery_id) do update"
            " set opened = 0, changed = 0, unchanged = excluded.unchanged, closed = 0"
        ),
        {"entity": entity},
    ).rowcount:
        pass


def staged(
    connection: Connection, delivery_id: int, account: Mapping[str, int], found: Mapping[str, Any], span: Span
) -> None:
    """Write a staged delivery's account of records, what the reader found, and from when to when its rows speak. Of one
    that is in history that only grows: what it brought there is looked for when it goes."""
    connection.execute(
        text(
            "insert into ledger.row_accounts (delivery_id, read, blank, banner, unreadable, staged)"
            " values (:delivery_id, :read, :blank, :banner, :unreadable, :staged)"
            " on conflict (delivery_id) do update set read = excluded.read, blank = excluded.blank,"
            " banner = excluded.banner, unreadable = excluded.unreadable, staged = excluded.staged, quarantined = null,"
            " good = null, duplicate = null, opened = null, changed = null, unchanged = null, closed = null,"
            " skipped = 0"
        ),
        {"delivery_id": delivery_id, **account},
    )
    connection.execute(
        text(
            "update ledger.deliveries set"
            " found = jsonb_strip_nulls(jsonb_build_object('container', found -> 'container'))"
            " || cast(:found as jsonb),"
            " state = case when state in ('received', 'judged') then 'staged' else state end,"
            f" rows_from = {SPAN.format(bound='rows_from', widest='least', now='first')},"
            f" rows_until = {SPAN.format(bound='rows_until', widest='greatest', now='last')}"
            " where delivery_id = :delivery_id"
        ),
        {"delivery_id": delivery_id, "found": json.dumps(found), "first": span[0], "last": span[1]},
    )


def refused(connection: Connection, delivery_id: int, reason: str, declaration: str) -> None:
    """Close a delivery that cannot be read as its feed is declared, with the reason; its sightings go the same way.
    What they had superseded is in force again."""
    gone = connection.execute(
        text(
            "update ledger.deliveries set state = 'refused', reason = :reason, sighting_of = null,"
            " found = jsonb_build_object('declaration', cast(:declaration as text))"
            " where delivery_id = :delivery_id or (sighting_of = :delivery_id and state = 'sighted')"
            " returning feed, effective_at"
        ),
        {"delivery_id": delivery_id, "reason": reason, "declaration": declaration},
    ).all()
    for feed, effective_at in gone:
        restore(connection, feed, effective_at)


def restore(connection: Connection, feed: str, effective_at: datetime) -> int | None:
    """Where nothing is in force for an effective time any more, put the newest superseded content back; gives it."""
    below: int | None = connection.scalar(
        text(
            "select delivery_id from ledger.deliveries where feed = :feed and effective_at = :effective_at"
            " and state = 'superseded' and mends is null and not exists (select from ledger.deliveries"
            " where feed = :feed and effective_at = :effective_at and mends is null"
            f" and state not in {OUT_OF_FORCE} and state <> 'waiting')"
            " order by revision desc limit 1"
        ),
        {"feed": feed, "effective_at": effective_at},
    )
    if below is not None:
        put_in_force(connection, below)
    return below


def put_in_force(connection: Connection, delivery_id: int) -> None:
    """Let a delivery count again. Where history does not hold it any more, it is staged again from the archive."""
    connection.execute(
        text(
            "update ledger.deliveries set reason = null, state = case when sighting_of is not null then 'sighted'"
            " when in_history then 'merged' else 'received' end where delivery_id = :id"
        ),
        {"id": delivery_id},
    )


def delivery(connection: Connection, delivery_id: int, *, for_update: bool = False) -> RowMapping:
    """One delivery; `for_update`: nobody else changes it before the transaction ends."""
    locking = " for update" if for_update else ""
    found = connection.execute(
        text(f"select * from ledger.deliveries where delivery_id = :id{locking}"), {"id": delivery_id}
    ).mappings()
    return found.one()


def deliveries_in_state(connection: Connection, *states: str, entity: str | None = None) -> list[RowMapping]:
    """The deliveries in the given states, by effective time."""
    found = connection.execute(
        text(
            "select * from ledger.deliveries where state = any(:states) and entity = coalesce(:entity, entity)"
            " order by effective_at, delivery_id"
        ),
        {"states": list(states), "entity": entity},
    ).mappings()
    return list(found)
