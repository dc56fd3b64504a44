"""Who may read what: loader, analyst, steward, reader of `published`, and everybody else."""

import psycopg
import pytest
from conftest import forget_settings
from psycopg.errors import InsufficientPrivilege
from samples import FEEDS, loaded

ROLES = ("sluice_reader", "sluice_analyst", "sluice_steward", "sluice_loader")
ENTITIES = sorted({feed.entity for feed in FEEDS.values()})


@pytest.fixture(scope="module")
def house(install):
    yield loaded(install)
    forget_settings()


@pytest.fixture(scope="module")
def logins(house):
    """A throw-away role for each group role, its only membership; and one without any."""
    names = {role: f"throwaway_{role}" for role in (*ROLES, "nobody")}
    for role, name in names.items():
        house.sql(f"drop role if exists {name}")
        house.sql(f"create role {name}")
        if role != "nobody":
            house.sql(f"grant {role} to {name}")
    yield names
    for name in names.values():
        house.sql(f"drop role {name}")


def readable(house, role):
    """Every relation of our schemas that a role can read."""
    found = house.sql(
        "select n.nspname, c.relname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace"
        " where n.nspname in ('ledger', 'reference', 'staging', 'judged', 'quarantine', 'history', 'published', 'pii')"
        " and c.relkind in ('r', 'v', 'p') and has_schema_privilege(:role, n.oid, 'usage')"
        " and (has_table_privilege(:role, c.oid, 'select') or has_any_column_privilege(:role, c.oid, 'select'))",
        role=role,
    )
    return set(found)


def relations(house, schema, kinds="rvp"):
    found = house.sql(
        "select n.nspname, c.relname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace"
        " where n.nspname = :schema and strpos(:kinds, c.relkind::text) > 0",
        schema=schema,
        kinds=kinds,
    )
    assert found
    return set(found)


def test_a_reader_reads_what_is_published(house, logins):
    assert readable(house, logins["sluice_reader"]) == relations(house, "published")


def test_an_analyst_reads_what_is_masked(house, logins):
    masked = {("quarantine", f"{entity}_masked") for entity in ENTITIES}
    expected = relations(house, "published") | relations(house, "history") | relations(house, "reference") | masked
    assert readable(house, logins["sluice_analyst"]) == expected


def test_a_steward_reads_the_quarantine_too(house, logins):
    expected = {
        relation for s in ("published", "history", "reference", "quarantine") for relation in relations(house, s)
    }
    assert readable(house, logins["sluice_steward"]) == expected


def test_everybody_else_reads_nothing(house, logins):
    assert readable(house, logins["nobody"]) == set()
    assert readable(house, "public") == set()


@pytest.mark.parametrize("role", ["sluice_reader", "sluice_analyst", "sluice_steward", "nobody"])
def test_nobody_but_the_loader_writes(house, logins, role):
    writable = house.sql(
        "select c.relname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace"
        " where n.nspname not like 'pg_%' and n.nspname <> 'information_schema' and c.relkind in ('r', 'v', 'p')"
        " and has_schema_privilege(:role, n.oid, 'usage')"
        " and has_table_privilege(:role, c.oid, 'insert, update, delete, truncate, references, trigger')",
        role=logins[role],
    )
    assert writable == []
    creates = house.sql(
        "select nspname from pg_namespace where nspname not like 'pg_%' and has_schema_privilege(:role, oid, 'create')",
        role=logins[role],
    )
    assert creates == []


@pytest.mark.parametrize("role", ["sluice_reader", "sluice_analyst", "sluice_steward", "nobody"])
def test_the_keys_are_the_loaders_only(house, logins, role):
    with psycopg.connect(house.url, autocommit=True) as connection:
        connection.execute(f"set role {logins[role]}")
        for query in (
            "select * from pii.keys",
            "select * from pii.token_key",
            "select * from pii.pepper",
            "select pii.hmac_sha256('', '', '')",
            "select pii.random_key()",
        ):
            with pytest.raises(InsufficientPrivilege):
                connection.execute(query)


def test_a_reader_at_work(house, logins):
    """A published view reads history for its reader, who cannot go there."""
    with psycopg.connect(house.url, autocommit=True) as connection:
        connection.execute(f"set role {logins['sluice_reader']}")
        for entity in ENTITIES:
            (count,) = connection.execute(f"select count(*) from published.{entity}_history").fetchone()
            assert count > 0
            for hidden in (f"history.dim_{entity}", f"judged.{entity}", f"quarantine.{entity}", "ledger.deliveries"):
                with pytest.raises(InsufficientPrivilege):
                    connection.execute(f"select * from {hidden}")


