"""Promotion: one publication, whole, to another database of the same server, and back again."""

import os
import subprocess
import sys
import time

import psycopg
import pytest
from click.testing import CliRunner
from conftest import PROJECT
from workbench import things

from flows.erase import erase
from flows.erase_plan import Person

ROWS = ("north,1,10,a note,keeper@acme.example", "north,2,20,,", "south,1,30,,")


@pytest.fixture
def elsewhere(server, monkeypatch, tmp_path):
    """The URL of another, empty database, named by an environment variable; and a folder for files."""
    from conftest import _sql

    _sql(server, "drop database if exists elsewhere with (force)", "create database elsewhere")
    url = server.rsplit("/", 1)[0] + "/elsewhere"
    monkeypatch.setenv("SLUICE_PROMOTE_URL", url)
    yield url.replace("postgresql+psycopg", "postgresql")
    _sql(server, "drop database elsewhere with (force)")


def say(*arguments, fails=False):
    from flows.cli import main

    done = CliRunner().invoke(main, ["promote", *arguments])
    assert (done.exit_code != 0) is fails, done.output
    return " ".join(done.output.split())


def there(url, query):
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


def published(url, name="thing"):
    return there(url, f"select * from published.{name} order by 1, valid_from")


def test_a_publication_goes_there_whole_and_comes_back(small, elsewhere, tmp_path, monkeypatch):
    from conftest import forget_settings

    monkeypatch.setenv("SLUICE_PROMOTE_FILES", str(tmp_path / "files"))
    forget_settings()
    assert "is not published here" in say("thing", fails=True)
    things(small, 1, *ROWS)
    small.run()

    assert " 3 3 0 0" in say("thing", "--dry-run")
    assert there(elsewhere, "select to_regclass('published.thing')") == [(None,)]
    assert not (tmp_path / "files").exists()
    say("thing")
    first = published(elsewhere)
    assert first == published(small.url.replace("+psycopg", ""))
    assert published(elsewhere, "thing_history") == published(small.url.replace("+psycopg", ""), "thing_history")
    assert "no publication before" in say("thing", "--rollback", fails=True)

    things(small, 2, "north,1,11,a note,keeper@acme.example", "south,1,30,,", "west,9,1,,")
    small.run()
    assert published(elsewhere) == first  # published here, and not yet there
    assert " 3 1 1 1" in say("thing", "--dry-run")
    assert published(elsewhere) == first
    there_before = there(elsewhere, "select count(*) from ledger.promotions")
    assert there_before == [(1,)]
    say("thing")
    assert published(elsewhere) == published(small.url.replace("+psycopg", "")) != first
    assert (tmp_path / "files" / "thing" / "latest").read_text() == "run-000002\n"
    assert sorted(os.listdir(tmp_path / "files" / "thing")) == ["latest", "run-000001", "run-000002"]

    say("thing")  # as after a death before its last step: what is there stays, and can still go back
    say("thing", "--rollback")
    assert published(elsewhere) == first
    assert (tmp_path / "files" / "thing" / "latest").read_text() == "run-000001\n"
    found = there(elsewhere, "select run, added, changed, gone, rolled_back_at is not null from ledger.promotions")
    assert sorted(found) == [(1, 3, 0, 0, False), (2, 1, 1, 1, True)]


def test_what_is_erased_here_goes_there_with_the_next_promotion(small, elsewhere, tmp_path, monkeypatch):
    from conftest import forget_settings

    monkeypatch.setenv("SLUICE_PROMOTE_FILES", str(tmp_path / "files"))
    forget_settings()
    things(small, 1, *ROWS)
    small.run()
    say("thing")
    of_it = (tmp_path / "files" / "thing" / "run-000001" / "thing.csv").read_text
    assert "k***@acme.example" in of_it()
    erase(Person(pii="email", value="keeper@acme.example"))
    say("thing")
    assert "k***@" not in of_it()
    assert there(elsewhere, "select count(keeper) from published.thing") == [(0,)]


@pytest.fixture(params=["folder", "bucket"])
def files(request, tmp_path, monkeypatch):
    """Where promotions of things are written: a folder, or a bucket that keeps versions. Gives a function that tells
    the files of all runs by name, former versions too."""
    from conftest import forget_settings

    if request.param == "folder":
        monkeypatch.setenv("SLUICE_PROMOTE_FILES", str(tmp_path / "files"))
        forget_settings()
        below = tmp_path / "files" / "thing"
        return lambda: [(str(f.relative_to(below)), f.read_bytes()) for f in below.rglob("*/**/*") if f.is_file()]
    s3 = request.getfixturevalue("aws")("s3")
    s3.create_bucket(Bucket="there")
    s3.put_bucket_versioning(Bucket="there", VersioningConfiguration={"Status": "Enabled"})
    monkeypatch.setenv("SLUICE_PROMOTE_FILES", "s3://there/sluice/")
    forget_settings()

    def every():
        found = s3.list_object_versions(Bucket="there", Prefix="sluice/thing/run-")
        assert "DeleteMarkers" not in found
        keys = [(one["Key"], one["VersionId"]) for one in found.get("Versions", ())]
        read = [(key, s3.get_object(Bucket="there", Key=key, VersionId=v)["Body"].read()) for key, v in keys]
        return [(key.removeprefix("sluice/thing/"), content) for key, content in read]

    return every


