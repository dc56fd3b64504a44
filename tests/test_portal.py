"""A portal's documents through the whole way: one delivery for several entities, parents and children."""

import json
import os
import shutil

import pytest
from conftest import PROJECT, forget_settings
from samples import VENDORS

VENDOR = "lamella"
ENTITIES = ("dataset", "tomography_run", "tomogram", "annotation")
JANUARY = 1767614400  # the fifth, 12:00 UTC: what arrives later speaks of a later day
SAMPLES = VENDORS / VENDOR / "samples"


@pytest.fixture(scope="module")
def house(install):
    sluice = install(PROJECT / "dbt_project", PROJECT / "checks")
    for file in sorted(SAMPLES.rglob("*.*")):
        dropped = sluice.drop(f"{VENDOR}/{file.relative_to(SAMPLES)}", file.read_bytes())
        os.utime(dropped, (JANUARY, JANUARY))
    sluice.run(*reversed(ENTITIES))  # children are named first, and parents merged first
    yield sluice
    forget_settings()


def accounts(house):
    return {
        feed: (read, bad, good)
        for feed, read, bad, good in house.sql(
            "select feed, read, quarantined + unreadable, good from ledger.row_accounts"
            " join ledger.deliveries using (delivery_id) where in_history"
        )
    }


def names(house, entity, *columns, where="true"):
    return house.sql(f"select {', '.join(columns)} from published.{entity} where {where} order by {', '.join(columns)}")


def test_one_content_is_a_delivery_of_each_feed_and_lies_once_in_the_archive(house):
    found = house.sql(
        "select feed, sha256, state from ledger.deliveries where feed <> :maps", maps=f"{VENDOR}.run_maps"
    )
    assert {state for *_, state in found} == {"merged"}
    assert len(found) == 4
    assert len({sha256 for _, sha256, _ in found}) == 1
    assert accounts(house) == {
        f"{VENDOR}.datasets": (4, 2, 2),
        f"{VENDOR}.runs": (6, 2, 4),
        f"{VENDOR}.tomograms": (7, 3, 4),
        f"{VENDOR}.annotations": (7, 5, 2),
        f"{VENDOR}.run_maps": (5, 2, 3),
    }


def test_parents_are_merged_first(house):
    order = [entity for (entity,) in house.sql("select entity from ledger.runs order by run")]
    assert order == list(ENTITIES)


def test_children_know_what_they_stand_in(house):
    keys = ("dataset_number", "run_name", "tomogram_number", "annotation_number", "object_name")
    assert names(house, "annotation", *keys) == [
        ("10001", "ts-001", "1", "1", "ribosome"),
        ("10002", "no", "00017", "1", "membrane"),
    ]
    runs = names(house, "tomography_run", "dataset_number", "run_name", where=f"feed = '{VENDOR}.runs'")
    assert runs == [("10001", "ts-001"), ("10001", "ts-002"), ("10002", "2026-01-05"), ("10002", "no")]


def test_side_tables_are_joined_by_the_name_of_their_file(house):
    best = "select total_flux, tilt_step, rows, sources from published.tomography_run_best where run_name = 'no'"
    [(flux, step, rows, sources)] = house.sql(best)
    assert (float(flux), float(step), rows) == (95.5, 3, 2)
    assert (sources["total_flux"], sources["tilt_step"]) == (f"{VENDOR}.run_maps", f"{VENDOR}.runs")


def test_authors_are_masked_and_their_numbers_checked(house):
    authors = house.sql("select author_name, author_orcid, authors from published.dataset order by dataset_number")
    assert authors == [("B***", "***", 2), ("E***", "***", 1)]
    [(codes,)] = house.sql(
        "select array_agg(code order by code) from ledger.validations where code like '%orcid%' or code like 'doi%'"
    )
    assert codes == ["annotator_orcid_unparsed", "author_orcid_unparsed", "doi_unparsed"]


def test_identifiers_are_tested_by_dbt(house):
    from flows import dbt

    dbt.invoke("test", "--select", "identifiers")


def orphans(house):
    found = {}
    for entity in ENTITIES[1:]:
        for reason, count in house.sql(f"select reason, count(*) from published.{entity}_orphan group by 1"):
            found[entity, reason] = count
    return found


def test_a_child_without_its_parent_waits_and_one_whose_parent_closes_is_closed(house):
    assert orphans(house) == {}
    maps = "run_name\tts-total_flux\nlone\t10\n"
    house.drop(f"{VENDOR}/run-maps/run-data-map-10009.tsv", maps)
    house.run(*ENTITIES)
    assert orphans(house) == {("tomography_run", "parent_missing"): 1}
    assert names(house, "tomography_run", "run_name", where="dataset_number = '10009'") == []

    before = names(house, "annotation", "annotation_id")
    document = json.dumps({"dataset_id": 10009, "title": "It came later", "organism": {"name": "x"},
                           "authors": [{"name": "Hal Mockup"}], "runs": []})  # fmt: skip
    house.drop(f"{VENDOR}/datasets/10009/metadata.json", document)
    shutil.rmtree(house.home / "drop" / VENDOR / "datasets" / "10002")
    house.run("dataset")
    assert orphans(house) == {
        ("tomography_run", "parent_closed"): 4,
        ("tomogram", "parent_held_back"): 2,
        ("annotation", "parent_held_back"): 1,
    }
    assert names(house, "tomography_run", "run_name", where="dataset_number = '10009'") == [("lone",)]
    assert len(names(house, "annotation", "annotation_id")) == len(before) - 1
    [(start, end)] = house.sql(
        "select h.valid_to, d.valid_to from published.annotation_history as h"
        " join published.dataset_history as d using (dataset_number) where dataset_number = '10002'"
    )
    assert start == end is not None  # its history ends where that of its dataset does

    known = house.sql("select count(*) from published.annotation_history_known_at(now())")
    assert known == house.sql("select count(*) from published.annotation_history")


def test_going_back_with_the_parent_brings_its_children_back(house):
    from publish import pointer

    closed = len(names(house, "annotation", "annotation_id"))
    pointer.rollback("dataset")
    assert len(names(house, "annotation", "annotation_id")) == closed + 1


def test_a_file_that_comes_alone_has_columns_from_its_name(house):
    file = SAMPLES / "run-maps" / "run-data-map-10001.csv"
    delivered = house.deliver(f"{VENDOR}.run_maps", file, "2027-01-01")
    assert delivered.state == "staged"
    rows = house.sql(
        f"select dataset_number, run_name, voxel_spacing from staging.{VENDOR}__run_maps"
        " where _delivery_id = :id order by _row_number",
        id=delivered.delivery_id,
    )
    assert rows == [("10001", "ts-001", "13.480"), ("10001", "ts-002", "13.480")]
    misnamed = house.deliver(f"{VENDOR}.run_maps", house.file("map.csv", "run_name\nother\n"), "2027-01-02")
    assert (misnamed.outcome, "its name should have" in misnamed.reason) == ("refused", True)
