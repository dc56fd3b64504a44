"""Notices: what owners were told, and when. Addresses are kept masked, and told apart by a keyed hash."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

HASHED = (
    "pii.hmac_sha256((select inner_key from pii.pepper), (select outer_key from pii.pepper),"
    " convert_to(lower(:address), 'UTF8'))"
)


@dataclass(frozen=True)
class Told:
    """The last notice that reached an address about a feed."""

    at: datetime
    digest: bytes
    open_rows: int


def last(connection: Connection, feed: str, address: str) -> Told | None:
    """What an address was last told of a feed, if anything."""
    found = connection.execute(
        text(
            "select told_at, digest, open_rows from ledger.notices where feed = :feed and outcome = 'sent'"
            f" and address_hash = {HASHED} order by told_at desc limit 1"
        ),
        {"feed": feed, "address": address},
    ).one_or_none()
    return Told(found[0], bytes(found[1]), found[2]) if found else None


def record(
    connection: Connection,
    feed: str,
    channel: str,
    address: str,
    digest: bytes,
    open_rows: int,
    attempts: int,
    problem: str | None,
) -> None:
    """Write down what an address was told, or why it could not be."""
    connection.execute(
        text(
            "insert into ledger.notices"
            " (feed, channel, address, address_hash, digest, open_rows, outcome, attempts, problem)"
            f" values (:feed, :channel, :masked, {HASHED}, :digest, :open_rows, :outcome, :attempts, :problem)"
        ),
        {
            "feed": feed,
            "channel": channel,
            "masked": masked(address),
            "address": address,
            "digest": digest,
            "open_rows": open_rows,
            "outcome": "failed" if problem else "sent",
            "attempts": attempts,
            "problem": problem,
        },
    )


def masked(address: str) -> str:
    """`s***@example.com`; a topic as it is."""
    name, at, domain = address.partition("@")
    return f"{name[:1]}***@{domain}" if at else address
