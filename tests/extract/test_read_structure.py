"""What stands around a table: titles, folded headers, no header, other tables, trailers; with and without hints."""

import json
from pathlib import Path
from typing import Any

import pytest

from extract.read import EmptyFile, Hints, NotClean, Reading, Refused, open_file

BODY = "".join(f"{n},2026-01-{n:02},{n}.50,Name {n}\n" for n in range(1, 10))
NAMES = ["id", "day", "amount", "name"]
HEADER = ",".join(NAMES) + "\n"


def opened(folder: Path, text: str, expected: list[str] | None = None, **hints: Any) -> Reading:
    path = folder / "file.csv"
    path.write_bytes(text.encode())
    names = [[name] for name in expected or []]
    return open_file(path, expected=names, required=range(len(names)), hints=Hints.model_validate(hints))


def read(reading: Reading) -> tuple[list[list[str]], dict[str, int]]:
    batches = list(reading.batches())
    account = {
        "rows": sum(len(batch.rows) for batch in batches),
        "unreadable": sum(len(batch.unreadable) for batch in batches),
        "blank": sum(batch.blank for batch in batches),
        "banner": sum(batch.banner for batch in batches),
        "other": sum(batch.other for batch in batches),
    }
    return [cells for batch in batches for _, _, cells in batch.rows], {k: v for k, v in account.items() if v}


@pytest.mark.parametrize(
    ("above", "lines"),
    [
        ("", 0),
        ("Register of things\n", 1),
        ("Register of things\n\nAs of 2026-01-31\n\n", 4),
        ("Register of things,,,\n,,,\n", 2),
        ("Produced by:,Ann\nOn:,2026-01-31\n", 2),
        ('"Things, and more"\n', 1),
    ],
)
def test_what_stands_above_the_header(tmp_path: Path, above: str, lines: int) -> None:
    for hints in ({}, {"preamble_rows": lines}, {"preamble_rows": lines, "header_rows": 1}):
        reading = opened(tmp_path, above + HEADER + BODY, **hints)
        rows, account = read(reading)
        assert list(reading.found.header) == NAMES
        assert (reading.found.header_line, len(reading.found.preamble)) == (lines + 1, lines)
        assert account == {"rows": 9}
        assert rows[0] == ["1", "2026-01-01", "1.50", "Name 1"]


@pytest.mark.parametrize("hints", [{}, {"header_rows": 2}])
def test_header_over_two_rows(tmp_path: Path, hints: dict[str, Any]) -> None:
    reading = opened(tmp_path, "site,day,amount,full\nnumber,entered,,name\n" + BODY, **hints)
    assert list(reading.found.header) == ["site number", "day entered", "amount", "full name"]
    assert read(reading)[1] == {"rows": 9}
    assert (reading.found.header_line, reading.found.header_end_line, reading.found.header_rows) == (1, 2, 2)


def test_header_over_three_rows_below_a_title_that_fills_its_gaps(tmp_path: Path) -> None:
    title = "A Register"
    text = f"{title},,,\nsite,day,amount,{title}\nnumber,{title},in,name\n{title},{title},GBP,{title}\n" + BODY
    reading = opened(tmp_path, text)
    assert list(reading.found.header) == ["site number", "day", "amount in GBP", "name"]
    assert read(reading)[1] == {"rows": 9}


def test_folded_header_of_a_feed(tmp_path: Path) -> None:
    text = "Title\nsite,day,amount,full\nnumber,entered,,name\n" + BODY
    reading = opened(tmp_path, text, expected=["site number", "full name"])
    assert reading.columns == (0, None, None, 1)
    assert read(reading)[1] == {"rows": 9}


@pytest.mark.parametrize("hints", [{}, {"header_rows": 0}])
def test_no_header(tmp_path: Path, hints: dict[str, Any]) -> None:
    reading = opened(tmp_path, BODY, **hints)
    rows, account = read(reading)
    assert not reading.found.named
    assert (account, rows[0][0]) == ({"rows": 9}, "1")


