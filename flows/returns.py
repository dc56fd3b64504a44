"""Returns: the bad rows of a feed as a file for their owner."""

from dataclasses import dataclass
from pathlib import Path

from extract.feeds import Feed
from extract.stage import header_of, layout
from publish import cells, vendor_file, vendor_rows
from warehouse import quarantine
from warehouse.connection import transaction
from warehouse.settings import settings


@dataclass(frozen=True)
class Written:
    """A file that was written for an owner."""

    path: Path
    delivery_id: int
    state: str
    rows: int
    elsewhere: int
    told: str  # its format, in words


def write(entity: str, feed: Feed, delivery_id: int | None, kind: str | None, out: Path | None, *, by: str) -> Written:
    """Write the open rows of a delivery of the feed; who did it is written down, for they are personal data."""
    with transaction() as connection:
        quarantine.require_steward(connection, entity)
        bad = vendor_rows.newest(connection, entity, feed.key, delivery_id)
        header = header_of(feed, bad.delivery_id) or tuple(column.headers[0] for column in feed.columns)
        columns = [vendor_rows.VendorColumn(*column) for column in layout(feed, header, bad.found.get("mapping"))]
        rows = vendor_rows.read(connection, entity, bad, columns)
        quarantine.record(connection, entity, "export", by, None, [bad.delivery_id], None, len(rows))
    kind = kind or ("xlsx" if bad.found.get("format") == "excel" else "csv")
    folder = settings().folder("returns")
    path = out or folder / feed.key / vendor_file.file_name(bad.name, bad.delivery_id, f".{kind}")
    if kind == "xlsx":
        declared = [column.name for column in columns if column.declared]
        asked = cells.behind(entity, feed.table, feed.model, bad.delivery_id, declared)
        vendor_file.write_xlsx(
            path, bad.delivery_id, columns, rows, lambda row, column: cells.of_row(asked, row, column, declared)
        )
        told = "xlsx"
    else:
        told = f"csv, {vendor_file.write_csv(path, bad.delivery_id, columns, rows, bad.found)}"
    return Written(path, bad.delivery_id, bad.state, len(rows), bad.elsewhere, told)