def test_rights_last_when_a_view_is_built_anew(house, logins):
    from flows import dbt

    before = {role: readable(house, logins[role]) for role in ROLES}
    dbt.invoke("run", "--select", "config.materialized:view")
    assert {role: readable(house, logins[role]) for role in ROLES} == before


def test_every_table_view_function_and_role_is_as_declared(house, logins):
    from command import sluice as command

    from warehouse import rights

    for role, name in logins.items():
        if role != "sluice_loader":
            found = rights.rights_of(name, "public" if role == "nobody" else role)
            assert found.too_much == (), role
    told = command("roles", "check")
    assert told.exit_code == 0, told.output
    assert "published.provider" in command("roles", "check", "--json").stdout


FAULTS = {
    "a table in the open": "grant select on judged.provider to sluice_reader;"
    " grant usage on schema judged to sluice_reader",
    "a column": "grant select (raw) on quarantine.provider to sluice_analyst",
    "a right to write": "grant insert on history.dim_provider to sluice_analyst",
    "everybody": "grant usage on schema staging to public; grant select on staging.unreadable to public",
    "a function": "grant execute on function pii.random_key() to sluice_steward",
    "a schema to create in": "grant create on schema published to sluice_reader",
    "a login's own right": "grant usage on schema pii to throwaway_login; grant select on pii.vault to throwaway_login",
    "a login that reads everything": "grant pg_read_all_data to throwaway_login",
}


@pytest.fixture
def login(house):
    """A person who is a steward, and may reveal."""
    house.sql("drop role if exists throwaway_login")
    house.sql("create role throwaway_login login in role sluice_steward")
    yield "throwaway_login"
    house.sql("drop owned by throwaway_login; drop role throwaway_login")


def test_a_login_that_is_entitled_has_no_more_than_is_declared(house, login):
    from command import sluice as command

    house.sql(f"revoke sluice_steward from {login}")
    assert command("pii", "entitle", login).exit_code == 0
    assert command("roles", "check").exit_code == 0
    house.sql(f"delete from pii.entitlements where role_name = '{login}'")


@pytest.mark.usefixtures("login")
@pytest.mark.parametrize("fault", FAULTS)
def test_more_than_is_declared_is_found(house, fault):
    from command import refusal
    from command import sluice as command

    for statement in FAULTS[fault].split("; "):
        house.sql(statement)
    try:
        assert "more than declared" in refusal(command("roles", "check"))
    finally:
        for statement in FAULTS[fault].split("; "):
            house.sql(statement.replace("grant ", "revoke ", 1).replace(" to ", " from "))
    assert command("roles", "check").exit_code == 0


def test_what_a_login_can_become_is_looked_at_too(house, login):
    from command import refusal
    from command import sluice as command

    house.sql("drop role if exists throwaway_ops")
    house.sql("create role throwaway_ops; grant usage on schema pii to throwaway_ops")
    house.sql("grant select on pii.vault to throwaway_ops")
    try:
        assert command("roles", "check").exit_code == 0  # nobody is a member
        house.sql(f"grant throwaway_ops to {login} with inherit false")
        assert "throwaway_ops reads pii.vault" in refusal(command("roles", "check"))
        house.sql(f"grant sluice_analyst to {login} with inherit false; revoke throwaway_ops from {login}")
        assert command("roles", "check").exit_code == 0
    finally:
        house.sql("drop owned by throwaway_ops; drop role throwaway_ops")


def test_a_new_table_is_closed(house):
    from warehouse import rights

    try:
        for schema in ("pii", "staging", "judged", "ledger"):
            house.sql(f"create table {schema}.fresh (secret text)")
            house.sql(f"create function {schema}.fresh() returns int language sql return 1")
        assert [of_role.too_much for of_role in rights.check()] == [()] * 4
        reads = {name for of_role in rights.check() for name in (*of_role.reads, *of_role.calls)}
        assert not [name for name in reads if name.endswith("fresh")]
    finally:
        for schema in ("pii", "staging", "judged", "ledger"):
            house.sql(f"drop table {schema}.fresh; drop function {schema}.fresh()")
