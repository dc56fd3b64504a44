"""The one error that a user is meant to read."""


def printable(text: str) -> str:
    """The text on one line, with escapes for what would move a terminal's cursor or cannot be printed (\\n, \\x1b)."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class SluiceError(Exception):
    """Something that the user can mend: one paragraph that says what was seen, where, and what to do."""
