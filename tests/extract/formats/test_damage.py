"""Containers and formats with bytes flipped, cut and put in: read or refused, and nothing else."""

import bz2
import datetime
import gzip
import io
import json
import random
import zipfile
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
import xlwt
import zstandard

from extract.read import Limits, Refused

from . import xlsb
from .reading import read

ROWS = [["code", "n", "day"]] + [[f"{i:05d}", str(i * 7), f"2026-01-{i % 28 + 1:02d}"] for i in range(60)]
CSV = "".join(",".join(row) + "\n" for row in ROWS).encode()
OBJECTS = [dict(zip(ROWS[0], row, strict=True)) for row in ROWS[1:]]
XML = "<r>" + "".join(f"<i><code>{a}</code><n>{b}</n></i>" for a, b, _ in ROWS[1:]) + "</r>"
TABLE = pa.table(
    {name: [row[i] for row in ROWS[1:]] for i, name in enumerate(ROWS[0])} | {"f": [i / 3 for i in range(60)]}
)


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", CSV)
    return buffer.getvalue()


def _xlsx() -> bytes:
    book, buffer = openpyxl.Workbook(), io.BytesIO()
    for row in ROWS:
        book.active.append([*row, 1.5, True, datetime.date(2026, 1, 31)])
    book.save(buffer)
    return buffer.getvalue()


def _xls() -> bytes:
    book, buffer = xlwt.Workbook(), io.BytesIO()
    sheet = book.add_sheet("Data")
    for r, row in enumerate(ROWS):
        for c, cell in enumerate(row):
            sheet.write(r, c, cell)
    book.save(buffer)
    return buffer.getvalue()


def _arrow(write) -> bytes:
    buffer = pa.BufferOutputStream()
    write(TABLE, buffer)
    return buffer.getvalue().to_pybytes()


MAKERS = {
    "gz": lambda folder: gzip.compress(CSV),
    "bz2": lambda folder: bz2.compress(CSV),
    "zst": lambda folder: zstandard.ZstdCompressor().compress(CSV),
    "zip": lambda folder: _zip(),
    "xlsx": lambda folder: _xlsx(),
    "xls": lambda folder: _xls(),
    "xlsb": lambda folder: xlsb.write(folder / "made", ROWS).read_bytes(),
    "json": lambda folder: json.dumps(OBJECTS).encode(),
    "ndjson": lambda folder: b"".join(json.dumps(one).encode() + b"\n" for one in OBJECTS),
    "xml": lambda folder: XML.encode(),
    "parquet": lambda folder: _arrow(pyarrow.parquet.write_table),
    "arrow": lambda folder: _arrow(pyarrow.feather.write_feather),
}


def damage(content: bytes, chance: random.Random) -> bytes:
    """The content with one to four wounds."""
    made = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(made))
        way = chance.random()
        if way < 0.5:
            made[at] ^= 1 << chance.randrange(8)
        elif way < 0.7:
            made[at : at + chance.randint(1, 40)] = b""
        elif way < 0.9:
            made[at:at] = chance.randbytes(chance.randint(1, 20))
        else:
            made[at:] = b""
        if not made:
            return b"x"
    return bytes(made)


@pytest.mark.parametrize("kind", MAKERS)
def test_nothing_but_refused_is_raised(tmp_path: Path, kind: str) -> None:
    whole, chance = MAKERS[kind](tmp_path), random.Random(kind)
    path, refused = tmp_path / "a", 0
    for _ in range(25 if kind in ("xls", "xlsb") else 120):
        path.write_bytes(damage(whole, chance))
        told = "a"
        try:
            read(path, Limits(workbook_bytes=2**30))
        except Refused as error:
            refused, told = refused + 1, str(error)
        assert told.startswith("a")
    assert refused or kind in ("ndjson", "json", "xml")


def test_a_damaged_ndjson_file_loses_no_line(tmp_path: Path) -> None:
    whole, chance = MAKERS["ndjson"](tmp_path), random.Random(3)
    path = tmp_path / "a.ndjson"
    for _ in range(150):
        content = damage(whole, chance)
        path.write_bytes(content)
        found = read(path, kind="ndjson")
        lines = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        assert len(found.rows) + len(found.unreadable) + found.blank == lines.count(b"\n") + (not lines.endswith(b"\n"))
