"""`sluice read`: what it prints, what it writes, and when it fails."""

import csv
import gzip
import io
import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner, Result

from flows.cli import main

SIMPLE = 'Code;Name\n01;"Ann; Bob"\n02;Cy\n'


def sluice(*arguments: Any) -> Result:
    return CliRunner().invoke(main, ["read", *map(str, arguments)], catch_exceptions=False)


def file(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_says_what_it_found(tmp_path: Path) -> None:
    done = sluice(file(tmp_path, "a.csv", SIMPLE))
    assert done.exit_code == 0
    for words in ("csv, utf-8, delimiter semicolon", "2 columns: Code, Name", "2 read: 2 rows", "Ann; Bob"):
        assert words in done.output


def test_as_json(tmp_path: Path) -> None:
    told = json.loads(sluice(file(tmp_path, "a.csv", SIMPLE), "--json").output)
    assert told["ok"]
    assert told["found"]["delimiter"] == ";"
    assert told["records"] == {"read": 2, "rows": 2, "blank": 0, "banner": 0, "unreadable": 0, "other": 0, "mended": 0}


def test_writes_plain_csv(tmp_path: Path) -> None:
    content = 'a\tb\r\n1\t"say ""hi"""\r\n2\t"x\ry"\r\n3\t"p, q"\r\n'
    out = tmp_path / "out.csv"
    assert sluice(file(tmp_path, "a.tsv", content), "--out", out).exit_code == 0
    assert out.read_bytes() == b'a,b\n1,"say ""hi"""\n2,"x\ry"\n3,"p, q"\n'


def test_no_header_line_where_the_file_has_none(tmp_path: Path) -> None:
    path = file(tmp_path, "a.csv", "1,2026-01-01,5.0\n2,2026-01-02,6.5\n3,2026-01-03,7.5\n")
    out, hints = tmp_path / "out.csv", file(tmp_path, "hints.yml", "header_rows: 0\n")
    assert sluice(path, "--hints", hints, "--out", out).exit_code == 0
    assert out.read_text() == path.read_text()


def test_the_table_on_the_terminal(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["read", str(file(tmp_path, "a.csv", SIMPLE)), "--out", "-"])
    assert done.stdout == "Code,Name\n01,Ann; Bob\n02,Cy\n"
    assert "semicolon" in done.stderr


def test_rejects(tmp_path: Path) -> None:
    content = b"a,b,c\n1,2,3\n4,5\n6,7,\xff8\n9,10,11\n"
    rejects = tmp_path / "rejects.jsonl"
    hints = file(tmp_path, "hints.yml", "encoding: utf-8\n")
    done = sluice(file(tmp_path, "a.csv", content), "--rejects", rejects, "--hints", hints)
    assert "too_few_cells: 1, the first on line 3" in done.output
    told = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [(one["code"], one["line_number"], one["byte_offset"]) for one in told] == [
        ("too_few_cells", 3, 12),
        ("undecodable", 4, 16),
    ]
    assert told[0]["raw"] == "4,5\n"
    assert told[1]["raw_base64"]


def test_rejects_hold_what_was_mended_as_it_came(tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.jsonl"
    hints = file(tmp_path, "hints.yml", "mend: [quotes]\n")
    done = sluice(
        file(tmp_path, "a.csv", b'a,b,c\n1,2,3\n4,"5,6\n7,8\n9,8,7\n'), "--rejects", rejects, "--hints", hints
    )
    assert "1 record was mended; each is kept as it came" in done.output
    told = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [(one["line_number"], one["raw"], one.get("mended")) for one in told] == [
        (4, "7,8\n", None), (3, '4,"5,6\n', True),
    ]  # fmt: skip


def test_a_folder_for_many_and_exit_code_1(tmp_path: Path) -> None:
    good = file(tmp_path, "a.csv", SIMPLE)
    bad = file(tmp_path, "b.csv", "<html><title>Log in</title></html>")
    gone = tmp_path / "gone.csv"
    done = sluice(good, bad, gone, "--out-dir", tmp_path / "out")
    assert done.exit_code == 1
    assert (tmp_path / "out/a.csv_converted.csv").read_text() == "Code,Name\n01,Ann; Bob\n02,Cy\n"
    for name in ("b.csv", "gone.csv"):
        assert (tmp_path / "out" / f"{name}_converted.csv").read_text() == "Application Error\n"
    assert "HTML page" in done.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"{name}_converted.csv" for name in ("a.csv", "b.csv", "gone.csv")
    ]


def test_a_file_that_fails_in_the_middle_leaves_no_half_table(tmp_path: Path) -> None:
    content = "[" + ",".join(f'{{"a": {i}}}' for i in range(5000))
    out = tmp_path / "out.csv"
    done = sluice(file(tmp_path, "a.json", content), "--out", out)
    assert (done.exit_code, out.exists()) == (1, False)
    assert "damaged" in done.output


def test_an_empty_file_is_an_empty_table(tmp_path: Path) -> None:
    done = sluice(file(tmp_path, "a.csv", ""), "--out-dir", tmp_path / "out")
    assert (done.exit_code, (tmp_path / "out/a.csv_converted.csv").read_bytes()) == (0, b"")
    assert "is empty" in done.output


@pytest.mark.parametrize(
    ("hints", "words"),
    [
        ("delimeter: ;", "delimeter: there is no such hint"),
        ("encoding: utf-9", "encoding: Value error, 'utf-9' is not an encoding"),
        ("- a", "a mapping of hints is expected"),
        ("a: [", "not readable as YAML"),
    ],
)
def test_senseless_hints(tmp_path: Path, hints: str, words: str) -> None:
    done = sluice(file(tmp_path, "a.csv", SIMPLE), "--hints", file(tmp_path, "h.yml", hints))
    assert done.exit_code == 2
    assert words in done.output


def test_options_that_contradict_each_other(tmp_path: Path) -> None:
    one, other = file(tmp_path, "a.csv", SIMPLE), file(tmp_path, "b.csv", SIMPLE)
    hints = file(tmp_path, "h.yml", "delimiter: ;")
    assert "opposite" in sluice(one, "--hints", hints, "--no-hints").output
    assert "--out takes one table" in sluice(one, other, "--out", tmp_path / "x").output
    (tmp_path / "c").mkdir()
    twin = file(tmp_path / "c", "a.csv", SIMPLE)
    assert "Two of the files are called a.csv" in sluice(one, twin, "--out-dir", tmp_path / "out").output


@pytest.mark.parametrize(
    ("limits", "content", "words"),
    [
        ('{"bytes": 1}', SIMPLE, "SLUICE_LIMITS: bytes"),
        ('{"unpacked_bytes": 1000}', gzip.compress(SIMPLE.encode() * 100), 'SLUICE_LIMITS={"unpacked_bytes": 2000}'),
        ('{"unpacked_ratio": 20}', gzip.compress(b"a,b\n" * 2**25), 'SLUICE_LIMITS={"unpacked_ratio": 40}'),
        ('{"columns": 2}', "a,b,c\n1,2,3\n", 'SLUICE_LIMITS={"columns": 4}'),
        ('{"line_bytes": 8}', "a,b,c\n1,2,3\n1,2,345678\n", "the limit is 8 bytes (line_bytes)"),
        ('{"field_bytes": 7}', "a,b,c\n1,2,3\n1,2,12345678\n", "the limit is 7 (field_bytes)"),
        ('{"element_bytes": 100}', f"<a><b><c>{'x' * 200}</c></b></a>", 'SLUICE_LIMITS={"element_bytes": 200}'),
        ('{"nesting": 1}', gzip.compress(gzip.compress(b"a,b\n1,2\n")), 'SLUICE_LIMITS={"nesting": 2}'),
    ],
    ids=[
        "bytes",
        "unpacked_bytes",
        "unpacked_ratio",
        "columns",
        "line_bytes",
        "field_bytes",
        "element_bytes",
        "nesting",
    ],
)
def test_limits_are_settings_that_each_refusal_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: str, content: str | bytes, words: str
) -> None:
    from warehouse.settings import settings

    monkeypatch.setenv("SLUICE_LIMITS", limits)
    settings.cache_clear()
    assert words in sluice(file(tmp_path, "a.csv", content)).output.replace("\n", " ")
    settings.cache_clear()


