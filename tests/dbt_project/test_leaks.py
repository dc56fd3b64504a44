"""No personal value of any sample stands anywhere but in staging, judged, quarantine, pii and the archive."""

import re
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner
from conftest import PROJECT, forget_settings
from samples import FEEDS, loaded
from workbench import HEADER, things

from warehouse.errors import SluiceError

SHORTEST = 5
OPEN_SCHEMAS = ("history", "published", "ledger", "reference")
CALLS = re.compile(r"\+?\(?\d(?:[() .-]{0,2}\d){8,}")  # a telephone number in a text
MAILS = re.compile(r"[\w.+-]+@[\w.-]+\.\w{2,}")


@pytest.fixture(scope="module")
def house(install):
    yield loaded(install)
    forget_settings()


def columns_of(pii):
    """The staging columns (feed's table, column, class) for which `pii(class)` holds."""
    return [(feed.table, c.name, c.pii) for feed in FEEDS.values() for c in feed.columns if pii(c.pii)]


def texts(sluice, table, column):
    found = sluice.sql(f'select distinct "{column}"::text from {table} where "{column}"::text <> \'\'')
    return {value for (value,) in found}


def spellings(phone):
    """How one North American number may be written, and any other one as it is."""
    digits = re.sub(r"\D", "", phone)[-10:]
    if len(digits) < 10:
        return {phone}
    area, exchange, line = digits[:3], digits[3:6], digits[6:]
    return {phone, digits, f"({area}) {exchange}-{line}", *(s.join((area, exchange, line)) for s in "-. ")}


def personal(sluice):
    """Every personal value of the samples in every spelling, by class, in small letters."""
    found: dict[str, set[str]] = {}
    for table, column, pii in columns_of(lambda pii: pii not in ("none", "free_text")):
        for cell in texts(sluice, f'staging."{table}"', column):
            found.setdefault(pii, set()).update({cell, *cell.splitlines(), *re.split(r"\s*[&\n]\s*|\band\b", cell)})
    for table, column, _ in columns_of(lambda pii: pii == "free_text"):
        for cell in texts(sluice, f'staging."{table}"', column):
            found.setdefault("phone", set()).update(CALLS.findall(cell))
            found.setdefault("email", set()).update(MAILS.findall(cell))
    for column, pii in sluice.sql(
        "select attname, case when attname like '%phone%' then 'phone' when attname = 'email' then 'email'"
        " when attname like '%name' then 'person_name' else 'street_address' end from pg_attribute"
        " where attrelid = 'judged.provider'::regclass and attname in"
        " ('licensee_name', 'first_name', 'last_name', 'phone', 'phone2', 'email', 'street_address', 'address2')"
    ):
        found[pii] |= texts(sluice, "judged.provider", column)
    found["phone"] = {spelling for phone in found["phone"] for spelling in spellings(phone)}
    return {pii: {v.strip().lower() for v in values if len(v.strip()) >= SHORTEST} for pii, values in found.items()}


def said_openly(sluice):
    """Texts that are no secret: values of columns that are not personal, and the project's own words."""
    words = ""
    for folder in ("dbt_project", "checks"):
        files = [file for kind in ("*.yml", "*.sql", "*.md", "*.csv") for file in (PROJECT / folder).rglob(kind)]
        words += "\n".join(file.read_text() for file in files if "samples" not in file.parts).lower()
    values = set()
    for table, column, _ in columns_of(lambda pii: pii == "none"):
        values |= {value.strip().lower() for value in texts(sluice, f'staging."{table}"', column)}
    return words, values | {"director", "owner", "owners", "primary caregiver", "primary caregivers", "administrator"}


@pytest.fixture(scope="module")
def secrets(house):
    words, values = said_openly(house)
    found = {
        pii: {value for value in candidates if value not in words and value not in values}
        for pii, candidates in personal(house).items()
    }
    assert {pii: len(found[pii]) > 20 for pii in ("phone", "email", "person_name", "street_address")} == {
        "phone": True, "email": True, "person_name": True, "street_address": True,
    }  # fmt: skip
    return sorted({value for candidates in found.values() for value in candidates})


def hits(secrets, text):
    text = text.lower()
    return [secret for secret in secrets if secret in text]


def test_the_search_finds_what_is_there(house, secrets):
    """The raw rows in quarantine and staging hold what is searched for: the search is no idle one."""
    raw = house.sql("select raw::text from quarantine.provider where raw is not null")
    assert len(hits(secrets, "\n".join(row for (row,) in raw))) > 20


@pytest.mark.parametrize("schema", OPEN_SCHEMAS)
def test_no_open_schema_holds_a_personal_value(house, secrets, schema):
    relations = house.sql(
        "select relname from pg_class where relnamespace = cast(:schema as regnamespace) and relkind in ('r', 'v')",
        schema=schema,
    )
    assert relations
    for (relation,) in relations:
        rows = house.sql(f'select to_jsonb(r)::text from {schema}."{relation}" as r')
        assert hits(secrets, "\n".join(row for (row,) in rows)) == [], f"{schema}.{relation}"


