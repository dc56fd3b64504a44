"""What Sluice shows of itself: status, quarantine and history, as plain data that is fit for JSON."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, RowMapping, text

from publish import findings
from warehouse import runs
from warehouse.connection import transaction
from warehouse.errors import SluiceError

ROWS = (
    "read",
    "blank",
    "banner",
    "unreadable",
    "quarantined",
    "good",
    "opened",
    "changed",
    "unchanged",
    "duplicate",
    "closed",
)


def plain(value: Any) -> Any:
    """A value as JSON has it: times as ISO 8601, ids as text, decimals as numbers."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Decimal):
        return float(value)
    return value


def zones(connection: Connection, entity: str) -> dict[str, ZoneInfo]:
    """The zone in which the days of each feed of an entity begin, as its newest delivery has it."""
    found = connection.execute(
        text(
            "select distinct on (feed) feed, effective_zone from ledger.deliveries where entity = :entity"
            " order by feed, delivery_id desc"
        ),
        {"entity": entity},
    )
    return {feed: ZoneInfo(zone) for feed, zone in found}


def local(row: RowMapping, zone: ZoneInfo, *names: str) -> dict[str, Any]:
    """A row as plain values; those of `names` are times in the zone: what a vendor calls 5 January begins at 18:30 UTC
    on the 4th, where it sits in India."""
    return {name: plain(value.astimezone(zone) if value and name in names else value) for name, value in row.items()}


def status() -> dict[str, Any]:
    """All deliveries with their row accounts, and all publications, oldest first."""
    deliveries = [
        {
            "delivery_id": row["delivery_id"],
            "vendor": row["vendor"],
            "feed": row["feed"].split(".", 1)[1],
            "entity": row["entity"],
            "name": row["name"],
            "sha256": row["sha256"],
            "received_at": plain(row["received_at"]),
            "effective_at": row["effective_at"].astimezone(ZoneInfo(row["effective_zone"])).isoformat(),
            "mode": row["mode"],
            "state": row["state"],
            "revision": row["revision"],
            "sighting_of": row["sighting_of"],
            "reason": row["reason"],
            "found": findings.short(row["found"]),
            "rows": {name: row[name] for name in (*ROWS, "skipped")},
        }
        for row in runs.accounts()
    ]
    publications = [{key: plain(value) for key, value in row.items()} for row in runs.publications()]
    return {"deliveries": deliveries, "publications": publications}


def skipped(delivery_id: int) -> list[dict[str, Any]]:
    """The records of a delivery that its feed's skip patterns name as no data, nothing personal."""
    with transaction() as connection:
        found = connection.execute(
            text("select row_number, line_number, why from ledger.skipped where delivery_id = :id order by row_number"),
            {"id": delivery_id},
        ).mappings()
        return [dict(row) for row in found]


def quarantine(entity: str) -> list[dict[str, Any]]:
    """The bad rows of an entity, by delivery and row: where they stand and all the reasons, nothing personal."""
    with transaction() as connection:
        require(connection, f"quarantine.{entity}_masked", entity)
        found = connection.execute(
            text(f'select * from quarantine."{entity}_masked" order by delivery_id, row_number')
        ).mappings()
        return [{key: plain(value) for key, value in row.items()} for row in found]


def history(
    entity: str, key_columns: Sequence[str], key: Sequence[str], known_at: datetime | None = None
) -> list[dict[str, Any]]:
    """The published versions of the rows with a key, oldest first, masked; or those that were published at `known_at`.

    `key` is the surrogate id, or values of the natural key's columns: all of them, or those that are known.
    """
    with transaction() as connection:
        require(connection, f"published.{entity}_history", entity)
        given, parameters = of_key(entity, key_columns, key)
        source = f'published."{entity}_history"'
        if known_at is not None:
            source = f"published.{entity}_history_known_at(:known_at)"
            parameters["known_at"] = known_at
        found = connection.execute(
            text(f"select * from {source} where {given} order by 1, valid_from"), parameters
        ).mappings()
        of_feed = zones(connection, entity)
        versions = [local(row, of_feed[row["feed"]], "valid_from", "valid_to") for row in found]
    if not versions and known_at is not None:
        raise SluiceError(
            f"No {entity} with the key {' '.join(key)!r} was published at {known_at.isoformat()}. Look at `sluice"
            " status` for what was published when."
        )
    if not versions:
        raise SluiceError(
            f"No published {entity} has the key {' '.join(key)!r}. Look at `sluice status` for what is published,"
            f" and at `sluice quarantine list {entity}` for what was held back."
        )
    return versions


def of_key(entity: str, key_columns: Sequence[str], key: Sequence[str], prefix: str = "") -> tuple[str, dict[str, Any]]:
    """The condition that a row has a key, with its parameters: each column's value in its place where all are told;
    of fewer, any column may have each."""
    texts = [f'{prefix}"{name}"::text' for name in (f"{entity}_id", *key_columns)]
    whole = len(key) == len(key_columns) > 1
    places = [[text] for text in texts[1:]] if whole else [texts] * len(key)
    given = " and ".join(f"cast(:key{i} as text) in ({', '.join(place)})" for i, place in enumerate(places))
    return given, {f"key{i}": part for i, part in enumerate(key)}


def require(connection: Connection, name: str, entity: str) -> None:
    """Refuse where a relation of the entity is not there yet."""
    schema, relation = name.split(".")
    if not connection.scalar(text("select to_regclass(:name)"), {"name": f'{schema}."{relation}"'}):
        raise SluiceError(f"{entity} was never run here; deliver a file of it, then `sluice run {entity}`.")


def sample(entity: str, count: int) -> list[dict[str, Any]]:
    """Some published rows of an entity, of every feed."""
    mixed = f"row_number() over (partition by feed order by {entity}_id), feed"
    with transaction() as connection:
        found = connection.execute(text(f'select * from published."{entity}" order by {mixed} limit :n'), {"n": count})
        return [{name: plain(value) for name, value in row.items()} for row in found.mappings()]


def most_changed(entity: str, key_columns: Sequence[str]) -> str:
    """The key (its first column) of the row with the most published versions."""
    with transaction() as connection:
        return str(
            connection.scalar(
                text(
                    f'select "{key_columns[0]}" from published."{entity}_history"'
                    " group by 1 order by count(*) desc, 1 limit 1"
                )
            )
        )
