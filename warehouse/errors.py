"""The one error that a user is meant to read."""


class SluiceError(Exception):
    """Something that the user can mend: one paragraph that says what was seen, where, and what to do."""
