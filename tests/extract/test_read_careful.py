"""The careful road: every record is a row, blank, a banner, or unreadable with its reason."""

import time
import tracemalloc
from pathlib import Path

import pytest

from extract.read import Batch, Limits, Reading, open_file


def opened(folder: Path, data: bytes, columns: int = 3, **options: object) -> Reading:
    """The data below the header a,b,c..., all of which are expected and required."""
    names = [chr(ord("a") + i) for i in range(columns)]
    path = folder / "file.csv"
    path.write_bytes(",".join(names).encode() + b"\n" + data)
    return open_file(path, expected=[[name] for name in names], required=range(columns), **options)  # type: ignore[arg-type]


def read(folder: Path, data: bytes, columns: int = 3, **options: object) -> Batch:
    batches = list(opened(folder, data, columns, **options).batches())
    assert len(batches) <= 1
    return batches[0] if batches else Batch()


def cells(batch: Batch) -> list[list[str]]:
    return [row for _, _, row in batch.rows]


def codes(batch: Batch) -> list[tuple[int, str]]:
    return [(bad.row_number, bad.code) for bad in batch.unreadable]


@pytest.mark.parametrize("data", [b"1,2,3\n4,5,6\n", b"1,2,3\r\n4,5,6", b"1,2,3\r4,5,6\r", b"1,2,3\r4,5,6\r\n"])
def test_line_ends(tmp_path: Path, data: bytes) -> None:
    assert read(tmp_path, data).rows == [(1, 2, ["1", "2", "3"]), (2, 3, ["4", "5", "6"])]


def test_cells_come_as_they_are(tmp_path: Path) -> None:
    batch = read(tmp_path, b' 1 ,"a ""b"", c\r\nd",""\n6" pipe,x"y,\n')
    assert batch.rows == [(1, 2, [" 1 ", 'a "b", c\r\nd', ""]), (2, 4, ['6" pipe', 'x"y', ""])]


def test_a_register_as_spreadsheets_write_it(tmp_path: Path) -> None:
    """CRLF after records, LF inside cells, cp1252, quoted quotes."""
    data = "\r\n".join(['1,"""Block A, B""",caf\xe9', '2,"line\nand line \x96 \xa31",', "3,,x", ""]).encode("latin-1")
    reading = opened(tmp_path, data)
    (batch,) = reading.batches()
    assert (reading.found.encoding, reading.found.line_end) == ("cp1252", "mixed")
    assert batch.rows == [
        (1, 2, ["1", '"Block A, B"', "caf\xe9"]),
        (2, 3, ["2", "line\nand line \u2013 \xa31", ""]),
        (3, 5, ["3", "", "x"]),
    ]


def test_wrong_number_of_cells(tmp_path: Path) -> None:
    batch = read(tmp_path, b"1,2\n1,2,3\n1,2,3,\n1,2,3,4\n")
    assert (cells(batch), codes(batch)) == (
        [["1", "2", "3"]],
        [(1, "too_few_cells"), (3, "too_many_cells"), (4, "too_many_cells")],
    )
    bad = batch.unreadable[1]
    assert (bad.line_number, bad.byte_offset, bad.raw, bad.raw_length) == (4, 16, b"1,2,3,\n", 7)
    assert "4 cells, the header has 3" in bad.message


def test_bad_bytes(tmp_path: Path) -> None:
    batch = read(tmp_path, "1,é,3\nx,\0,z\n1,è,".encode() + b"\xff\n7,8,9\n")
    assert (cells(batch), codes(batch)) == (
        [["1", "é", "3"], ["7", "8", "9"]],
        [(2, "nul_byte"), (3, "undecodable")],
    )


def test_bad_quote_costs_its_own_line_only(tmp_path: Path) -> None:
    batch = read(tmp_path, b'1,"un"bal,3\n4,5,6\n7,"8" ,9\n')
    assert (cells(batch), codes(batch)) == ([["4", "5", "6"]], [(1, "bad_quote"), (3, "bad_quote")])


@pytest.mark.parametrize(
    "later",
    [
        b'40,"well formed",42\n',
        b'40,"",42\n',
        b'40,", and so on",42\n',
        b'40,"two\nlines",42\n',
        b"",
    ],
)
def test_a_forgotten_quote_costs_its_own_line_only(tmp_path: Path, later: bytes) -> None:
    between = b"".join(b"%d,x,y\n" % n for n in range(30))
    batch = read(tmp_path, b'1,"2,3\n' + between + later + b"50,51,52\n")
    assert codes(batch) == [(1, "unbalanced_quote")]
    assert batch.unreadable[0].raw == b'1,"2,3\n'
    assert len(batch.rows) == 31 + bool(later)


def test_a_quote_closed_far_away_by_chance_does_not_swallow_good_rows(tmp_path: Path) -> None:
    between = b"".join(b"%d,2,3,4,5\n" % n for n in range(30))
    batch = read(tmp_path, b'1,2,3,4,"5\n' + between + b'x,2,3,4,"\nopens with a line end"\n', columns=5)
    assert codes(batch) == [(1, "unbalanced_quote")]
    assert len(batch.rows) == 31


