"""Mended files: bad rows that went back to their owner (`sluice quarantine export`) and come again, put right.

Such a file says which delivery it mends: by its name (`licences-2026-01-05.mends-12.csv`), by its column
`sluice_delivery`, or by both. Columns that begin with `sluice_` are ours, and no part of the vendor's data.
"""

import bz2
import gzip
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from sqlalchemy import RowMapping, text

from extract.feeds import Feed
from extract.limits import limits
from extract.read import Hints, Refused, name_key, open_file
from warehouse.connection import transaction

OURS = "sluice_"
DELIVERY, ROW = "sluice_delivery", "sluice_row"
IN_NAME = re.compile(r"\.mends-(\d{1,18})(?=\.|$)")
LOOKED_AT = 2**20  # bytes of a file's beginning in which its header stands
MARKS = tuple(DELIVERY.encode(encoding) for encoding in ("ascii", "utf-16-le", "utf-16-be"))
OF_WORKBOOKS = re.compile(r"xl/sharedStrings\.xml|xl/worksheets/sheet\d+\.xml|content\.xml|.*\.(csv|txt|tsv)")


def is_ours(header: str) -> bool:
    """Whether a column of a file was added by the export."""
    return name_key(header).startswith(OURS)


def hints(feed: Feed) -> Hints:
    """How a mended file is read: it is a plain table with one header, whatever the vendor's files look like."""
    return Hints(encoding=feed.format.encoding)


def original(feed: Feed, path: Path) -> RowMapping | None:
    """The delivery that a file mends, or None for a vendor's usual file.

    Raises Refused where the file names a delivery that is not of the feed, or several.
    """
    number = mends(feed, path)
    if number is None:
        return None
    with transaction() as connection:
        found = connection.execute(
            text(
                "select coalesce(root.delivery_id, d.delivery_id) as delivery_id, d.feed, d.effective_at,"
                " d.effective_date from ledger.deliveries as d"
                " left join ledger.deliveries as root on root.delivery_id = d.mends where d.delivery_id = :id"
            ),
            {"id": number},
        ).mappings()
        delivery = found.one_or_none()
    if delivery is None or delivery["feed"] != feed.key:
        whose = f"is one of {delivery['feed']}" if delivery else "is not known here"
        raise Refused(
            f"{path.name}: it says that it mends delivery {number} of {feed.key}, which {whose}. Send it to the feed"
            " that it was exported from; `sluice status` lists the deliveries."
        )
    return delivery


def mends(feed: Feed, path: Path) -> int | None:
    """The number of the delivery that a file says it mends, by its name or its column."""
    named = by_name(path.name)
    numbers = {named} if named is not None else set()
    if _bears_our_mark(path):
        numbers |= set(_deliveries_in(feed, path))
    if len(numbers) > 1:
        raise Refused(
            f"{path.name}: it says that it mends deliveries {', '.join(map(str, sorted(numbers)))};"
            " a mended file holds the rows of one. Send one file for each, as they were exported."
        )
    return numbers.pop() if numbers else None


def by_name(name: str) -> int | None:
    """The delivery in a file's name."""
    found = IN_NAME.search(name)
    return int(found[1]) if found else None


def feed_of(number: int) -> str | None:
    """The feed of a delivery."""
    with transaction() as connection:
        found: str | None = connection.scalar(
            text("select feed from ledger.deliveries where delivery_id = :id"), {"id": number}
        )
    return found


def _bears_our_mark(path: Path) -> bool:
    """Whether the name of our column stands near a file's beginning: the others are not opened for it."""
    try:
        return any(mark in head.lower() for head in _heads(path) for mark in MARKS)
    except (OSError, zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError):
        return False  # taking it in says what is wrong with it


def _heads(path: Path) -> Iterator[bytes]:
    if not path.is_file():
        return
    with open(path, "rb") as file:
        magic = file.read(4)
    if magic == b"PK\x03\x04":
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist()[:100]:
                if OF_WORKBOOKS.fullmatch(member.filename):
                    with archive.open(member) as inside:
                        yield inside.read(LOOKED_AT)
        return
    opened = gzip.open if magic[:2] == b"\x1f\x8b" else bz2.open if magic[:3] == b"BZh" else open
    with cast(BinaryIO, opened(path, "rb")) as file:
        yield file.read(LOOKED_AT)


def _deliveries_in(feed: Feed, path: Path) -> Iterator[int]:
    """The values of the column that names the delivery, in rows that hold any."""
    reading = open_file(path, expected=[(DELIVERY,)], required=[], hints=hints(feed), limits=limits())
    if reading.columns.count(0) != 1:
        return
    position = reading.columns.index(0)
    for batch in reading.batches():
        for _, _, cells in batch.rows:
            if number := whole(cells[position]):
                yield number


def whole(cell: str) -> int | None:
    """A number as a spreadsheet may have written it back: `12`, `12.0`; None for anything else."""
    found = re.fullmatch(r"\s*(\d{1,18})(?:[.,]0+)?\s*", cell)
    return int(found[1]) if found else None
