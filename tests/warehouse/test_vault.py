"""The vault: what tokens stand for, sealed or not, shown to those who may see it, each time written down."""

import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from command import refusal
from command import sluice as command
from conftest import forget_settings
from psycopg.errors import InsufficientPrivilege
from workbench import things

ROLE = "throwaway_desk"
ANN, BOB = "n,a,1,,Ann@Example.com", "n,b,1,,bob@example.com"


@pytest.fixture
def desk(small):
    """A role without any right, and a connection that acts as it."""
    small.sql(f"drop role if exists {ROLE}")
    small.sql(f"create role {ROLE}")
    with psycopg.connect(small.url, autocommit=True) as connection:
        connection.execute(f"set role {ROLE}")
        yield connection
    small.sql(f"drop owned by {ROLE}")
    small.sql(f"drop role {ROLE}")


def published(small, day=1, *lines):
    things(small, day, *(lines or (ANN, BOB)))
    small.run()
    return dict(small.sql("select code, keeper_token from published.thing"))


def test_the_vault_holds_what_reached_history_and_no_more(small):
    published(small, 1, ANN, "n,x,-1,,bad@example.com", "n,c,1,,ANN@example.com ", "n,d,1,,")
    assert small.sql("select class, value, normal, entities, key_version from pii.vault") == [
        ("email", "ANN@example.com ", "ann@example.com", ["thing"], 1)
    ] or small.sql("select class, value, normal, entities, key_version from pii.vault") == [
        ("email", "Ann@Example.com", "ann@example.com", ["thing"], 1)
    ]
    seen = small.value("select first_seen from pii.vault")
    published(small, 2, "n,a,2,,Ann@Example.com")
    assert small.value("select first_seen from pii.vault") == seen


def test_who_is_not_entitled_sees_nothing_and_that_is_written_down(small, desk):
    token = published(small)["a"]
    for query in ("select * from pii.vault", f"select pii.reveal('{token}')", f"select pii.ask('{token}', 'x')"):
        with pytest.raises(InsufficientPrivilege):
            desk.execute(query)
    told = refusal(command("pii", "reveal", token, "--why", "a complaint"))
    assert "is not entitled" in told
    assert small.sql("select outcome, why, token from pii.reveals") == [("refused", "a complaint", token)]


def test_an_entitled_role_asks_and_then_sees(small, desk):
    token = published(small)["a"]
    assert command("pii", "entitle", ROLE, "--entity", "thing", "--class", "email").exit_code == 0
    with pytest.raises(InsufficientPrivilege, match="has not asked"):
        desk.execute("select pii.reveal(%s)", [token])
    assert desk.execute("select pii.ask(%s, 'case 7')", [token]).fetchone() == (None,)
    assert desk.execute("select pii.reveal(%s)", [token]).fetchone() == ("Ann@Example.com",)
    assert small.sql("select who, why, token, outcome, via from pii.reveals") == [
        (ROLE, "case 7", token, "allowed", "sql")
    ]
    with pytest.raises(InsufficientPrivilege):
        desk.execute("select * from pii.reveals")


def test_nobody_looks_and_then_rolls_back(small, desk):
    token = published(small)["a"]
    command("pii", "entitle", ROLE)
    desk.execute("begin")
    assert desk.execute("select pii.ask(%s, 'curious')", [token]).fetchone() == (None,)
    with pytest.raises(InsufficientPrivilege, match="has not asked"):
        desk.execute("select pii.reveal(%s)", [token])
    desk.execute("rollback")
    desk.execute("begin; savepoint a")
    desk.execute("select pii.ask(%s, 'curious')", [token])
    desk.execute("release a")
    with pytest.raises(InsufficientPrivilege, match="has not asked"):
        desk.execute("select pii.reveal(%s)", [token])
    desk.execute("rollback")


@pytest.mark.parametrize("to", [("--entity", "thing", "--class", "phone"), ("--class", "person_name")])
def test_an_entitlement_is_for_its_entity_and_class(small, desk, to):
    token = published(small)["a"]
    command("pii", "entitle", ROLE, *to)
    assert "not entitled" in desk.execute("select pii.ask(%s, 'case 7')", [token]).fetchone()[0]