def test_as_files_of_a_feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small_project: Path) -> None:
    from extract.feeds import catalogue
    from warehouse.settings import settings

    monkeypatch.setenv("SLUICE_DBT_PROJECT", str(small_project))
    settings.cache_clear()
    catalogue.cache_clear()
    path = file(tmp_path, "a.csv", "Things of Acme\nregion,CODE,size,more\nnorth,a,1,x\n")
    told = json.loads(sluice(path, "--feed", "acme.things", "--json").output)
    assert told["found"]["header_line"] == 2
    missing = file(tmp_path, "b.csv", "Region,Code\nnorth,a\n")
    done = sluice(missing, "--feed", "acme.things")
    assert done.exit_code == 1
    assert "Size" in done.output
    assert "There is no feed 'acme.thongs'" in sluice(path, "--feed", "acme.thongs").output
    settings.cache_clear()
    catalogue.cache_clear()


def test_each_member_of_a_zip_is_a_table(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("x/a.csv", SIMPLE)
        archive.writestr("b.json", '[{"a": 1}, {"a": 2}]')
    done = sluice(file(tmp_path, "all.zip", buffer.getvalue()), "--out-dir", tmp_path / "out")
    assert done.exit_code == 0
    assert (tmp_path / "out/all.zip!x!a.csv_converted.csv").read_text().startswith("Code,Name\n")
    assert (tmp_path / "out/all.zip!b.json_converted.csv").read_text() == "a\n1\n2\n"


def test_other_formats_and_wrappers(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["code", "n"], ["00123", 5]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    packed = file(tmp_path, "b.json.gz", gzip.compress(b'{"items": [{"a": {"b": 1}}, {"c": "x"}]}'))
    done = sluice(tmp_path / "a.xlsx", packed, "--out-dir", tmp_path / "out")
    assert done.exit_code == 0
    assert "sheet Sheet" in done.output
    assert "packed in gz" in done.output
    assert (tmp_path / "out/a.xlsx_converted.csv").read_text() == "code,n\n00123,5\n"
    assert (tmp_path / "out/b.json.gz_converted.csv").read_text() == "a.b,c\n1,\n,x\n"


def test_thousands_of_small_files_in_one_process(tmp_path: Path) -> None:
    files = [file(tmp_path, f"f{i:04d}.csv", f"id,name\n{i},Ann\n{i + 1},Bob\n") for i in range(1500)]
    started = time.monotonic()
    done = sluice(*files, "--out-dir", tmp_path / "out")
    assert done.exit_code == 0
    assert "1,500 files, 0 not read; 3,000 rows, 0 unreadable" in done.output
    assert len(list((tmp_path / "out").iterdir())) == 1500
    assert time.monotonic() - started < 30


def test_needs_neither_database_nor_prefect(tmp_path: Path) -> None:
    path = file(tmp_path, "a.csv", SIMPLE)
    code = (
        "import sys; from flows.cli import main\n"
        f"try: main(['read', {str(path)!r}, '--json'])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('prefect', 'sqlalchemy', 'pandas', 'pyarrow', 'dbt') if name in sys.modules])"
    )
    environment = {**os.environ, "SLUICE_WAREHOUSE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_what_is_written_is_read_back_equal(tmp_path: Path) -> None:
    rows = [["a", "b"], ["x\ny", 'q"q'], ["\r\n", ","], [" lead", "trail "], ["é", "''"], ["", "last"]]
    buffer = io.StringIO()
    csv.writer(buffer).writerows(rows)
    out = tmp_path / "out.csv"
    assert sluice(file(tmp_path, "a.csv", buffer.getvalue()), "--out", out).exit_code == 0
    with open(out, newline="") as written:
        assert list(csv.reader(written)) == rows
