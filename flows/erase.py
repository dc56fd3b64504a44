"""Erase a person: out of vault, staging, judged rows, quarantine, archive, drop folder and exports; history keeps
versions that say nothing of whom they were about. What comes later about the person is recognised."""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from extract import archive, rewrite
from extract import stage as staging
from extract.entities import classes, erased_policy, open_key, personal_columns, token_columns
from extract.feeds import Feed, catalogue
from flows import dbt
from flows.privacy import all_locked, renew_exports, with_history
from warehouse import erasure, vault
from warehouse.connection import driver, transaction
from warehouse.erasure import Found, Row
from warehouse.errors import SluiceError
from warehouse.settings import settings

TELLING = ("email", "phone", "government_id", "ip")  # classes whose values are looked for in any cell of a row


@dataclass(frozen=True)
class Person:
    """Who is meant: a value of a class, a token, or the key of a row of an entity."""

    pii: str | None = None
    value: str | None = None
    token: str | None = None
    entity: str | None = None
    key: tuple[str, ...] = ()


@dataclass
class Plan:
    """What an erasure would do, or does."""

    found: dict[str, list[Found]] = field(default_factory=dict)  # by entity
    tokens: dict[str, set[str]] = field(default_factory=dict)
    marks: set[str] = field(default_factory=set)
    ids: dict[str, set[str]] = field(default_factory=dict)


def erase(person: Person, *, dry_run: bool = False) -> dict[str, Any]:
    """Erase a person, or say what that would do; gives the certificate, which does not say who it is.

    Raises SluiceError where the person cannot be told apart, or an entity is being merged.
    """
    vault.seal()
    person = _with_value(person)
    entities = [person.entity] if person.entity else with_history()
    with all_locked(entities):
        plan = _look(person, entities)
        if dry_run:
            return _certificate(plan, None, {}, 0, [], 0)
        return _carry_out(plan)


def _with_value(person: Person) -> Person:
    """A token's person by value, so that the archive can be searched and a return recognised."""
    if person.token is None:
        return person
    with transaction() as connection:
        held = connection.execute(
            text("select class, value from pii.vault where token = :token"), {"token": person.token}
        ).one_or_none()
        if held is None:
            raise SluiceError("The vault does not hold this token (any more). Name the person by value, or by key.")
        value = held.value or next(row[4] for row in vault.opened(connection) if row[0] == person.token)
    return Person(pii=held[0], value=value, token=person.token)


def _look(person: Person, entities: Sequence[str]) -> Plan:
    plan = Plan()
    for entity in entities:
        concerned = person.pii is None or person.pii in classes(entity).values()
        plan.tokens[entity], plan.ids[entity], plan.found[entity] = set(), set(), []
        if concerned and person.value is not None:
            tokens, marks = _tokens_and_marks(entity, str(person.pii), person.value)
            plan.tokens[entity] |= tokens
            plan.marks |= marks
        for feed in catalogue().of_entity(entity):
            query = dbt.compiled(f"{{{{ rows_to_erase('{entity}', '{feed.model}', '{person.pii or 'none'}') }}}}")
            for delivery in _deliveries(feed):
                found = _rows_of(feed, delivery, query, person, plan)
                if found.numbers:
                    plan.found[entity].append(found)
        if person.key:
            plan.marks |= _id_marks(entity, plan)
    return plan


def _tokens_and_marks(entity: str, pii: str, value: str) -> tuple[set[str], set[str]]:
    query = dbt.compiled(f"{{{{ tokens_of_value('{entity}', '{pii}') }}}}")
    with transaction() as connection:
        row = driver(connection).execute(_bindable(query, "value"), {"value": value}).fetchone()
    return (set(row[0]), set(row[1])) if row else (set(), set())


def _id_marks(entity: str, plan: Plan) -> set[str]:
    """The marks of ids. An id whose row is in history only counts too."""
    with transaction() as connection:
        found = driver(connection).execute(
            "select encode(pii.hmac_sha256(k.inner_key, k.outer_key, textsend('id:' || %s || ':' || id)), 'hex')"
            " from unnest(%s::text[]) as id, pii.erased_key_now() as k",
            [entity, sorted(plan.ids[entity])],
        )
        return {row[0] for row in found.fetchall()}


def _bindable(query: str, name: str) -> Any:
    """A compiled query with one parameter: the value is never part of a statement's text."""
    return query.replace("%", "%%").replace(f"%%({name})s", f"%({name})s")


def _deliveries(feed: Feed) -> Iterator[Mapping[str, Any]]:
    """The feed's deliveries with a content of their own that can be read."""
    with transaction() as connection:
        found = connection.execute(
            text(
                "select * from ledger.deliveries where feed = :feed and sighting_of is null"
                " and exists (select from ledger.row_accounts as a where a.delivery_id = deliveries.delivery_id)"
                " order by delivery_id"
            ),
            {"feed": feed.key},
        ).mappings()
        yield from [dict(row) for row in found]


def _rows_of(feed: Feed, delivery: Mapping[str, Any], query: str, person: Person, plan: Plan) -> Found:
    """The person's rows of a delivery, which is staged again for that where it was purged."""
    number = int(delivery["delivery_id"])
    container = (delivery["found"] or {}).get("container")
    found = Found(number, feed.key, feed.table, delivery["sha256"], delivery["name"], container)
    staging.stage_to_look(feed, number)
    told = [person.value.strip()] if person.value and person.pii in TELLING else []
    with transaction() as connection:
        told_rows = _naming(connection, feed, number, told)
        rows = driver(connection).execute(_bindable(query, "delivery"), {"delivery": number})
        for row_number, line, identity, fingerprint, key, tokens, attributes in rows:
            theirs = (
                bool(plan.tokens[feed.entity] & set(tokens or ()))
                or row_number in told_rows
                or (person.key and _has_key(person.key, key, identity))
            )
            if theirs:
                found.rows.append(Row(row_number, line, identity, fingerprint, attributes))
                if person.key and identity:
                    plan.ids[feed.entity].add(str(identity))
        found.unreadable = _unreadable(connection, number, [*told, *person.key])
    return found


