"""Workbooks in all five formats: values as they are, one sheet, no evaluation."""

import datetime
import subprocess
import sys
import zipfile
from pathlib import Path

import openpyxl
import pandas
import pytest
import xlsxwriter
import xlwt

from extract.read import Limits, Refused
from extract.read.formats import open_source
from extract.read.formats.ooxml import moment, style
from extract.read.header import Wanted
from extract.read.model import Hints

from . import xlsb
from .reading import read, refusal, write

ROWS = [["code", "n", "day"], ["00123", 5, datetime.date(2026, 1, 31)], ["é", 0.1, datetime.date(2026, 2, 1)]]
BINARY: list[list[str | float]] = [["code", "n", "day"], ["00123", 5.0, "2026-01-31"], ["é", 0.1, "2026-02-01"]]
TEXTS = [["00123", "5", "2026-01-31"], ["é", "0.1", "2026-02-01"]]


def xlsx(path: Path, *sheets: tuple[str, list[list[object]]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets:
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def xls(path: Path) -> Path:
    book = xlwt.Workbook()
    sheet = book.add_sheet("Data")
    day = xlwt.easyxf(num_format_str="yyyy-mm-dd")
    for r, row in enumerate(ROWS):
        for c, cell in enumerate(row):
            sheet.write(r, c, cell, day) if isinstance(cell, datetime.date) else sheet.write(r, c, cell)
    book.save(str(path))
    return path


def ods(path: Path) -> Path:
    pandas.DataFrame(ROWS[1:], columns=ROWS[0]).to_excel(path, index=False, engine="odf")
    return path


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: xlsx(folder / "a.xlsx", ("Data", ROWS)),
        lambda folder: xlsx(folder / "a.xlsm", ("Data", ROWS)),
        lambda folder: xls(folder / "a.xls"),
        lambda folder: ods(folder / "a.ods"),
        lambda folder: xlsb.write(folder / "a.xlsb", BINARY),
    ],
    ids=["xlsx", "xlsm", "xls", "ods", "xlsb"],
)  # fmt: skip
def test_values_are_text_as_they_are(tmp_path: Path, make) -> None:
    found = read(make(tmp_path))
    assert (found.header, found.rows) == (ROWS[0], TEXTS)
    assert found.found["format"] == "excel"
    assert found.lines == [2, 3]


def test_numbers_dates_and_errors(tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(tmp_path / "a.xlsx")
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["a", "b"])
    formats = {
        code: book.add_format({"num_format": code}) for code in ("00000", "0.00", "d/m/yy", "h:mm", "[h]:mm:ss", "0%")
    }
    cases = [
        (123, "00000", "00123"),
        (1234567, "00000", "1234567"),
        (5, "0.00", "5"),
        (0.25, "0%", "0.25"),
        (46053, "d/m/yy", "2026-01-31"),
        (46053.4375, "d/m/yy", "2026-01-31T10:30:00"),
        (0.4375, "h:mm", "10:30:00"),
        (1.25, "[h]:mm:ss", "30:00:00"),
    ]
    for row, (value, code, _) in enumerate(cases, 1):
        sheet.write_number(row, 0, value, formats[code])
    plain = [(1e20, "100000000000000000000"), (0.1, "0.1"), (-0.5, "-0.5"), (1e-7, "0.0000001")]
    for row, (number, _) in enumerate(plain):
        sheet.write_number(row + 1, 1, number)
    sheet.write_boolean(5, 1, True)
    sheet.write_formula(6, 1, "=1/0", None, "#DIV/0!")
    sheet.write_formula(7, 1, '=HYPERLINK("http://x.example")', None, "kept")
    sheet.write_formula(8, 1, "=6*7", None, 42)
    book.close()
    rows = read(tmp_path / "a.xlsx").rows
    assert [row[0] for row in rows] == [case[2] for case in cases]
    assert [row[1] for row in rows] == [*(told for _, told in plain), "true", "#DIV/0!", "kept", "42"]


