"""What concerns personal data across entities: rotate the key, look for leaks, erase a person."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from extract.entities import token_columns
from extract.feeds import catalogue
from publish import export as exports
from publish import pointer
from warehouse import runs
from warehouse.connection import transaction
from warehouse.rotate import Rotated
from warehouse.rotate import rotate as rotate_key


@contextmanager
def all_locked(entities: Sequence[str]) -> Iterator[None]:
    """Hold entities for a block, so that nobody merges them meanwhile."""
    with ExitStack() as held:
        for entity in sorted(entities):
            held.enter_context(runs.entity_lock(entity))
        yield


def with_history() -> list[str]:
    """The entities that have a dimension in this warehouse."""
    from sqlalchemy import text

    with transaction() as connection:
        there = set(connection.scalars(text("select relname from pg_class where relnamespace = 'history'::regnamespace")))
    return [entity for entity in catalogue().entities if f"dim_{entity}" in there]


def rotate() -> Rotated:
    """Give every token of every entity a successor under a new key, and write the exports of what is published anew."""
    entities = with_history()
    with all_locked(entities):
        done = rotate_key({entity: token_columns(entity) for entity in entities})
        for entity in entities:
            renew_exports(entity)
    return done


def renew_exports(entity: str) -> None:
    """Delete an entity's exports and write the published one anew: history has changed below them."""
    exports.forget(entity)
    published = pointer.current(entity)
    if published is not None:
        exports.export(entity, published)
