"""Whatever is delivered: a clear refusal or a full account, nothing lost, and the warehouse goes on."""

import gzip
import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from command import refusal
from command import sluice as command
from conftest import PROJECT, Sluice

HEADER = b"Region,Code,Size,Note,Keeper\n"
ROW = b"north,a,1,,\n"
NAME = "things-2026-01-01.csv"
NEVADA = PROJECT / "dbt_project/models/staging/nevada/samples/licences-2026-01-05.csv"

LEDGER = "select array_agg(table_name::text order by 1) from information_schema.tables where table_schema = 'ledger'"


@pytest.fixture
def unharmed(small: Sluice) -> Iterator[Sluice]:
    """An installation that has to be as good as before when the test is over."""
    ledger = small.value(LEDGER)
    yield small
    assert small.value(LEDGER) == ledger
    good = small.file("things-2026-12-31.csv", HEADER + b"north,good,1,,\n")
    assert command("deliver", good, "--feed", "acme.things").exit_code == 0
    newest = small.value("select max(delivery_id) from ledger.deliveries")
    assert small.account(newest)["read"] == 1


def deliver(sluice: Sluice, content: bytes, name: str = NAME) -> Any:
    return command("deliver", sluice.file(name, content), "--feed", "acme.things")


def archived(sluice: Sluice, content: bytes) -> bool:
    """Whether the archive holds these bytes."""
    sha256 = hashlib.sha256(content).hexdigest()
    kept = sluice.home / "archive/sha256" / sha256[:2] / sha256[2:4] / sha256
    return kept.is_file() and kept.read_bytes() == content


WIDE = b",".join(b"column %d" % number for number in range(10_000))
JUNK = random.Random(1).randbytes(100_000)

