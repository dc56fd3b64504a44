"""The vault: what tokens stand for. Values are written with the merge; here they are sealed, and opened again."""

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from sqlalchemy import Connection, text

from warehouse.connection import driver, transaction
from warehouse.errors import SluiceError
from warehouse.settings import settings
from warehouse.vault_key import Box, VaultKey, VaultKeyError, parse

BATCH = 100_000  # values under one data key


def configured() -> VaultKey | None:
    """The key of SLUICE_VAULT_KEY, or None: then values are not sealed."""
    setting = settings().vault_key
    return parse(setting.get_secret_value()) if setting else None


def register() -> None:
    """Tell the database by which key values are sealed from now on; without a key none are, unless they were before.

    What the vault held before it had a key is sealed at once. Raises VaultKeyError where the vault is sealed and no key
    is configured, or another one: values would be written that nobody can seal, or that no one key opens.
    """
    key = configured()
    with transaction() as connection:
        name = connection.scalar(text("select name from pii.vault_keys where active"))
        if key is None and name is not None:
            raise VaultKeyError(
                f"The vault is sealed by {name}, and no key is configured: set SLUICE_VAULT_KEY (the public half does)."
            )
        if key is None or key.name == name:
            return
        if name is not None and connection.scalar(text("select exists (select from pii.vault_batches)")):
            raise VaultKeyError(
                f"The vault is sealed by {name}, and SLUICE_VAULT_KEY is {key.name}: set it to the former;"
                " `sluice pii rotate --seal-with KEY` changes to another."
            )
        activate(connection, key)
        seal_plain(connection, key)


def activate(connection: Connection, key: VaultKey) -> None:
    """Let this be the key that values are sealed with."""
    connection.execute(text("update pii.vault_keys set active = false where active"))
    connection.execute(
        text(
            "insert into pii.vault_keys (name, kind, public_key) values (:name, :kind, :public)"
            " on conflict (name) do update set active = true"
        ),
        {"name": key.name, "kind": key.kind, "public": key.public},
    )


def seal_plain(connection: Connection, key: VaultKey) -> None:
    """Seal the values that came into the vault before it had a key."""
    query = "select token, class, key_version, entities, value, normal from pii.vault where value is not null"
    write(connection, key, list(_copied(connection, query)))


def seal() -> int:
    """Seal the values that merges have left in pii.arriving; gives how many. In one transaction: none is lost."""
    key = configured()
    with transaction() as connection:
        if key is None or not connection.scalar(text("select exists (select from pii.arriving)")):
            return 0
        connection.execute(text("lock table pii.arriving in access exclusive mode"))
        arriving = _copied(connection, "select token, class, key_version, entities, value, normal from pii.arriving")
        rows = list(arriving)
        write(connection, key, rows)
        connection.execute(text("truncate pii.arriving"))
    return len(rows)


Plain = tuple[str, str, int, list[str], str, str | None]  # token, class, key version, entities, value, normal form


def _copied(connection: Connection, query: str) -> Iterator[Plain]:
    """Rows by COPY, in the vault's types: nothing of them is in any statement or log."""
    types = ["text", "text", "int4", "text[]", "text", "text"]
    with driver(connection).cursor().copy(f"copy ({query}) to stdout (format binary)".encode()) as copy:
        copy.set_types(types)
        yield from copy.rows()


def write(connection: Connection, key: VaultKey, rows: Iterable[Plain]) -> None:
    """Seal rows and put them into the vault, a batch at a time."""
    connection.execute(
        text(
            "create temporary table if not exists sealing (token text, class text, key_version int, entities text[],"
            " sealed bytea, batch bigint) on commit drop"
        )
    )
    remaining = iter(rows)
    while some := list(islice(remaining, BATCH)):
        box = key.new_box()
        batch = connection.scalar(
            text("insert into pii.vault_batches (key_name, wrapped) values (:name, :wrapped) returning batch"),
            {"name": key.name, "wrapped": box.wrapped},
        )
        with driver(connection).cursor().copy("copy sealing from stdin (format binary)") as copy:
            copy.set_types(["text", "text", "int4", "text[]", "bytea", "int8"])
            for token, pii, version, entities, value, normal in some:
                copy.write_row((token, pii, version, entities, box.seal(token, _packed(value, normal)), batch))
    connection.execute(
        text(
            "insert into pii.vault as kept (token, class, key_version, entities, sealed, batch)"
            " select token, class, key_version, entities, sealed, batch from sealing"
            " on conflict (token) do update set value = null, normal = null, sealed = excluded.sealed,"
            " batch = excluded.batch, entities = case when kept.entities @> excluded.entities then kept.entities"
            " else kept.entities || excluded.entities end"
            " where kept.sealed is null or not kept.entities @> excluded.entities"
        )
    )
    connection.execute(text("truncate sealing"))