def test_no_header_in_a_feed_that_declares_its_columns(tmp_path: Path) -> None:
    reading = opened(tmp_path, BODY, expected=["name", "id"], header_rows=0, columns=NAMES)
    assert reading.columns == (1, None, None, 0)
    assert read(reading)[1] == {"rows": 9}
    assert b"".join(reading.clean_chunks()) == BODY.encode()
    with pytest.raises(Refused, match="do not hold city"):
        opened(tmp_path, BODY, expected=["city"], header_rows=0, columns=NAMES)


def test_declared_names_take_the_place_of_the_file_s(tmp_path: Path) -> None:
    reading = opened(tmp_path, "a,b,c,d\n" + BODY, header_rows=1, columns=NAMES)
    assert list(reading.found.header) == NAMES
    assert read(reading)[1] == {"rows": 9}


@pytest.mark.parametrize("row", range(1, 6))
@pytest.mark.parametrize("odd", ["1,2\n", "1,2,3,4,5,6\n", '1,"2,3,4\n'])
def test_an_odd_record_near_the_top_makes_no_preamble_of_its_neighbours(tmp_path: Path, row: int, odd: str) -> None:
    lines = (HEADER + BODY).splitlines(keepends=True)
    lines.insert(row, odd)
    reading = opened(tmp_path, "".join(lines))
    assert list(reading.found.header) == NAMES
    assert read(reading)[1] == {"rows": 9, "unreadable": 1}


@pytest.mark.parametrize(("header", "names"), [("id,day,amount\n", 3), ("id,day,amount,name,more\n", 5)])
def test_a_header_with_a_cell_more_or_less_is_told_of(tmp_path: Path, header: str, names: int) -> None:
    reading = opened(tmp_path, header + BODY)
    assert len(reading.found.header) == 4
    assert f"the header has {names} cells, the rows have 4" in reading.found.findings[0]
    assert read(reading)[1] == {"rows": 9}


def test_repeated_headers(tmp_path: Path) -> None:
    more = BODY.replace("Name", "Other")
    assert read(opened(tmp_path, HEADER + BODY + HEADER + more))[1] == {"rows": 18, "banner": 1}


@pytest.mark.parametrize(
    "second",
    [
        "code,label\nA,1\nB,2\nC,3\n",
        "\n\ncode,label\nA,1\nB,2\nC,3\n",
        "id,day,amount,name,city\n" + BODY.replace("\n", ",York\n"),
    ],
)
def test_another_table_below(tmp_path: Path, second: str) -> None:
    reading = opened(tmp_path, HEADER + BODY + second)
    rows, account = read(reading)
    records = [line for line in second.splitlines() if line]
    assert (len(rows), account.get("unreadable", 0), account["other"]) == (9, 0, len(records))
    assert "another table" in reading.found.findings[0]


@pytest.mark.parametrize("expected", [[], ["site no", "area ha", "note", "day"]])
def test_a_folded_header_that_comes_again(tmp_path: Path, expected: list[str]) -> None:
    folded = "site,area,note,day\nno,ha,,\n"
    page = "".join(f"S{n},{n}.5,words of it,2026-01-{n:02}\n" for n in range(1, 9))
    reading = opened(tmp_path, folded + page + folded + page.replace("S", "T"), expected=expected)
    assert list(reading.found.header) == ["site no", "area ha", "note", "day"]
    assert read(reading)[1] == {"rows": 16, "banner": 2}
    with pytest.raises(NotClean, match="folded header"):
        list(reading.clean_chunks())


def test_a_copy_of_the_table_below_it(tmp_path: Path) -> None:
    reading = opened(tmp_path, (HEADER + BODY) * 2)
    assert read(reading)[1] == {"rows": 9, "other": 10}
    assert "a copy of the table begins on line 11" in reading.found.findings[0]


