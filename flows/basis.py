"""By what a run judges: hashes of mapping, contract and lists, kept with each delivery: a change can be followed
to the deliveries that it concerns (flows/reprocess.py)."""

import hashlib
import re
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection

from checks import contract
from extract.entities import column_types
from extract.feeds import Feed, catalogue
from flows import dbt
from warehouse import judged_by, runs
from warehouse.connection import transaction

LIST = re.compile(r'\breference"?\."?([a-z_][a-z0-9_]*)')


def stamp(run: int) -> None:
    """Write down by what a run has judged its deliveries."""
    feeds: dict[str, list[int]] = {}
    for delivery in runs.to_judge(run):
        feeds.setdefault(delivery["feed"], []).append(delivery["delivery_id"])
    with transaction() as connection:
        version = judged_by.contract_of(connection, run)
        predicates = [rule["predicate"] for rule in judged_by.rules_of(connection, version).values()]
        for key, deliveries in feeds.items():
            judged_by.stamp(connection, run, deliveries, today(connection, catalogue().feed(key), version, predicates))
        for entity in {catalogue().feed(key).entity for key in feeds}:
            judged_by.forget_look(connection, entity, of_entity(connection, entity))


def today(connection: Connection, feed: Feed, version: str, predicates: Iterable[str]) -> judged_by.Basis:
    """What rows of a feed are judged by as all is declared now; the project's views must stand."""
    names = judged_by.lists_of(connection, feed.model)
    names |= {name for predicate in predicates for name in LIST.findall(predicate)}
    names |= {"geometry_areas"} if any(column.geometry for column in feed.columns) else set()
    special = [(some.told(), dict(some.format)) for some in feed.files if some.format]
    view = judged_by.mapping_of(connection, feed.model)
    return judged_by.Basis(
        format_hash=_hash(feed.format.model_dump_json(exclude_unset=True), special),
        mapping_hash=_hash(view, column_types(feed.entity), [skip.model_dump() for skip in feed.skip]),
        contract_hash=version,
        lists={name: judged_by.hash_of_list(connection, name) for name in sorted(names)},
    )


def of_entity(connection: Connection, entity: str) -> str:
    """A hash of all that an entity's rows are judged by, told from what it is made of: much cheaper than the contract's
    SQL and each mapping's (0.01 s, where those take 0.05 s and more)."""
    written = contract.contract_file(entity).read_text(encoding="utf-8")
    names = set(LIST.findall(written)) | {"geometry_areas"}
    for feed in catalogue().of_entity(entity):
        names |= judged_by.lists_of(connection, feed.model)
    lists = [(name, judged_by.hash_of_list(connection, name)) for name in sorted(names)]
    return _hash(dbt.project_hash(), written, contract.code(), lists)


def _hash(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()
