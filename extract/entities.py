"""Entities: what rows are about, as the YAML beside each judged model declares it."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from extract.feeds import FeedError
from warehouse.settings import settings


class Parent(NamedTuple):
    """What an entity is a part of, and the columns of both that say so."""

    entity: str
    on: tuple[str, ...]


@cache
def key_columns(entity: str) -> tuple[str, ...]:
    """The columns that identify a row of an entity within a feed."""
    file = settings().dbt_project / "models" / "judged" / f"judged_{entity}.yml"
    key = _meta(file, entity).get("key")
    if not key:
        raise FeedError(
            f"{file}: models.judged_{entity}.config.meta.key: missing; name the columns of the natural key."
        )
    return tuple(key)


def numbered_by(entity: str) -> tuple[str, str]:
    """The columns of an entity's organisation and reference, for which its numbers are minted."""
    file = settings().dbt_project / "models" / "judged" / f"judged_{entity}.yml"
    numbers = _meta(file, entity).get("numbers")
    if not numbers:
        raise FeedError(
            f"{file}: models.judged_{entity}.config.meta.numbers: missing; {entity} has no numbers until it says"
            " numbers: {organisation: <column>, reference: <column>}."
        )
    return numbers["organisation"], numbers["reference"]


def parent(entity: str) -> Parent | None:
    """The parent of an entity, if its judged model declares one."""
    file = settings().dbt_project / "models" / "judged" / f"judged_{entity}.yml"
    found = _meta(file, entity).get("parent")
    if found is None:
        return None
    if not isinstance(found, dict) or set(found) != {"entity", "on"} or not found["on"]:
        raise FeedError(
            f"{file}: models.judged_{entity}.config.meta.parent: write parent: {{entity: ..., 'on': [columns]}};"
            " YAML reads an `on` without quotes as true."
        )
    return Parent(found["entity"], tuple(found["on"]))


def parents_first(entities: Sequence[str]) -> list[str]:
    """The entities, each after its parent: a child is published where its parent is. Raises FeedError for a circle."""
    ordered: list[str] = []

    def place(entity: str, below: tuple[str, ...] = ()) -> None:
        if entity in below:
            raise FeedError(f"{' is a part of '.join([*below, entity])}: an entity cannot be a part of itself.")
        above = parent(entity)
        if above and above.entity in entities:
            place(above.entity, (*below, entity))
        if entity not in ordered:
            ordered.append(entity)

    for entity in entities:
        place(entity)
    return ordered


@cache
def classes(entity: str) -> dict[str, str]:
    """The PII class of each column of an entity."""
    file = settings().dbt_project / "models" / "judged" / f"judged_{entity}.yml"
    columns = _model(file, entity).get("columns") or []
    return {column["name"]: column["config"]["meta"]["pii"] for column in columns}


def _meta(file: Path, entity: str) -> dict[str, Any]:
    return dict((_model(file, entity).get("config") or {}).get("meta") or {})


def _model(file: Path, entity: str) -> dict[str, Any]:
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FeedError(f"{file} is missing; it declares the entity {entity}.") from None
    models = {model["name"]: model for model in document.get("models", [])}
    return dict(models.get(f"judged_{entity}") or {})