def test_the_second_table_where_it_is_asked_for(tmp_path: Path) -> None:
    reading = opened(tmp_path, HEADER + BODY + "\ncode,label\nA,1\nB,2\nC,3\n", table=2)
    assert (list(reading.found.header), read(reading)[0]) == (["code", "label"], [["A", "1"], ["B", "2"], ["C", "3"]])
    with pytest.raises(Refused, match="no table 3"):
        opened(tmp_path, HEADER + BODY + "\ncode,label\nA,1\nB,2\nC,3\n", table=3)


SCHOOLS = "school,head,town,pupils\nOak,Ann B,York,12\nElm,Cy D,Hull,7\nAsh,Eve F,Leeds,9\nFir,Gil H,Bath,4\n"


@pytest.mark.parametrize("expected", [[], NAMES])
@pytest.mark.parametrize("title", ["", "Schools\n"])
def test_another_table_of_the_same_width(tmp_path: Path, title: str, expected: list[str]) -> None:
    text = HEADER + BODY + "\n" + title + SCHOOLS + "\ncode,label\nA,1\nB,2\nC,3\n"
    reading = opened(tmp_path, text, expected=expected)
    assert read(reading)[1] == {"rows": 9, "blank": 2, "other": 9 + bool(title)}
    assert reading.found.findings == (
        f"another table of 4 columns begins on line 12; its {5 + bool(title)} records (header included) were not read",
        f"another table of 2 columns begins on line {18 + bool(title)}; its 4 records (header included) were not read",
    )


@pytest.mark.parametrize("expected", [[], ["school", "town"]])
def test_the_second_table_of_the_same_width_where_it_is_asked_for(tmp_path: Path, expected: list[str]) -> None:
    reading = opened(tmp_path, HEADER + BODY + "\n" + SCHOOLS, expected=expected, table=2)
    assert (list(reading.found.header), read(reading)[1]) == (["school", "head", "town", "pupils"], {"rows": 4})
    assert reading.found.findings == ("table 2 was asked for; the 11 lines above it were not read",)


@pytest.mark.parametrize("row", ["", "none,none such,n/a,Unknown\n", "id no,the day,sum,label\n"])
def test_a_gap_begins_no_other_table_where_rows_go_on(tmp_path: Path, row: str) -> None:
    assert read(opened(tmp_path, HEADER + BODY + "\n" + row + BODY))[1] == {"rows": 18 + bool(row), "blank": 1}


def test_rows_of_one_more_cell_are_no_other_table(tmp_path: Path) -> None:
    wider = "".join(line + ",x\n" for line in BODY.splitlines())
    assert read(opened(tmp_path, HEADER + BODY + wider))[1] == {"rows": 9, "unreadable": 9}


@pytest.mark.parametrize(
    ("trailer", "said"),
    [
        ("Total: 9 records\n", "counts 9 records, as were read"),
        ("Total: 10 records\n", "MISMATCH: the trailer on line 11 counts 10 records, 9 rows were read"),
        ("\nRow count = 8\n", "MISMATCH"),
        ("Total,,49.50,\n", "the control totals on line 11 agree"),
        ("Total,,49.60,\n", "MISMATCH: line 11"),
    ],
)
def test_trailers_are_checked(tmp_path: Path, trailer: str, said: str) -> None:
    for expected in ([], NAMES):
        reading = opened(tmp_path, HEADER + BODY + trailer, expected=expected)
        _, account = read(reading)
        assert account["rows"] == (10 if "49.60" in trailer else 9)
        assert said in reading.found.findings[-1]


def test_a_declared_trailer(tmp_path: Path) -> None:
    reading = opened(tmp_path, HEADER + BODY + "TRL,9,,\n\n", trailer_rows=1)
    assert read(reading)[1] == {"rows": 9, "banner": 1, "blank": 1}
    assert "counts 9 records, as were read" in reading.found.findings[0]


