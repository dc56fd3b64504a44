"""The bad rows of a delivery in the vendor's own columns, for the file that goes back to the owner.

What is read here is raw personal data: it goes back to the vendor that it came from, and nowhere else.
"""

import codecs
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from publish.reasons import in_words
from warehouse.errors import SluiceError


class VendorColumn(NamedTuple):
    """A column of a vendor's file: its name there, its name in staging, and whether its feed declares it."""

    header: str
    name: str
    declared: bool


@dataclass(frozen=True)
class BadRow:
    """One row: where it stands, its cells by the vendor's columns, and its reasons; `raw`: one that has no cells."""

    row_number: int
    line_number: int
    cells: tuple[str, ...]
    reasons: tuple[Mapping[str, Any], ...]
    raw: str = ""

    @property
    def told(self) -> str:
        """All reasons in words, each with its code and the vendor's columns."""
        return " | ".join(map(in_words, self.reasons))


@dataclass(frozen=True)
class BadRows:
    """The open rows of one delivery, with what is known of the file that it came in."""

    delivery_id: int
    name: str
    state: str
    found: Mapping[str, Any]
    elsewhere: int  # open rows of the feed in other deliveries in force


def newest(connection: Connection, entity: str, feed: str, delivery_id: int | None) -> BadRows:
    """The delivery named, or the newest in force of the feed that has open rows."""
    found = (
        connection.execute(
            text(
                "select d.delivery_id, d.name, d.state, d.found, (select count(*) from"
                f' quarantine."{entity}" as q join ledger.deliveries as o using (delivery_id) where q.feed = :feed'
                " and q.status = 'open' and q.responsible = 'vendor' and o.in_history and o.state = 'merged'"
                " and o.delivery_id <> d.delivery_id) as elsewhere from ledger.deliveries as d"
                " where d.feed = :feed and exists (select from"
                f" quarantine.\"{entity}\" as q where q.delivery_id = d.delivery_id and q.status = 'open'"
                " and q.responsible = 'vendor')"
                " and case when cast(:id as bigint) is null then d.in_history and d.state = 'merged'"
                " else d.delivery_id = :id end order by d.effective_at desc, d.delivery_id desc limit 1"
            ),
            {"feed": feed, "id": delivery_id},
        )
        .mappings()
        .one_or_none()
    )
    if found is None:
        where = f"delivery {delivery_id} of {feed}" if delivery_id else feed
        raise SluiceError(f"{where} has no open rows in quarantine: there is nothing to send back.")
    return BadRows(**found)


def read(connection: Connection, entity: str, bad: BadRows, columns: Sequence[VendorColumn]) -> list[BadRow]:
    """The open rows of a delivery that its owner is to mend, in the order of their file."""
    found = connection.execute(
        text(
            "select row_number, line_number, raw, raw_bytes, reasons"
            f" from quarantine.\"{entity}\" where delivery_id = :id and status = 'open' and responsible = 'vendor'"
            " order by row_number"
        ),
        {"id": bad.delivery_id},
    ).mappings()
    encoding = str(bad.found.get("encoding") or "utf-8")
    return [
        BadRow(
            row["row_number"],
            row["line_number"],
            tuple(_cell(row["raw"] or {}, column) for column in columns),
            tuple(row["reasons"]),
            _text(row["raw_bytes"], encoding),
        )
        for row in found
    ]


def _cell(raw: Mapping[str, Any], column: VendorColumn) -> str:
    value = raw.get(column.name) if column.declared else (raw.get("_extra") or {}).get(column.name)
    return "" if value is None else str(value)


def _text(raw: bytes | None, encoding: str) -> str:
    """A record that could not be split, as far as it can be shown. One that was erased begins with a BOM."""
    encoding = "utf-8-sig" if raw and raw.startswith(codecs.BOM_UTF8) else encoding
    return raw.decode(encoding, "replace").rstrip("\r\n").replace("\0", "\ufffd") if raw else ""
