"""What the reader says a file is, and which files it refuses."""
# ruff: noqa: RUF001 - texts of many scripts

import json
import os
import zipfile
from pathlib import Path

import pytest
from pydantic import ValidationError

from extract.read import Found, Hints, Limits, Reading, Refused, open_file

EXPECTED = [["Licence Number", "Licence No"], ["Name"], ["Expiry Date"]]


def opened(folder: Path, data: bytes, **options: object) -> Reading:
    path = folder / "licences.csv"
    path.write_bytes(data)
    return open_file(path, **{"expected": EXPECTED, "required": (0, 1), **options})  # type: ignore[arg-type]


def found(folder: Path, data: bytes, **options: object) -> Found:
    return opened(folder, data, **options).found


def rows(reading: Reading) -> list[list[str]]:
    return [cells for batch in reading.batches() for _, _, cells in batch.rows]


def refusal(folder: Path, data: bytes, **options: object) -> Refused:
    with pytest.raises(Refused) as raised:
        opened(folder, data, **options)
    assert "licences.csv" in str(raised.value)
    assert str(folder) not in str(raised.value)
    return raised.value


def test_plain_file(tmp_path: Path) -> None:
    seen = found(tmp_path, b"Licence Number,Name,Expiry Date\r\n1,Ann,2026\r\n")
    assert seen == Found("csv", "utf-8", False, ",", '"', "\r\n", ("Licence Number", "Name", "Expiry Date"), 1, (), 1)
    assert json.loads(json.dumps(seen.as_json()))["header"] == ["Licence Number", "Name", "Expiry Date"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_the_one_that_makes_the_header(tmp_path: Path, delimiter: str) -> None:
    header = delimiter.join(["Licence No", '"Name"', "a,b;c|d"]).replace(f"a{delimiter}b", "a b")
    assert found(tmp_path, f"{header}\n".encode()).delimiter == delimiter


def test_names_match_whatever_their_case_spaces_and_age(tmp_path: Path) -> None:
    reading = opened(tmp_path, b'  licence\tno ;" NAME\n";other\n1;Ann;x\n')
    assert reading.found.header == ("licence\tno", "NAME", "other")
    assert reading.columns == (0, 1, None)
    assert (reading.found.header_line, reading.found.header_end_line) == (1, 2)
    assert rows(reading) == [["1", "Ann", "x"]]


def test_preamble_is_kept_apart(tmp_path: Path) -> None:
    data = b'Board of Nursing\n"as of, 1 May\n\nLicence No,Name\n1,Ann\n'
    seen = found(tmp_path, data)
    assert (seen.header_line, seen.preamble) == (4, ("Board of Nursing", '"as of, 1 May', ""))
    assert "none of the first 3 lines" in str(refusal(tmp_path, data, limits=Limits(preamble_lines=3)))
    assert "Name,[e-mail]." in str(refusal(tmp_path, b"Name,ann.lee@example.com\nx,1\n"))


@pytest.mark.parametrize(
    ("line_end", "data"),
    [
        ("\n", b"Licence No,Name\n1,Ann\n"),
        ("\r", b"Licence No,Name\r1,Ann\r"),
        ("mixed", b"Licence No,Name\r\n1,Ann\n2,Bob"),
        ("\r\n", b'Licence No,Name\r\n1,"Ann\nBelle"\r\n'),
        ("\n", b"Licence No,Name"),
    ],
)
def test_line_end_is_that_of_the_records(tmp_path: Path, line_end: str, data: bytes) -> None:
    assert found(tmp_path, data).line_end == line_end


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    reading = opened(tmp_path, "Licence No,Name\n1,Zoë 𝄞\n".encode(encoding))
    assert reading.found.bom
    assert reading.found.encoding == {"utf-16": "utf-16-le"}.get(encoding, "utf-8")
    assert reading.found.header == ("Licence No", "Name")
    assert rows(reading) == [["1", "Zoë 𝄞"]]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_mark_shows_by_its_nuls(tmp_path: Path, encoding: str) -> None:
    reading = opened(tmp_path, "Licence No,Name\n1,Zoë\n".encode(encoding))
    assert (reading.found.encoding, rows(reading)) == (encoding, [["1", "Zoë"]])


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_encoding_by_its_bytes(tmp_path: Path, encoding: str) -> None:
    reading = opened(tmp_path, "Licence No,Name\n1,Zoë € “Bee”\n".encode(encoding))
    assert (reading.found.encoding, rows(reading)) == (encoding, [["1", "Zoë € “Bee”"]])


SCRIPTS = {
    "cp1251 koi8-r cp866 iso8859-5": "имя,значение\nМосква,1\nКазань,2\nНижний Новгород,3\n",
    "cp1253": "όνομα,τιμή\nΑθήνα,1\nΘεσσαλονίκη,2\n",
    "cp1255": "שם,ערך\nירושלים,1\nתל אביב,2\n",
    "cp1256": "اسم,قيمة\nالقاهرة,1\nدمشق,2\n",
    "cp874": "ชื่อ,ค่า\nกรุงเทพ,1\nเชียงใหม่,2\n",
    "shift_jis euc_jp": "名前,値\n東京都,1\n大阪のまち,2\nカタカナ,3\n",
    "gb18030": "名称,值\n北京市朝阳区,1\n上海市浦东新区,2\n",
    "big5": "名稱,數值\n臺北市信義區,1\n高雄市,2\n",
    "euc_kr": "이름,값\n서울특별시,1\n부산광역시,2\n",
}


@pytest.mark.parametrize(("encoding", "text"), [(one, text) for all, text in SCRIPTS.items() for one in all.split()])
def test_other_scripts(tmp_path: Path, encoding: str, text: str) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(text.encode(encoding))
    reading = open_file(path)
    assert reading.found.encoding == encoding
    assert [list(reading.found.header), *rows(reading)] == [line.split(",") for line in text.splitlines()]


@pytest.mark.parametrize("text", ["Göteborg,Å\nÆbelø\n", "ÅÄÖ,1\nÅÄÖÅÄÖ,2\n", "£££,1\n€€€,2\n", "“a” – — …,1\n"])
def test_latin_text_is_not_taken_for_another_script(tmp_path: Path, text: str) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(("name,number\n" + text).encode("cp1252"))
    assert open_file(path).found.encoding == "cp1252"


def test_bytes_without_meaning_in_cp1252(tmp_path: Path) -> None:
    lines = "".join(f"{n},Größe über Bäume\n" for n in range(50)).encode("cp437")
    reading = opened(tmp_path, b"Licence No,Name\n" + lines)
    assert reading.found.encoding not in ("utf-8", "cp1252")
    assert sum(len(batch.rows) for batch in reading.batches()) == 50


def test_encoding_that_shows_after_the_first_mebibyte_only(tmp_path: Path) -> None:
    plain = b"12345,Ann\n" * 150_000
    reading = opened(tmp_path, b"Licence No,Name\n" + plain + "6,Zoë\n".encode("cp1252") * 3)
    assert reading.found.encoding == "utf-8"
    assert rows(reading)[-1] == ["6", "Zoë"]
    assert reading.found.encoding == "cp1252"


def test_a_damaged_character_does_not_turn_utf8_into_cp1252(tmp_path: Path) -> None:
    reading = opened(tmp_path, "Licence No,Name\n1,Zoë\n2,Léo\n3,".encode() + b"\xff\n4,Ann\n")
    (batch,) = reading.batches()
    assert [cells for _, _, cells in batch.rows] == [["1", "Zoë"], ["2", "Léo"], ["4", "Ann"]]
    assert [(bad.code, bad.raw) for bad in batch.unreadable] == [("undecodable", b"3,\xff\n")]


def test_hints_win(tmp_path: Path) -> None:
    data = "Licence No;'Name'\n1;'Zoë; Bee'\n".encode()
    reading = opened(tmp_path, data, hints=Hints(encoding="latin1", delimiter=";", quote="'"))
    assert (reading.found.encoding, reading.found.quote) == ("latin-1", "'")
    assert rows(reading) == [["1", "ZoÃ«; Bee"]]


def test_hinted_multibyte_encoding_hides_no_delimiter(tmp_path: Path) -> None:
    name = "ポ"  # its second byte in shift_jis is that of "|"
    data = f"Licence No|Name\n1|{name}\n".encode("shift_jis") + b"2|\x81\n"
    (batch,) = opened(tmp_path, data, hints=Hints(encoding="shift_jis")).batches()
    assert name.encode("shift_jis").endswith(b"|")
    assert [cells for _, _, cells in batch.rows] == [["1", name]]
    assert [(bad.code, bad.raw) for bad in batch.unreadable] == [("undecodable", b"2|\x81\n")]


@pytest.mark.parametrize("hint", [{"encoding": "utf-9"}, {"delimiter": ",\n"}, {"quote": "\n"}, {"escape": "x"}])
def test_senseless_hints(hint: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Hints(**hint)


def test_no_file(tmp_path: Path) -> None:
    for path, words in [(tmp_path, "a directory"), (tmp_path / "gone.csv", "no such file")]:
        with pytest.raises(Refused, match=words):
            open_file(path, expected=EXPECTED)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Refused, match="not a regular file"):
        open_file(tmp_path / "pipe", expected=EXPECTED)


@pytest.mark.parametrize("way", ["batches", "clean_chunks"])
def test_file_that_vanishes_or_changes(tmp_path: Path, way: str) -> None:
    reading = opened(tmp_path, b"Licence No,Name\n1,Ann\n")
    opened(tmp_path, b"Licence No,Name\n1,Ann\n2,Bob\n")
    with pytest.raises(Refused, match="changed while it was read"):
        list(getattr(reading, way)())
    (tmp_path / "licences.csv").unlink()
    with pytest.raises(Refused, match="no such file"):
        list(getattr(reading, way)())


@pytest.mark.parametrize("data", [b"", b" \r\n\t\n", b"\xef\xbb\xbf\n", "\n \n".encode("utf-16"), b"\n" * 2**21])
def test_empty(tmp_path: Path, data: bytes) -> None:
    assert "is empty" in str(refusal(tmp_path, data))


def test_a_header_only_is_no_refusal(tmp_path: Path) -> None:
    reading = opened(tmp_path, b"Licence No,Name\n")
    assert list(reading.batches()) == []
    assert list(reading.clean_chunks()) == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"%PDF-1.7\n%\xe2\xe3", "PDF"),
        (b"PAR1\x15\x04\x15\x00", "Parquet"),
        (b"\x89PNG\r\n\x1a\n\0\0", "PNG"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", "old Microsoft Office"),
        (b"\x00\x01\x02abc" * 100, "are NUL"),
        (
            b"<!DOCTYPE html><html><head><title>\n 404 Not Found</title>",
            'HTML page with the title "404 Not Found"',
        ),
        (b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>', "XML .* document whose .* <Error>"),
        (b"<!-- no data -->\n<response status='429'/>", "whose outermost element is <response>"),
        (b"502 Bad Gateway\n", "an error answer"),
        (b"<table><tr><td>1</td></tr></table>", "a table of an HTML page"),
        (b'{"message": "rate limit", "status": 429}', "JSON object with the keys message, status"),
    ],
)
def test_no_table(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(Refused, match=words):
        opened(tmp_path, data)


def test_workbook(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "book", "w") as book:
        book.writestr("[Content_Types].xml", "<Types/>")
    assert "Excel workbook" in str(refusal(tmp_path, (tmp_path / "book").read_bytes()))


def test_another_header_names_what_is_missing_and_what_comes_near(tmp_path: Path) -> None:
    error = refusal(tmp_path, b"Board of Nursing\nLicense Number,Full Name,Expiry Date\n1,Ann,2026\n")
    assert error.missing == ["Licence Number", "Name"]
    assert "line 2: License Number,Full Name,Expiry Date" in str(error)
    assert '"License Number" looks like "Licence Number"' in str(error)


def test_a_refusal_does_not_quote_rows(tmp_path: Path) -> None:
    error = refusal(tmp_path, b"17,Ann Example,1 High Street\n18,Bob Example,2 High Street\n")
    assert error.missing == ["Licence Number", "Name"]
    assert "Example" not in str(error)


def test_a_header_in_angle_brackets_is_no_page(tmp_path: Path) -> None:
    assert found(tmp_path, b"<ID>,<NAME>\n1,Ann\n", expected=[["<id>"], ["<name>"]]).header == ("<ID>", "<NAME>")


def test_two_cells_for_one_column(tmp_path: Path) -> None:
    words = str(refusal(tmp_path, b"Licence No,Name,LICENCE NUMBER\n1,Ann,1\n"))
    assert '"Licence No" (cell 1) and "LICENCE NUMBER" (cell 3)' in words


def test_too_many_columns(tmp_path: Path) -> None:
    data = b"Licence No,Name" + b",x" * 2000 + b"\n"
    assert "2,002 columns" in str(refusal(tmp_path, data))
    assert len(found(tmp_path, data, limits=Limits(columns=2002)).header) == 2002


def test_ambiguous_declaration_is_the_callers_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="also a name of another column"):
        opened(tmp_path, b"a,b\n", expected=[["a"], ["b", " A "]])