def folders(files):
    return sorted({name.split("/")[0] for name, _ in files()})


def test_earlier_folders_leave_as_their_tables_do(small, elsewhere, files):
    for day in (1, 2, 3):
        things(small, day, *ROWS[:day])
        small.run()
        say("thing")
    assert folders(files) == ["run-000002", "run-000003"]
    say("thing", "--rollback")
    things(small, 4, *ROWS[1:])
    small.run()
    say("thing")
    assert folders(files) == ["run-000002", "run-000004"]


def test_no_promoted_file_holds_an_erased_person_after_the_next_promotions(small, elsewhere, files):
    from publish import export

    things(small, 1, *ROWS[:1])
    small.run()
    say("thing")
    things(small, 2, *ROWS)
    small.run()
    export.forget("thing")
    export.export("thing", 2, by="region")
    say("thing")
    assert any(b"k***@acme.example" in content for name, content in files() if "/region/" in name)
    erase(Person(pii="email", value="keeper@acme.example"))
    say("thing")
    assert [name for name, content in files() if b"k***@" in content] == []
    assert folders(files) == ["run-000002"]
    before = sorted(files())
    say("thing")
    assert sorted(files()) == before


def test_who_may_read_there_still_may(small, elsewhere):
    things(small, 1, *ROWS)
    small.run()
    say("thing")
    with psycopg.connect(elsewhere, autocommit=True) as connection:
        connection.execute("grant select on published.thing to public")
    things(small, 2, *ROWS[:2])
    small.run()
    say("thing")
    grants = (
        "select count(*) from information_schema.role_table_grants where grantee = 'PUBLIC' and table_name = 'thing'"
    )
    assert there(elsewhere, grants + " and table_schema = 'published'") == [(1,)]


def test_nothing_is_promoted_that_did_not_pass_its_gate_or_to_oneself(small, elsewhere, monkeypatch):
    things(small, 1, *ROWS)
    small.run()
    monkeypatch.setenv("ITSELF", small.url)
    assert "this warehouse itself" in say("thing", "--to", "ITSELF", fails=True)
    assert "does not" in say("thing", "--to", "NOWHERE", fails=True)
    small.sql("update ledger.check_results set outcome = 'FAILED' where stage = 'gate'")
    assert "checks of its gate passed; it is not promoted" in say("thing", fails=True)
    assert there(elsewhere, "select to_regclass('published.thing')") == [(None,)]


def test_a_failure_there_leaves_what_was_there(small, elsewhere):
    things(small, 1, *ROWS)
    small.run()
    say("thing")
    first = published(elsewhere)
    things(small, 2, *ROWS[:2])
    small.run()
    with psycopg.connect(elsewhere, autocommit=True) as connection:
        connection.execute("alter table ledger.promotions add check (run < 2)")
    say("thing", fails=True)
    assert published(elsewhere) == first


def test_one_that_is_killed_in_the_middle_changes_nothing_and_can_be_said_again(small, elsewhere):
    things(small, 1, *ROWS)
    small.run()
    say("thing")
    first = published(elsewhere)
    things(small, 2, *ROWS[:2])
    small.run()
    with psycopg.connect(elsewhere) as connection:
        connection.execute("lock table ledger.promotions")
        dying = subprocess.Popen([sys.executable, "-m", "flows.cli", "promote", "thing"], cwd=PROJECT)
        waits = "select count(*) from pg_locks where not granted and relation = 'ledger.promotions'::regclass"
        while connection.execute(waits).fetchone() == (0,):
            assert dying.poll() is None
            time.sleep(0.1)
        dying.kill()
        dying.wait()
    assert published(elsewhere) == first
    say("thing")
    assert published(elsewhere) == published(small.url.replace("+psycopg", "")) != first
    assert there(elsewhere, "select run from ledger.promotions order by 1") == [(1,), (2,)]


def test_files_go_to_a_bucket_whole(small, elsewhere, aws, monkeypatch):
    from conftest import forget_settings

    from publish import export

    aws("s3").create_bucket(Bucket="there")
    monkeypatch.setenv("SLUICE_PROMOTE_FILES", "s3://there/sluice")
    forget_settings()
    things(small, 1, *ROWS)
    small.run()
    export.forget("thing")
    folder = export.export("thing", 1, by="region")
    say("thing")
    lie = {entry["Key"] for entry in aws("s3").list_objects_v2(Bucket="there")["Contents"]}
    written = {f"sluice/thing/run-000001/{file.relative_to(folder)}" for file in folder.rglob("*") if file.is_file()}
    assert lie == {"sluice/thing/latest", *written}
    assert any("/region/" in name for name in lie)
