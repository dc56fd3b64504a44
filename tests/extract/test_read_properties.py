"""Both roads give the same rows, and whatever is done to a file, no record and no byte of it is lost."""

import csv
import io
import os
from pathlib import Path

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from extract.read import Batch, Hints, NotClean, Reading, Refused, open_file

NAMES = ("id", "name", "amount", "note", "date")
PIECES = st.sampled_from(
    [
        "",
        "a",
        "é",
        "日本",
        "𝄞",
        '"',
        '""',
        ",",
        ";",
        "\t",
        "|",
        " ",
        "x y",
        "Total: 3 records",
        "id",
        "\\.",
        "0",
        "\xa0",
        "-",
    ]
)
CELL = st.lists(PIECES, max_size=4).map("".join)
CELL_OF_LINES = st.lists(PIECES | st.sampled_from(["\n", "\r\n", "\r"]), max_size=4).map("".join)
EXAMPLES = int(os.environ.get("DEEP_EXAMPLES", "300"))
QUIET = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck), max_examples=EXAMPLES)


@st.composite
def tables(draw: st.DrawFn, cell: st.SearchStrategy[str] = CELL) -> list[list[str]]:
    width = draw(st.integers(1, 5))
    return draw(st.lists(st.lists(cell, min_size=width, max_size=width), min_size=1, max_size=8))


def written(rows: list[list[str]], delimiter: str, line_end: str, quoting: int) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=quoting)  # type: ignore[arg-type]
    writer.writerows([list(NAMES[: len(rows[0])]), *rows])
    return text.getvalue().encode()


def opened(folder: Path, data: bytes, width: int, delimiter: str | None = None) -> Reading:
    path = folder / "file.csv"
    path.write_bytes(data)
    return open_file(
        path,
        expected=[[name] for name in NAMES[:width]],
        required=range(width),
        hints=Hints(delimiter=delimiter),
    )


def check_account(reading: Reading, data: bytes) -> list[Batch]:
    """Every byte after the header belongs to one record, and every record is counted."""
    records, batches = list(reading.records()), list(reading.batches(size=3))
    at = records[0].offset if records else len(data)
    header_lines = data[:at].splitlines()
    assert len(header_lines) >= reading.found.header_end_line or reading.found.encoding.startswith("utf-16")
    for record in records:
        assert record.offset == at
        at += record.length
        if record.kind == "unreadable":
            assert record.raw == data[record.offset : at]
    assert at == len(data)
    assert [record.number for record in records] == list(range(1, len(records) + 1))
    assert sum(batch.records for batch in batches) == len(records)
    return batches


def lines_by_number(data: bytes) -> dict[int, bytes]:
    return dict(enumerate(data.splitlines(), 1))


@QUIET
@given(
    tables(),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([0, 1]),
    st.booleans(),
)
def test_both_roads_give_the_same_rows(
    tmp_path: Path, rows: list[list[str]], delimiter: str, line_end: str, quoting: int, cut_end: bool
) -> None:
    data = written(rows, delimiter, line_end, quoting)
    data = data[: -len(line_end)] if cut_end else data
    hint = delimiter if len(rows[0]) == 1 else None  # a header of one cell shows no delimiter
    reading = opened(tmp_path, data, len(rows[0]), hint)
    batches = list(reading.batches())
    read = [row for batch in batches for row in batch.rows]
    assert not any(batch.unreadable for batch in batches)
    assert len(rows) == sum(batch.records for batch in batches)
    assert all(cells == rows[number - 1] for number, _, cells in read)
    try:
        clean = b"".join(reading.clean_chunks()).decode()
    except NotClean:
        return
    copied = list(csv.reader(io.StringIO(clean, newline=""), delimiter=delimiter, strict=True))
    assert copied == rows == [cells for _, _, cells in read]
    assert [line for _, line, _ in read] == [reading.found.header_end_line + number for number, _, _ in read]


@QUIET
@given(tables(CELL_OF_LINES), st.sampled_from(",;\t|"), st.sampled_from(["\n", "\r\n"]))
def test_cells_with_line_ends_come_back(tmp_path: Path, rows: list[list[str]], delimiter: str, line_end: str) -> None:
    batches = list(opened(tmp_path, written(rows, delimiter, line_end, 1), len(rows[0]), delimiter).batches())
    read = [row for batch in batches for row in batch.rows]
    assert not any(batch.unreadable for batch in batches)
    assert len(rows) == sum(batch.records for batch in batches)
    assert all(cells == rows[number - 1] for number, _, cells in read)


EDITS = st.lists(
    st.tuples(
        st.sampled_from(["put", "over", "cut", "double"]),
        st.integers(0, 10_000),
        st.sampled_from([b'"', b",", b"\n", b"\r", b"\0", b"\xff", b"\xe9", b"\x81", b"\xef\xbb\xbf", b"x"])
        | st.binary(min_size=1, max_size=3),
    ),
    min_size=1,
    max_size=6,
)


def damaged(data: bytes, edits: list[tuple[str, int, bytes]]) -> bytes:
    for kind, place, piece in edits:
        at = place % (len(data) + 1)
        if kind == "put":
            data = data[:at] + piece + data[at:]
        elif kind == "over":
            data = data[:at] + piece + data[at + len(piece) :]
        elif kind == "cut":
            data = data[:at] + data[at + 1 + piece[0] % 9 :]
        else:
            data = data[:at] + data[max(0, at - 12) :]
    return data


@settings(QUIET, max_examples=max(EXAMPLES, 1000))
@given(tables(CELL_OF_LINES), st.sampled_from(["utf-8", "utf-16", "cp1252"]), st.sampled_from([0, 1]), EDITS)
def test_nothing_is_lost_of_a_damaged_file(
    tmp_path: Path, rows: list[list[str]], encoding: str, quoting: int, edits: list[tuple[str, int, bytes]]
) -> None:
    whole = written(rows, ",", "\r\n", quoting).decode().encode(encoding, "replace")
    data = damaged(whole, edits)
    try:
        reading = opened(tmp_path, data, len(rows[0]))
    except Refused:
        return
    batches = check_account(reading, data)
    try:
        clean = b"".join(reading.clean_chunks()).decode()
    except NotClean:
        return
    copied = list(csv.reader(io.StringIO(clean, newline=""), strict=True))
    assume(all(len(cells) == len(reading.found.header) for cells in copied))  # else COPY stops
    assert copied == [cells for batch in batches for _, _, cells in batch.rows]


@QUIET
@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes, with_header: bool) -> None:
    data = (b"id,name\n" if with_header else b"") + data
    try:
        reading = opened(tmp_path, data, 2)
    except Refused:
        return
    check_account(reading, data)
