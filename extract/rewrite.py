"""Rewrite an archived file without some of its rows. Each keeps its place: a marker stands there that names nobody."""

import csv
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from extract import archive, mapping
from extract.contents import newest
from extract.feeds import Feed
from extract.limits import limits
from extract.read import Hints, Reading, open_file
from warehouse.settings import settings

# How a file that was converted is read again, whatever its feed says of its format.
CONVERTED = Hints(kind="csv", delimiter=",", quote='"', encoding="utf-8")


@dataclass(frozen=True)
class Rewritten:
    """The new content of an archived file."""

    old_sha256: str
    new_sha256: str
    form: str  # "as it was", byte for byte but for the rows; or "csv": other formats are converted


def marker(row_number: int) -> str:
    """What stands where a row was."""
    return f"[erased {row_number}]"


def without_rows(feed: Feed, sha256: str, name: str, rows: Collection[int]) -> Rewritten:
    """Put the file's content without these rows into the archive, beside the old one; gives both hashes."""
    with archive.fetch(newest(sha256).sha256, name) as path:
        reading = reading_of(feed, sha256, path)
        target = path.with_name("rewritten")
        form = "as it was"
        if newest(sha256).form == "csv" or _is_text(reading):
            _replace(reading, set(rows), target)
            form = newest(sha256).form
        else:
            _convert(reading, set(rows), target)
            form = "csv"
        kept = archive.keep(target)
    return Rewritten(newest(sha256).sha256, kept.sha256, form)


def reading_of(feed: Feed, sha256: str, path: Path) -> Reading:
    """An archived file of a feed, opened as it is to be read."""
    return open_file(
        path,
        expected=mapping.every_header(feed),
        required=[i for i, column in enumerate(feed.columns) if column.required],
        hints=CONVERTED if newest(sha256).form == "csv" else feed.format,
        limits=limits(),
        scratch=settings().folder("tmp"),
    )


def _is_text(reading: Reading) -> bool:
    return reading.found.format in ("csv", "fixed") or bool(reading.found.widths)


def _replace(reading: Reading, rows: set[int], target: Path) -> None:
    """The file's own bytes, but for the rows' records; a file that was packed comes out unpacked."""
    with open(reading.unpacked.path, "rb") as source, open(target, "wb") as out:
        at = 0
        for record in reading.records():
            if record.number not in rows:
                continue
            out.write(source.read(record.offset - at))
            out.write(_marker_bytes(reading, record.number, source.read(record.length)))
            at = record.offset + record.length
        while chunk := source.read(archive.CHUNK):
            out.write(chunk)


def _marker_bytes(reading: Reading, number: int, raw: bytes) -> bytes:
    """The marker in the record's dialect and encoding, on as many physical lines as the record had."""
    found = reading.found
    text = raw.decode(found.encoding, "replace")
    breaks = text.count("\n") or text.count("\r")
    end = "\r\n" if text.endswith("\r\n") else "\n" if text.endswith("\n") else "\r" if text.endswith("\r") else ""
    cell = marker(number)
    if found.widths:
        written = cell.ljust(max(stop for _, stop in found.widths)) + end
    else:
        inside = "\n" * (breaks - 1 if end else breaks)
        if inside and found.quote:
            cell = f"{found.quote}{cell}{inside}{found.quote}"
        written = cell + found.delimiter * (len(found.header) - 1) + end
    encoded = written.encode(found.encoding, "replace")
    return encoded.removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff").removeprefix(b"\xef\xbb\xbf")


def _convert(reading: Reading, rows: set[int], target: Path) -> None:
    """Another format's records as CSV; what could not be read of them is left out."""
    with open(target, "w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, quoting=csv.QUOTE_ALL)
        writer.writerow(reading.found.header)
        writer.writerows(_rows(reading, rows))


def _rows(reading: Reading, rows: set[int]) -> Iterator[list[str]]:
    width = len(reading.found.header)
    for batch in reading.batches():
        for number, _, cells in batch.rows:
            yield [marker(number), *[""] * (width - 1)] if number in rows else cells