def test_a_token_that_is_gone_is_told_to_those_who_could_have_seen_it(small, desk):
    gone = published(small)["a"]
    small.sql("delete from pii.vault")
    command("pii", "entitle", ROLE, "--entity", "thing", "--class", "email")
    assert "does not hold it" in desk.execute("select pii.ask(%s, 'case 7')", [gone]).fetchone()[0]
    assert "not entitled" in desk.execute("select pii.ask('phone:00', 'case 7')").fetchone()[0]
    assert "does not hold it" in refusal(command("pii", "reveal", gone, "--why", "case 7"))


def test_an_hour_has_a_limit(small, desk):
    tokens = published(small)
    command("pii", "entitle", ROLE, "--per-hour", "1")
    assert desk.execute("select pii.ask(%s, 'case 7')", [tokens["a"]]).fetchone() == (None,)
    assert "1 an hour" in desk.execute("select pii.ask(%s, 'case 8')", [tokens["b"]]).fetchone()[0]
    small.sql("update pii.reveals set asked_at = asked_at - interval '1 hour'")
    assert desk.execute("select pii.ask(%s, 'case 8')", [tokens["b"]]).fetchone() == (None,)


def test_who_acts_as_several_roles_has_one_limit_and_is_written_down_as_who_logged_in(small, desk):
    tokens = published(small)
    command("pii", "entitle", ROLE, "--per-hour", "1")
    desk.execute("reset role")
    assert desk.execute("select pii.ask(%s, 'case 7')", [tokens["a"]]).fetchone() == (None,)  # may all, as superuser
    desk.execute(f"set role {ROLE}")
    assert "1 an hour" in desk.execute("select pii.ask(%s, 'case 7')", [tokens["b"]]).fetchone()[0]
    login = small.value("select session_user")
    assert small.sql("select who, login from pii.reveals order by reveal_id") == [(login, login), (ROLE, login)]


def test_a_limit_holds_for_sessions_side_by_side(small, desk):
    tokens = published(small)
    command("pii", "entitle", ROLE, "--per-hour", "1")
    desk.execute("begin")
    assert desk.execute("select pii.ask(%s, 'case 7')", [tokens["a"]]).fetchone() == (None,)
    with psycopg.connect(small.url, autocommit=True) as beside, ThreadPoolExecutor() as pool:
        asked = pool.submit(lambda: beside.execute("select pii.ask(%s, 'case 8')", [tokens["b"]]).fetchone()[0])
        waits = "select count(*) from pg_locks where not granted and locktype = 'advisory' and pid = :pid"
        deadline = time.monotonic() + 15
        while not small.value(waits, pid=beside.info.backend_pid):
            assert time.monotonic() < deadline, "the second session does not wait for the first"
        desk.execute("commit")
        assert "1 an hour" in asked.result(10)


@pytest.mark.parametrize("why", ["", " ", "\t\n", "\u00a0", None])
def test_a_why_of_nothing_is_none(small, desk, why):
    command("pii", "entitle", ROLE)
    for ask in ("pii.ask('email:00', %s)", "pii.ask_rows('thing', %s)"):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="say why"):
            desk.execute(f"select {ask}", [why])


@pytest.mark.parametrize("ask", ["pii.ask(null, 'case 7')", "pii.ask_rows(null, 'case 7')"])
def test_a_question_after_nothing_is_refused(small, desk, ask):
    command("pii", "entitle", ROLE)
    with pytest.raises(psycopg.errors.InvalidParameterValue, match=r"^name "):
        desk.execute(f"select {ask}")


def test_a_steward_whose_entitlement_goes_sees_no_more(small, desk):
    token = published(small)["a"]
    small.sql(f"grant sluice_steward to {ROLE}")
    command("pii", "entitle", ROLE)
    desk.execute("select pii.ask(%s, 'case 7')", [token])
    desk.execute("select pii.ask_rows('thing', 'case 7')")
    command("pii", "entitle", ROLE, "--revoke")
    for query in (
        f"select pii.reveal('{token}')",
        f"select pii.reveal_sealed('{token}')",
        "select * from pii.revealed_thing()",
    ):
        with pytest.raises(InsufficientPrivilege, match="has not asked"):
            desk.execute(query)


