"""Drop folders in S3, against a real server: each object once, whatever it is called."""

import os
from datetime import UTC, datetime
from typing import Any

import pytest
from collect_server import CSV
from conftest import Sluice, forget_settings

from extract.collect.drop import feeds_at
from extract.feeds import catalogue


@pytest.fixture
def s3(small: Sluice, aws: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of the server; the drop folder is its bucket `drops`, below in/."""
    monkeypatch.setenv("SLUICE_DROP_FOLDER", "s3://drops/in")
    monkeypatch.setenv("SLUICE_FETCHING", '{"attempts": 2, "connect": 2, "read": 5}')
    forget_settings()
    client = aws("s3")
    client.create_bucket(Bucket="drops")
    return client


def put(s3: Any, key: str, body: bytes = CSV) -> None:
    s3.put_object(Bucket="drops", Key=key, Body=body)


def test_an_object_is_taken_in_once(small: Sluice, s3: Any) -> None:
    put(s3, "in/acme/things-2026-01-01.csv")
    for other in (
        "in/acme/",
        "in/acme/.things-2026-01-02.csv",
        "in/acme/sub/things-2026-01-03.csv",
        "acme/things-.csv",
    ):
        put(s3, other)
    first, second = small.run(), small.run()
    assert [(file.name, file.outcome) for file in first.ingested] == [("things-2026-01-01.csv", "new")]
    assert second.ingested == []
    etag = s3.head_object(Bucket="drops", Key="in/acme/things-2026-01-01.csv")["ETag"]
    assert small.sql("select way, source, mark, etag, bytes, outcome, delivery_id from ledger.fetches") == [
        ("drop", "s3://drops/in/acme/things-2026-01-01.csv", etag, etag, len(CSV), "new", 1)
    ]
    assert s3.list_objects_v2(Bucket="drops")["KeyCount"] == 5  # what is done stays


def test_another_content_under_the_same_key(small: Sluice, s3: Any) -> None:
    key = "in/acme/things-2026-01-01.csv"
    for body in (CSV, CSV.replace(b",1,", b",2,"), CSV):
        put(s3, key, body)
        assert small.run().problems == []
    assert small.sql("select delivery_id, state, revision from ledger.deliveries order by 1") == [
        (1, "merged", 3),
        (2, "superseded", 2),
    ]


def test_a_bucket_of_the_vendors_own(small: Sluice, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    project = small.home / "project"
    shutil.copytree(os.environ["SLUICE_DBT_PROJECT"], project)
    file = project / "models/staging/acme/_acme.yml"
    file.write_text(file.read_text().replace('"acme/things-*.csv"', '"s3://drops/out/**/things-*.csv"'))
    monkeypatch.setenv("SLUICE_DBT_PROJECT", str(project))
    forget_settings()
    put(s3, "out/2026/01/things-2026-01-01.csv")
    put(s3, "out/things-2026-01-02.csv", CSV.replace(b",1,", b",2,"))
    assert sorted(file.name for file in small.run().ingested) == ["things-2026-01-01.csv", "things-2026-01-02.csv"]
    [feed] = feeds_at("s3://drops/out/2026/01/things-2026-01-01.csv", catalogue().feeds.values())
    assert feed.key == "acme.things"


def test_the_feed_of_an_object(small: Sluice, s3: Any) -> None:
    every = catalogue().feeds.values()
    assert [feed.key for feed in feeds_at("s3://drops/in/acme/changes-1.csv", every)] == ["acme.changes"]
    assert feeds_at("s3://drops/acme/changes-1.csv", every) == []


def test_a_bucket_that_is_not_there_stops_nothing_else(small: Sluice, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_DROP_FOLDER", "s3://no-such-bucket")
    forget_settings()
    from flows.report import RunError

    with pytest.raises(RunError) as raised:
        small.run()
    told = raised.value.report.problems
    assert len(told) == 2  # one for each feed
    assert "s3://no-such-bucket/acme/things-*.csv does not answer" in told[0]
    assert [merged.entity for merged in raised.value.report.merged] == ["thing"]
    assert {row[0] for row in small.sql("select outcome from ledger.fetches")} == {"failed"}


def test_the_metadata_of_an_object_says_when_it_holds(things: Any, s3: Any) -> None:
    things.declare({"drop": "acme/things-*.csv"}, effective_at={"metadata": "speaks-of"})
    key = "in/acme/things-a.csv"
    put(s3, key)
    [problem] = things.collect().problems
    assert problem.startswith("s3://drops/in/acme/things-a.csv: the time that it speaks of")
    assert "acme.things" in problem
    s3.put_object(Bucket="drops", Key=key, Body=CSV, Metadata={"Speaks-Of": "2026-01-03T08:00:00+02:00"})
    assert things.collect().problems == []
    assert things.deliveries("effective_at") == [(datetime(2026, 1, 3, 6, tzinfo=UTC),)]
    things.declare({"drop": "acme/things-*.csv"}, effective_at={"metadata": "last-modified"})
    put(s3, key, CSV + b"s,z,1,,\n")
    assert things.collect().problems == []
    changed = s3.head_object(Bucket="drops", Key=key)["LastModified"]
    assert things.deliveries("effective_at")[-1] == (changed,)


def test_the_same_content_put_there_once_more_is_an_observation(small: Sluice, s3: Any) -> None:
    """The listing and an event see it alike; what nobody touched is not fetched again."""
    from extract.collect.s3 import Listed, S3Object
    from warehouse.fetches import Known

    put(s3, "in/acme/things-2026-01-01.csv")
    small.run()
    small.sql("update ledger.fetches set last_modified = 'Thu, 01 Jan 2026 00\\:00\\:00 GMT'")
    [again] = small.run().ingested
    assert (again.outcome, again.delivery_id) == ("again", 1)
    assert small.run().ingested == []
    assert small.sql("select outcome, delivery_id from ledger.fetches order by fetch_id") == [
        ("new", 1), ("unchanged", 1),
    ]  # fmt: skip
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    listed = Listed(S3Object("drops", "x", "e"), '"e"', moment)
    assert listed.is_known(Known(1, etag='"e"'))  # an older Sluice did not write its time down
    assert not listed.is_known(Known(1, etag='"f"'))


def test_what_the_list_of_objects_knew_stays_known(small: Sluice, s3: Any) -> None:
    """Migration 0016, run again on what an older Sluice had written down."""
    from pathlib import Path

    from warehouse import migrate

    put(s3, "in/acme/things-2026-01-01.csv")
    small.run()
    found = s3.head_object(Bucket="drops", Key="in/acme/things-2026-01-01.csv")
    folder = Path(migrate.__file__).parent / "migrations" / "versions"
    old = (folder / "0007_operate" / "operate.sql").read_text().partition("comment on")[0]
    small.sql("delete from ledger.fetches")
    small.sql(old)
    small.sql(
        "insert into ledger.objects values ('drops', :key, :etag, :at, 'acme.things', 'new')",
        key="in/acme/things-2026-01-01.csv",
        etag=found["ETag"].strip('"'),
        at=found["LastModified"],
    )
    small.sql((folder / "0016_objects" / "objects.sql").read_text().replace(":MI:SS", "\\:MI\\:SS"))
    assert small.run().ingested == []
    assert small.value("select to_regclass('ledger.objects')") is None