def test_what_an_old_workbook_hides_from_us_is_told(tmp_path: Path) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("Data")
    for column, name in enumerate(["a", "b"]):
        sheet.write(0, column, name)
    sheet.write(1, 0, "x")
    sheet.row(1).set_cell_error(1, 0x2A)  # #N/A
    book.save(str(tmp_path / "a.xls"))
    found = read(tmp_path / "a.xls")
    assert found.rows == [["x", ""]]  # calamine gives an empty cell for it
    assert "#N/A" in found.found["not_seen_in_this_format"]


def test_formulas_are_not_evaluated_and_one_without_its_value_is_told(tmp_path: Path) -> None:
    found = read(xlsx(tmp_path / "a.xlsx", ("Data", [["a", "b"], ["x", "=1+1"], ["y", 2]])))
    assert found.rows == [["x", ""], ["y", "2"]]
    assert found.found["formulas_without_value"] == 1


SHEETS = (
    ("Notes", [["Read me first"], ["by the vendor"]]),
    ("Data", [["code", "n"], ["a", 1]]),
    ("More", [["Licence", "Name"], ["b", 2]]),
)


def test_a_sheet_by_name_by_index_or_the_one_that_looks_like_a_table(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", *SHEETS)
    assert read(path).found["sheet"] == "Data"
    assert read(path).found["other_sheets"] == "Notes, More"
    assert read(path, sheet="More").rows == [["b", "2"]]
    assert read(path, sheet=2).header == ["Licence", "Name"]
    assert "there is no sheet 'Dada'; it has Notes, Data, More" in refusal(path, sheet="Dada")


def test_the_sheet_with_the_wanted_header(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", *SHEETS)
    source = open_source(path, Hints(), Limits(), Wanted([["Licence"]], [0]))
    assert source is not None
    assert source.found["sheet"] == "More"


def test_hidden_sheets_come_last(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", *SHEETS)
    book = openpyxl.load_workbook(path)
    book["Data"].sheet_state = "hidden"
    book.save(path)
    assert read(path).found["sheet"] == "More"


def merged(path: Path) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in [["region", "code", "n"], ["north", "a", 1], [None, "b", 2], ["south", "c", 3]]:
        sheet.append(row)
    sheet.merge_cells("A2:A3")
    book.save(path)
    return path


def test_merged_cells_are_left_or_filled_as_declared(tmp_path: Path) -> None:
    path = merged(tmp_path / "a.xlsx")
    assert [row[0] for row in read(path).rows] == ["north", "", "south"]
    assert [row[0] for row in read(path, merged="fill").rows] == ["north", "north", "south"]
    assert read(path, merged="fill").found["merged"] == "1 (fill)"


def test_the_table_may_begin_anywhere(tmp_path: Path) -> None:
    rows: list[list[object]] = [[], [None, None, "code", "n"], [None, None, "a", 1], [], [None, None, "b", None]]
    found = read(xlsx(tmp_path / "a.xlsx", ("Data", rows)))
    assert (found.header, found.rows, found.blank) == (["code", "n"], [["a", "1"], ["b", ""]], 1)
    assert found.lines == [3, 5]
    assert found.found["range"] == "C2:D5"


def test_a_far_off_cell_costs_no_memory(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["a", "b"])
    book.active["XFD1048576"] = "far"
    book.save(tmp_path / "a.xlsx")
    assert "16,384 columns" in refusal(tmp_path / "a.xlsx")


def test_a_sparse_xls_does_not_end_the_process(tmp_path: Path) -> None:
    far = tmp_path / "a.xlsb"
    xlsb.write(far, [["a", "b"], ["1", "2"]])
    with zipfile.ZipFile(far) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    sheet = parts["xl/worksheets/sheet1.bin"]
    last = sheet.rindex(b"\x06\x0e\x01\x00\x00\x00")  # the last cell: its column
    parts["xl/worksheets/sheet1.bin"] = sheet[: last + 2] + b"\xff\xff\xff\x7f" + sheet[last + 6 :]
    with zipfile.ZipFile(far, "w") as book:
        for name, content in parts.items():
            book.writestr(name, content)
    assert "a.xlsb: " in refusal(far)


def test_an_empty_workbook(tmp_path: Path) -> None:
    assert "is empty" in refusal(xlsx(tmp_path / "a.xlsx", ("Data", [])))


def test_protected(tmp_path: Path) -> None:
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le") + bytes(600)
    assert "protected by a password" in refusal(write(tmp_path / "a.xlsx", ole))


def test_word_is_no_workbook(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.docx", "w") as book:
        book.writestr("[Content_Types].xml", "<Types/>")
        book.writestr("word/document.xml", "<w/>")
    assert "no Excel workbook" in refusal(tmp_path / "a.docx")


def _replaced(path: Path, part: str, old: bytes, new: bytes) -> Path:
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    assert old in parts[part]
    parts[part] = parts[part].replace(old, new)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in parts.items():
            book.writestr(name, content)
    return path


def test_a_workbook_with_a_dtd_is_refused(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", ("Data", ROWS))
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><worksheet'
    assert "DTD" in refusal(_replaced(path, "xl/worksheets/sheet1.xml", b"<worksheet", bomb))


def test_a_bomb_in_a_workbook_is_refused(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", ("Data", ROWS))
    _replaced(path, "xl/worksheets/sheet1.xml", b"<sheetData>", b"<sheetData>" + b" " * (80 * 2**20))
    assert "times its size" in refusal(path)


def test_external_links_are_not_followed(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", ("Data", ROWS))
    relation = b'Target="/xl/worksheets/sheet1.xml"'
    _replaced(path, "xl/_rels/workbook.xml.rels", relation, b'TargetMode="External" Target="file:///etc/passwd"')
    assert "no sheet" in refusal(path)


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("General", None), ("0.00", None), ("0", None), ("#,##0", None), ("0.00E+00", None), ("@", None), ("00000", 5),
        ("yyyy-mm-dd", "d"), ("[$-409]mmmm d, yyyy;@", "d"), ("mmm-yy", "d"), ("dd/mm/yyyy hh:mm", "dt"),
        ("h:mm AM/PM", "t"),
        ("[h]:mm", "e"), ('"day "0', None), ("[Red]0.0", None), ("mm:ss.0", "t"), ("0\\d", None),
    ],
)  # fmt: skip
def test_number_formats(code: str, meaning: object) -> None:
    assert style(code) == meaning


@pytest.mark.parametrize(
    ("serial", "told"),
    [(1, "1900-01-01"), (59, "1900-02-28"), (60, "1900-02-29"), (61, "1900-03-01"),
     (46053, "2026-01-31"), (46053.999999, "2026-01-31T23:59:59.914000")],
)  # fmt: skip
def test_day_numbers(serial: float, told: str) -> None:
    assert moment(serial, "d") == told.removesuffix("000")


def test_days_since_1904(tmp_path: Path) -> None:
    book = xlsxwriter.Workbook(tmp_path / "a.xlsx", {"date_1904": True})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["a", "b"])
    sheet.write_string(1, 0, "x")
    sheet.write_datetime(1, 1, datetime.datetime(2026, 1, 31), book.add_format({"num_format": "dd.mm.yyyy"}))
    book.close()
    assert read(tmp_path / "a.xlsx").rows == [["x", "2026-01-31"]]


def test_many_rows_are_read_as_a_stream(tmp_path: Path) -> None:
    """200,000 cells of a sheet need little more memory than one: measured in a process of its own."""
    book = xlsxwriter.Workbook(tmp_path / "a.xlsx", {"constant_memory": True})
    sheet = book.add_worksheet()
    for row in range(40_000):
        sheet.write_row(row, 0, [f"name {row}", row, row / 7, "x", "y"])
    book.close()
    code = (
        "import sys, resource; from pathlib import Path; from extract.read import open_file\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "rows = sum(len(batch.rows) for batch in open_file(Path(sys.argv[1])).batches(1000))\n"
        "print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "a.xlsx"], capture_output=True, text=True, check=True)
    rows, grown = map(int, done.stdout.split())
    assert rows in (39_999, 40_000)
    assert grown < 40_000  # kB


def test_a_damaged_workbook(tmp_path: Path) -> None:
    path = xlsx(tmp_path / "a.xlsx", ("Data", ROWS))
    with pytest.raises(Refused, match="damaged"):
        read(write(tmp_path / "b.xlsx", path.read_bytes()[:-100]))
