"""Wrappers, told by content: what comes out of them, and what is refused."""

import bz2
import gzip
import io
import os
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import zstandard

from extract.read import Hints, Limits, Refused, open_file
from extract.read.unpack import members, unpack

from .reading import read, refusal, write

TABLE = b"code,n\na,1\nb,2\n"
ROWS = [["a", "1"], ["b", "2"]]


def zipped(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_csv", ".csv"), content)
    return buffer.getvalue()


PACKERS = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "zst": zstandard.ZstdCompressor(write_checksum=True).compress,
    "zip": lambda content: zipped(a_csv=content),
}


@pytest.mark.parametrize("kind", PACKERS)
def test_by_content_and_not_by_name(tmp_path: Path, kind: str) -> None:
    found = read(write(tmp_path / "a.csv", PACKERS[kind](TABLE)))
    assert (found.rows, found.found["wrappers"]) == (ROWS, [kind])


@pytest.mark.parametrize("kind", ["gz", "bz2", "zst"])
def test_streams_one_after_another(tmp_path: Path, kind: str) -> None:
    pack = PACKERS[kind]
    assert read(write(tmp_path / "a", pack(TABLE[:8]) + pack(TABLE[8:]))).rows == ROWS


def test_one_in_the_other_to_a_depth(tmp_path: Path) -> None:
    twice = PACKERS["zip"](gzip.compress(TABLE))
    assert read(write(tmp_path / "a.zip", twice)).found["wrappers"] == ["zip", "gz"]
    deep = TABLE
    for _ in range(4):
        deep = gzip.compress(deep)
    assert "more than 3 wrappers" in refusal(write(tmp_path / "b.gz", deep))


@pytest.mark.parametrize("inner", ["json", "xlsx"])
def test_formats_in_wrappers(tmp_path: Path, inner: str) -> None:
    if inner == "json":
        content = b'[{"code": "a", "n": 1}, {"code": "b", "n": 2}]'
    else:
        import openpyxl

        book = openpyxl.Workbook()
        for row in (["code", "n"], ["a", 1], ["b", 2]):
            book.active.append(row)
        book.save(tmp_path / "inner")
        content = (tmp_path / "inner").read_bytes()
    assert read(write(tmp_path / "a.gz", gzip.compress(content))).rows == ROWS


def test_the_temporary_file_goes_with_the_reading(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gz", gzip.compress(TABLE))
    reading = open_file(path)
    inner = reading.unpacked.path
    assert inner.exists()
    del reading
    assert not inner.exists()


def test_pages_and_error_bodies_in_wrappers(tmp_path: Path) -> None:
    assert "HTML page" in refusal(write(tmp_path / "a.csv.gz", gzip.compress(b"<html><title>Log in</title></html>")))
    assert "error answer" in refusal(write(tmp_path / "b.zip", zipped(b_csv=b'{"error": "denied"}')))


@pytest.mark.parametrize("kind", PACKERS)
def test_bombs_are_refused_with_little_memory_and_disk(tmp_path: Path, kind: str) -> None:
    zeros = b"0" * (300 * 2**20)
    path = write(tmp_path / "a", PACKERS[kind](zeros))
    code = (
        "import sys, resource; from pathlib import Path; from extract.read import open_file, Refused\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: open_file(Path(sys.argv[1]))\n"
        "except Refused as error: print(error)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, path],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    told, grown = done.stdout.splitlines()
    assert "more than 200 times its size" in told
    assert int(grown) < 60_000  # kB
    assert sum(file.stat().st_size for file in tmp_path.rglob("*")) < 2**20


def test_a_limit_on_the_size_itself(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gz", gzip.compress(os.urandom(200_000)))
    assert "larger than the limit of 100,000 bytes" in refusal(path, Limits(unpacked_bytes=100_000))


@pytest.mark.parametrize("kind", PACKERS)
def test_cut_off_and_damaged(tmp_path: Path, kind: str) -> None:
    whole = PACKERS[kind](b"code,n\n" + os.urandom(30_000).hex().encode())
    for broken in (whole[:-20], whole[: len(whole) // 2], whole[:1000] + b"\0\0\0\0" + whole[1004:]):
        assert f"the {kind} is damaged" in refusal(write(tmp_path / "a", broken))


def test_several_members_need_a_pattern(tmp_path: Path) -> None:
    path = write(tmp_path / "a.zip", zipped(a_csv=TABLE, b_csv=TABLE, readme=b"hello", **{"__MACOSX/._a": b"x"}))
    assert "holds 3 files that could be meant: a.csv, b.csv, readme" in refusal(path)
    assert read(path, member="a.*").rows == ROWS
    assert "none is named like 'c.csv'" in refusal(path, member="c.csv")
    assert [one.name for one in members(path, Hints(member="*.csv"), Limits())] == ["a.zip!a.csv", "a.zip!b.csv"]


def test_names_that_lead_elsewhere_are_harmless(tmp_path: Path) -> None:
    content = zipped(x_csv=TABLE).replace(b"x.csv", b"/./..")
    path = write(tmp_path / "a.zip", content)
    assert unpack(path, Hints(), Limits()).path.name == "a.zip"
    long = io.BytesIO()
    with zipfile.ZipFile(long, "w") as archive:
        archive.writestr("../../../../etc/" + "x" * 400 + "\n\x1b[31m.csv", TABLE)
    unpacked = unpack(write(tmp_path / "b.zip", long.getvalue()), Hints(), Limits())
    assert unpacked.path.parent.parent == Path(os.environ.get("TMPDIR", "/tmp"))
    assert unpacked.path.name.isprintable()
    assert len(unpacked.path.name) <= 200
    assert read(write(tmp_path / "c.zip", zipped(**{"folder/x.csv": TABLE}))).rows == ROWS


def test_encrypted_members(tmp_path: Path) -> None:
    content = bytearray(zipped(a_csv=TABLE))
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + flags] |= 1
    assert "'a.csv' in it is encrypted" in refusal(write(tmp_path / "a.zip", bytes(content)))


def test_ways_of_packing_that_are_not_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a.csv", TABLE)
    assert "packed in a way that is not read here (method 12)" in refusal(tmp_path / "a.zip")


def test_an_empty_zip_and_one_without_an_end(tmp_path: Path) -> None:
    assert "there is no file in it" in refusal(write(tmp_path / "a.zip", zipped()))
    assert "it has no end" in refusal(write(tmp_path / "b.zip", zipped(a_csv=TABLE)[:-22]))


def test_a_table_of_contents_beyond_measure(tmp_path: Path) -> None:
    content = bytearray(zipped(a_csv=TABLE))
    struct.pack_into("<I", content, content.rindex(b"PK\x05\x06") + 12, 2**31)
    assert "table of contents claims" in refusal(write(tmp_path / "a.zip", bytes(content)))


def test_one_name_twice(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.csv", TABLE)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.csv", TABLE)
    assert "holds 'a.csv' twice" in refusal(write(tmp_path / "a.zip", buffer.getvalue()))


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="directory"):
        unpack(tmp_path, Hints(), Limits())
    with pytest.raises(Refused, match="no such file"):
        unpack(tmp_path / "gone", Hints(), Limits())