def test_columns_of_days_as_one_map(tmp_path: Path) -> None:
    days = [f"202601{n:02}" for n in range(1, 30)]
    schools = [f"S{n},5," + ",".join([str(n)] * 29) + "\n" for n in range(3)]
    text = "school,total," + ",".join(days) + "\n" + "".join(schools)
    wide = opened(tmp_path, text)
    assert len(wide.found.header) == 31
    reading = opened(tmp_path, text, map={"column": "cases", "headers": r"\d{8}"})
    rows, _ = read(reading)
    assert reading.found.header == ("school", "total", "cases")
    assert json.loads(rows[1][2]) == dict.fromkeys(days, "1")
    feed = opened(tmp_path, text, expected=["school", "cases"], map={"column": "cases", "headers": r"\d{8}"})
    assert feed.columns == (0, None, 1)


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("school,total,20260101,20260101", "the header names the column '20260101' 2 times"),
        ("school,total,1/1/2026,1/2/2026", "no column has a name as"),
    ],
)
def test_days_that_would_be_lost_are_refused(tmp_path: Path, header: str, told: str) -> None:
    with pytest.raises(Refused, match=told):
        opened(tmp_path, f"{header}\nS1,5,1,2\n", map={"column": "cases", "headers": r"\d{8}"})


def test_a_byte_order_mark_says_more_than_a_hint(tmp_path: Path) -> None:
    for encoding in ("utf-16", "utf-8-sig"):
        path = tmp_path / "x.csv"
        path.write_bytes("id,name\n1,Café\n".encode(encoding))
        rows, _ = read(open_file(path, hints=Hints(encoding="cp1252", delimiter=",")))
        assert rows == [["1", "Café"]]


def test_mojibake_is_undone_where_that_is_declared(tmp_path: Path) -> None:
    text = "id,name\n1,CafÃ©\n2,Café\n3,plain\n"
    reading = opened(tmp_path, text, mojibake="cp1252")
    assert [row[1] for row in read(reading)[0]] == ["Café", "Café", "plain"]
    assert reading.found.as_json()["mojibake"]["cells"] == 1
    assert read(opened(tmp_path, text))[0][0][1] == "CafÃ©"


@pytest.mark.parametrize("text", ["", "\n\n", "  \r\n"])
def test_empty_files(tmp_path: Path, text: str) -> None:
    with pytest.raises(EmptyFile):
        opened(tmp_path, text)


def test_header_only(tmp_path: Path) -> None:
    reading = opened(tmp_path, HEADER)
    assert (list(reading.found.header), reading.found.named, read(reading)[0]) == (NAMES, True, [])


def test_mending_is_declared_counted_and_kept(tmp_path: Path) -> None:
    odd = '10,2026-01-10,10.50,"Name "x" 10"\n11,2026-01-11,"11.50,Name 11\n12,,2026-01-12,12.50,Name 12\n13,2\n'
    strict = opened(tmp_path, HEADER + BODY + odd)
    assert read(strict)[1] == {"rows": 9, "unreadable": 4}
    reading = opened(tmp_path, HEADER + BODY + odd, mend=["quotes", "delimiters"])
    (batch,) = reading.batches()
    assert [cells for _, _, cells in batch.rows[9:]] == [
        ["10", "2026-01-10", "10.50", 'Name "x" 10'],
        ["11", "2026-01-11", '"11.50', "Name 11"],
        ["12", "2026-01-12", "12.50", "Name 12"],
    ]
    assert [mended.raw for mended in batch.mended] == [line.encode() + b"\n" for line in odd.splitlines()[:3]]
    assert [bad.code for bad in batch.unreadable] == ["too_few_cells"]
    assert "3 records were mended" in reading.found.findings[0]