def test_an_entitlement_can_be_taken_away(small, desk):
    token = published(small)["a"]
    command("pii", "entitle", ROLE)
    desk.execute("select pii.ask(%s, 'case 7')", [token])
    assert command("pii", "entitle", ROLE, "--revoke").exit_code == 0
    with pytest.raises(InsufficientPrivilege):
        desk.execute("select pii.reveal(%s)", [token])


def use_key(setting):
    os.environ["SLUICE_VAULT_KEY"] = str(setting)
    forget_settings()


@pytest.fixture
def key(small, tmp_path):
    """A key pair; the pipeline holds the public half."""
    file = tmp_path / "vault.key"
    assert command("pii", "key", file).exit_code == 0
    use_key(f"{file}.pub")
    yield file
    del os.environ["SLUICE_VAULT_KEY"]
    forget_settings()


@pytest.fixture
def kms(small, tmp_path):
    """A KMS server of moto with a key; the pipeline holds its id."""
    import boto3

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    aws = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }
    os.environ.update(aws)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        made = boto3.Session().client("kms").create_key()["KeyMetadata"]["KeyId"]
        use_key(f"kms:{made}")
        yield made
    finally:
        server.terminate()
        server.wait(10)
        for name in (*aws, "SLUICE_VAULT_KEY"):
            os.environ.pop(name, None)
        forget_settings()


def dumped(small):
    """Everything that the database holds outside of staging, judged and quarantine."""
    tables = small.sql(
        "select format('%I.%I', n.nspname, c.relname) from pg_class as c"
        " join pg_namespace as n on n.oid = c.relnamespace"
        " where c.relkind in ('r', 'p') and n.nspname in ('pii', 'history', 'ledger', 'published')"
    )
    return "\n".join(str(small.sql(f"select t::text from {table} as t")) for (table,) in tables)


def test_a_sealed_vault_reveals_nothing_without_its_key(small, key, desk):
    token = published(small)["a"]
    assert small.value("select count(*) from pii.vault where sealed is not null") == 2
    assert small.value("select count(*) from pii.vault where value is not null or normal is not null") == 0
    assert small.value("select count(*) from pii.arriving") == 0
    assert "ann" not in dumped(small).lower()
    command("pii", "entitle", ROLE)
    small.sql("update pii.entitlements set role_name = session_user")
    desk.execute("reset role")
    desk.execute("select pii.ask(%s, 'case 7')", [token])
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="sealed"):
        desk.execute("select pii.reveal(%s)", [token])
    assert "public half only" in refusal(command("pii", "reveal", token, "--why", "case 7"))
    use_key(key)
    assert command("pii", "reveal", token, "--why", "case 7").stdout.strip() == "Ann@Example.com"
    use_key(key.read_text().strip())
    assert command("pii", "reveal", token, "--why", "case 7").stdout.strip() == "Ann@Example.com"
    small.sql("update pii.vault set sealed = (select sealed from pii.vault as v where v.token <> pii.vault.token)")
    assert "does not open" in refusal(command("pii", "reveal", token, "--why", "case 7"))


def test_kms_seals_and_opens(small, kms):
    token = published(small)["a"]
    assert small.value("select count(*) from pii.vault where sealed is not null") == 2
    assert "ann" not in dumped(small).lower()
    small.sql("insert into pii.entitlements (role_name) values (session_user)")
    assert command("pii", "reveal", token, "--why", "case 7").stdout.strip() == "Ann@Example.com"
    rotated = command("pii", "rotate")
    assert rotated.exit_code == 0, rotated.output
    token = dict(small.sql("select code, keeper_token from published.thing"))["a"]
    assert command("pii", "reveal", token, "--why", "case 7").stdout.strip() == "Ann@Example.com"


def test_a_sealed_vault_does_not_open_up_again(small, key):
    published(small)
    os.environ.pop("SLUICE_VAULT_KEY")
    forget_settings()
    with pytest.raises(Exception, match="no key is configured"):
        small.run()
    use_key(f"{key}.pub")


