"""Days in URLs and parameters: {today}, {since} and {date}, each also with a format: {date:%Y%m%d}. And {key}, of
an API that is asked key by key."""

import re
from datetime import date

from warehouse.errors import SluiceError

PLACEHOLDER = re.compile(r"\{([a-z]+)(?::([^{}]+))?\}")
NAMES = ("today", "since", "date")
KEY = "key"


def refuse_unknown(text: str) -> str:
    """The text itself; ValueError where a placeholder in it is none of ours."""
    for found in PLACEHOLDER.finditer(text):
        if found[1] not in (*NAMES, KEY):
            raise ValueError(f"there is no {found[0]}; there are {{today}}, {{since}} and {{date}}")
    return text


def asks_for(name: str, *texts: object) -> bool:
    """Whether {name} stands in one of the texts."""
    return any(found[1] == name for text in texts for found in PLACEHOLDER.finditer(str(text)))


def filled(text: str, days: dict[str, date | None]) -> str:
    """The text with its days, ISO 8601 where no format is said."""

    def day(found: re.Match[str]) -> str:
        if found[1] == KEY:
            return found[0]
        value = days.get(found[1])
        if value is None:
            raise SluiceError(f"{found[0]} has no value yet: nothing was delivered. Declare `since: 2020-01-01`.")
        return value.strftime(found[2] or "%Y-%m-%d")

    return PLACEHOLDER.sub(day, text)
