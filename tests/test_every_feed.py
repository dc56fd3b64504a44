"""Every feed of the project, tested by existing: its folder, its declaration, its samples through the whole way."""

import csv
import json
from functools import cache

import pytest
import yaml
from conftest import PROJECT, forget_settings
from samples import FEEDS, VENDORS, loaded, of

from extract.classes import BUILT_IN as PII_CLASSES
from extract.read import name_key


@pytest.fixture(scope="module")
def house(install):
    yield loaded(install)
    forget_settings()


@pytest.fixture(params=FEEDS.values(), ids=FEEDS)
def feed(request):
    return request.param


@pytest.fixture
def deliveries(house, feed):
    """What the ledger says of the feed's samples, oldest first."""
    from publish.views import status

    return [d for d in status()["deliveries"] if f"{d['vendor']}.{d['feed']}" == feed.key]


@cache
def written(vendor):
    """The vendor's YAML."""
    return yaml.safe_load((VENDORS / vendor / f"_{vendor}.yml").read_text())


def declared(feed):
    """The vendor's YAML: the feed's table, and its staging model."""
    document = written(feed.vendor)
    tables = {table["name"]: table for source in document["sources"] for table in source["tables"]}
    models = {model["name"]: model for model in document["models"]}
    return tables[feed.name], models[feed.model]


def test_samples_lie_in_the_vendors_folder(feed):
    assert of(feed), f"{feed.key}: put the smallest files that exercise it into {feed.vendor}/samples/"
    assert sum(file.stat().st_size for file in of(feed)) < 100_000


def test_somebody_owns_the_bad_rows(feed):
    assert feed.owner.name
    assert all(address.count("@") == 1 for address in feed.owner.email)


def test_a_class_is_declared_for_each_column(feed):
    table, _ = declared(feed)
    assert {column["config"]["meta"]["pii"] for column in table["columns"]} <= set(PII_CLASSES)


def test_everything_is_described(house, feed):
    table, model = declared(feed)
    assert table["description"]
    assert model["description"]
    for column in (*table["columns"], *model["columns"]):
        assert column.get("description"), f"{feed.key}: {column['name']}"
    for relation, columns in [(feed.model, model["columns"]), (feed.table, table["columns"])]:
        there = house.sql(
            "select column_name from information_schema.columns where table_schema = 'staging' and table_name = :name"
            " and column_name not like '\\_%'",
            name=relation,
        )
        assert {name for (name,) in there} == {c["name"] for c in columns if not c["name"].startswith("_")}


def test_every_sample_is_merged_and_adds_up(feed, deliveries):
    assert [d["name"] for d in deliveries] == [file.name for file in of(feed)]
    for d in deliveries:
        rows = d["rows"]
        assert d["state"] in ("merged", "sighted")
        assert rows["read"] == sum(rows[k] for k in ("blank", "banner", "unreadable", "quarantined", "good"))
        assert rows["good"] == sum(rows[k] for k in ("opened", "changed", "unchanged", "duplicate"))
        assert rows["good"] > 0


def test_a_page_of_the_docs_names_it(feed):
    """Feeds that a pipeline's page is generated for, see flows/pages.py."""
    from flows import pages

    written = {path.stem: path.read_text() for path in (PROJECT / "docs" / "pipelines").glob("*.md")}
    if feed.entity in {entity for pipeline in pages.pipelines() for entity in pipeline.entities}:
        assert any(f"`{feed.key}`" in text for text in written.values())


def records_of(feed, file, preamble):
    """The records of a sample, counted without the reader."""
    if file.suffix == ".json":
        found = json.loads(file.read_text())
        return len(found[feed.format.record_path] if feed.format.record_path else found)
    if file.suffix == ".ndjson":
        return len(file.read_text().splitlines())
    with open(file, encoding="latin-1", newline="") as text:
        return sum(1 for _ in csv.reader(text, delimiter=feed.format.delimiter or ",")) - 1 - preamble


def test_every_record_of_a_sample_is_counted(house, feed, deliveries):
    for file, d in zip(of(feed), deliveries, strict=True):
        preamble = house.value(
            "select coalesce((found ->> 'preamble')::int, 0) from ledger.deliveries where delivery_id = :id",
            id=d["sighting_of"] or d["delivery_id"],
        )
        rows = d["rows"]
        if not rows["unreadable"]:  # an unclosed quote is one record to csv.reader, several to a person
            assert rows["read"] == records_of(feed, file, preamble), file.name
        assert rows["read"] >= rows["good"] + rows["quarantined"]


def test_bad_rows_of_the_samples_are_in_quarantine_with_their_reasons(feed, deliveries):
    from publish.views import quarantine

    contract = yaml.safe_load((PROJECT / "checks" / "contracts" / f"{feed.entity}.yml").read_text())
    codes = {a["code"] for a in attributes_of(contract)}
    held = [row for row in quarantine(feed.entity) if row["feed"] == feed.key]
    expected = sum(d["rows"]["quarantined"] + d["rows"]["unreadable"] for d in deliveries if d["state"] == "merged")
    assert len(held) == expected
    assert {row["kind"] for row in held} == {"judged", "unreadable"}, "samples show bad rows of each kind"
    for row in held:
        assert row["reasons"]
        for reason in row["reasons"]:
            assert reason["message"]
            if row["kind"] == "judged":
                assert reason["code"] in codes
                assert reason["column"]


def attributes_of(node):
    """Every `attributes:` of a contract."""
    if isinstance(node, dict):
        if "attributes" in node:
            yield node["attributes"]
        for value in node.values():
            yield from attributes_of(value)
    elif isinstance(node, list):
        for value in node:
            yield from attributes_of(value)


def test_every_header_of_a_sample_is_a_declared_column(house, feed, deliveries):
    known = {name_key(header) for column in feed.columns for header in column.headers}
    for d in deliveries:
        (header,) = house.sql(
            "select found -> 'header' from ledger.deliveries where delivery_id = coalesce(:same, :id)",
            same=d["sighting_of"],
            id=d["delivery_id"],
        )[0]
        assert [name for name in header if name_key(name) not in known] == []


def test_the_entity_is_published_from_this_feed(house, feed, deliveries):
    expected = sum(1 for _ in house.sql(f'select from published."{feed.entity}" where feed = :feed', feed=feed.key))
    assert expected > 0
    opened = sum(d["rows"]["opened"] for d in deliveries)
    closed = sum(d["rows"]["closed"] for d in deliveries)
    assert expected == opened - closed