REFUSED = {
    "empty": (b"", "the file is empty", "Ask the vendor"),
    "white space": (b"\r\n \r\n", "the file is empty", "Ask the vendor"),
    "header only": (HEADER, "a header and no record", "not taken as the truth"),
    "another vendor's": (NEVADA.read_bytes(), 'Missing: "Region", "Code", "Size"', "ask for the right one"),
    "no header": (ROW * 3, "none of the first 3 lines is the header", "ask for the right one"),
    "random bytes": (JUNK, "Missing", "ask for the right one"),
    "gzip of junk": (gzip.compress(JUNK), "Missing", "ask for the right one"),
    "half a gzip": (gzip.compress(HEADER + ROW * 1000)[:40], "things-", "whole one"),
    "half a zip": (b"PK\x03\x04" + JUNK, "the zip is damaged or cut off", "whole one"),
    "picture": (b"\x89PNG\r\n\x1a\n" + JUNK, "a PNG image", "Ask the vendor"),
    "zeros": (bytes(50_000), "are NUL", "Ask the vendor"),
    "HTML": (b"<!DOCTYPE html><html><title>503 Sorry</title></html>", "an HTML page", "fetch it again"),
    "JSON": (b'{"error": "no such report"}', "a JSON object with the keys error", "fetch it again"),
    "XML": (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "an XML", "fetch it again"),
    "10,000 columns, ours among them": (HEADER.strip() + b"," + WIDE + b"\n", "10,005 columns", "limit of 2,000"),
    "10,000 columns of others": (WIDE + b"\n" + WIDE + b"\n", 'Missing: "Region"', "ask for the right one"),
    "a header of 100 MB": (HEADER.strip() + b"," + b"x" * 100_000_000, "Missing", "ask for the right one"),
    "unreadable only": (HEADER + b"torn\n" * 3, "none of its 3 records could be read", "the first, on line 2: 1 cells"),
    "blank only": (HEADER + b",,,,\n\n", "none of its 2 records", "blank"),
    "one column twice": (b"Region,Code,Thing Code,Size\nn,a,b,1\n", '"Code" 2 times', "ask the vendor"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, unharmed: Sluice) -> None:
    content, seen, remedy = REFUSED[case]
    told = refusal(deliver(unharmed, content))
    for words in (NAME, "delivery 1 of acme.things", seen, remedy):
        assert words in told
    assert len(told) < 1500
    assert archived(unharmed, content)
    assert unharmed.sql("select state from ledger.deliveries") == [("refused",)]


TAKEN = {
    "NUL in a record": (HEADER + ROW + b"north,\0,1,,\n", {"read": 2, "unreadable": 1}),
    "a line of 100 MB": (
        HEADER + ROW + b"north,b,1," + b"x" * 100_000_000 + b",\n" + ROW,
        {"read": 3, "unreadable": 1},
    ),
    "a lone quote": (HEADER + ROW + b'north,"b,1,,\n' + ROW * 2, {"read": 4, "unreadable": 1}),
    "a file cut short": (HEADER + ROW + b"north,b", {"read": 2, "unreadable": 1}),
    "SQL in the header": (
        HEADER.strip() + b',"""; drop table ledger.deliveries; --"\n' + ROW.strip() + b",x\n",
        {"read": 1, "unreadable": 0},
    ),
    "SQL in a cell": (HEADER + b"'; drop table ledger.deliveries; --,a,1,,\n", {"read": 1, "unreadable": 0}),
    "NUL in the header": (HEADER.strip() + b",a\0b\n" + ROW.strip() + b",x\n", {"read": 1, "unreadable": 0}),
    "NUL above the header": (b"a\0b\n" + HEADER + ROW, {"read": 1, "unreadable": 0}),
    "bad bytes in the header": (
        HEADER.strip() + b",a\x81\xffb\n" + ROW.strip() + b",x\n",
        {"read": 1, "unreadable": 0},
    ),
    "end of data for COPY": (HEADER + b"\\.\n" + ROW, {"read": 2, "unreadable": 1}),
}


@pytest.mark.parametrize("case", TAKEN)
def test_taken_with_a_full_account(case: str, unharmed: Sluice) -> None:
    content, account = TAKEN[case]
    done = deliver(unharmed, content)
    assert done.exit_code == 0, done.output
    found = unharmed.account(1)
    assert {name: found[name] for name in account} == account
    assert archived(unharmed, content)


def test_what_was_taken_is_published_and_quarantined(unharmed: Sluice) -> None:
    for number, (content, _) in enumerate(TAKEN.values(), start=1):
        if len(content) < 1000:
            deliver(unharmed, content, f"things-2026-01-{number:02}.csv")
    assert command("run").exit_code == 0
    for delivery_id, *_ in unharmed.sql("select delivery_id from ledger.deliveries"):
        rows = unharmed.account(delivery_id)
        assert rows["read"] == sum(rows[n] for n in ("blank", "banner", "unreadable", "quarantined", "good"))


NAMES = [
    "with spaces 2026-01-01.csv",
    "quotes ' \" ` 2026-01-01.csv",
    "; drop table ledger.deliveries; -- 2026-01-01.csv",
    "two\nlines 2026-01-01.csv",
    "\x1b[31mred\a 2026-01-01.csv",
    "Straße 東京 😀 2026-01-01.csv",
    "{name} %s :name $1 \\n 2026-01-01.csv",
    "[bold]markup[red] 2026-01-01.csv",
    "-2026-01-01.csv",
    "no ending 2026-01-01",
    os.fsdecode(b"not \xff UTF-8 2026-01-01.csv"),
    f"{'long' * 55} 2026-01-01.csv",
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_name_is_only_a_name(name: str, unharmed: Sluice) -> None:
    done = deliver(unharmed, HEADER + ROW, name)
    assert (done.exit_code, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1
    assert "\x1b" not in done.stdout
    assert unharmed.account(1)["read"] == 1
    told = refusal(deliver(unharmed, HEADER, name))
    assert "\x1b" not in told
    assert command("status").exit_code == 0
    assert command("status", "--json").exit_code == 0
    if name.isprintable():
        assert unharmed.sql("select distinct name from ledger.deliveries") == [(name,)]
        assert name in done.stdout


def test_what_is_no_file(unharmed: Sluice) -> None:
    folder = unharmed.home / "things-2026-01-01.csv"
    folder.mkdir()
    pipe = unharmed.home / "things-2026-01-02.csv"
    os.mkfifo(pipe)
    gone = unharmed.home / "things-2026-01-03.csv"
    below = unharmed.file("a-file", b"") / "things-2026-01-04.csv"
    for path, seen in (
        (folder, "is a directory"),
        (pipe, "not a regular file"),
        (gone, "not there"),
        (below, "cannot"),
    ):
        told = refusal(command("deliver", path, "--feed", "acme.things"))
        assert str(path) in told
        assert seen in told
    assert unharmed.sql("select * from ledger.deliveries") == []


def test_odd_things_in_the_drop_folder(unharmed: Sluice) -> None:
    """What is no file is passed over, what is refused is told, and the good file gets through."""
    drop = unharmed.drop("acme/things-2026-01-05.csv", HEADER + ROW).parent
    (drop / "things-2026-01-01.csv").mkdir()
    (drop / "things-2026-01-02.csv").symlink_to(drop / "vanished")
    os.mkfifo(drop / "things-2026-01-03.csv")
    unharmed.drop("acme/things-2026-01-04.csv", b"")
    unharmed.drop("acme/things-undated.csv", HEADER + ROW)
    done = command("run")
    assert done.exit_code == 1
    assert "1 rows" in done.stdout
    assert "things-2026-01-04.csv: the file is empty" in done.stderr
    assert "'things-undated.csv': the day that it speaks of" in done.stderr
    assert "an error of ours" not in done.stderr


def as_a_user(*arguments: object) -> Any:
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *map(os.fsencode, map(str, arguments))],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_a_refusal_as_a_user_sees_it(unharmed: Sluice) -> None:
    done = as_a_user("deliver", unharmed.file(NAME, JUNK), "--feed", "acme.things")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Not done: {NAME} is refused as delivery 1 of acme.things: ")
    assert len(done.stderr.splitlines()) == 1


def test_an_odd_name_as_a_user_sees_it(unharmed: Sluice) -> None:
    path = unharmed.file(os.fsdecode(b"a \xff;\n'\"2026-01-01.csv"), HEADER + ROW)
    done = as_a_user("deliver", path, "--feed", "acme.things")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "a \\udcff;\\n'\"2026-01-01.csv: delivery 1 of acme.things: staged. Next: sluice run\n"
