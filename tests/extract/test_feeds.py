"""What vendors' YAML may say, and how it is told where it says something that cannot be used."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from command import refusal, sluice
from conftest import PROJECT, TEST_PROJECT, forget_settings

from extract.feeds import FeedError, load

ACME = "models/staging/acme/_acme.yml"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the small project's models, to be spoilt."""
    shutil.copytree(TEST_PROJECT / "models", tmp_path / "models")
    return tmp_path


def edit(old: str, new: str, file: str = ACME) -> Callable[[Path], None]:
    """Replace the first occurrence of a text."""

    def change(project: Path) -> None:
        path = project / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return change


def lose(file: str) -> Callable[[Path], None]:
    return lambda project: (project / file).unlink()


def test_the_real_catalogue_loads() -> None:
    catalogue = load(PROJECT / "dbt_project")
    assert {"nevada.licences", "oklahoma.licences", "texas.licences", "london.brownfield"} <= set(catalogue.feeds)
    assert {"brownfield_site", "provider"} <= set(catalogue.entities)
    feed = catalogue.feed("nevada.licences")
    assert (feed.table, feed.model, feed.entity) == ("nevada__licences", "stg_nevada__licences", "provider")


def test_the_small_catalogue_loads(project: Path) -> None:
    catalogue = load(project)
    assert list(catalogue.feeds) == ["acme.things", "acme.changes"]
    assert catalogue.feed("acme.changes").mode == "delta"
    assert [feed.key for feed in catalogue.of_entity("thing")] == ["acme.things", "acme.changes"]


THINGS = "sources.acme.tables.things"
OWNER = "owner: {name: Acme data desk, email: data@acme.example}"
PATTERN = r"(?P<date>\d{4}-\d{2}-\d{2})"
DROP = 'arrives: {drop: "acme/things-*.csv"}'
BY_NAME = rf"effective_at: {{filename: '{PATTERN}', format: '%Y-%m-%d'}}"
SIZE = 'headers: ["Size"], required: true, pii: none'