@pytest.mark.parametrize(
    ("hints", "mended"),
    [
        ({}, False),
        ({"delimiter": ","}, False),
        ({"delimiter": ",", "quote": '"'}, False),
        ({"delimiter": ",", "quote": '"', "escape": '"'}, True),
        ({"delimiter": ",", "quote": '"', "escape": '"', "mend": []}, False),
    ],
)
def test_quotes_are_mended_where_the_dialect_is_declared_whole(tmp_path: Path, hints: Any, mended: bool) -> None:
    odd = '10,2026-01-10,"10.50,Name 10\n12,"2026-01-12""x",12\n13,,2026-01-13,13.50,N\n'
    (batch,) = opened(tmp_path, HEADER + BODY + odd, **hints).batches()
    assert [cells for _, _, cells in batch.rows[9:]] == ([["10", "2026-01-10", '"10.50', "Name 10"]] if mended else [])
    assert [record.row_number for record in batch.unreadable] == ([11, 12] if mended else [10, 11, 12])


def test_pairs_of_quotes_are_never_read_otherwise(tmp_path: Path) -> None:
    """A missing delimiter between two quoted cells: other commas must not stand in for it."""
    odd = '10,2026-01-10,"a, b""c"\n'
    (batch,) = opened(tmp_path, HEADER + BODY + odd, mend=["quotes"]).batches()
    assert [record.code for record in batch.unreadable] == ["too_few_cells"]


def test_a_header_that_is_mended_is_told(tmp_path: Path) -> None:
    reading = opened(tmp_path, HEADER.replace("day", '"day') + BODY)
    assert list(reading.found.header) == ["id", '"day', "amount", "name"]
    assert "quotes in the header are out of order" in reading.found.findings[0]


@pytest.mark.parametrize(
    ("text", "header", "account"),
    [
        ("a,b,c\n1,2\n1,2,3,4\n1,2,3\n4,5,6\n7,8,9\n", ["a", "b", "c"], {"rows": 3, "unreadable": 2}),
        ("# made by x\n# on y\na,b\n1,2\n3,4\n", ["a", "b"], {"rows": 2}),
        ("sep=;\na;b\n1;2\n3;4\n", ["a", "b"], {"rows": 2}),
        ("school,2019,2020,2021\nA,1,2,3\nB,4,5,6\n", ["school", "2019", "2020", "2021"], {"rows": 2}),
        ("a,b\n1,\0\n2,3\n", ["a", "b"], {"rows": 1, "unreadable": 1}),
    ],
)
def test_small_tables_that_were_misread(tmp_path: Path, text: str, header: list[str], account: dict[str, int]) -> None:
    reading = opened(tmp_path, text)
    assert (list(reading.found.header), read(reading)[1]) == (header, account)


def test_markup_that_breaks_off_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="whose outermost element is <r>"):
        opened(tmp_path, "<r><a><b>1</b></a><a><b>2")


def test_names_in_angle_brackets_are_no_markup(tmp_path: Path) -> None:
    reading = opened(tmp_path, "<TICKER>,<DATE>,<CLOSE>\nABC,20260105,12.5\nDEF,20260105,3\n")
    assert (list(reading.found.header), read(reading)[1]) == (["<TICKER>", "<DATE>", "<CLOSE>"], {"rows": 2})


def test_a_title_that_is_repeated_in_a_folded_header_is_no_part_of_a_name(tmp_path: Path) -> None:
    text = 'The Register,,\n(a) Reference,(b) name,(c) area\nnumber,The Register,"land, Ha"\nA1,Yard,0.4\n'
    reading = opened(tmp_path, text, ["(a) Reference number", "(b) name", "(c) area land, Ha"])
    assert reading.found.header == ("(a) Reference number", "(b) name", "(c) area land, Ha")
    assert read(reading)[0] == [["A1", "Yard", "0.4"]]


def test_a_file_with_another_delimiter_than_the_declared_one_is_told(tmp_path: Path) -> None:
    text = (HEADER + BODY).replace(",", ";")
    with pytest.raises(Refused, match="Its header is there with ';' between the columns, and ',' is declared"):
        opened(tmp_path, text, expected=NAMES, delimiter=",")
