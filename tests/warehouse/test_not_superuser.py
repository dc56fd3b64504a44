"""The pipeline runs as a login that is no superuser: the owner of its database, or a member of the group that is."""

import json

import pytest
from command import sluice as command
from conftest import TEST_PROJECT, Sluice, _aim, _sql, forget_settings
from sqlalchemy import make_url
from workbench import things

LOGIN, OTHER, PASSWORD = "throwaway_pipeline", "throwaway_worker", "synthetic"
GROUPS = ("loader", "analyst", "steward", "reader")


@pytest.fixture
def owned(server, small_project, tmp_path):
    """Makes a database of an owner, and gives what aims at it as a login."""
    leave = ["drop database if exists owned with (force)", *(f"drop role if exists {who}" for who in (LOGIN, OTHER))]
    _sql(server, *leave)
    for group in GROUPS:
        _sql(
            server,
            f"do $$ begin create role sluice_{group} nologin; exception when duplicate_object then null; end $$",
        )
    _sql(server, *(f"create role {who} login password '{PASSWORD}'" for who in (LOGIN, OTHER)))

    def made(owner):
        _sql(server, f"create database owned owner {owner}")
        return lambda login: _aimed(login)

    def _aimed(login):
        url = make_url(server).set(username=login, password=PASSWORD, database="owned").render_as_string(False)
        _aim(tmp_path, url, small_project, TEST_PROJECT / "checks")
        return Sluice(tmp_path, url)

    yield made
    forget_settings()
    _sql(server, *leave)


def test_the_owner_of_a_database_runs_everything(owned):
    small = owned(LOGIN)(LOGIN)
    things(small, 1, "n,a,1,,ann@example.com", "n,b,-1,,")
    small.run()
    assert small.value("select rolsuper from pg_roles where rolname = current_user") is False
    assert small.value("select count(*) from published.thing") == 1
    assert small.value("select value from pii.vault") == "ann@example.com"
    small.retract(1)
    small.run()
    assert small.value("select count(*) from published.thing") == 0


def test_members_of_sluice_loader_run_everything_where_it_is_the_owner(server, owned):
    """As docs/privacy.md says it: each of them acts as the group, so what one has made the other goes on with."""
    login = owned("sluice_loader")
    for who in (LOGIN, OTHER):
        _sql(server, f"grant sluice_loader to {who}", f"alter role {who} in database owned set role = 'sluice_loader'")
    first = login(LOGIN)
    things(first, 1, "n,a,1,,ann@example.com", "n,b,-1,,")
    first.run()
    second = login(OTHER)
    assert second.sql("select session_user::text, current_user::text") == [(OTHER, "sluice_loader")]
    things(second, 2, "n,a,2,,bob@example.com", "n,b,2,,")
    second.run()
    assert second.value("select count(*) from published.thing_history") == 3
    assert command("pii", "erase", "--email", "ann@example.com").exit_code == 0
    assert command("pii", "rotate").exit_code == 0
    assert command("purge", "--days", "0").exit_code == 0
    done = command("roles", "check", "--json")
    assert done.exit_code == 0, done.output
    roles = {found["role"]: found for found in json.loads(done.stdout)["roles"]}
    assert roles["public"]["reads"] == roles["public"]["calls"] == []
    assert roles["sluice_reader"]["reads"] == ["published.thing", "published.thing_history"]
    members = [(m["member"], m["role"]) for m in json.loads(done.stdout)["members"]]
    assert {(LOGIN, "sluice_loader"), (OTHER, "sluice_loader")} <= set(members)