def _packed(value: str, normal: str | None) -> bytes:
    return json.dumps([value, normal], ensure_ascii=False).encode()


def _unpacked(packed: bytes) -> tuple[str, str | None]:
    value, normal = json.loads(packed)
    return value, normal


def opened(connection: Connection) -> Iterator[Plain]:
    """Every sealed value, opened. Raises VaultKeyError without the secret half of each key that sealed."""
    key = configured()
    boxes: dict[int, Box] = {}
    batches = connection.execute(text("select batch, key_name, wrapped from pii.vault_batches")).all()
    used = {batch: (name, wrapped) for batch, name, wrapped in batches}
    query = b"copy (select token, class, key_version, entities, sealed, batch from pii.vault where sealed is not null)"
    with driver(connection).cursor().copy(query + b" to stdout (format binary)") as copy:
        copy.set_types(["text", "text", "int4", "text[]", "bytea", "int8"])
        for token, pii, version, entities, sealed, batch in copy.rows():
            if batch not in boxes:
                boxes[batch] = _box(key, *used[batch])
            yield token, pii, version, entities, *_unpacked(boxes[batch].open(token, sealed))


def _box(key: VaultKey | None, name: str, wrapped: bytes) -> Box:
    if key is None or key.name != name:
        raise VaultKeyError(f"This value is sealed by {name}; set SLUICE_VAULT_KEY to that key.")
    return key.box(wrapped)


def reveal(token: str, why: str, via: str) -> str:
    """What a token stands for. The question is written down, and committed, before the answer is looked up.

    Raises SluiceError where the role that asks is not entitled to it, has asked too often, or lacks the key.
    """
    with transaction() as connection:
        asking = text("select pii.ask(:token, :why, :via)")
        refused = connection.scalar(asking, {"token": token, "why": why, "via": via})
    if refused:
        raise SluiceError(f"Not revealed: {refused}. The question is written down (pii.reveals).")
    with transaction() as connection:
        found = connection.execute(text("select * from pii.reveal_sealed(:token)"), {"token": token}).one()
        if found.sealed is None:
            return str(connection.scalar(text("select pii.reveal(:token)"), {"token": token}))
    return _unpacked(_box(configured(), found.key_name, found.wrapped).open(token, found.sealed))[0]


def entitle(role: str, entity: str, pii: str, per_hour: int) -> None:
    """Let a role, and its members, reveal values of an entity and class (`*`: any)."""
    with transaction() as connection:
        if not connection.scalar(text("select exists (select from pg_roles where rolname = :role)"), {"role": role}):
            raise SluiceError(f"The server has no role {role!r}; create it first.")
        connection.execute(
            text(
                "insert into pii.entitlements (role_name, entity, class, per_hour)"
                " values (:role, :entity, :class, :per_hour) on conflict (role_name, entity, class)"
                " do update set per_hour = excluded.per_hour, granted_at = now(), granted_by = session_user"
            ),
            {"role": role, "entity": entity, "class": pii, "per_hour": per_hour},
        )
        grant = connection.dialect.identifier_preparer.quote(role)
        connection.execute(text(f"grant usage on schema pii to {grant}"))
        for function in _functions(connection):
            connection.execute(text(f"grant execute on function {function} to {grant}"))


def me() -> str:
    """The role that this process is to the database."""
    with transaction() as connection:
        return str(connection.scalar(text("select pii.caller()")))


def _functions(connection: Connection) -> list[str]:
    """What an entitled role calls."""
    return list(
        connection.scalars(
            text(
                "select p.oid::regprocedure::text from pg_proc as p where p.pronamespace = 'pii'::regnamespace"
                " and (p.proname in ('ask', 'ask_rows', 'reveal', 'reveal_sealed') or p.proname like 'revealed\\_%')"
            )
        )
    )


def disentitle(role: str) -> int:
    """Take all entitlements of a role away; gives how many there were."""
    with transaction() as connection:
        gone = connection.execute(text("delete from pii.entitlements where role_name = :role"), {"role": role}).rowcount
        if gone:
            quoted = connection.dialect.identifier_preparer.quote(role)
            for function in _functions(connection):
                connection.execute(text(f"revoke execute on function {function} from {quoted}"))
    return gone


def reveals() -> list[dict[str, Any]]:
    """The audit: who asked for what, when, why, and what was said; oldest first."""
    with transaction() as connection:
        found = connection.execute(
            text(
                'select asked_at, who, login, via, coalesce(token, entity) as "asked for", how_many, outcome, reason,'
                " why from pii.reveals order by reveal_id"
            )
        ).mappings()
        return [dict(row) for row in found]
