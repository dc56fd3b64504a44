"""Reprocess: deliveries that were judged by another mapping, contract or list than today's are judged again, and no
others."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping

from extract import mapping
from extract import stage as staging
from extract.feeds import Feed, catalogue
from flows import basis
from flows.merge import Merged, merge, todays_contract
from flows.prefect_door import go
from warehouse import judged_by, quarantine, runs
from warehouse.connection import transaction
from warehouse.errors import SluiceError

ERASED = "erased_person"  # comes and goes with erasures, which take their rows out themselves


@dataclass(frozen=True)
class Concerned:
    """A delivery, and what is otherwise today than when it was judged. `staged`: its file is read otherwise, too."""

    delivery_id: int
    feed: str
    name: str
    causes: tuple[str, ...]
    staged: bool


@dataclass(frozen=True)
class Found:
    """What a change concerns, of one entity. `unknown`: so many were judged before it was kept by what."""

    entity: str
    concerned: tuple[Concerned, ...]
    untouched: int
    unknown: int


def look(entity: str) -> Found | None:
    """As `find`, for every run: None where nothing is concerned. While nothing of what an entity is judged by has
    changed since that was so, its deliveries are not compared."""
    with transaction() as connection:
        now = basis.of_entity(connection, entity)
        if judged_by.looked(connection, entity) == now:
            return None
        anything = bool(judged_by.in_history(connection, entity))
    found = find(entity) if anything else None
    if found and found.concerned:
        return found
    with transaction() as connection:
        judged_by.keep_look(connection, entity, now)
    return None


def follow(found: Found, *, by: str) -> list[str]:
    """Do with what is concerned as each feed says (`reprocess`): let the next merge judge it again, or leave it. Gives
    what was done and is to be done, in words."""
    at_once = [one for one in found.concerned if catalogue().feed(one.feed).reprocess == "at_once"]
    later = [one for one in found.concerned if one not in at_once]
    told = []
    if at_once:
        with runs.entity_lock(found.entity):
            ask_again(found.entity, at_once, by=by)
        told.append(f"{found.entity}: {_told(at_once)}; judged again now.")
    if later:
        told.append(f"{found.entity}: {_told(later)}. Next: sluice reprocess {found.entity} --dry-run")
    return told


def _told(concerned: Sequence[Concerned]) -> str:
    many = "1 delivery was" if len(concerned) == 1 else f"{len(concerned)} deliveries were"
    return f"{many} judged by something else than today's declarations ({_causes(concerned)})"


def _causes(concerned: Sequence[Concerned]) -> str:
    return ", ".join(dict.fromkeys(cause for one in concerned for cause in one.causes))


def find(entity: str) -> Found:
    """What of an entity was judged by another mapping, contract or list than today's; nothing is changed."""
    version, _, rules = todays_contract(entity)
    with transaction() as connection:
        before = judged_by.in_history(connection, entity)
        known = [delivery for delivery in before if delivery["mapping_hash"] is not None]
        predicates = [rule.predicate for rule in rules]
        keys = {one["feed"] for one in known}
        today = {key: basis.today(connection, catalogue().feed(key), version, predicates) for key in keys}
        by_rules = _Rules(connection, entity, {rule.code: vars(rule) for rule in rules})
        concerned = tuple(
            Concerned(one["delivery_id"], one["feed"], one["name"], (*read, *causes), bool(read))
            for one in known
            for feed in [catalogue().feed(one["feed"])]
            for read in [tuple(_read_otherwise(feed, one, today[feed.key]))]
            for causes in [(*_mapped_otherwise(one, today[feed.key]), *by_rules.causes(one))]
            if read or causes
        )
    return Found(entity, concerned, len(known) - len(concerned), len(before) - len(known))


def reprocess(found: Found, *, by: str) -> Merged:
    """Judge what is concerned again, fold it anew, and publish what comes of it."""
    with runs.entity_lock(found.entity):
        ask_again(found.entity, found.concerned, by=by)
    return go(merge, found.entity)


def ask_again(entity: str, concerned: Sequence[Concerned], *, by: str) -> None:
    """Let the next merge judge deliveries again; those whose files are read otherwise now are staged again. Call it
    under `entity_lock`."""
    ids = [one.delivery_id for one in concerned]
    for one in concerned:
        if one.staged:
            staging.stage_content_again(catalogue().feed(one.feed), one.delivery_id)
    with transaction() as connection:
        quarantine.judge_again(connection, ids)
        quarantine.record(connection, entity, "replay", by, f"reprocess: {_causes(concerned)}", ids, None, 0)


def _read_otherwise(feed: Feed, delivery: RowMapping, today: judged_by.Basis) -> Iterator[str]:
    """Whether the file's columns would be found under other names, or the file be opened otherwise."""
    if delivery["format_hash"] != today.format_hash:
        yield "the hints of its format"
    used = {name: said["header"] for name, said in delivery["found"].get("mapping", {}).get("columns", {}).items()}
    if delivery["mends"] is not None or not used:
        return
    try:
        some = mapping.special(feed, delivery["name"], delivery["effective_date"])
        then = mapping.narrowed(feed, some).on(delivery["effective_date"])
        names = staging.header_of(feed, delivery["delivery_id"])
        now = {name: header for header, name, known in staging.layout(then, names) if known}
    except SluiceError:
        now = {}
    for column in sorted(name for name in {*used, *now} if used.get(name) != now.get(name)):
        yield f"the column {column} is {now.get(column) or 'none'} of its file, not {used.get(column) or 'none'}"


def _mapped_otherwise(delivery: RowMapping, today: judged_by.Basis) -> Iterator[str]:
    if delivery["mapping_hash"] != today.mapping_hash:
        yield "the mapping"
    for name in sorted({*delivery["lists"], *today.lists}):
        if delivery["lists"].get(name) != today.lists.get(name):
            yield f"the list {name}"


class _Rules:
    """Which changes of a contract concern which deliveries: a new or another rule concerns all; one that is gone, or
    told in other words, those only whose rows broke it."""

    def __init__(self, connection: Connection, entity: str, today: Mapping[str, Mapping[str, Any]]) -> None:
        self.connection, self.entity, self.today = connection, entity, today
        self.known: dict[str, tuple[list[str], dict[str, set[int]]]] = {}

    def causes(self, delivery: RowMapping) -> Iterator[str]:
        for_all, for_some = self._changes(delivery["contract_hash"])
        yield from for_all
        yield from (cause for cause, deliveries in for_some.items() if delivery["delivery_id"] in deliveries)

    def _changes(self, contract_hash: str) -> tuple[list[str], dict[str, set[int]]]:
        if contract_hash not in self.known:
            self.known[contract_hash] = self._compare(judged_by.rules_of(self.connection, contract_hash))
        return self.known[contract_hash]

    def _compare(self, before: Mapping[str, Mapping[str, Any]]) -> tuple[list[str], dict[str, set[int]]]:
        for_all: list[str] = []
        for_some: dict[str, set[int]] = {}
        for code in sorted(({*before, *self.today}) - {ERASED}):
            old, new = before.get(code), self.today.get(code)
            if old is None:
                for_all.append(f"the rule {code} is new")
            elif new is None:
                for_some[f"the rule {code} is gone"] = judged_by.told_of(self.connection, self.entity, [code])
            elif any(old[key] != new[key] for key in ("predicate", "on_fail", "scope", "unique_columns")):
                for_all.append(f"the rule {code} is another")
            elif old != {key: new[key] for key in old}:
                for_some[f"the rule {code} is told otherwise"] = judged_by.told_of(self.connection, self.entity, [code])
        return for_all, for_some
