"""The pipeline runs as a login that is no superuser: the owner of its database, and nothing more."""

from conftest import TEST_PROJECT, Sluice, _aim, _sql, forget_settings
from sqlalchemy import make_url
from workbench import things

LOGIN, PASSWORD = "throwaway_pipeline", "synthetic"


def test_the_owner_of_a_database_runs_everything(server, small_project, tmp_path):
    _sql(server, "drop database if exists owned with (force)", f"drop role if exists {LOGIN}")
    for role in ("loader", "analyst", "steward", "reader"):
        _sql(
            server,
            f"do $$ begin create role sluice_{role} nologin; exception when duplicate_object then null; end $$",
        )
    _sql(server, f"create role {LOGIN} login password '{PASSWORD}'", f"create database owned owner {LOGIN}")
    url = make_url(server).set(username=LOGIN, password=PASSWORD, database="owned").render_as_string(False)
    _aim(tmp_path, url, small_project, TEST_PROJECT / "checks")
    small = Sluice(tmp_path, url)
    try:
        things(small, 1, "n,a,1,,ann@example.com", "n,b,-1,,")
        small.run()
        assert small.value("select rolsuper from pg_roles where rolname = current_user") is False
        assert small.value("select count(*) from published.thing") == 1
        assert small.value("select value from pii.vault") == "ann@example.com"
        small.retract(1)
        small.run()
        assert small.value("select count(*) from published.thing") == 0
    finally:
        forget_settings()
        _sql(server, "drop database owned with (force)", f"drop role {LOGIN}")
