"""Entities: what rows are about, as the YAML beside each judged model declares it."""

from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from extract.classes import has_token, known
from extract.feeds import Column, FeedError, refuse_unclassed
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
def export_by(entity: str) -> str | None:
    """The column whose values an entity's exports have files of their own for, or None."""
    by = _meta(settings().dbt_project / "models" / "judged" / f"judged_{entity}.yml", entity).get("export_by")
    return str(by) if by else None


@cache
def classes(entity: str) -> dict[str, str]:
    """The PII class of each column of an entity."""
    file = settings().dbt_project / "models" / "judged" / f"judged_{entity}.yml"
    columns = _model(file, entity).get("columns") or []
    return {column["name"]: column["config"]["meta"]["pii"] for column in columns}


def column_types(entity: str) -> list[tuple[str, str, bool]]:
    """Each column of an entity with its type, and whether a change of it makes a version; and the key's columns."""
    file = settings().dbt_project / "models" / "judged" / f"judged_{entity}.yml"
    columns = _model(file, entity).get("columns") or []
    declared = [(c["name"], c["data_type"], c["config"]["meta"].get("tracked", True)) for c in columns]
    return [*declared, *((name, "key", True) for name in key_columns(entity))]


@cache
def optional_columns(entity: str) -> tuple[str, ...]:
    """The columns of an entity whose value is left out, and told, where it cannot be parsed: the row goes on."""
    file = settings().dbt_project / "models" / "judged" / f"judged_{entity}.yml"
    columns = _model(file, entity).get("columns") or []
    return tuple(column["name"] for column in columns if column["config"]["meta"].get("optional"))


def needs_approval(entity: str) -> bool:
    """Whether a person looks at each publication of an entity before consumers see it: `needs_approval: true`."""
    file = settings().dbt_project / "models" / "judged" / f"judged_{entity}.yml"
    return _meta(file, entity).get("needs_approval") is True


def check(entity: str) -> None:
    """Refuse a column of an entity without a class, with one that there is not, or classed none though its name says
    otherwise; and a type that was cut at a comma."""
    project = settings().dbt_project
    file = project / "models" / "judged" / f"judged_{entity}.yml"
    for column in _model(file, entity).get("columns") or []:
        data_type = str(column.get("data_type"))
        if data_type.count("(") != data_type.count(")"):
            raise FeedError(
                f"{file}: models.judged_{entity}.columns.{column['name']}.data_type: {data_type!r} lacks a bracket."
                " Within braces YAML ends a value at a comma: write it in quotes, data_type: 'numeric(9,1)'."
            )
        meta = (column.get("config") or {}).get("meta") or {}
        place = f"{file}: models.judged_{entity}.columns.{column['name']}.config.meta.pii"
        if meta.get("pii") not in known(project):
            wrong = f"there is no PII class {meta['pii']}" if meta.get("pii") else f"{column['name']} has no PII class"
            remedy = "write `config: {meta: {pii: ...}}` with one of " + ", ".join(known(project))
            raise FeedError(f"{place}: {wrong}; {remedy}.")
        declared = Column(name=column["name"], headers=(), required=False, pii=meta["pii"], why=meta.get("why"))
        refuse_unclassed(place, declared, project)


def unclassed_texts(entity: str) -> list[str]:
    """The text columns of an entity that are classed none, without saying why."""
    file = settings().dbt_project / "models" / "judged" / f"judged_{entity}.yml"
    found = []
    for column in _model(file, entity).get("columns") or []:
        meta = column["config"]["meta"]
        if meta["pii"] == "none" and not meta.get("why") and column.get("data_type") == "text":
            found.append(column["name"])
    return found


def personal_columns(entity: str) -> list[str]:
    """The columns of an entity that history holds masked."""
    return [name for name, pii in classes(entity).items() if pii != "none"]


def open_key(entity: str) -> tuple[str, ...]:
    """The key columns of an entity, where none of them is personal; else none."""
    key = key_columns(entity)
    return key if all(classes(entity)[name] == "none" for name in key) else ()


def erased_policy(entity: str) -> str:
    """What becomes of a row that brings an erased person back: `stop` (to quarantine) or `flag` (taken, and noted)."""
    file = settings().dbt_project / "models" / "judged" / f"judged_{entity}.yml"
    policy = str(_meta(file, entity).get("erased", "stop"))
    if policy not in ("stop", "flag"):
        raise FeedError(f"{file}: models.judged_{entity}.config.meta.erased: write stop or flag (it says {policy!r}).")
    return policy


def token_columns(entity: str) -> list[str]:
    """The columns of an entity's dimension that hold tokens."""
    return [f"{name}_token" for name, pii in classes(entity).items() if has_token(pii)]


def _meta(file: Path, entity: str) -> dict[str, Any]:
    return dict((_model(file, entity).get("config") or {}).get("meta") or {})


def _model(file: Path, entity: str) -> dict[str, Any]:
    try:
        state = file.stat()
    except FileNotFoundError:
        raise FeedError(f"{file} is missing; it declares the entity {entity}.") from None
    models = {model["name"]: model for model in _document(file, state.st_mtime_ns, state.st_size).get("models", [])}
    return dict(models.get(f"judged_{entity}") or {})


@lru_cache(maxsize=512)
def _document(file: Path, changed_at: int, size: int) -> dict[str, Any]:  # noqa: ARG001  (another state is another text)
    """A file as it is, read once: a run asks for it a hundred times."""
    return dict(yaml.safe_load(file.read_text(encoding="utf-8")) or {})
