"""Templates: the one door to Jinja2. What is put in is escaped; an unknown name is an error."""

from datetime import date, datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def render(template: str, **values: Any) -> str:
    """A template of publish/templates with its values."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("publish"),
        autoescape=lambda name: ".txt" not in str(name),  # noqa: S701  (all but plain text is escaped)
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"number": number, "percent": percent, "day": day, "moment": moment, "words": words}
    environment.tests["big"] = lambda value: value >= 10_000
    return environment


def number(value: float | None) -> str:
    """`12,345`; a dash for what is not known."""
    return "–" if value is None else f"{value:,.0f}"  # noqa: RUF001  (an en dash on purpose)


def percent(share: float) -> str:
    """`3.4 %`, and never 0 % of something that is there, nor 100 % where something is missing."""
    if 0 < share < 0.0005:
        return "< 0.1 %"
    if 0.9995 <= share < 1:
        return "> 99.9 %"
    return f"{share:.1%}".replace("%", " %").replace(".0 ", " ")


def day(value: date | datetime) -> str:
    """`5 January 2026`"""
    return f"{value.day} {value:%B %Y}"


def moment(value: datetime) -> str:
    """`5 Jan 2026, 14:02 UTC`"""
    return f"{value.day} {value:%b %Y, %H:%M} UTC"


def words(code: str) -> str:
    """`size_unparsed` as words."""
    return code.replace("_", " ")
