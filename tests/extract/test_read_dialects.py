"""Any dialect is read: told by hints, and found out where nothing is told."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extract.read import Hints, NotClean, Reading, Refused, open_file

ROWS = [
    ["1", "2026-01-05", "12.50", "Kettle, small", 'He said "yes"'],
    ["2", "2026-01-06", "7.25", "Men's boots", ""],
    ["3", "2026-02-07", "110.00", "Lamp", "plain words"],
    ["4", "2026-03-08", "3.00", 'Table, 48" wide', "a; b | c"],
]
HEADER = ["id", "day", "amount", "name", "note"]


def written(table: list[list[str]], delimiter: str, quote: str, escape: str, end: str, always: bool = False) -> str:
    def cell(text: str) -> str:
        special = [*delimiter, quote, "\n", "\r"] + ([escape] if escape != quote else [])
        if not (always or any(one in text for one in special) or text != text.strip() or not text):
            return text
        inner = text.replace(escape, escape * 2) if escape != quote else text
        return quote + inner.replace(quote, escape + quote) + quote

    return "".join(delimiter.join(map(cell, row)) + end for row in table)


def opened(folder: Path, text: str | bytes, **hints: Any) -> Reading:
    path = folder / "file.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return open_file(path, hints=Hints(**hints))


def rows(reading: Reading) -> list[list[str]]:
    batches = list(reading.batches())
    assert not any(batch.unreadable for batch in batches)
    return [cells for batch in batches for _, _, cells in batch.rows]


DELIMITERS = [",", ";", "\t", "|", " ", ", ", "||", "~", "^"]


@pytest.mark.parametrize("always", [False, True])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(("quote", "escape"), [('"', '"'), ("'", "'"), ('"', "\\"), ("'", "\\")])
@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_told_and_found_out(tmp_path: Path, delimiter: str, quote: str, escape: str, end: str, always: bool) -> None:
    text = written([HEADER, *ROWS * 5], delimiter, quote, escape, end, always)
    for hints in ({}, {"delimiter": delimiter, "quote": quote, "escape": escape}):
        reading = opened(tmp_path, text, **hints)
        assert (list(reading.found.header), rows(reading)) == (HEADER, ROWS * 5), hints
        assert reading.found.delimiter == delimiter


def test_quotes_that_stand_as_they_are(tmp_path: Path) -> None:
    data = 'id,name,size\n1,"Boots, 10" high","7"\n2,"Table, round 48"","8"\n3,"plain","9"\n4,"5" a, b","1"\n'
    names = ['Boots, 10" high', 'Table, round 48"', "plain", '5" a, b']
    expected = [[str(n), name, size] for n, name, size in zip(range(1, 5), names, "7891", strict=True)]
    for hints in ({}, {"escape": ""}):
        reading = opened(tmp_path, data, **hints)
        assert rows(reading) == expected
        assert reading.found.loose


def test_one_bad_quote_does_not_make_another_dialect(tmp_path: Path) -> None:
    good = "".join(f'{n},"a ""b"" {n}",x\n' for n in range(20))
    reading = opened(tmp_path, "id,text,end\n" + good + '21,"un"bal,x\n' + good)
    (batch,) = reading.batches()
    assert not reading.found.loose
    assert (len(batch.rows), [bad.code for bad in batch.unreadable]) == (40, ["bad_quote"])


def test_blanks_before_quotes(tmp_path: Path) -> None:
    data = 'id, name, city\n1, "Smith, Ann", Leeds\n2, "Jones, Bob" ,York\n3, Cy,"Bath, Spa"\n'
    reading = opened(tmp_path, data)
    assert [row[1].strip() for row in rows(reading)] == ["Smith, Ann", "Jones, Bob", "Cy"]


def test_no_quotes_at_all(tmp_path: Path) -> None:
    data = 'id|size|name\n1|6"|"Ann\n2|7"|Bob" b\n'
    assert rows(opened(tmp_path, data, delimiter="|", quote="")) == [["1", '6"', '"Ann'], ["2", '7"', 'Bob" b']]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "mixed", "none"])
def test_line_ends(tmp_path: Path, end: str) -> None:
    text = "id;name\n1;Ann\n2;Bob\n3;Cy\n"
    changed = {"mixed": text.replace("Ann\n", "Ann\r\n"), "none": text[:-1]}
    text = changed.get(end, text.replace("\n", end))
    assert rows(opened(tmp_path, text)) == [["1", "Ann"], ["2", "Bob"], ["3", "Cy"]]


FIXED = "id   name        day        amount\n" + "".join(
    f"{n:<5}{name:<12}2026-01-{n:02}{n * 1.5:>10.2f}\n" for n, name in enumerate(["Ann", "Bob Brown", "Cy", "Dee"], 1)
)


def test_fixed_width_found_out(tmp_path: Path) -> None:
    reading = opened(tmp_path, FIXED)
    assert reading.found.format == "fixed"
    assert list(reading.found.header) == ["id", "name", "day", "amount"]
    assert rows(reading)[1] == ["2", "Bob Brown", "2026-01-02", "3.00"]


def test_fixed_width_told(tmp_path: Path) -> None:
    data = "1Ann  2026\n2Bob  2027x\n3Cyril2028\n"
    positions = [{"start": 1, "end": 1}, {"start": 2, "end": 6}, {"start": 7, "end": 10}]
    reading = opened(tmp_path, data, positions=positions, columns=["id", "name", "year"], header_rows=0)
    (batch,) = reading.batches()
    assert [cells for _, _, cells in batch.rows] == [["1", "Ann", "2026"], ["3", "Cyril", "2028"]]
    assert [bad.code for bad in batch.unreadable] == ["too_many_cells"]  # the x stands outside of every column
    assert not reading.found.named


def test_fixed_width_of_a_feed(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("1Ann  2026\n2Bob  2027\n")
    hints = Hints.model_validate(
        {"positions": [{"start": 1, "end": 1}, {"start": 2, "end": 6}], "columns": ["id", "name"], "header_rows": 0}
    )
    reading = open_file(path, expected=[["name"], ["id"]], required=[0, 1], hints=hints)
    assert reading.columns == (1, 0)
    assert sum(len(batch.rows) + len(batch.unreadable) for batch in reading.batches()) == 2


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252", "latin-1", "cp437"])
def test_encodings_that_are_told(tmp_path: Path, encoding: str) -> None:
    data = "id;name;day\n1;Zoë;2026-01-01\n2;Müller;2026-01-02\n".encode(encoding)
    told = {} if encoding.startswith("utf") else {"encoding": encoding}
    assert rows(opened(tmp_path, data, **told))[1] == ["2", "Müller", "2026-01-02"]


def test_a_column_of_prose_is_one_column(tmp_path: Path) -> None:
    lines = ["note", "Came home, tired", "All was quiet; nobody there", "No more to say", "It rains, and pours, again"]
    reading = opened(tmp_path, "\n".join(lines) + "\n")
    assert rows(reading) == [[line] for line in lines[1:]] or list(reading.found.header) == ["column_1"]


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_a_feed_s_quoting_is_found_out_below_its_header(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "file.csv"
    path.write_text(written([HEADER, *ROWS * 5], delimiter, '"', "\\", "\n"))
    reading = open_file(path, expected=[[name] for name in HEADER], required=range(5))
    assert rows(reading) == ROWS * 5
    with pytest.raises(NotClean, match="not doubled"):
        list(reading.clean_chunks())


WORD = st.text(alphabet="abcXYZ 0123,;|\t\"'é.-/\\", max_size=12).map(str.strip)
EXAMPLES = int(os.environ.get("DEEP_EXAMPLES", "300"))
QUIET = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck), max_examples=EXAMPLES)


@QUIET
@given(
    st.integers(2, 5).flatmap(
        lambda width: st.lists(st.lists(WORD, min_size=width, max_size=width), min_size=1, max_size=300 // width)
    ),
    st.sampled_from([*DELIMITERS, "::", "\x1f"]),
    st.sampled_from([('"', '"'), ("'", "'"), ('"', "\\"), ("'", "\\")]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
)
def test_random_tables_through_told_dialects_come_back(
    tmp_path: Path, table: list[list[str]], delimiter: str, quoting: tuple[str, str], end: str, cut: bool
) -> None:
    quote, escape = quoting
    table = [[f"{place}{cell}" if not place else cell for place, cell in enumerate(row)] for row in table]
    header = [f"name{place}" for place in range(len(table[0]))]
    text = written([header, *table], delimiter, quote, escape, end)
    text = text.removesuffix(end) if cut else text
    hints = {"delimiter": delimiter, "quote": quote, "escape": escape, "header_rows": 1, "preamble_rows": 0}
    reading = opened(tmp_path, text, **hints)
    batches = list(reading.batches())
    assert not any(batch.unreadable for batch in batches)
    assert sum(batch.records for batch in batches) == len(table)
    read = {number: cells for batch in batches for number, _, cells in batch.rows}
    assert all(table[number - 1] == cells for number, cells in read.items())
    assert list(reading.found.header) == header


PIECES = st.sampled_from([bytes([one]) for one in b"\"',;\t\\\n\r\0\xff\xe9 x|"])
EDITS = st.lists(
    st.tuples(st.sampled_from(["put", "over", "cut", "double"]), st.integers(0, 10_000), PIECES), min_size=1, max_size=8
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


@settings(QUIET, max_examples=max(EXAMPLES, 600))
@given(
    st.integers(2, 4).flatmap(
        lambda width: st.lists(st.lists(WORD, min_size=width, max_size=width), min_size=3, max_size=12)
    ),
    st.sampled_from(DELIMITERS),
    st.sampled_from([('"', '"'), ("'", "'"), ('"', "\\")]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    EDITS,
    st.sampled_from(["told", "sniffed", "mended"]),
)
def test_whatever_is_done_to_a_file_each_of_its_bytes_is_accounted_for(
    tmp_path: Path,
    table: list[list[str]],
    delimiter: str,
    quoting: tuple[str, str],
    end: str,
    edits: list[tuple[str, int, bytes]],
    way: str,
) -> None:
    quote, escape = quoting
    header = [f"name{place}" for place in range(len(table[0]))]
    data = damaged(written([header, *table], delimiter, quote, escape, end).encode(), edits)
    hints: dict[str, Any] = {"delimiter": delimiter, "quote": quote, "escape": escape}
    hints |= {"mend": ["quotes", "delimiters"]} if way == "mended" else {}
    try:
        reading = opened(tmp_path, data, **(hints if way != "sniffed" else {}))
    except Refused:
        return
    records, batches = list(reading.records()), list(reading.batches(size=3))
    at = records[0].offset if records else len(data)
    if not reading.found.encoding.startswith("utf-16"):
        assert len(data[:at].splitlines()) == reading.found.header_end_line
    for record in records:
        assert record.offset == at
        at += record.length
        if record.kind == "unreadable":
            assert record.raw == data[record.offset : at]
    assert at == len(data)
    assert [record.number for record in records] == list(range(1, len(records) + 1))
    assert sum(batch.records for batch in batches) == len(records)
    width = len(reading.found.header)
    assert all(len(cells) == width for batch in batches for _, _, cells in batch.rows)
    assert rows_by_number(batches) == rows_by_number(list(reading.batches(raw=True)))


def rows_by_number(batches: list[Any]) -> dict[int, list[str]]:
    """The rows of batches, be they given as cells or as raw lines."""
    read = {number: cells for batch in batches for number, _, cells in batch.rows}
    for batch in batches:
        for run in batch.runs:
            read |= {run.number + place: cells for place, cells in enumerate(run.cells())}
    return read