def test_what_analysts_see_of_quarantine_holds_no_personal_value(house, secrets):
    for entity in sorted({feed.entity for feed in FEEDS.values()}):
        rows = house.sql(f'select to_jsonb(r)::text from quarantine."{entity}_masked" as r')
        assert rows
        assert hits(secrets, "\n".join(row for (row,) in rows)) == []


def test_no_export_holds_a_personal_value(house, secrets):
    files = [file for file in (house.home / "exports").rglob("*") if file.is_file()]
    assert {file.suffix for file in files} == {".csv", ".ndjson", ".parquet", ".json"}
    for file in files:
        if file.suffix == ".parquet":
            text = "\n".join(map(str, duckdb.sql(f"select * from '{file}'").fetchall()))
        else:
            text = file.read_text()
        assert hits(secrets, text) == [], file.name


def test_no_log_and_no_file_of_dbt_holds_a_personal_value(house, secrets):
    server_log = Path(house.value("show data_directory")).parent / "server.log"
    files = [file for file in (house.home / "dbt").rglob("*") if file.is_file()]
    assert any(file.suffix == ".sql" for file in files)
    for file in [*files, *([server_log] if server_log.exists() else [])]:
        assert hits(secrets, file.read_bytes().decode("utf-8", "replace")) == [], file.name


def test_no_command_shows_a_personal_value(house, secrets):
    from flows.cli import main

    def say(*arguments):
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == 0, done.output
        return done.output

    said = [say("status"), say("status", "--json"), say("run")]
    for entity in sorted({feed.entity for feed in FEEDS.values()}):
        said += [say("quarantine", "list", entity), say("quarantine", "list", entity, "--json")]
        for (identity,) in house.sql(f'select {entity}_id::text from published."{entity}" limit 3'):
            said += [say("history", entity, identity), say("history", entity, identity, "--json")]
    assert len("".join(said)) > 10_000
    assert hits(secrets, "\n".join(said)) == []


def test_dbts_log_does_not_say_how_sluice_was_called(small, monkeypatch):
    monkeypatch.setattr("sys.argv", ["sluice", "pii", "erase", "--email", "deborah@example.com"])
    things(small, 1, "n,a,1,,")
    small.run()
    log = (small.home / "dbt" / "logs" / "dbt.log").read_text()
    assert "running dbt with arguments" in log
    assert "deborah" not in log


def test_what_stands_around_the_table_is_not_kept_in_the_ledger(small):
    """Lines above the header and records that cannot be read name persons too."""
    content = "Prepared by Deborah Zanzibar\nfor deborah@example.com\n\n" + HEADER + "n,a,1,,\nn,Deborah Zanzibar\n"
    small.deliver("acme.things", small.file("things-2026-01-01.csv", content))
    small.run()
    assert small.account(1)["unreadable"] == 1
    assert small.sql("select found ->> 'header_line', found ->> 'preamble' from ledger.deliveries") == [("4", "3")]
    for relation in ("ledger.deliveries", "ledger.row_accounts", "ledger.runs", "quarantine.thing_masked"):
        text = "\n".join(row for (row,) in small.sql(f"select to_jsonb(r)::text from {relation} as r"))
        assert not hits(["deborah", "zanzibar"], text), relation


def test_a_row_with_shifted_columns_is_told_without_what_is_personal(small):
    things(small, 1, "n,a,deborah@example.com,,", "n,b,702-555-0143,,", "n,c,many,,")
    small.run()
    told = small.sql(
        "select jsonb_path_query(reasons, '$[*].value') #>> '{}' from quarantine.thing_masked order by row_number"
    )
    assert told == [("[e-mail]",), ("[number]",), ("many",)]


# The whole row is PostgreSQL's DETAIL where a constraint is broken, the value its message where a cast fails.
FAULTS = {
    "a broken constraint": "alter table quarantine.thing add constraint none_at_all check (row_number < 0)",
    "a value that breaks a cast": "create function refuse() returns trigger language plpgsql as"
    " $$ begin perform (new.raw ->> 'keeper')::integer; return new; end $$;"
    " create trigger refuse before insert on quarantine.thing for each row execute function refuse()",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_error_of_the_database_quotes_no_row(small, capfd, fault):
    small.sql(FAULTS[fault])
    things(small, 1, "n,a,-1,lives in zanzibar,deborah@example.com")
    with pytest.raises(SluiceError) as failed:
        small.run()
    printed = capfd.readouterr()
    told = str(failed.value)
    assert "judged_thing" in told
    written = [file.read_text() for file in (small.home / "dbt").rglob("*") if file.suffix in (".log", ".json", ".sql")]
    reason = small.value("select reason from ledger.runs")
    for text in (told, reason, printed.out, printed.err, *written):
        assert "deborah" not in text
        assert "zanzibar" not in text
