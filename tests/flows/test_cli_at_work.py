"""The `sluice` command line at work: what it says of what it did, and what trouble stops."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from command import refusal
from command import sluice as command
from conftest import PROJECT, Sluice

from extract.deliver import deliver
from extract.feeds import catalogue
from publish.views import ROWS

HEADER = "Region,Code,Size,Note,Keeper\n"


def test_what_deliver_says(small: Sluice) -> None:
    first = small.file("things-2026-01-01.csv", HEADER + "north,a,1,,\n")
    words = ["deliver", first, "--feed", "acme.things"]
    assert command(*words).stdout == "things-2026-01-01.csv: delivery 1 of acme.things: staged. Next: sluice run\n"
    assert "nothing new: delivery 1 of acme.things is this file" in command(*words).stdout
    later = command(*words, "--effective-at", "2026-01-05")
    assert "delivery 2 of acme.things: a sighting, the content is that of delivery 1" in later.stdout
    assert (later.exit_code, later.stderr) == (0, "")
    assert command("run", "thing").stdout == "thing: run 1 published, 1 rows\n"
    again = command("run")
    assert (again.exit_code, again.stdout) == (0, "thing: nothing new\n")


def test_a_broken_delivery_does_not_stop_the_others(small: Sluice) -> None:
    small.drop("acme/things-2026-01-01.csv", HEADER + "north,a,1,,\n")
    small.drop("acme/things-2026-01-02.csv", "<html><title>404</title></html>")
    small.drop("acme/changes-2026-01-03.csv", HEADER + "north,b,1,,\n")
    done = command("run")
    assert done.exit_code == 1
    assert "thing: run 1 published, 2 rows" in done.stdout
    assert "things-2026-01-02.csv: this looks like an HTML page" in done.stderr
    assert done.stderr.count("HTML page") == 1
    assert "Traceback" not in done.output


def test_nothing_is_there_yet(small: Sluice) -> None:
    assert json.loads(command("status", "--json").stdout) == {"deliveries": [], "publications": []}
    assert json.loads(command("quarantine", "list", "thing", "--json").stdout) == []
    assert command("quarantine", "list", "thing").exit_code == 0
    assert command("status").exit_code == 0
    refusal(command("history", "thing", "north"))
    assert command("run").stdout == "thing: nothing new\n"


def test_an_entity_without_any_file(sluice: Sluice) -> None:
    done = command("run", "provider")
    assert (done.exit_code, done.stdout) == (0, "provider: nothing new\n"), done.output


def test_a_damaged_archive_stops_its_entity_only(sluice: Sluice) -> None:
    """And nothing newer of that entity is merged over the head of what is damaged."""
    folder = PROJECT / "dbt_project/models/staging"
    receive(sluice, folder / "london/samples/brownfield-sample.csv")
    (kept,) = (path for path in (sluice.home / "archive").rglob("*") if path.is_file())
    content = kept.read_bytes()
    damage(kept, content[:-1])
    sluice.drop("nevada/licences-2026-01-05.csv", (folder / "nevada/samples/licences-2026-01-05.csv").read_bytes())

    done = command("run")
    assert done.exit_code == 1
    assert re.search(r"^provider: run \d+ published", done.stdout, re.MULTILINE)
    assert "brownfield_site" not in done.stdout
    assert f"The archived file {kept.name} has changed" in done.stderr
    assert "Traceback" not in done.output

    damage(kept, content)
    done = command("run")
    assert done.exit_code == 0
    assert re.search(r"^brownfield_site: run \d+ published", done.stdout, re.MULTILINE)


def receive(sluice: Sluice, path: Path) -> None:
    """What a process leaves that dies between registering a file and loading it."""
    deliver(catalogue().feed("london.brownfield"), path)


def damage(kept: Path, content: bytes) -> None:
    kept.chmod(0o600)
    kept.write_bytes(content)


def test_large_numbers_are_not_cut(small: Sluice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    small.deliver("acme.things", small.file("things-2026-01-01.csv", HEADER + "north,a,1,,\n"))
    small.run()
    small.sql(
        "alter table ledger.row_accounts drop constraint every_record_is_placed, drop constraint every_row_is_judged"
    )
    small.sql("alter table ledger.row_accounts drop constraint every_good_row_is_merged")
    numbers = [12_345_670 + position for position in range(len(ROWS))]
    assignments = ", ".join(f"{name} = {number}" for name, number in zip(ROWS, numbers, strict=True))
    small.sql(f"update ledger.row_accounts set {assignments}")
    shown = command("status").stdout
    for number in numbers:
        assert str(number) in shown.split()
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_debug_gives_the_traceback(small: Sluice) -> None:
    words = [sys.executable, "-m", "flows.cli", "--debug", "run", "thingy"]
    done = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" in done.stderr
    assert "There is no entity 'thingy'" in done.stderr