def _has_key(asked: tuple[str, ...], key: Sequence[str | None], identity: Any) -> bool:
    return asked == (str(identity),) or tuple(asked) == tuple(key)


def _naming(connection: Connection, feed: Feed, delivery: int, told: Sequence[str]) -> set[int]:
    """The rows in any cell of which the value stands."""
    if not told:
        return set()
    cells = ", ".join(f'"{column.name}"' for column in feed.columns)
    query = (
        f"select _row_number from staging.delivery_{delivery}"
        f" where strpos(lower(concat_ws(' ', {cells}, _extra)), lower(%s)) > 0"
    )
    return {row[0] for row in driver(connection).execute(query, [told[0]])}


def _unreadable(connection: Connection, delivery: int, told: Sequence[str]) -> list[int]:
    """The records that could not be read and name the person."""
    query = (
        "select row_number from staging.unreadable where delivery_id = %s"
        " and exists (select from unnest(%s::text[]) as told"
        " where strpos(lower(encode(raw_bytes, 'escape')), lower(told)) > 0)"
    )
    return [row[0] for row in driver(connection).execute(query, [delivery, list(told)])]


def _carry_out(plan: Plan) -> dict[str, Any]:
    """First the new contents beside the old ones, then one transaction, then the old contents go."""
    every = [(entity, found) for entity, all_found in plan.found.items() for found in all_found]
    feeds = catalogue().feeds
    contents = {
        found.sha256: rewrite.without_rows(feeds[found.feed], found.sha256, found.name, _numbers(every, found.sha256))
        for _, found in every
    }
    versions: dict[str, int] = {}
    with transaction() as connection:
        number = erasure.open_erasure(connection)
        erasure.mark(connection, number, plan.marks)
        gone: set[str] = set().union(*plan.tokens.values())
        for entity, found in every:
            erasure.erase_rows(
                connection, number, entity, found, [c.name for c in feeds[found.feed].columns], open_key(entity)
            )
            erasure.empty_judged(connection, entity, found, personal_columns(entity))
        for entity in plan.found:
            rows = [(found.delivery_id, n) for found in plan.found[entity] for n in found.numbers]
            tokens = dict.fromkeys(token_columns(entity), plan.tokens[entity])
            versions[entity], lost = erasure.tombstone(
                connection, entity, personal_columns(entity), tokens, plan.ids[entity], rows
            )
            gone |= lost
        held = {entity: token_columns(entity) for entity in with_history()}
        tokens_gone = erasure.empty_vault(connection, gone, held)
        for content in contents.values():
            if content.old_sha256 != content.new_sha256:
                erasure.rewritten(connection, number, content.old_sha256, content.new_sha256, content.form)
        for container in {found.container for _, found in every if found.container}:
            erasure.rewritten(connection, number, container, None, "gone")
        left = erasure.left_over(connection)
        dropped = _dropped(set(left))
        certificate = _certificate(plan, number, versions, tokens_gone, contents.values(), len(dropped))
        erasure.certify(connection, number, certificate)
    for sha256 in left:
        archive.remove(sha256)
    for file in dropped:
        file.unlink(missing_ok=True)
    for entity in plan.found:
        if versions.get(entity):
            renew_exports(entity)
    _vacuum([f'staging."delivery_{found.delivery_id}"' for _, found in every])
    _write(certificate)
    return certificate


def _numbers(every: Sequence[tuple[str, Found]], sha256: str) -> set[int]:
    """One content may have been delivered for several days."""
    return set().union(*(found.numbers for _, found in every if found.sha256 == sha256))


def _dropped(contents: Collection[str]) -> list[Path]:
    """Files of the drop folder that hold a content that was rewritten."""
    found = []
    for path in sorted(settings().drops.rglob("*")):
        if path.is_file():
            with open(path, "rb") as content:
                if hashlib.file_digest(content, "sha256").hexdigest() in contents:
                    found.append(path)
    return found


def _vacuum(tables: Sequence[str]) -> None:
    """Let PostgreSQL forget the rows as they were."""
    from warehouse.connection import engine

    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in (*tables, *(f'quarantine."{entity}"' for entity in with_history()), "pii.vault"):
            connection.execute(text(f"vacuum {table}"))


def _certificate(
    plan: Plan,
    number: int | None,
    versions: Mapping[str, int],
    tokens: int,
    contents: Collection[rewrite.Rewritten],
    dropped: int,
) -> dict[str, Any]:
    return {
        "erasure": number,
        "history": {entity: {"versions_emptied": count} for entity, count in versions.items()},
        "deliveries": [
            {"delivery": found.delivery_id, "feed": found.feed, "rows": len(found.numbers)}
            for all_found in plan.found.values()
            for found in all_found
        ],
        "vault_entries_deleted": tokens,
        "archive": [{"old": c.old_sha256, "new": c.new_sha256, "form": c.form} for c in contents],
        "dropped_files_deleted": dropped,
        "exports_written_anew": [entity for entity, count in versions.items() if count],
        "recognised_later_by": len(plan.marks),
        "if_it_comes_back": {entity: erased_policy(entity) for entity in plan.found},
    }  # fmt: skip


def _write(certificate: Mapping[str, Any]) -> None:
    file = settings().folder("certificates") / f"erasure-{certificate['erasure']:06d}.json"
    file.write_text(json.dumps(certificate, indent=2) + "\n")
