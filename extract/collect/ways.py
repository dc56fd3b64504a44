"""The ways of arrival by their names in YAML: those of the house, and those of installed plugins."""

from functools import cache
from importlib.metadata import entry_points
from pkgutil import resolve_name
from typing import Any

from pydantic import BaseModel, ValidationError

GROUP = "sluice.collect"
OURS = {
    "drop": "extract.collect.drop:Drop",
    "gather": "extract.collect.gather:Gather",
    "seed": "extract.collect.seed:Seed",
    "http": "extract.collect.http:OverHttp",
    "sheet": "extract.collect.sheet:Sheets",
    "api": "extract.collect.api:FromApi",
    "listing": "extract.collect.listing:Listed",
}


@cache
def plugins() -> dict[str, Any]:
    """The entry points of installed plugins, by name; a name of ours stays ours."""
    return {found.name: found for found in entry_points(group=GROUP) if found.name not in OURS}


def names() -> list[str]:
    """All the ways there are."""
    return [*OURS, *sorted(plugins())]


def way(name: str) -> Any:
    """The class of a way."""
    return resolve_name(OURS[name]) if name in OURS else plugins()[name].load()


def declared(name: str, says: Any) -> BaseModel:
    """A plugin's declaration, as its class wants it. ValueError where there is no such way, or a key is wrong."""
    if name not in plugins():
        raise ValueError(f"there is no way of arrival {name!r}; there are {', '.join(names())}")
    try:
        model: BaseModel = way(name).Declaration.model_validate(says)
    except ValidationError as error:
        problem = error.errors()[0]
        raise ValueError(f"{'.'.join([name, *map(str, problem['loc'])])}: {problem['msg']}") from None
    return model
