"""The ledger: every delivery and run, and where each row went. Each function is a statement or a few, in the
caller's transaction, so that data and its account are committed together."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, text

Outcome = Literal["new", "sighting", "again", "refused"]


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
    declaration: str  # the version of the feed's declaration


@dataclass(frozen=True)
class Registered:
    """How the ledger took an arrival; only a `new` one is staged."""

    delivery_id: int
    outcome: Outcome
    state: str
    same_as: int | None = None  # of a sighting: the delivery whose content it has
    reason: str | None = None  # of a refused one


def register(connection: Connection, arrival: Arrival, *, retry: bool = True) -> Registered:
    """Give an arrival its delivery. Identity is (feed, effective_at, sha256): the same again is a no-op; one that was
    refused is tried anew, if `retry`, or if its feed is declared otherwise than when it could not be read.
    A late delivery is refused: it cannot be merged yet."""
    connection.execute(
        text("select pg_advisory_xact_lock(hashtextextended(:lock, 0))"),
        {"lock": f"sluice.feed.{arrival.feed}"},
    )
    known = _same_delivery(connection, arrival)
    if known and not (known["state"] == "refused" and (retry or known["declared_otherwise"])):
        return Registered(known["delivery_id"], "again", known["state"])
    late = _late(connection, arrival)
    if late:
        return Registered(
            _write(connection, arrival, known, "refused", 1, None, late), "refused", "refused", None, late
        )
    before = _in_force_before(connection, arrival)
    sighted = before["delivery_id"] if before and before["sha256"] == arrival.sha256 else None
    state = "sighted" if sighted else "received"
    delivery_id = _write(connection, arrival, known, state, _supersede(connection, arrival), sighted, None)
    _unsight_next(connection, arrival)
    settle_sightings(connection)
    return Registered(delivery_id, "sighting" if sighted else "new", state, sighted)


def _write(
    connection: Connection,
    arrival: Arrival,
    known: RowMapping | None,
    state: str,
    revision: int,
    sighted: int | None,
    reason: str | None,
) -> int:
    """Insert the delivery, or write the refused one that is tried anew; gives its id."""
    row = {**arrival.__dict__, "state": state, "revision": revision, "sighted": sighted, "reason": reason}
    if known:
        connection.execute(
            text(
                "update ledger.deliveries set state = :state, revision = :revision, sighting_of = :sighted,"
                " received_at = :received_at, name = :name, mode = :mode, reason = :reason where delivery_id = :id"
            ),
            {**row, "id": known["delivery_id"]},
        )
        return int(known["delivery_id"])
    statement = text(
        "insert into ledger.deliveries (vendor, feed, entity, name, sha256, bytes, received_at, effective_at,"
        " effective_date, revision, mode, state, sighting_of, reason) values (:vendor, :feed, :entity, :name,"
        " :sha256, :bytes, :received_at, :effective_at, :effective_date, :revision, :mode, :state, :sighted, :reason)"
        " returning delivery_id"
    )
    return int(connection.scalar(statement, row))


def _same_delivery(connection: Connection, arrival: Arrival) -> RowMapping | None:
    return (
        connection.execute(
            text(
                "select delivery_id, state, found ->> 'declaration' <> :declaration as declared_otherwise"
                " from ledger.deliveries where feed = :feed and effective_at = :effective_at and sha256 = :sha256"
            ),
            arrival.__dict__,
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
                " where feed = :feed and effective_at < :effective_at and state not in ('refused', 'superseded')"
                " order by effective_at desc limit 1"
            ),
            arrival.__dict__,
        )
        .mappings()
        .one_or_none()
    )


def _late(connection: Connection, arrival: Arrival) -> str | None:
    """Why an arrival is late, or None: a delivery of the feed for the same time or a later one is in history."""
    later = (
        connection.execute(
            text(
                "select d.delivery_id, d.effective_date from ledger.deliveries as d"
                " left join ledger.row_accounts as a using (delivery_id)"
                " where d.feed = :feed and d.effective_at >= :effective_at"
                " and (d.state in ('judged', 'merged') or (d.state = 'sighted' and a.read is not null))"
                " order by d.effective_at desc limit 1"
            ),
            arrival.__dict__,
        )
        .mappings()
        .one_or_none()
    )
    if later is None:
        return None
    return (
        f"{arrival.name} speaks of {arrival.effective_date}, but delivery {later['delivery_id']} of {arrival.feed}"
        f" for {later['effective_date']} is already in history. Late deliveries, and another content for a day that"
        " is merged, cannot be merged yet. The file is in the archive; if its date is wrong, deliver it again with"
        " --effective-at."
    )


def _supersede(connection: Connection, arrival: Arrival) -> int:
    """Another content for the same effective time takes the place of one that waits; gives the new revision number."""
    connection.execute(
        text(
            "update ledger.deliveries set state = 'superseded', sighting_of = null"
            " where feed = :feed and effective_at = :effective_at and state in ('received', 'staged', 'sighted')"
        ),
        arrival.__dict__,
    )
    highest = connection.scalar(
        text(
            "select max(revision) from ledger.deliveries"
            " where feed = :feed and effective_at = :effective_at and state <> 'refused'"
        ),
        arrival.__dict__,
    )
    return (highest or 0) + 1


def _unsight_next(connection: Connection, arrival: Arrival) -> None:
    """X, X again, then Y between them: the second X is no sighting any more, and has to be staged."""
    connection.execute(
        text(
            "update ledger.deliveries set state = 'received', sighting_of = null where delivery_id = ("
            " select delivery_id from ledger.deliveries where feed = :feed and effective_at > :effective_at"
            " and state not in ('refused', 'superseded') order by effective_at limit 1)"
            " and state = 'sighted' and sha256 <> :sha256"
        ),
        arrival.__dict__,
    )


def settle_sightings(connection: Connection) -> None:
    """Write the accounts of sightings whose original is merged: all of its good rows are unchanged."""
    connection.execute(
        text(
            "insert into ledger.row_accounts select s.delivery_id, a.read, a.blank, a.banner, a.unreadable, a.staged,"
            " a.quarantined, a.good, a.duplicate, 0, 0, a.good - a.duplicate, 0"
            " from ledger.deliveries as s"
            " join ledger.deliveries as o on o.delivery_id = s.sighting_of and o.state = 'merged'"
            " join ledger.row_accounts as a on a.delivery_id = o.delivery_id"
            " where s.state = 'sighted' on conflict (delivery_id) do nothing"
        )
    )


def staged(connection: Connection, delivery_id: int, account: Mapping[str, int], found: Mapping[str, Any]) -> None:
    """Write a staged delivery's account of records and what the reader found."""
    connection.execute(
        text(
            "insert into ledger.row_accounts (delivery_id, read, blank, banner, unreadable, staged)"
            " values (:delivery_id, :read, :blank, :banner, :unreadable, :staged)"
            " on conflict (delivery_id) do update set read = excluded.read, blank = excluded.blank,"
            " banner = excluded.banner, unreadable = excluded.unreadable, staged = excluded.staged,"
            " quarantined = null, good = null, duplicate = null"
        ),
        {"delivery_id": delivery_id, **account},
    )
    connection.execute(
        text(
            "update ledger.deliveries set state = 'staged', reason = null, found = cast(:found as jsonb)"
            " where delivery_id = :delivery_id"
        ),
        {"delivery_id": delivery_id, "found": json.dumps(found)},
    )


def refused(connection: Connection, delivery_id: int, reason: str, declaration: str) -> None:
    """Close a delivery that cannot be read as its feed is declared, with the reason; its sightings go the same way."""
    connection.execute(
        text(
            "update ledger.deliveries set state = 'refused', reason = :reason, sighting_of = null,"
            " found = jsonb_build_object('declaration', cast(:declaration as text))"
            " where delivery_id = :delivery_id or (sighting_of = :delivery_id and state = 'sighted')"
        ),
        {"delivery_id": delivery_id, "reason": reason, "declaration": declaration},
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