def test_a_well_quoted_record_of_several_lines_is_unreadable_as_a_whole(tmp_path: Path) -> None:
    batch = read(tmp_path, b'1,"two\nlines"\n4,5,6\n')
    assert codes(batch) == [(1, "too_few_cells")]
    assert batch.unreadable[0].raw == b'1,"two\nlines"\n'
    assert batch.rows == [(2, 4, ["4", "5", "6"])]


def test_look_ahead_is_bounded_in_lines(tmp_path: Path) -> None:
    data = b'1,"' + b"x\n" * 9 + b'",3\n4,5,6\n'
    assert len(read(tmp_path, data, limits=Limits(record_lines=10)).rows) == 2
    batch = read(tmp_path, data, limits=Limits(record_lines=9))
    assert codes(batch)[0] == (1, "unbalanced_quote")
    assert cells(batch) == [["4", "5", "6"]]


@pytest.mark.parametrize("line", [b'%d,"abc,def\n', b'%d,abc,"\n', b'%d,"a ""b"" c,"\n', b'"%d\n'])
def test_an_unclosed_quote_in_every_line_takes_no_more_than_seconds(tmp_path: Path, line: bytes) -> None:
    data = b"".join(line % n for n in range(20_000))
    began = time.monotonic()
    read_back = sum(record.length for record in opened(tmp_path, data).records())
    assert time.monotonic() - began < 5
    assert read_back == len(data)


def test_rare_unclosed_quotes_far_apart_take_no_more_than_seconds(tmp_path: Path) -> None:
    data = (b'1,"2,3\n' + b"4,5,6\n" * 999) * 50
    began = time.monotonic()
    good = sum(len(batch.rows) for batch in opened(tmp_path, data).batches())
    assert time.monotonic() - began < 5
    assert good == 999 * 50


def test_blank(tmp_path: Path) -> None:
    batch = read(tmp_path, b'\n1,2,3\n \t\n,,\n"","",\n,,,,\n4,5,6\n\n')
    assert (batch.blank, cells(batch), batch.unreadable) == (6, [["1", "2", "3"], ["4", "5", "6"]], [])
    assert [number for number, _, _ in batch.rows] == [2, 7]


def test_header_again(tmp_path: Path) -> None:
    batch = read(tmp_path, b'1,2,3\n A ,"b",C\n4,5,6\na,b,x\n')
    assert batch.banner == 1
    assert cells(batch) == [["1", "2", "3"], ["4", "5", "6"], ["a", "b", "x"]]


@pytest.mark.parametrize(
    "banner",
    [
        b"Total: 34 records",
        b"Total: 1,234 records",
        b'"Total records: 1,234",,',
        b"End of file",
        b"-- 12 rows --",
        b",(34 rows),",
        b"*** END OF REPORT ***,,",
        b"Row count = 12",
        b"\x1a",
    ],
)
def test_counting_and_ending_phrases(tmp_path: Path, banner: bytes) -> None:
    batch = read(tmp_path, b"1,2,3\n" + banner + b"\n4,5,6\n" + banner)
    assert (batch.banner, len(batch.rows), batch.unreadable) == (2, 2, [])


@pytest.mark.parametrize(
    "data", [b"Total,34,\n", b"Line 7,,\n", b"Total,,x\n", b"K-12,,\n", b"Lisbon,,\n", b"Two words,,\n"]
)
def test_what_may_be_a_row_is_one(tmp_path: Path, data: bytes) -> None:
    assert len(read(tmp_path, b"1,2,3\n" + data).rows) == 2


@pytest.mark.parametrize(
    "note",
    [b"Source: Board of Nursing\n", b"\nSource: Board of Nursing,,\n\n", b"\nOne note\n,,\nAnd another\n"],
)
def test_a_note_is_a_banner_only_where_no_row_follows(tmp_path: Path, note: bytes) -> None:
    end = read(tmp_path, b"1,2,3\n" + note)
    assert end.banner
    assert len(end.rows) == 1
    assert not end.unreadable
    middle = read(tmp_path, b"1,2,3\n" + note + b"4,5,6\n")
    assert not middle.banner
    assert middle.records == end.records + 1


@pytest.mark.parametrize("data", [b"Mary Ann", b"4711\n", b"1,2\nHigh Street\n"])
def test_a_truncated_file_does_not_end_with_a_banner(tmp_path: Path, data: bytes) -> None:
    batch = read(tmp_path, b"1,2,3\n" + data)
    assert batch.banner == 0
    assert codes(batch)[-1][1] == "too_few_cells"


def test_the_end_of_a_torn_record_is_no_banner(tmp_path: Path) -> None:
    batch = read(tmp_path, b"1,2,High Street\nUpper Town\n4,5,6\n7,8,Low Street\nLower Town\n")
    assert (batch.banner, [bad.raw for bad in batch.unreadable]) == (0, [b"Upper Town\n", b"Lower Town\n"])


