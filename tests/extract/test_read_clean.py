"""The optimistic road: what COPY can swallow comes as it is, all else is left to the careful road."""

import contextlib
import time
from pathlib import Path

import pytest

from extract.read import Hints, Limits, NotClean, Reading, open_file


def opened(folder: Path, data: bytes, names: str = "a,b,c", **options: object) -> Reading:
    path = folder / "file.csv"
    path.write_bytes(names.encode() + b"\n" + data)
    expected = [[name] for name in names.split(",") if name]
    return open_file(path, expected=expected, required=[0], **options)  # type: ignore[arg-type]


def chunks(folder: Path, data: bytes, names: str = "a,b,c", **options: object) -> bytes:
    return b"".join(opened(folder, data, names, **options).clean_chunks())


@pytest.mark.parametrize(
    "data",
    [
        b"1,2,3\n4,5,6\n",
        b"1,2,3\r\n4,5,6\r\n",
        b"1,2,3",
        b"",
        b'"1","a ""b"" c",","\n"""","""a""",""\n',
        b'1,"""",\n"",,3\n',
        "1,é,日本\n".encode(),
        b"1,2\n1,2,3,4\n",  # COPY's to find
        b"K-12,,\nSome words here,,\n",
        b"a,b,x\naa,b,c\n",
    ],
)
def test_clean_data_comes_unchanged(tmp_path: Path, data: bytes) -> None:
    assert chunks(tmp_path, data) == data


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"1,2,3\n\n4,5,6\n", "blank"),
        (b"\n1,2,3\n", "blank"),
        (b"1,2,3\r\n\r\n", "blank"),
        (b"1,2,3\n,,\n", "blank"),
        (b'1,2,3\n"",,""', "blank"),
        (b'1,"2\n3",4\n', "line end inside"),
        (b'1,"2\r\n3",4\r\n', "line end inside"),
        (b"1,2,\0\n", "NUL"),
        (b"1,2,3\n\\.\n", r"\\\."),
        (b"\\.\n", r"\\\."),
        (b"1,2,3\n4,5,6\r\n", "line ends"),
        (b"1,2,3\r\n4,5,6\n", "line ends"),
        (b"1,2,3\r4,5,6\r", "line ends"),
        (b"1,2\r,3\n", "line ends"),
        (b"1,\xc3,3\n1,\xc3\xa9,\n", "not utf-8"),
        (b'1,6" pipe,3\n', "quote"),
        (b'1,6" pipe 7",3\n', "quote inside"),
        (b'1,"un"bal",3\n', "quote"),
        (b'1,"un" ,3\n', "quote inside"),
        (b'1, "un",3\n', "quote inside"),
        (b'1,"2""\n3,""4",5\n', "quote|line end"),
        (b'1,a"",3\n', "quote inside"),
        (b"1,2,3\nA,b , C\n", "banner"),
        (b'\xef\xbb\xbfa,"b",c\n', "banner"),
        (b"1,2,3\nTotal: 34 records,,\n", "banner"),
        (b'1,2,3\n"","Total: 1,034 records",\n', "banner"),
        (b"-- 12 rows --,,", "banner"),
    ],
)
def test_the_rest_is_not(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(NotClean, match=reason):
        chunks(tmp_path, data)


@pytest.mark.parametrize("data", [b'""\n', b"1\n \n", b"1\na\n", b"1\n\n"])
def test_single_column_not_clean(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(NotClean):
        chunks(tmp_path, data, names="a")


def test_single_column(tmp_path: Path) -> None:
    data = b'1\nTotal: 3 records\n"x"\n'
    assert chunks(tmp_path, data, names="a") == data


def test_single_byte_encoding_is_transcoded(tmp_path: Path) -> None:
    reading = opened(tmp_path, "1,Zoë,€\n".encode("cp1252"))
    assert reading.found.encoding == "cp1252"
    assert b"".join(reading.clean_chunks()) == "1,Zoë,€\n".encode()


def test_lines_of_white_space_and_quotes_take_no_time(tmp_path: Path) -> None:
    began = time.monotonic()
    for line in [b" " * 2**20, b'"' * 2**20, b' "' * 2**19]:
        with contextlib.suppress(NotClean):
            chunks(tmp_path, (line + b"x,2,3\n") * 3, names="a,,c")
    assert time.monotonic() - began < 5


def test_header_of_a_tab_separated_file_again(tmp_path: Path) -> None:
    path = tmp_path / "file.tsv"
    path.write_bytes(b"a\tb\n1\t2\n a\t b\n")
    with pytest.raises(NotClean, match="banner"):
        list(open_file(path, expected=[["a"], ["b"]], required=[0, 1]).clean_chunks())


@pytest.mark.parametrize("hints", [Hints(quote="'"), Hints(delimiter="§")])
def test_dialects_that_copy_does_not_know(tmp_path: Path, hints: Hints) -> None:
    delimiter = hints.delimiter or ","
    path = tmp_path / "file.csv"
    path.write_text(f"a{delimiter}b\n1{delimiter}2\n")
    with pytest.raises(NotClean):
        list(open_file(path, expected=[["a"], ["b"]], required=[0, 1], hints=hints).clean_chunks())


def test_utf16_is_for_the_careful_road(tmp_path: Path) -> None:
    (tmp_path / "wide.csv").write_bytes("a,b\n1,2\n".encode("utf-16"))
    with pytest.raises(NotClean, match="utf-16"):
        list(open_file(tmp_path / "wide.csv", expected=[["a"], ["b"]]).clean_chunks())


def test_long_lines(tmp_path: Path) -> None:
    limits = Limits(line_bytes=10)
    assert chunks(tmp_path, b"1,2,345678\r\n", limits=limits)
    with pytest.raises(NotClean, match="longer than 10 bytes"):
        chunks(tmp_path, b"1,2,3\n1,2,3456789\n", limits=limits)
    with pytest.raises(NotClean, match="longer than"):
        chunks(tmp_path, b"x" * 2**22 + b"\n", limits=Limits(line_bytes=2**21))


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_chunks_split_neither_characters_nor_lines(tmp_path: Path, encoding: str, end: str) -> None:
    text = "".join(f'{n},"é""{"ü" * (n % 97)}",ß{end}' for n in range(40_000))
    parts = list(opened(tmp_path, text.encode(encoding)).clean_chunks())
    assert len(parts) > 2
    assert b"".join(parts) == text.encode()
    assert all(part.decode().endswith(end) for part in parts)


@pytest.mark.parametrize("odd", [b",,\n", b"a,b,c\n", b"\n", b'1,"2,3\n', b"\xff,,\n", b"Total: 3,,\n", b"\\.\n"])
def test_what_comes_late_is_seen_and_nothing_of_its_chunk_is_yielded(tmp_path: Path, odd: bytes) -> None:
    reading = opened(tmp_path, b"1,2,3\n" * 400_000 + odd + b"4,5,6\n")
    chunks = reading.clean_chunks()
    seen = next(chunks)
    with pytest.raises(NotClean):
        seen += b"".join(chunks)
    assert set(seen.splitlines()) == {b"1,2,3"}
