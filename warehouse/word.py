"""A person's word on a delivery: retract it, undo that, accept or refuse one that waits. The next run follows."""

from sqlalchemy import Connection, RowMapping, text

from warehouse import ledger
from warehouse.errors import SluiceError


def retract(connection: Connection, delivery_id: int, why: str) -> str:
    """Take a delivery out of force; the one that it superseded is in force again. Gives its entity."""
    delivery = _locked(connection, delivery_id)
    if delivery["state"] in ("refused", "superseded", "retracted", "waiting"):
        raise SluiceError(f"Delivery {delivery_id} is {delivery['state']}: history does not count with it.")
    connection.execute(
        text("update ledger.deliveries set state = 'retracted', reason = :why where delivery_id = :id"),
        {"id": delivery_id, "why": why},
    )
    ledger.restore(connection, delivery["feed"], delivery["effective_at"])
    ledger.settle_sightings(connection, delivery["entity"])
    return str(delivery["entity"])


def undo(connection: Connection, delivery_id: int) -> str:
    """Put a retracted delivery back in force, unless a newer content for its time is. Gives its entity."""
    delivery = _locked(connection, delivery_id)
    if delivery["state"] != "retracted":
        raise SluiceError(f"Delivery {delivery_id} is not retracted, but {delivery['state']}.")
    if delivery["mends"] is not None:
        _undo_supplement(connection, delivery)
        return str(delivery["entity"])
    newer = connection.scalar(
        text(
            "select delivery_id from ledger.deliveries where feed = :feed and effective_at = :effective_at"
            f" and mends is null and revision > :revision and state not in {ledger.OUT_OF_FORCE} and state <> 'waiting'"
        ),
        dict(delivery),
    )
    if newer:
        connection.execute(
            text("update ledger.deliveries set state = 'superseded', reason = null where delivery_id = :id"),
            {"id": delivery_id},
        )
    else:
        ledger.supersede(connection, delivery["feed"], delivery["effective_at"])
        ledger.put_in_force(connection, delivery_id)
    ledger.settle_sightings(connection, delivery["entity"])
    return str(delivery["entity"])


def _undo_supplement(connection: Connection, delivery: RowMapping) -> None:
    """A mended file is back in force with what it mends; it supersedes nothing."""
    mended = ledger.delivery(connection, delivery["mends"])
    if mended["state"] in ("refused", "superseded", "retracted", "waiting"):
        raise SluiceError(
            f"Delivery {delivery['delivery_id']} mends delivery {mended['delivery_id']}, which is {mended['state']}."
        )
    ledger.put_in_force(connection, delivery["delivery_id"])


def _locked(connection: Connection, delivery_id: int) -> RowMapping:
    feed = connection.scalar(text("select feed from ledger.deliveries where delivery_id = :id"), {"id": delivery_id})
    if feed is None:
        raise SluiceError(f"There is no delivery {delivery_id}; `sluice status` lists them.")
    ledger.lock_feed(connection, feed)
    return ledger.delivery(connection, delivery_id, for_update=True)


def judge_again(connection: Connection, delivery_id: int) -> None:
    """Let the next run judge a merged delivery anew; until then history keeps what it brought. The accounts of its
    sightings are written anew, too: their rows are its."""
    connection.execute(
        text("update ledger.deliveries set state = 'staged' where delivery_id = :id and state = 'merged'"),
        {"id": delivery_id},
    )
    connection.execute(
        text(
            "delete from ledger.row_accounts where delivery_id in"
            " (select delivery_id from ledger.deliveries where sighting_of = :id and state = 'sighted')"
        ),
        {"id": delivery_id},
    )


def wait(connection: Connection, run: int, delivery_id: int, why: str) -> None:
    """Take a delivery that looks implausible out of its run, until a person says yes or no."""
    connection.execute(
        text("delete from ledger.run_deliveries where run = :run and delivery_id = :id"),
        {"run": run, "id": delivery_id},
    )
    connection.execute(
        text("update ledger.deliveries set state = 'waiting', reason = :why where delivery_id = :id"),
        {"id": delivery_id, "why": why},
    )
    # What it superseded stays in force while it waits, and so does not go out of history in this run.
    doubted = ledger.delivery(connection, delivery_id)
    restored = ledger.restore(connection, doubted["feed"], doubted["effective_at"])
    connection.execute(
        text("delete from ledger.run_deliveries where run = :run and delivery_id = :id and effect = 'remove'"),
        {"run": run, "id": restored},
    )
    # A sighting of it is to be looked at for itself: what it repeats is in doubt.
    connection.execute(
        text(
            "with doubted as (update ledger.deliveries set state = 'received', sighting_of = null"
            " where sighting_of = :id and state = 'sighted' and not in_history returning delivery_id)"
            " delete from ledger.run_deliveries where run = :run and delivery_id in (select delivery_id from doubted)"
        ),
        {"run": run, "id": delivery_id},
    )


def refuse_in_run(connection: Connection, run: int, delivery_id: int, why: str) -> None:
    """Refuse a delivery that breaks a rule which refuses, in the midst of its run; the run goes on without it."""
    declaration = ledger.delivery(connection, delivery_id, for_update=True)["found"] or {}
    ledger.refused(connection, delivery_id, why, str(declaration.get("declaration", "")))
    # Neither it nor its sightings come in, and what it had superseded, in force again, does not go out.
    connection.execute(
        text(
            "delete from ledger.run_deliveries as r using ledger.deliveries as d where r.run = :run"
            " and d.delivery_id = r.delivery_id and (d.state = 'refused' or (r.effect = 'remove' and d.in_history"
            " and d.state in ('merged', 'sighted')))"
        ),
        {"run": run},
    )


def accept(connection: Connection, delivery_id: int) -> str:
    """Say yes to a delivery that waits: the next run merges it. Gives its entity."""
    return _decide(connection, delivery_id, "staged", None, accepted=True)


def refuse(connection: Connection, delivery_id: int, why: str) -> str:
    """Say no to a delivery that waits: it changes nothing. Gives its entity."""
    return _decide(connection, delivery_id, "refused", why, accepted=False)


def _decide(connection: Connection, delivery_id: int, state: str, why: str | None, *, accepted: bool) -> str:
    delivery = _locked(connection, delivery_id)
    if delivery["state"] != "waiting":
        raise SluiceError(f"Delivery {delivery_id} does not wait, it is {delivery['state']}.")
    if accepted and delivery["mends"] is None:
        ledger.supersede(connection, delivery["feed"], delivery["effective_at"])
    connection.execute(
        text(
            "update ledger.deliveries set state = :state, reason = :why, accepted = :accepted where delivery_id = :id"
        ),
        {"id": delivery_id, "state": state, "why": why, "accepted": accepted},
    )
    ledger.restore(connection, delivery["feed"], delivery["effective_at"])
    return str(delivery["entity"])
