"""Parquet, Arrow files, Feather and Arrow streams: typed values as text, batch by batch."""

import datetime
import decimal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from .reading import read, refusal, write

TABLE = pa.table(
    {
        "i": pa.array([1, None, 2**60]),
        "f": pa.array([5.0, 0.1, 1e20]),
        "f4": pa.array([0.1, None, 2.5], pa.float32()),
        "s": ["00123", None, "é"],
        "b": [True, False, None],
        "d": [datetime.date(2026, 1, 31), None, None],
        "t": [datetime.datetime(2026, 1, 31, 10, 20, 30), datetime.datetime(2026, 1, 31, 0, 0, 0, 500_000), None],
        "z": pa.array([datetime.datetime(2026, 1, 31, 10, 20, 30), None, None], pa.timestamp("ms", "UTC")),
        "m": [decimal.Decimal("1.10"), None, None],
        "o": [{"x": 1, "y": [1.5, None]}, None, {"x": None, "y": None}],
        "raw": [b"\xff\x00", b"abc", None],
        "k": pa.array(["q", "q", None]).dictionary_encode(),
    }
)
ROWS = [
    ["1", "5", "0.1", "00123", "true", "2026-01-31", "2026-01-31T10:20:30", "2026-01-31T10:20:30Z", "1.10",
     "1", "[1.5,null]",
     "\\xff00", "q"],
    ["", "0.1", "", "", "false", "", "2026-01-31T00:00:00.500000", "", "", "", "", "abc", "q"],
    [str(2**60), "100000000000000000000", "2.5", "é", "", "", "", "", "", "", "", "", ""],
]  # fmt: skip


def stream(table: pa.Table, path: Path) -> None:
    with pa.ipc.new_stream(path, table.schema) as writer:
        writer.write_table(table)


WAYS = {
    "parquet": pyarrow.parquet.write_table,
    "feather": pyarrow.feather.write_feather,
    "arrows": stream,
}


@pytest.mark.parametrize("kind", WAYS)
def test_values_are_text_as_they_are(tmp_path: Path, kind: str) -> None:
    WAYS[kind](TABLE, tmp_path / "a")
    found = read(tmp_path / "a")
    assert found.header == ["i", "f", "f4", "s", "b", "d", "t", "z", "m", "o.x", "o.y", "raw", "k"]
    assert found.rows == ROWS
    assert found.lines == [1, 2, 3]
    assert found.found["format"] == ("parquet" if kind == "parquet" else "arrow")


def test_structs_as_json(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(TABLE.select(["s", "o"]), tmp_path / "a")
    found = read(tmp_path / "a", flatten="json")
    assert found.header == ["s", "o"]
    assert [row[1] for row in found.rows] == ['{"x":1,"y":[1.5,null]}', '{"x":null,"y":null}']
    assert found.blank == 1


def test_a_nul_costs_its_row(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pa.table({"a": ["x", "y\0z"]}), tmp_path / "a")
    found = read(tmp_path / "a")
    assert found.rows == [["x"]]
    assert [(bad.code, bad.line_number) for bad in found.unreadable] == [("nul_byte", 2)]


def test_names_that_occur_twice(tmp_path: Path) -> None:
    stream(pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]), tmp_path / "a")
    assert read(tmp_path / "a").header == ["a", "a (2)"]


@pytest.mark.parametrize("kind", WAYS)
def test_damage_is_refused(tmp_path: Path, kind: str) -> None:
    WAYS[kind](TABLE, tmp_path / "a")
    content = (tmp_path / "a").read_bytes()
    assert "damaged" in refusal(
        write(tmp_path / "b", content[: len(content) // 2]), kind="parquet" if kind == "parquet" else "arrow"
    )


def test_encrypted_and_old_ones_are_named(tmp_path: Path) -> None:
    assert "encrypted" in refusal(write(tmp_path / "a", b"PARE" + bytes(100) + b"PARE"))
    assert "version 1" in refusal(write(tmp_path / "b", b"FEA1" + bytes(100)))


@pytest.mark.parametrize("kind", ["parquet", "feather"])
def test_many_rows_are_read_batch_by_batch(tmp_path: Path, kind: str) -> None:
    rows = 400_000
    table = pa.table(
        {"id": pa.array(range(rows)), "text": [f"some text {i % 1000} and more of it" * 3 for i in range(rows)]}
    )
    WAYS[kind](table, tmp_path / "a")
    code = (
        "import sys, resource, pyarrow.parquet; from pathlib import Path; from extract.read import open_file\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "rows = sum(len(batch.rows) for batch in open_file(Path(sys.argv[1])).batches(1000))\n"
        "print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "a"], capture_output=True, text=True, check=True)
    found, grown = map(int, done.stdout.split())
    assert found == rows
    assert grown < 90_000  # kB; as Python lists it is 120 MB
