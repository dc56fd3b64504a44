"""Many at work on one database: all is accounted for, and nothing is done twice."""

import time
from itertools import pairwise

import pytest
from bucket import make
from conftest import TEST_PROJECT, forget_settings
from scaling import consume, deliver, project_of

pytestmark = pytest.mark.slow

FEEDS, DAYS, ROWS, WORKERS = 20, 10, 5, 4


@pytest.fixture
def many(install, small_project, tmp_path):
    yield install(project_of(FEEDS, small_project, tmp_path / "many"), TEST_PROJECT / "checks")
    forget_settings()


@pytest.mark.timeout(900)
def test_four_consumers_share_two_hundred_deliveries(many, aws, monkeypatch, capsys):
    bucket = make(aws, monkeypatch)
    deliver(bucket, FEEDS, DAYS, ROWS)
    began = time.monotonic()
    assert consume(WORKERS, at_once=40) == []
    took = time.monotonic() - began
    many.run()  # what two of them left to each other at the very end
    assert many.sql("select state, count(*) from ledger.deliveries group by 1") == [("merged", FEEDS * DAYS)]
    sums = "select sum(read), sum(quarantined), sum(good), sum(opened + changed + unchanged) from ledger.row_accounts"
    assert many.sql(sums) == [(FEEDS * DAYS * (ROWS + 1), FEEDS * DAYS, FEEDS * DAYS * ROWS, FEEDS * DAYS * ROWS)]
    assert many.value("select count(*) from published.thing") == FEEDS * ROWS
    assert many.value("select count(*) from ledger.runs where state = 'running'") == 0
    assert bucket.waiting() == 0
    versions = "select count(*) from history.dim_thing where _superseded_in is null"
    assert many.value(versions) == FEEDS * expected_versions()
    with capsys.disabled():
        print(f" {FEEDS * DAYS / took:.1f} deliveries/s with {WORKERS} processes, their start included ", end="")


def expected_versions():
    """Of one feed: a thing's size is the day's number from the day after its own on."""
    sizes = [[day if row < day else 0 for day in range(1, DAYS + 1)] for row in range(ROWS)]
    return sum(1 + sum(a != b for a, b in pairwise(said)) for said in sizes)


def test_a_backlog_is_staged_on_a_cluster(small, api, aws, monkeypatch):
    """Two real processes of Dask."""
    from deployments.listen.work import in_this_process
    from flows.run import prepare

    monkeypatch.setenv("SLUICE_STAGING_CLUSTER", "2")
    bucket = make(aws, monkeypatch)
    prepare()
    for day in range(1, 7):
        bucket.things(day, f"n,a,{day},,")
    done = in_this_process([f"s3://arrivals/in/acme/things-2026-01-{day:02}.csv@e" for day in range(1, 7)], [])
    assert len(done) == 6
    assert small.sql("select state, count(*) from ledger.deliveries group by 1") == [("merged", 6)]
    assert small.sql("select size from published.thing") == [(6,)]
