"""Regular expressions in declarations: they are PostgreSQL's, and a faulty one is refused before any data moves."""

import re

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from warehouse.connection import transaction
from warehouse.errors import SluiceError


class PatternError(SluiceError):
    """A pattern that cannot be used."""


def refuse_odd(place: str, pattern: str) -> None:
    """Raise PatternError for what is no regular expression in any dialect; no database is asked."""
    try:
        re.compile(re.sub(r"(?<!\\)((?:\\\\)*)\\[mMyYAZ]", r"\1", pattern))
    except (re.error, OverflowError) as error:
        raise PatternError(f"{place}: not a regular expression: {error}.") from error


def refuse_unusable(place: str, pattern: str, replacement: str = "") -> None:
    """Raise PatternError for a pattern that PostgreSQL cannot use."""
    asked = text("select regexp_replace('', :pattern, :replacement, 'g')")
    try:
        with transaction() as connection:
            connection.execute(asked, {"pattern": pattern, "replacement": replacement})
    except DBAPIError as error:
        told = getattr(getattr(error.orig, "diag", None), "message_primary", None) or "it cannot be used"
        raise PatternError(f"{place}: {told}. Patterns are PostgreSQL's, not Python's.") from error
