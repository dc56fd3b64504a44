"""The `sluice` command line: what it prints, what it promises to programs, and its exit codes."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import click
import pytest
from command import refusal
from command import sluice as command
from conftest import PROJECT, TEST_PROJECT, Sluice

from flows.cli import main

HEADER = "Region,Code,Size,Note,Keeper\n"
ROWS = ["read", "blank", "banner", "unreadable", "quarantined", "good"]
ROWS += ["opened", "changed", "unchanged", "duplicate", "closed"]
SECOND = (
    "north,a,2,call 702-555-0100 now,ann@example.com\nsouth,b,1,,\nsouth,b,1,,\n\nnorth,x,-1,,\nnorth,y,one,,\ntorn\n"
)
COUNTED = '"Total: 6 records",,,,\n'


@pytest.fixture(scope="module")
def walked(install: Callable[..., Sluice], small_project: Any) -> Sluice:
    """An installation in which everything has happened once; tests look at it only."""
    small = install(small_project, TEST_PROJECT / "checks")
    days = [
        HEADER + "north,a,1,call 702-555-0100,ann@example.com\nsouth,b,1,,\nsouth,c,1,,\n",
        HEADER + SECOND + COUNTED,
        HEADER + SECOND + COUNTED,
        "Region,Code\n",
    ]
    for day, content in enumerate(days, start=1):
        small.deliver("acme.things", small.file(f"things-2026-01-{day:02}.csv", content))
        small.run()
    return small


def json_of(*arguments: str) -> Any:
    done = command(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_status_as_json_has_the_promised_shape(walked: Sluice) -> None:
    found = json_of("status")
    names = {
        "delivery_id",
        "vendor",
        "feed",
        "entity",
        "name",
        "sha256",
        "received_at",
        "effective_at",
        "mode",
        "state",
    }
    assert set(found) >= {"deliveries", "publications"}
    for delivery in found["deliveries"]:
        assert set(delivery) >= {*names, "rows"}
        assert set(delivery["rows"]) >= set(ROWS)
    first = found["deliveries"][0]
    assert [first[name] for name in ("delivery_id", "vendor", "feed", "entity", "name", "mode", "state")] == [
        1, "acme", "things", "thing", "things-2026-01-01.csv", "full", "merged",
    ]  # fmt: skip
    assert first["effective_at"] == "2026-01-01T00:00:00+00:00"
    assert [(p["entity"], p["run"], p["rows"]) for p in found["publications"]] == [("thing", 1, 3), ("thing", 2, 2)]
    assert all(p["published_at"] for p in found["publications"])


def test_status_is_told_oldest_first(walked: Sluice) -> None:
    found = json_of("status")
    for name, moment in (("deliveries", "received_at"), ("publications", "published_at")):
        moments = [one[moment] for one in found[name]]
        assert moments == sorted(moments)


def test_each_account_adds_up(walked: Sluice) -> None:
    deliveries = json_of("status")["deliveries"]
    assert [d["state"] for d in deliveries] == ["merged", "merged", "sighted", "refused"]
    for rows in (d["rows"] for d in deliveries[:3]):
        assert rows["read"] == sum(rows[n] for n in ("blank", "banner", "unreadable", "quarantined", "good"))
        assert rows["good"] == sum(rows[n] for n in ("opened", "changed", "unchanged", "duplicate"))
    second = {name: deliveries[1]["rows"][name] for name in ROWS}
    assert list(second.values()) == [8, 1, 1, 1, 2, 3, 0, 1, 1, 1, 1]
    assert set(deliveries[3]["rows"].values()) == {None}


def test_quarantine_as_json(walked: Sluice) -> None:
    found = json_of("quarantine", "list", "thing")
    assert [(row["delivery_id"], row["feed"], row["row_number"], row["line_number"]) for row in found] == [
        (2, "acme.things", 5, 6),
        (2, "acme.things", 6, 7),
        (2, "acme.things", 7, 8),
    ]
    reasons = [(r["code"], r["column"], bool(r["message"])) for row in found for r in row["reasons"]]
    assert reasons == [("size_negative", "size", True), ("size_unparsed", "size", True), ("too_few_cells", None, True)]


def test_history_as_json(walked: Sluice) -> None:
    found = json_of("history", "thing", "north", "a")
    assert found["entity"] == "thing"
    assert [(v["size"], v["valid_from"][:10], (v["valid_to"] or "open")[:10]) for v in found["versions"]] == [
        (1, "2026-01-01", "2026-01-02"),
        (2, "2026-01-02", "open"),
    ]
    (identity,) = {v["thing_id"] for v in found["versions"]}
    assert json_of("history", "thing", identity)["versions"] == found["versions"]
    south = json_of("history", "thing", "south")["versions"]
    assert {v["code"] for v in south} == {"b", "c"}


def test_nothing_personal_is_shown(walked: Sluice) -> None:
    commands = [["status"], ["quarantine", "list", "thing"], ["history", "thing", "north", "a"]]
    shown = "".join(command(*words, *extra).output for words in commands for extra in ([], ["--json"]))
    assert "a***@example.com" in shown
    assert "ann@" not in shown
    assert "555-0100" not in shown


@pytest.mark.parametrize("words", [["status"], ["quarantine", "list", "thing"], ["history", "thing", "north", "a"]])
def test_tables_fit_a_terminal(words: list[str], walked: Sluice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    done = command(*words)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in done.stdout
    if words == ["status"]:
        assert "8 1 1 1 2 3 0 1 1 1 1" in " ".join(" ".join(lines).split())
        assert ["2026-01-02", "full", "merged"] in [line.split()[-3:] for line in lines]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["run", "thingy"], "There is no entity 'thingy'. Known entities: thing."),
        (["quarantine", "list", "thingy"], "There is no entity 'thingy'. Known entities: thing."),
        (["history", "thingy", "a"], "There is no entity 'thingy'. Known entities: thing."),
        (["history", "thing", "nobody"], "No published thing has the key 'nobody'."),
        (["history", "thing", "'; drop table x; --"], "No published thing has the key"),
        (["history", "thing", "north", "a", "too", "much"], "No published thing has the key 'north a too much'."),
        (["deliver", "gone-2026-01-01.csv", "--feed", "acme.things"], "gone-2026-01-01.csv is not there"),
        (["deliver", "gone-2026-01-01.csv", "--feed", "acme.thing"], "There is no feed 'acme.thing'."),
    ],
)
def test_what_cannot_be_done_is_told_in_one_paragraph(words: list[str], told: str, walked: Sluice) -> None:
    assert told in refusal(command(*words))


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["deliver"],
        ["deliver", "a.csv"],
        ["deliver", "a.csv", "--feed", "acme.things", "--effective-at", "tomorrow"],
        ["status", "--jason"],
        ["history", "thing"],
        ["quarantine", "list"],
    ],
)
def test_wrong_usage_is_exit_code_2(words: list[str]) -> None:
    done = command(*words)
    assert done.exit_code == 2
    assert "Usage:" in done.stderr


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, found in sorted(group.commands.items()):
        yield (*path, name), found
        if isinstance(found, click.Group):
            yield from commands(found, (*path, name))


ALL = list(commands(main))


def test_one_feed_is_run_alone(small: Sluice) -> None:
    small.drop("acme/things-2026-01-01.csv", HEADER + "north,a,1,,\n")
    small.drop("acme/changes-2026-01-01.csv", HEADER + "south,b,1,,\n")
    assert "acme.changes: changes-2026-01-01.csv is delivery 1" in command("run", "--feed", "acme.changes").stdout
    assert small.sql("select feed from published.thing") == [("acme.changes",)]
    assert command("run", "thing", "--feed", "acme.changes").exit_code == 2


def test_the_promised_commands_are_there() -> None:
    promised = {("deliver",), ("run",), ("status",), ("quarantine", "list"), ("history",)}
    assert promised <= {path for path, _ in ALL}


@pytest.mark.parametrize(("path", "found"), ALL, ids=[" ".join(path) for path, _ in ALL])
def test_each_command_and_option_is_described(path: tuple[str, ...], found: click.Command) -> None:
    assert found.help
    options = [p for p in found.params if isinstance(p, click.Option)]
    assert [option.name for option in options if not option.help] == []
    if "dbt" not in path:  # whose options are dbt's
        shown = command(*path, "--help")
        assert shown.exit_code == 0
        for parameter in found.params:
            assert (
                parameter.opts[0]
                if isinstance(parameter, click.Option)
                else parameter.make_metavar(click.Context(found))
            ) in shown.stdout


@pytest.mark.parametrize(
    "words", [["--help"], ["status", "--json"], ["status"], ["quarantine", "list", "thing"], ["dbt", "ls"]]
)
def test_where_nobody_reads_on_it_ends_quietly_as_other_commands_do(words: list[str], walked: Sluice) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "flows.cli", *words]
    done = subprocess.run(command, cwd=PROJECT, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.stderr, done.returncode) == ("", 128 + 13)


def test_a_connection_that_breaks_is_told_though(monkeypatch: pytest.MonkeyPatch, walked: Sluice) -> None:
    def lost() -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("publish.views.status", lost)
    done = command("status")
    assert done.exit_code == 1
    assert "Broken pipe" in done.stderr


def test_the_first_page_of_help() -> None:
    shown = command("--help")
    assert shown.exit_code == 0
    for (name, *_), _ in ALL:
        assert re.search(rf"^  {name} +\w", shown.stdout, re.MULTILINE), name
