"""Entities: what rows are about, as the YAML beside each judged model declares it."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from extract.feeds import FeedError
from warehouse.settings import settings


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


@cache
def classes(entity: str) -> dict[str, str]:
    """The PII class of each column of an entity."""
    file = settings().dbt_project / "models" / "judged" / f"judged_{entity}.yml"
    columns = _model(file, entity).get("columns") or []
    return {column["name"]: column["config"]["meta"]["pii"] for column in columns}


@cache
def optional_columns(entity: str) -> tuple[str, ...]:
    """The columns of an entity whose value is left out, and told, where it cannot be parsed: the row goes on."""
    file = settings().dbt_project / "models" / "judged" / f"judged_{entity}.yml"
    columns = _model(file, entity).get("columns") or []
    return tuple(column["name"] for column in columns if column["config"]["meta"].get("optional"))


def _meta(file: Path, entity: str) -> dict[str, Any]:
    return dict((_model(file, entity).get("config") or {}).get("meta") or {})


def _model(file: Path, entity: str) -> dict[str, Any]:
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FeedError(f"{file} is missing; it declares the entity {entity}.") from None
    models = {model["name"]: model for model in document.get("models", [])}
    return dict(models.get(f"judged_{entity}") or {})
