"""Which records need not be judged again: those whose verdict hangs on nothing but their cells, and by what they are
judged. Where in doubt, all are."""

import hashlib
import re
from collections.abc import Collection, Sequence

from sqlalchemy import Connection, text

from checks.contract import Spared
from extract.entities import classes, key_columns
from extract.feeds import Feed
from flows import dbt
from publish import pointer
from warehouse import judged_by, runs
from warehouse.connection import transaction

# What looks at other records of the delivery, or at the clock, as PostgreSQL writes it in a view. A row of a mapping is
# one staged record: nothing else in it can look at others.
LOOKS_BEYOND = re.compile(
    r"\bOVER \(|\b(now|age|random|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday)\("
    r"|\b(CURRENT_(DATE|TIME|TIMESTAMP|USER|ROLE)|LOCALTIME|LOCALTIMESTAMP|SESSION_USER)\b"
    r"|'(now|today|yesterday|tomorrow)'"
)
# What each spelling of a shape means is looked up once, and stays so under one version of the project.
SHAPES = ("staging", "geometries")
PLACE = re.compile(r"\b_(?:delivery_id|row_number|line_number)\b")
# On a line of its own in the list of a SELECT: handed on as it is.
PLACE_HANDED_ON = re.compile(r"^\s*(?:SELECT )?(?:\w+\.)?_(?:delivery_id|row_number|line_number),?$", re.MULTILINE)


def is_of_cells(connection: Connection, feed: Feed) -> bool:
    """Whether a feed's mapping makes the same of the same cells: it reads its own staged rows, once, and lists, of
    which the basis has hashes. The project's views must stand."""
    staged = ("staging", feed.table)
    read = {relation for relation in judged_by.relations_of(connection, feed.model) if relation[0] != "reference"}
    view = judged_by.mapping_of(connection, feed.model)
    return (
        read - {SHAPES} == {staged}
        and len(re.findall(rf'\bFROM "?staging"?\."?{re.escape(feed.table)}\b', view)) == 1
        and not LOOKS_BEYOND.search(view)
        and len(PLACE.findall(view)) == len(PLACE_HANDED_ON.findall(view))
        and judged_by.uses_immutable_functions(connection, feed.model)
    )


def seed(connection: Connection, basis: judged_by.Basis) -> int:
    """The seed of the hashes of records that are judged by a basis, a bigint. Another version of the project, of the
    platform or of PostgreSQL may judge, or hash, otherwise."""
    versions = connection.execute(
        text("select version_num, current_setting('server_version_num') from public.alembic_version")
    ).one()
    told = (dbt.project_hash(), *versions, basis.mapping_hash, basis.contract_hash, sorted(basis.lists.items()))
    return int.from_bytes(hashlib.sha256(repr(told).encode()).digest()[:8], "big", signed=True)


# By their places: of a million rows the 30,000 that are new are fetched, and the rest is not read.
NEW_ROWS = "ctid = any (array(select place from judged.difference_{delivery} where place is not null))"


def spared(entity: str, run: int, deliveries: Sequence[int]) -> Spared | None:
    """What Soda need not ask of rows that were carried over, for it was asked when they were judged; or None."""
    with transaction() as connection:
        found = judged_by.differences(connection, run).intersection(deliveries)
        codes = judged_by.codes_of_cells(connection, run)
    if not found:
        return None
    new = rows_of(deliveries, found)
    return Spared(frozenset([frozenset(key_columns(entity))]), new, codes, new)


def published_before(entity: str, run: int) -> Spared | None:
    """What Soda need not ask of open versions that passed the same gate before: whether there are two of a key. Two
    would have the same id, and one of them was written since. None where nothing was published by that gate."""
    published = pointer.current(entity)
    if published is None or not runs.have_one_gate(published, run):
        return None
    keys = {frozenset([f"{entity}_id"])}
    if all(classes(entity)[column] == "none" for column in key_columns(entity)):
        keys.add(frozenset(["_feed", *key_columns(entity)]))
    written = f"select {entity}_id from history.dim_{entity} where _recorded_in > {published}"
    return Spared(frozenset(keys), f"{entity}_id in ({written})")


def rows_of(deliveries: Sequence[int], found: Collection[int] = ()) -> str:
    """SQL for the good rows of deliveries; of those that are `found` only what was judged for them."""
    parts = []
    for delivery in deliveries:
        only = " and " + NEW_ROWS.format(delivery=delivery) if delivery in found else ""
        parts.append(f"(_delivery_id = {delivery}{only})")
    return f"({' or '.join(parts)})"
