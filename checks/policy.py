"""What a contract says of a rule beside its predicate: code, message, and what becomes of a row that breaks it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from checks.document import Check, ContractError

WORDS: Mapping[str, tuple[str, ...]] = {
    "on_fail": ("quarantine", "warn", "refuse"),
    "severity": ("error", "critical", "warning", "info"),
    "responsible": ("vendor", "us"),
}
KEYS = ("code", "message", "column", *WORDS)
CODE = re.compile(r"[A-Za-z0-9_]+")
# Given by the split itself.
RESERVED = ("key_missing", "key_repeated", "mapping_error")


@dataclass(frozen=True)
class Policy:
    """How a rule is told and what it leads to."""

    code: str
    message: str
    column: str | None
    on_fail: str
    severity: str
    responsible: str


def policies(file: Path, checks: list[Check]) -> dict[str, Policy]:
    """The policy of each row rule by its code. Raises ContractError at the first thing that cannot be used."""
    found: dict[str, Policy] = {}
    lines: dict[str, int] = {}
    for check in checks:
        refuse_unknown_attributes(file, check)
        policy = _policy(file, check)
        if policy.code in found:
            raise ContractError(
                f"{file}:{check.line_of('code')}: the code {policy.code!r} stands at two checks, the first on line"
                f" {lines[policy.code]}; a vendor is told codes, give each its own."
            )
        found[policy.code], lines[policy.code] = policy, check.line_of("code")
    return found


def refuse_unknown_attributes(file: Path, check: Check) -> None:
    """Raise ContractError for an attribute that nothing reads: `on_fial: refuse` would hold nothing back."""
    for key, value in check.attributes.items():
        if key not in KEYS:
            raise ContractError(
                f"{file}:{check.attributes.lines[key]}: attributes.{key}: there is no such attribute"
                f"{_meant(str(key), KEYS)}. There are {', '.join(KEYS)}."
            )
        if key in WORDS and value not in WORDS[key]:
            raise ContractError(
                f"{file}:{check.attributes.lines[key]}: attributes.{key}: {value!r} is no such policy"
                f"{_meant(str(value), WORDS[key])}. Write one of {', '.join(WORDS[key])}."
            )


def _policy(file: Path, check: Check) -> Policy:
    attributes = check.attributes
    for needed in ("code", "message"):
        if not attributes.get(needed):
            raise ContractError(
                f"{file}:{check.line}: the check {check.body.get('name') or check.kind!r}: attributes.{needed} is"
                " missing; bad rows are returned with it."
            )
    if not isinstance(attributes["message"], str):
        raise ContractError(f"{file}:{check.line_of('message')}: attributes.message is a text; write one sentence.")
    code = str(attributes["code"])
    if not CODE.fullmatch(code):
        raise ContractError(
            f"{file}:{check.line_of('code')}: the code {code!r} may hold letters, digits and _ only; mend it."
        )
    if code in RESERVED:
        raise ContractError(f"{file}:{check.line_of('code')}: the code {code!r} is the split's own; choose another.")
    column = attributes.get("column") or check.column
    on_fail = attributes.get("on_fail", "quarantine")
    severity = attributes.get("severity", "warning" if on_fail == "warn" else "error")
    return Policy(code, attributes["message"], column, on_fail, severity, attributes.get("responsible", "vendor"))


def _meant(word: str, known: tuple[str, ...]) -> str:
    close = get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]}" if close else ""
