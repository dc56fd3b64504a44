"""Erase a person: out of vault, staging, judged rows, quarantine, archive, drop folder and exports; history keeps
versions that say nothing of whom they were about. What comes later about the person is recognised."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from extract import rewrite
from extract.entities import classes, erased_policy, open_key, personal_columns, token_columns
from extract.feeds import catalogue
from flows.erase_plan import Person, Plan, look
from flows.erase_rest import dropped, finish
from flows.privacy import tokens_in_history, with_history
from warehouse import erasure, runs, vault
from warehouse.connection import transaction
from warehouse.erasure import Found
from warehouse.errors import SluiceError


def erase(person: Person, *, dry_run: bool = False) -> dict[str, Any]:
    """Erase a person, or say what that would do; gives the certificate, which does not say who it is.

    Raises SluiceError where the person cannot be told apart, or an entity is being merged.
    """
    vault.seal()
    person = _with_value(person)
    entities = [person.entity] if person.entity else with_history()
    with runs.entity_lock(*entities):
        plan = look(person, entities)
        if person.key and not any(plan.found.values()):
            raise SluiceError(f"No row of {person.entity} has this key (any more): nothing was erased.")
        return _try(plan) if dry_run else _carry_out(plan)


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


def _try(plan: Plan) -> dict[str, Any]:
    """What history and vault would lose: it is taken out and put back; all else is left alone."""
    with transaction() as connection:
        attempt = connection.begin_nested()
        versions, tokens_gone = _tombstone(connection, plan, _once(connection, plan))
        attempt.rollback()
    gone = dropped({found.sha256 for all_found in plan.found.values() for found in all_found})
    return _certificate(plan, None, versions, tokens_gone, [], len(gone))


def _carry_out(plan: Plan) -> dict[str, Any]:
    """First the new contents beside the old ones, then one transaction, then what is left to do."""
    every = [(entity, found) for entity, all_found in plan.found.items() for found in all_found]
    feeds = catalogue().feeds
    contents = {
        found.sha256: rewrite.without_rows(feeds[found.feed], found.sha256, found.name, _numbers(every, found.sha256))
        for _, found in every
    }
    with transaction() as connection:
        number = erasure.open_erasure(connection)
        erasure.mark(connection, number, plan.marks)
        once = _once(connection, plan)
        for entity, found in every:
            erasure.erase_rows(
                connection, number, entity, found, [c.name for c in feeds[found.feed].columns], open_key(entity)
            )
            erasure.empty_judged(connection, entity, found, personal_columns(entity) + once[entity].columns)
        versions, tokens_gone = _tombstone(connection, plan, once)
        for content in contents.values():
            if content.old_sha256 != content.new_sha256:
                erasure.rewritten(connection, number, content.old_sha256, content.new_sha256, content.form)
        for container in {found.container for _, found in every if found.container}:
            erasure.rewritten(connection, number, container, None, "gone")
        gone = dropped(set(erasure.left_over(connection)))
        certificate = _certificate(plan, number, versions, tokens_gone, contents.values(), len(gone))
        erasure.certify(connection, number, certificate)
    finish(number)
    return certificate


def _once(connection: Connection, plan: Plan) -> dict[str, erasure.Once]:
    return {entity: erasure.once_personal(connection, entity, classes(entity)) for entity in plan.found}


def _tombstone(connection: Connection, plan: Plan, once: Mapping[str, erasure.Once]) -> tuple[dict[str, int], int]:
    """Empty the person's versions and the vault; gives how many versions of each entity, and how many tokens."""
    versions: dict[str, int] = {}
    gone: set[str] = set().union(*plan.tokens.values())
    for entity in plan.found:
        rows = [(found.delivery_id, n) for found in plan.found[entity] for n in found.numbers]
        personal = personal_columns(entity) + once[entity].in_history
        tokens = dict.fromkeys(token_columns(entity) + once[entity].tokens, plan.tokens[entity])
        versions[entity], lost = erasure.tombstone(connection, entity, personal, tokens, plan.ids[entity], rows)
        gone |= lost
    held = {entity: tokens_in_history(connection, entity) for entity in with_history()}
    return versions, erasure.empty_vault(connection, gone, held)


def _numbers(every: Sequence[tuple[str, Found]], sha256: str) -> set[int]:
    """One content may have been delivered for several days."""
    return set().union(*(found.numbers for _, found in every if found.sha256 == sha256))


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
