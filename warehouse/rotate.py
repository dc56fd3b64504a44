"""Rotate the key of tokens: history and vault get new tokens, in one transaction; nothing else of them changes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from warehouse import vault
from warehouse.connection import driver, transaction
from warehouse.errors import SluiceError
from warehouse.vault_key import VaultKey

SUCCESSOR = (
    "split_part(r.token, ':', 1) || ':' || encode(substr(pii.hmac_sha256("
    "key.inner_key, key.outer_key, textsend(r.message)), 1, 16), 'hex')"
)


@dataclass(frozen=True)
class Rotated:
    """What a rotation did: the new key's version, tokens of the vault, rewritten versions of each entity."""

    key_version: int
    tokens: int
    versions: dict[str, int]


def rotate(columns: Mapping[str, Sequence[str]], seal_with: VaultKey | None = None) -> Rotated:
    """Make a new key and give every token its successor; the old key is deleted. `columns`: the token columns of each
    entity's dimension. Call it with every entity locked. `seal_with`: another key for the vault, from now on.

    All entities in one transaction: equal people join across entities at every moment. Fingerprints, surrogate ids and
    validity stay as they are, so no version is new. Raises SluiceError where history holds tokens that the vault does
    not know: their successors cannot be made.
    """
    vault.seal()
    with transaction() as connection:
        connection.execute(
            text("create temporary table rotating (token text, message text, fresh text) on commit drop")
        )
        kept = _fill(connection)
        connection.execute(text("create unique index on rotating (token)"))
        connection.execute(text("analyze rotating"))
        _require_known(connection, columns)
        version = _new_key(connection)
        connection.execute(
            text(f"update rotating as r set fresh = {SUCCESSOR} from (select * from pii.token_key_now()) as key")
        )
        versions = {entity: _retokenise(connection, entity, names) for entity, names in columns.items()}
        _renew_vault(connection, kept, version, seal_with)
        tokens = connection.scalar(text("select count(*) from rotating"))
        connection.execute(
            text("delete from pii.keys where purpose = 'token' and version < :version"), {"version": version}
        )
    return Rotated(version, int(tokens or 0), versions)


def is_exported(connection: Connection) -> bool:
    """Whether the exports have the tokens of the key: they are written anew after a rotation's transaction."""
    return not connection.scalar(text("select exists (select from pii.keys where not exported)"))


def exported(connection: Connection) -> None:
    """Note that they have."""
    connection.execute(text("update pii.keys set exported = true where not exported"))


def _fill(connection: Connection) -> list[vault.Plain]:
    """The message of every token: what the vault holds plain, and what it holds sealed, opened. Gives the latter."""
    connection.execute(
        text(
            "insert into rotating (token, message)"
            " select token, class || ':' || coalesce(normal, value) from pii.vault where sealed is null"
        )
    )
    if not connection.scalar(text("select exists (select from pii.vault where sealed is not null)")):
        return []
    kept = list(vault.opened(connection))
    with driver(connection).cursor().copy("copy rotating (token, message) from stdin") as copy:
        for token, pii, _, _, value, normal in kept:
            copy.write_row((token, f"{pii}:{value if normal is None else normal}"))
    return kept


def _require_known(connection: Connection, columns: Mapping[str, Sequence[str]]) -> None:
    for entity, names in columns.items():
        for name in names:
            unknown = connection.scalar(
                text(
                    f'select count(distinct "{name}") from history."dim_{entity}" as d'
                    f' where not exists (select from rotating as r where r.token = d."{name}") and "{name}" is not null'
                )
            )
            if unknown:
                raise SluiceError(
                    f"{unknown} tokens of {entity}.{name} are not in the vault (merged before there was one):"
                    " nothing was rotated. Retract and deliver again what brought them, or erase them."
                )


def _new_key(connection: Connection) -> int:
    return int(
        connection.scalar(
            text(
                "insert into pii.keys (purpose, version, inner_key, outer_key, exported)"
                " select 'token', version, pii.padded_key(key, 54), pii.padded_key(key, 92), false"
                " from (select max(version) + 1 as version from pii.keys where purpose = 'token') as next,"
                " (select pii.random_key() as key offset 0) as fresh returning version"
            )
        )
        or 0
    )


def _retokenise(connection: Connection, entity: str, names: Sequence[str]) -> int:
    if not names:
        return 0
    fresh = ", ".join(f'"{name}" = (select fresh from rotating as r where r.token = d."{name}")' for name in names)
    some = ", ".join(f'd."{name}"' for name in names)
    statement = f'update history."dim_{entity}" as d set {fresh} where num_nonnulls({some}) > 0'
    return connection.execute(text(statement)).rowcount


def _renew_vault(connection: Connection, kept: list[vault.Plain], version: int, seal_with: VaultKey | None) -> None:
    """Plain entries get their new token where they stand; sealed ones are sealed anew, for they are bound to theirs.
    Where there is a key, what is still plain is sealed, too."""
    connection.execute(
        text(
            "update pii.vault as v set token = r.fresh, key_version = :version from rotating as r"
            " where r.token = v.token and v.sealed is null"
        ),
        {"version": version},
    )
    key = seal_with or vault.configured()
    if key is None:
        return
    vault.activate(connection, key)
    if kept:
        fresh = {token: new for token, new in connection.execute(text("select token, fresh from rotating"))}  # noqa: C416
        connection.execute(text("delete from pii.vault where sealed is not null"))
        connection.execute(text("delete from pii.vault_batches"))
        vault.write(connection, key, _renamed(kept, fresh, version))
    vault.seal_plain(connection, key)


def _renamed(kept: list[vault.Plain], fresh: Mapping[str, str], version: int) -> Iterator[vault.Plain]:
    for token, pii, _, entities, value, normal in kept:
        yield fresh[token], pii, version, entities, value, normal
