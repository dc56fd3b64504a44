"""The one error that a user is meant to read, and what no error may tell."""

import re


def printable(text: str) -> str:
    """The text on one line, with escapes for what would move a terminal's cursor or cannot be printed (\\n, \\x1b)."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class SluiceError(Exception):
    """Something that the user can mend: one paragraph that says what was seen, where, and what to do."""


# PostgreSQL quotes rows: in DETAIL (Key (email)=(...)), in CONTEXT (COPY things, line 7, column email: ...), in LINE,
# and in the message itself where a value does not fit its type. dbt, Soda and SQLAlchemy hand that on.
QUOTING = re.compile(r"^\s*(DETAIL|CONTEXT|HINT|LINE \d+|QUERY|STATEMENT)\b.*(?:\n(?!\s*$).*)*", re.MULTILINE)
VALUE = re.compile(
    r"(invalid (?:input )?(?:syntax|value|byte sequence)[^\n]*?:? |value |out of range[^\n]*?: |malformed \w+ literal: "
    r"|time zone )\"[^\n]*\""
)


def without_values(text: str) -> str:
    """The text without the passages in which PostgreSQL quotes rows."""
    return VALUE.sub(r'\1"..."', QUOTING.sub("", text)).rstrip()
