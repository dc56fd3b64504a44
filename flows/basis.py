"""By what a run judges: hashes of mapping, contract and lists, kept with each delivery: a change can be followed
to the deliveries that it concerns (flows/reprocess.py)."""

import hashlib
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection

from checks import contract
from extract.entities import column_types
from extract.feeds import Feed, catalogue
from flows import carried, dbt
from warehouse import judged_by, runs
from warehouse.connection import transaction

LIST = re.compile(r'\breference"?\."?([a-z_][a-z0-9_]*)')


class Judging(NamedTuple):
    """Deliveries of one feed that a run judges, and what by."""

    feed: Feed
    deliveries: list[int]
    basis: judged_by.Basis


def of_run(run: int) -> list[Judging]:
    """By what a run judges its deliveries."""
    feeds: dict[str, list[int]] = {}
    for delivery in runs.to_judge(run):
        feeds.setdefault(delivery["feed"], []).append(delivery["delivery_id"])
    with transaction() as connection:
        version = judged_by.contract_of(connection, run)
        predicates = [rule["predicate"] for rule in judged_by.rules_of(connection, version).values()]
        return [
            Judging(feed, deliveries, today(connection, feed, version, predicates))
            for feed, deliveries in ((catalogue().feed(key), found) for key, found in feeds.items())
        ]


def seed(run: int, found: Iterable[Judging]) -> None:
    """Name what the deliveries are judged by, where a record's verdict hangs on its cells alone: equal records that
    were judged by the same need not be judged again (dbt_project/macros/judge/carried.sql)."""
    with transaction() as connection:
        for feed, deliveries, basis in found:
            if feed.mode == "full" and carried.is_of_cells(connection, feed):
                number = carried.seed(connection, basis)
                judged_by.keep_seeds(connection, run, dict.fromkeys(deliveries, number))


def stamp(run: int, found: Iterable[Judging]) -> None:
    """Write down by what a run has judged its deliveries."""
    with transaction() as connection:
        for feed, deliveries, basis in found:
            judged_by.stamp(connection, run, deliveries, basis)
            judged_by.forget_look(connection, feed.entity, of_entity(connection, feed.entity))


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