def test_what_the_vault_held_before_it_had_a_key_is_sealed_too(small, tmp_path):
    published(small, 1, ANN)
    seen = small.value("select first_seen from pii.vault")
    command("pii", "key", tmp_path / "vault.key")
    use_key(tmp_path / "vault.key.pub")
    try:
        published(small, 2, BOB)
        assert small.value("select count(*) from pii.vault where sealed is not null and value is null") == 2
        assert small.value("select min(first_seen) from pii.vault") == seen
        assert "ann" not in dumped(small).lower()
    finally:
        del os.environ["SLUICE_VAULT_KEY"]
        forget_settings()


def test_another_key_does_not_take_the_place_of_the_one_that_sealed(small, key, tmp_path):
    published(small, 1, ANN)
    command("pii", "key", tmp_path / "other.key")
    use_key(tmp_path / "other.key.pub")
    told = refusal(command("pii", "rotate"))
    assert "--seal-with" in told
    assert small.value("select count(*) from pii.vault_keys") == 1
    use_key(key)
    assert command("pii", "rotate", "--seal-with", str(tmp_path / "other.key.pub")).exit_code == 0
    use_key(tmp_path / "other.key")
    token = published(small, 2, ANN, BOB)["a"]
    small.sql("insert into pii.entitlements (role_name) values (session_user)")
    assert command("pii", "reveal", token, "--why", "case 7").stdout.strip() == "Ann@Example.com"
    assert small.sql("select distinct key_name = name from pii.vault_batches, pii.vault_keys where active") == [(True,)]


def test_values_of_a_process_that_died_are_sealed_by_the_next(small, key, monkeypatch):
    from warehouse import vault

    with monkeypatch.context() as patched:
        patched.setattr(vault, "seal", lambda: 0)  # as if the process had died right after the merge
        published(small)
    assert small.value("select count(*) from pii.arriving") == 2
    published(small, 2, ANN, "n,c,1,,cat@example.com")
    assert small.value("select count(*) from pii.vault") == 3
    assert small.value("select count(*) from pii.arriving") == 0


@pytest.mark.parametrize("bad", ["/nowhere/at/all", "sluice-vault-public:abc", "sluice-vault-secret:!!"])
def test_a_bad_key_is_told_without_quoting_it(small, bad):
    use_key(bad)
    try:
        told = refusal(command("run"))
    finally:
        del os.environ["SLUICE_VAULT_KEY"]
        forget_settings()
    assert "SLUICE_VAULT_KEY" in told
    assert bad not in told


def test_a_secret_key_that_all_may_read_is_refused(small, key):
    use_key(key)
    key.chmod(0o644)
    assert f"chmod 600 {key}" in refusal(command("run"))
    key.chmod(0o640)  # as secrets are mounted for a group
    assert command("run").exit_code == 0


def test_a_whole_entity_is_asked_for_and_then_shown(small, desk):
    published(small)
    rows = "select code, keeper from pii.revealed_thing() order by code"
    command("pii", "entitle", ROLE, "--per-hour", "3")
    with pytest.raises(InsufficientPrivilege, match="has not asked"):
        desk.execute(rows)
    assert desk.execute("select pii.ask_rows('thing', 'a letter to all')").fetchone() == (None,)
    assert desk.execute(rows).fetchall() == [("a", "Ann@Example.com"), ("b", "bob@example.com")]
    assert small.sql("select entity, how_many, outcome from pii.reveals") == [("thing", 2, "allowed")]
    assert "3 an hour, and these are 2" in desk.execute("select pii.ask_rows('thing', 'again')").fetchone()[0]
    published(small, 2, ANN)  # the view is built anew with the project; rights stay
    from flows import dbt

    dbt.invoke("run", "--select", "thing")
    assert desk.execute(rows).fetchall() == [("a", "Ann@Example.com")]


def test_a_class_alone_does_not_show_a_whole_entity(small, desk):
    published(small)
    command("pii", "entitle", ROLE, "--class", "email")
    assert "every class" in desk.execute("select pii.ask_rows('thing', 'x')").fetchone()[0]
