"""What an erasure would do: the person's rows in every delivery, and by what the person is known again."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from sqlalchemy import Connection, text

from extract import stage as staging
from extract.entities import classes
from extract.feeds import Feed, catalogue
from extract.personal import looks_personal
from flows import dbt
from warehouse.connection import driver, transaction
from warehouse.erasure import Found, Mark, Row
from warehouse.personal import looks_whole

OF_VALUES = ("21", "22", "38", "39", "54", "P0")  # error classes that a value can be the cause of
TELLING = ("email", "phone", "government_id", "ip")  # classes whose values are looked for in any cell of a row
WORDED = ("person_name", "street_address")  # classes whose values are looked for in texts, word by word


@dataclass(frozen=True)
class Person:
    """Who is meant: a value of a class, a token, or the key of a row of an entity."""

    pii: str | None = None
    value: str | None = None
    token: str | None = None
    entity: str | None = None
    key: tuple[str, ...] = ()

    @property
    def told(self) -> str | None:
        """The value, where it names the person in whatever cell it stands."""
        value = (self.value or "").strip()
        return value if self.pii in TELLING and looks_whole(self.pii, value) else None


@dataclass
class Plan:
    """What an erasure would do, or does."""

    found: dict[str, list[Found]] = field(default_factory=dict)  # by entity
    tokens: dict[str, set[str]] = field(default_factory=dict)
    marks: set[Mark] = field(default_factory=set)
    ids: dict[str, set[str]] = field(default_factory=dict)

    @property
    def has_words(self) -> bool:
        """Whether the person is looked for in texts, word by word."""
        return any(mark.words for mark in self.marks)


def look(person: Person, entities: Sequence[str]) -> Plan:
    """Where the person stands: every delivery that can name the person is looked into, whatever became of it."""
    plan = Plan()
    queries = _queries(person, entities)
    for entity in entities:
        plan.tokens[entity], plan.ids[entity], plan.found[entity] = set(), set(), []
        if query := queries.get(entity):
            plan.tokens[entity], marks = _tokens_and_marks(query, str(person.value))
            plan.marks |= marks
        if plan.tokens[entity] or plan.has_words or person.told or person.key:
            for feed in catalogue().of_entity(entity):
                for delivery in _deliveries(feed):
                    found = _rows_of(feed, delivery, queries, person, plan)
                    if found.numbers:
                        plan.found[entity].append(found)
        if person.key:
            plan.marks |= _id_marks(entity, plan)
    return plan


def _queries(person: Person, entities: Sequence[str]) -> dict[str, str]:
    """What is asked of each entity that can hold a value of the person's class, and of each feed: compiled at once."""
    pii = person.pii or "none"
    pieces = {
        entity: f"{{{{ tokens_of_value('{entity}', '{pii}') }}}}"
        for entity in entities
        if person.value is not None and pii in {*classes(entity).values(), *TELLING, *WORDED}
    }
    for entity in entities:
        for feed in catalogue().of_entity(entity):
            pieces[feed.key] = f"{{{{ rows_to_erase('{entity}', '{feed.key}', '{feed.model}', '{pii}') }}}}"
            staged = f'staging."{feed.table}"'
            pieces[f"undeclared {feed.key}"] = f"{{{{ undeclared_that_name('{entity}', '{staged}') }}}}"
        pieces[f"unreadable {entity}"] = f"{{{{ unreadable_that_name('{entity}', given_marks()) }}}}"
    return dict(zip(pieces, dbt.compiled(*pieces.values()), strict=True))


def _tokens_and_marks(query: str, value: str) -> tuple[set[str], set[Mark]]:
    with transaction() as connection:
        row = driver(connection).execute(bindable(query, "value"), {"value": value}).fetchone()
    tokens, marks, of_words = row or ([], [], None)
    return set(tokens), {Mark(mark) for mark in marks} | ({Mark(**of_words)} if of_words else set())


def _id_marks(entity: str, plan: Plan) -> set[Mark]:
    """What the ids of the rows are known again by."""
    with transaction() as connection:
        found = driver(connection).execute(
            "select encode(pii.hmac_sha256(k.inner_key, k.outer_key, textsend('id:' || %s || ':' || id)), 'hex')"
            " from unnest(%s::text[]) as id, pii.erased_key_now() as k",
            [entity, sorted(plan.ids[entity])],
        )
        return {Mark(row[0]) for row in found.fetchall()}


def bindable(query: str, *names: str) -> Any:
    """A compiled query with parameters: what is asked for is never part of a statement's text."""
    query = query.replace("%", "%%")
    for name in names:
        query = query.replace(f"%%({name})s", f"%({name})s")
    return query


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


