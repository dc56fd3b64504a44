"""Why is this row so? Each version of a row with the file, line, run and publication that it comes from."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import text

from publish.views import local, of_key, require, zones
from warehouse.connection import transaction
from warehouse.errors import SluiceError

LINEAGE = (
    "select d.*, y.name as file, y.sha256, y.received_at, y.revision, y.state as delivery_state,"
    " case when span.has_row_times then d.valid_from else y.effective_at end as effective_at,"
    " r.finished_at as recorded_at, s.finished_at as superseded_at,"
    " (select min(published_at) from ledger.publications as p where p.entity = :entity and p.run >= d._recorded_in"
    " and (d._superseded_in is null or p.run < d._superseded_in)) as published_at"
    ' from history."dim_{entity}" as d'
    " join ledger.deliveries as y on y.delivery_id = d._delivery_id"
    " join ledger.spans as span on span.delivery_id = d._delivery_id"
    " join ledger.runs as r on r.run = d._recorded_in"
    " left join ledger.runs as s on s.run = d._superseded_in"
    " where {given} order by d.{entity}_id, d.valid_from, d._recorded_in"
)
OURS = (
    "valid_from",
    "valid_to",
    "_feed",
    "_delivery_id",
    "_row_number",
    "_line_number",
    "_recorded_in",
    "_superseded_in",
    "file",
    "sha256",
    "received_at",
    "effective_at",
    "revision",
    "delivery_state",
    "recorded_at",
    "superseded_at",
    "published_at",
)


def explain(
    entity: str, key_columns: Sequence[str], classes: Mapping[str, str], key: Sequence[str]
) -> list[dict[str, Any]]:
    """Every version ever recorded of the rows with a key, oldest valid time first, the superseded ones too.

    `classes` are the PII classes of the entity's columns. Of each version: its values (masked), what differs from the
    version before it, which masks were applied, and the file, line, delivery, run and publication that it comes from.
    """
    with transaction() as connection:
        require(connection, f"history.dim_{entity}", entity)
        given, parameters = of_key(entity, key_columns, key, "d.")
        found = connection.execute(text(LINEAGE.format(entity=entity, given=given)), {"entity": entity, **parameters})
        of_feed = zones(connection, entity)
        rows = [local(row, of_feed[row["_feed"]], "valid_from", "valid_to", "effective_at") for row in found.mappings()]
    if not rows:
        raise SluiceError(
            f"No {entity} with the key {' '.join(key)!r} was ever merged. Look at `sluice quarantine list {entity}` for"
            " what was held back."
        )
    explained: list[dict[str, Any]] = []
    for row in rows:
        before = _known_before(row, explained, f"{entity}_id")
        values = {name: row[name] for name in row if name not in OURS and name not in ("_fingerprint", f"{entity}_id")}
        explained.append(
            {
                f"{entity}_id": row[f"{entity}_id"],
                **{name.lstrip("_"): row[name] for name in OURS},
                "first": before is None,
                "changed": _changed(before["values"], values) if before else [],
                "masked": sorted(name for name, pii in classes.items() if pii != "none" and values.get(name)),
                "values": values,
            }
        )
    return explained


def _known_before(row: Mapping[str, Any], earlier: Sequence[dict[str, Any]], identity: str) -> dict[str, Any] | None:
    """The version that stood before this one when this one was recorded; `earlier` are those of earlier times."""
    run = row["_recorded_in"]
    for version in reversed(earlier):
        if version[identity] != row[identity]:
            return None
        if (
            version["valid_from"] != row["valid_from"]
            and version["recorded_in"] <= run
            and (version["superseded_in"] is None or version["superseded_in"] > run)
        ):
            return version
    return None


def _changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The columns that differ; a token that differs says so for the masked column that it belongs to."""
    return sorted({name.removesuffix("_token") for name in now if before.get(name) != now[name]})