def test_many_lines_of_prose_are_no_trailer(tmp_path: Path) -> None:
    batch = read(tmp_path, b"1,2,3\n" + b"some words of prose\n" * 1000)
    assert (batch.banner, len(batch.unreadable)) == (0, 1000)


def test_single_column(tmp_path: Path) -> None:
    batch = read(tmp_path, b'1\nTotal: 3 records\n\n"x\ny"\na\n""\nSome words\n', columns=1)
    assert cells(batch) == [["1"], ["Total: 3 records"], ["x\ny"], ["Some words"]]
    assert (batch.blank, batch.banner, batch.rows[-1][0]) == (2, 1, 7)


def test_long_line(tmp_path: Path) -> None:
    limits = Limits(line_bytes=10, kept_bytes=4)
    batch = read(tmp_path, b"1,2,3\n1,2,345678\n1,2,34567890\n4,5,6\n", limits=limits)
    assert len(batch.rows) == 3
    bad = batch.unreadable[0]
    assert (bad.code, bad.raw, bad.raw_length, bad.byte_offset) == ("line_too_long", b"1,2,", 13, 23)


def test_a_line_of_100_mb_is_one_unreadable_record_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    with open(path, "wb") as file:
        file.write(b"a,b,c\n1,2,3\n")
        for _ in range(100):
            file.write(b"x" * 2**20)
        file.write(b"\r\n4,5,6\r\n")
    tracemalloc.start()
    (batch,) = open_file(path, expected=[["a"], ["b"], ["c"]], required=[0]).batches()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert batch.rows == [(1, 2, ["1", "2", "3"]), (3, 4, ["4", "5", "6"])]
    (bad,) = batch.unreadable
    assert (bad.code, bad.raw_length, len(bad.raw)) == ("line_too_long", 100 * 2**20 + 2, 65536)
    assert peak < 60 * 2**20


def test_raw_is_cut_and_its_length_stated(tmp_path: Path) -> None:
    (bad,) = read(tmp_path, b"1," + b"x" * 100_000 + b"\n").unreadable
    assert (len(bad.raw), bad.raw_length) == (65536, 100_003)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_keeps_places_and_raw_bytes_of_the_file(tmp_path: Path, encoding: str) -> None:
    text = "a,b\r\n1,𝄞é\r\n2\r\n3,\ud800\r\n4,5\n".encode(encoding, "surrogatepass") + b"9"
    data = "\ufeff".encode(encoding) + text
    (tmp_path / "wide.csv").write_bytes(data)
    reading = open_file(tmp_path / "wide.csv", expected=[["a"], ["b"]], required=[0, 1])
    (batch,) = reading.batches()
    assert cells(batch) == [["1", "𝄞é"], ["4", "5"]]
    assert [bad.code for bad in batch.unreadable] == ["too_few_cells", "undecodable", "undecodable"]
    for bad in batch.unreadable:
        assert bad.raw == data[bad.byte_offset : bad.byte_offset + bad.raw_length]
    assert batch.unreadable[-1].raw == b"9"


def test_batches_are_of_the_size_asked_for(tmp_path: Path) -> None:
    batches = list(opened(tmp_path, b"1,2,3\n\n1,2\n" * 10).batches(size=8))
    assert [len(batch.rows) + len(batch.unreadable) for batch in batches] == [8, 8, 4]
    assert sum(batch.records for batch in batches) == 30


def test_messages_hold_no_value_of_the_record(tmp_path: Path) -> None:
    data = b'1,Secret\n1,"Secret"Secret,3\n1,"Secret,3\n1,Secret,3,4\n1,Secret\0,3\n\xffSecret,\xc3\xa9,3\n'
    assert not any("Secret" in bad.message for bad in read(tmp_path, data).unreadable)


def test_long_cells_are_refused_one_by_one(tmp_path: Path) -> None:
    limits = Limits(field_bytes=20)
    batch = read(tmp_path, b"1,2,3\n4," + b"x" * 21 + b",6\n7," + b"y" * 15 + b",9\n", limits=limits)
    assert (len(batch.rows), codes(batch)) == (2, [(2, "cell_too_long")])


def test_raw_lines_are_the_same_rows(tmp_path: Path) -> None:
    data = b"".join(b'%d,"a, ""b""",\xc3\xa9\n' % n for n in range(9000)) + b'1,"2\n3,4\n,,\n5,6,7'
    reading = opened(tmp_path, data)
    rows = [row for batch in reading.batches() for row in batch.rows]
    raw = []
    for batch in reading.batches(size=1000, raw=True):
        for run in batch.runs:
            raw += [(run.number + i, run.line + i, cells) for i, cells in enumerate(run.cells())]
        raw += batch.rows
    assert len(rows) == 9001
    assert sorted(raw) == rows