def _rows_of(feed: Feed, delivery: Mapping[str, Any], queries: Mapping[str, str], person: Person, plan: Plan) -> Found:
    """The person's rows of a delivery, which is staged again for that where it was purged."""
    number = int(delivery["delivery_id"])
    container = (delivery["found"] or {}).get("container")
    found = Found(number, feed.key, feed.table, delivery["sha256"], delivery["name"], container)
    staging.stage_to_look(feed, number)
    with transaction() as connection:
        asked: dict[str, Any] = {
            "delivery": number,
            "tokens": sorted(plan.tokens[feed.entity]),
            "marks": json.dumps([mark._asdict() for mark in plan.marks]),
            "key": list(person.key) or None,
            "id": person.key[0] if len(person.key) == 1 else None,
        }
        asked["told"] = _naming(connection, feed, number, person)
        asked["told"] += _named_in_undeclared(connection, queries[f"undeclared {feed.key}"], asked, person)
        found.rows = rows_asked_for(connection, queries[feed.key], asked)
        found.unreadable = _unreadable(connection, queries[f"unreadable {feed.entity}"], asked, person)
    if person.key:
        plan.ids[feed.entity] |= {str(row.id) for row in found.rows if row.id}
    return found


def rows_asked_for(connection: Connection, query: str, asked: Mapping[str, Any]) -> list[Row]:
    """The rows of a delivery that a compiled query finds; `asked` are its parameters."""
    last = connection.scalar(text(f"select max(_row_number) from staging.delivery_{asked['delivery']}"))
    return list(_theirs(connection, bindable(query, *asked, "first", "last"), asked, 1, last or 0))


def _theirs(connection: Connection, query: Any, asked: Mapping[str, Any], first: int, last: int) -> Iterator[Row]:
    """The person's rows from `first` to `last`. A row for which the mapping raises is found by halves, and is the
    person's where a cell of it names the person: it has no values to tell it by, and history does not know it."""
    try:
        with driver(connection).transaction():
            rows = driver(connection).execute(query, {**asked, "first": first, "last": last}).fetchall()
        yield from [Row(*row) for row in rows]
    except psycopg.Error as error:
        if (error.sqlstate or "")[:2] not in OF_VALUES:
            raise
        if first < last:
            middle = (first + last) // 2
            yield from _theirs(connection, query, asked, first, middle)
            yield from _theirs(connection, query, asked, middle + 1, last)
        elif first in asked["told"]:
            line = f"select _line_number from staging.delivery_{asked['delivery']} where _row_number = :row"
            yield Row(first, connection.scalar(text(line), {"row": first}), None, None, {})


def alone(told: str, pii: str | None = None) -> str:
    """A pattern that finds a value where it stands alone: ann@example.com is neither joann@example.com nor
    ann@example.com.au, and 203.0.113.7 not 203.0.113.77."""
    part = "[[:digit:]]" if pii == "phone" else "[[:alnum:]_]"
    before = f"(?<!{part}|[+])(?<!{part}[.'-])" if pii == "email" else f"(?<!{part})(?<!{part}[.'-])"
    return f"{before}{re.escape(told)}(?!{part}|[.-]{part})"


def _naming(connection: Connection, feed: Feed, delivery: int, person: Person) -> list[int]:
    """The rows in any cell of which the value stands."""
    told = person.told
    if not told:
        return []
    cells = ", ".join(f'"{column.name}"' for column in feed.columns)
    query = (
        f"select _row_number from staging.delivery_{delivery}"
        f" where strpos(lower(concat_ws(' ', {cells}, _extra)), lower(%s)) > 0"
        f" and lower(concat_ws(' ', {cells}, _extra)) ~ lower(%s)"
    )
    return [row[0] for row in driver(connection).execute(query, [told, alone(told, person.pii)])]


def _named_in_undeclared(connection: Connection, query: str, asked: Mapping[str, Any], person: Person) -> list[int]:
    """The rows whose columns that nobody declared name the person: an e-mail, number or IP address however it is spelt,
    a name or a street address by its words. Every row of a delivery has the same such columns."""
    run = driver(connection).execute
    one = run(f"select _extra from staging.delivery_{asked['delivery']} where _extra is not null limit 1").fetchone()
    if one is None or not person.value:
        return []
    parts = [name for name in one[0] if looks_personal(name) == person.pii]
    return [row[0] for row in run(bindable(query, "delivery", "marks", "parts"), {**asked, "parts": parts})]


def _unreadable(connection: Connection, query: str, asked: Mapping[str, Any], person: Person) -> list[int]:
    """The records that could not be read and name the person: the value, however it is spelt, or every part of the
    key."""
    cells = (
        " union select row_number from staging.unreadable_texts where delivery_id = %(delivery)s and (select bool_and("
        "lower(record) ~ lower(told)) from unnest(%(words)s::text[]) as told)"
    )
    words = [alone(part, person.pii) for part in ([person.told] if person.told else person.key)]
    statement = bindable(query + cells, "delivery", "marks", "words")
    return [row[0] for row in driver(connection).execute(statement, {**asked, "words": words})]
