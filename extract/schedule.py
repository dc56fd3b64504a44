"""When a feed is collected: as its vendor's YAML declares it, whatever carries it out."""

import re
from datetime import timedelta
from functools import cache
from typing import Annotated, Any, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, model_validator

# The five fields of a cron line, and what their numbers may be.
FIELDS = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 7)}
NAMES = re.findall("...", "janfebmaraprmayjunjulaugsepoctnovdecsunmontuewedthufrisat")
PART = re.compile(r"(\*|(?P<low>\w+)(-(?P<high>\w+))?)(/(?P<step>[1-9]\d*))?", re.ASCII)
UNITS = {"minute": 60, "hour": 3600, "day": 86400, "week": 604800}
SHORTEST = timedelta(minutes=1)


def cron_line(line: str) -> str:
    """The cron line with single spaces; ValueError says which of its five fields cannot be read."""
    fields = line.split()
    if len(fields) != len(FIELDS):
        raise ValueError(f"a cron line has five fields ({', '.join(FIELDS)}), and {line!r} has {len(fields)}")
    for value, (name, (low, high)) in zip(fields, FIELDS.items(), strict=True):
        if not all(_fits(part, low, high) for part in value.split(",")):
            raise ValueError(f"the field {name} of {line!r} is {value!r}; write *, {low}-{high}, lists or steps of it")
    return " ".join(fields)


def _fits(part: str, low: int, high: int) -> bool:
    found = PART.fullmatch(part.lower())
    numbers = [found["low"], found["high"]] if found else []
    return bool(found) and all(n in NAMES or (n.isdigit() and low <= int(n) <= high) for n in numbers if n)


def period(text: Any) -> Any:
    """`30 minutes` as a timedelta; what is none already is left to pydantic."""
    found = re.fullmatch(r"(\d+) (minute|hour|day|week)s?", str(text).strip())
    return timedelta(seconds=int(found[1]) * UNITS[found[2]]) if found else text


def _long_enough(every: timedelta) -> timedelta:
    if every < SHORTEST:
        raise ValueError("write a number and minutes, hours, days or weeks: every: 30 minutes")
    return every


@cache
def _zones() -> set[str]:
    """All 600 time zones: their files are listed anew at each call, 10 ms, and each feed names one."""
    return available_timezones()


def known_zone(zone: str) -> str:
    """A time zone's name; ValueError where there is none of that name."""
    if zone not in _zones():
        raise ValueError(f"{zone!r} is no time zone; write one like 'UTC' or 'America/Chicago'")
    return zone


class Schedule(BaseModel):
    """`cron` or `every`, one of the two. `timezone` is where the cron line's clock hangs; unset: the feed's zone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cron: Annotated[str, AfterValidator(cron_line)] | None = None
    every: Annotated[timedelta, BeforeValidator(period), AfterValidator(_long_enough)] | None = None
    timezone: Annotated[str, AfterValidator(known_zone)] | None = None
    paused: bool = False

    @model_validator(mode="after")
    def one_of_two(self) -> Self:
        """A feed has one rhythm."""
        if (self.cron is None) == (self.every is None):
            raise ValueError("write either cron: '10 6 * * *' or every: 30 minutes")
        return self