SPOILT = {
    "unknown key": (
        edit("mode: full", "mode: full\n            arival: soon"),
        [f"{THINGS}.config.meta.arival", "no such key", "spelling"],
    ),
    "unknown key of a column": (
        edit(SIZE, SIZE + ", requird: true"),
        [f"{THINGS}.columns.size.config.meta.requird", "no such key"],
    ),
    "owner missing": (edit(OWNER, "{}"), [f"{THINGS}.config.meta.owner", "missing", "email"]),
    "owner without address": (edit(", email: data@acme.example", ""), [f"{THINGS}.config.meta.owner.email", "missing"]),
    "secret by key": (
        edit("arrives:", "api_key: abc123\n            arrives:"),
        ["tables[0].config.meta.api_key", "secret", "environment variable"],
    ),
    "secret by value": (
        edit("Where it is;", "postgresql://u:p@h/db"),
        ["columns[0].description", "secret", "environment variable"],
    ),
    "secret in a list": (
        edit('["Size"]', '["Size", "AKIAABCDEFGHIJKLMNOP"]'),
        ["columns[2].config.meta.headers[1]", "secret"],
    ),
    "column without class": (
        edit(SIZE, 'headers: ["Size"], required: true'),
        [f"{THINGS}.columns.size.config.meta.pii", "missing", "free_text"],
    ),
    "unknown class": (
        edit(SIZE, SIZE.replace("none", "public")),
        [f"{THINGS}.columns.size.config.meta.pii", "'public'", "'none'"],
    ),
    "a name that tells, classed none": (
        edit("name: size", "name: mobile_number"),
        [f"{THINGS}.columns.mobile_number.config.meta.pii", "looks like phone", "why: ..."],
    ),
    "a header that tells, classed none": (
        edit('["Size"]', '["Size", "E-mail address"]'),
        [f"{THINGS}.columns.size.config.meta.pii", "looks like email", "pii: email"],
    ),
    "column without anything": (
        edit(f"config: {{meta: {{{SIZE}}}}}", ""),
        [f"{THINGS}.columns.size.config.meta.pii", "missing"],
    ),
    "bad time zone": (
        edit("mode: full", "mode: full\n            timezone: Mars/Olympus"),
        [f"{THINGS}.config.meta.timezone", "Mars/Olympus", "America/Chicago"],
    ),
    "pattern without date": (
        edit(PATTERN, r"\d{4}-\d{2}-\d{2}"),
        [f"{THINGS}.config.meta.effective_at", "filename", "(?P<date>...)"],
    ),
    "pattern that is none": (
        edit(PATTERN, r"(?P<date>\d{4}"),
        [f"{THINGS}.config.meta.effective_at", "regular expression"],
    ),
    "times of rows in a full feed": (
        edit(BY_NAME, "effective_at: {column: size}"),
        [f"{THINGS}.config.meta.effective_at.column", "a full delivery is the state at one time", "mode: delta"],
    ),
    "a column of times that there is not": (
        edit(
            f"mode: full\n            {DROP}\n            {BY_NAME}",
            f"mode: delta\n            {DROP}\n            effective_at: {{column: moved}}",
        ),
        [f"{THINGS}.config.meta.effective_at.column", "'moved' is no column of the feed"],
    ),
    "a format of times that there is not": (
        edit(BY_NAME, "effective_at: {column: size, format: '%Y'}"),
        [f"{THINGS}.config.meta.effective_at.format", "%Y, %m (or %b) and %d"],
    ),
    "metadata of an API": (
        edit(
            f"{DROP}\n            {BY_NAME}",
            "arrives: {api: {url: 'https://acme.example'}}\n            effective_at: {metadata: date}",
        ),
        [f"{THINGS}.config.meta.effective_at.metadata", "an API answers in pages"],
    ),
    "metadata beside days that are asked for": (
        edit(
            f"{DROP}\n            {BY_NAME}",
            "arrives: {http: {url: 'https://acme.example/{date}'}}\n            effective_at: {metadata: date}",
        ),
        [f"{THINGS}.config.meta.effective_at.metadata", "http asks for single days"],
    ),
    "drop pattern with ..": (
        edit("acme/things-*.csv", "../things-*.csv"),
        [f"{THINGS}.config.meta.arrives.drop", "below the drop folder"],
    ),
    "drop pattern from the root": (
        edit("acme/things-*.csv", "/etc/*.csv"),
        [f"{THINGS}.config.meta.arrives.drop", "below the drop folder"],
    ),
    "mode": (edit("mode: full", "mode: fulll"), [f"{THINGS}.config.meta.mode", "'full' or 'delta'"]),
    "hint": (
        edit("mode: full", "mode: full\n            format: {encoding: klingon}"),
        [f"{THINGS}.config.meta.format.encoding", "klingon", "utf-8"],
    ),
    "identifier": (edit("acme__things", "things"), [f"{THINGS}.identifier", "acme__things"]),
    "feed name": (edit("name: things", "name: Things-1"), ["Things-1", "lower-case"]),
    "column name": (
        edit("name: size", 'name: "size; drop"'),
        [f"{THINGS}.columns.size; drop", "name", "lower-case"],
    ),
    "column name of ours": (edit("name: size", "name: _extra"), [f"{THINGS}.columns._extra", "name"]),
    "two columns of one name": (edit("name: size", "name: code"), [f"{THINGS}.columns.code", "twice"]),
    "vendor name": (edit("name: acme", "name: acne"), ["sources.name", "acne/_acne.yml", "acme/_acme.yml", "agree"]),
    "one header for two columns": (
        edit('["Size"]', '["Size", " thing  CODE"]'),
        [f"{THINGS}.columns.size", "header", "belongs to code"],
    ),
    "no columns": (edit("columns: &columns", "columns: []\n        x: &columns"), [f"{THINGS}.config.meta.columns"]),
    "entity missing": (edit("entity: thing\n            mode", "mode"), [f"{THINGS}.config.meta.entity", "missing"]),
    "entity without judged model": (lose("models/judged/judged_thing.sql"), [THINGS, "judged_thing.sql", "write"]),
    "stg model missing": (lose("models/staging/acme/stg_acme__things.sql"), [THINGS, "stg_acme__things.sql", "write"]),
    "broken YAML": (edit("tables:", "tables: ]["), ["not readable as YAML", "line"]),
    "no YAML text": (lambda project: (project / ACME).write_bytes(b"\xff\xfe\x00"), ["not readable as YAML"]),
    "a list on top": (lambda project: (project / ACME).write_text("- sources\n"), ["sources"]),
    "nothing in it": (lambda project: (project / ACME).write_text(""), ["sources", "missing"]),
    "sources is a word": (lambda project: (project / ACME).write_text("sources: acme\n"), ["sources", "list"]),
    "meta is a word": (edit("meta: &meta", "meta: yes\n          x: &meta"), ["tables[0].config.meta", "dictionary"]),
    "a feed declared twice": (
        edit("name: changes\n        identifier: acme__changes", "name: things\n        identifier: acme__things"),
        ["acme.things", "declared twice"],
    ),
}


@pytest.mark.parametrize("fault", SPOILT)
def test_a_fault_is_told_by_file_key_and_remedy(fault: str, project: Path) -> None:
    spoil, told = SPOILT[fault]
    spoil(project)
    with pytest.raises(FeedError) as raised:
        load(project)
    message = str(raised.value)
    assert str(project / ACME) in message
    for words in told:
        assert words in message


def test_a_secret_is_not_repeated(project: Path) -> None:
    edit("Where it is;", "postgresql://u:hunter2@h/db")(project)
    with pytest.raises(FeedError) as raised:
        load(project)
    assert "hunter2" not in str(raised.value)


def test_a_misnamed_vendor_file_is_not_overlooked(project: Path) -> None:
    (project / ACME).rename(project / "models/staging/acme/acme.yml")
    with pytest.raises(FeedError, match=r"acme/_acme\.yml"):
        load(project)


def test_deliver_names_the_known_feeds(project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SLUICE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SLUICE_DBT_PROJECT", str(project))
    forget_settings()
    told = refusal(sluice("deliver", tmp_path / "any.csv", "--feed", "acme.thing"))
    assert "no feed 'acme.thing'" in told
    assert "acme.changes, acme.things" in told
    forget_settings()
