"""Row-level security: of an entity that says `rows_by: vendor`, a role sees the vendors that it is entitled to."""

import psycopg
import pytest
from command import refusal
from command import sluice as command
from conftest import TEST_PROJECT, forget_settings
from psycopg.errors import InsufficientPrivilege
from workbench import JUDGED, changed, things

ROLE = "throwaway_region"
SEEN = (
    "select count(*) from published.thing",
    "select count(*) from published.thing_history",
    "select count(distinct thing_id) from published.thing_facts",
    "select count(*) from published.thing_as_of('2026-01-01')",
    "select count(*) from history.dim_thing",
    "select count(*) from quarantine.thing_masked",
    "select count(*) from quarantine.thing",
)


@pytest.fixture
def guarded(install, small_project, tmp_path):
    by_vendor = (JUDGED, "entity: thing", "entity: thing\n        rows_by: vendor")
    project = changed(small_project, tmp_path, by_vendor)
    (project / "models/published/thing_facts.sql").write_text("{{ published_facts('thing') }}")
    small = install(project, TEST_PROJECT / "checks")
    small.sql(f"drop role if exists {ROLE}")
    small.sql(f"create role {ROLE} in role sluice_steward, sluice_analyst")
    yield small
    small.sql(f"drop owned by {ROLE}; drop role {ROLE}")
    forget_settings()


LEAK = """
    create function pg_temp.tell(what text) returns boolean language plpgsql cost 0.0001 as $$
    begin
        insert into told values (what);
        return true;
    end $$
"""


def test_a_condition_of_ones_own_does_not_look_behind_the_view(guarded):
    things(guarded, 1, "n,a,1,,", "n,b,-1,,")
    guarded.run()
    with psycopg.connect(guarded.url, autocommit=True) as connection:
        connection.execute(f"set role {ROLE}")
        connection.execute("create temporary table told (what text)")
        connection.execute(LEAK)
        for source in ("published.thing", "published.thing_history", "quarantine.thing_masked"):
            assert connection.execute(f"select * from {source} as t where pg_temp.tell(t.feed)").fetchall() == []
        assert connection.execute("select * from told").fetchall() == []
        connection.execute("drop function pg_temp.tell; drop table told")


def test_a_role_sees_its_vendors_only(guarded):
    things(guarded, 1, "n,a,1,,", "n,b,-1,,")
    guarded.run()
    with psycopg.connect(guarded.url, autocommit=True) as connection:
        connection.execute(f"set role {ROLE}")

        def seen():
            return [connection.execute(query).fetchone()[0] for query in SEEN]

        assert seen() == [0] * len(SEEN)
        assert command("roles", "vendor", ROLE, "acme", "--entity", "thing").exit_code == 0
        assert seen() == [1] * len(SEEN)
        assert command("roles", "vendor", ROLE, "acme", "--entity", "thing", "--revoke").exit_code == 0
        assert seen() == [0] * len(SEEN)
        things(guarded, 2, "n,a,2,,")
        guarded.run()  # the pipeline itself sees every row
        assert guarded.value("select count(*) from history.dim_thing") == 3


def test_a_role_reveals_what_stands_in_rows_of_its_vendors(guarded):
    things(guarded, 1, "n,a,1,,ann@example.com")
    guarded.run()
    token = guarded.value("select keeper_token from published.thing")
    command("pii", "entitle", ROLE)
    with psycopg.connect(guarded.url, autocommit=True) as connection:
        connection.execute(f"set role {ROLE}")

        def asked():
            return connection.execute("select pii.ask(%s, 'case 7')", [token]).fetchone()[0]

        assert "not entitled" in asked()
        command("roles", "vendor", ROLE, "acme", "--entity", "thing")
        assert asked() is None
        assert connection.execute("select pii.reveal(%s)", [token]).fetchone() == ("ann@example.com",)
        command("roles", "vendor", ROLE, "acme", "--entity", "thing", "--revoke")
        with pytest.raises(InsufficientPrivilege):
            connection.execute("select pii.reveal(%s)", [token])
    assert command("pii", "reveal", token, "--why", "case 7").stdout.strip() == "ann@example.com"  # the pipeline itself


def test_a_login_to_whom_policies_do_not_apply_is_found(guarded):
    things(guarded, 1, "n,a,1,,")
    guarded.run()
    assert command("roles", "check").exit_code == 0
    guarded.sql("create role throwaway_auditor login bypassrls in role sluice_analyst")
    try:
        told = refusal(command("roles", "check"))
        assert "throwaway_auditor reads rows of every vendor in history.dim_thing" in told
    finally:
        guarded.sql("drop role throwaway_auditor")


def test_the_pipelines_exports_and_answers_hold_all_rows(guarded):
    things(guarded, 1, "n,a,1,,", "n,b,1,,")
    guarded.run()
    exported = guarded.home / "exports" / "thing" / "latest" / "thing.csv"
    assert len(exported.read_text().splitlines()) == 3
    assert command("history", "thing", "n", "a").exit_code == 0


TYPOS = [("typo", "acme", "thing"), (ROLE, "typo", "thing"), (ROLE, "acme", "typo")]


@pytest.mark.parametrize(("role", "vendor", "entity"), TYPOS)
def test_who_and_what_is_not_there_is_refused(guarded, role, vendor, entity):
    assert "'typo'" in refusal(command("roles", "vendor", role, vendor, "--entity", entity))
    assert guarded.sql("select * from ledger.vendor_rights") == []
