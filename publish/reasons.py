"""A reason in words: the rule, the vendor's columns that it speaks of beside ours, and what would be right."""

from collections.abc import Mapping
from typing import Any


def in_words(reason: Mapping[str, Any], *, with_value: bool = False) -> str:
    """`license_missing, Agency Number (license_number): Every provider has one.`

    with_value: what stands there, too, masked by its class.
    """
    return f"{reason['code']}{_where(reason, with_value)}: {reason['message']}"


def _where(reason: Mapping[str, Any], with_value: bool) -> str:
    column, headers = reason.get("column"), reason.get("headers") or ()
    if not column:
        return ""
    theirs = ", ".join(headers)
    same = [header.lower().replace(" ", "_") for header in headers] == [column]
    named = (theirs if same else f"{theirs} ({column})") if theirs else column
    value = reason.get("value") if with_value else None
    return f", {named}" + (f" {value!r}" if value is not None else "")
