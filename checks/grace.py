"""Grace for a value: of a column that its entity's YAML calls optional, what cannot be parsed is left out."""

from collections.abc import Sequence
from dataclasses import replace

from warehouse.runs import Rule


def code_of(column: str) -> str:
    """The code under which an unparsed value of a column is told."""
    return f"{column}_unparsed"


def with_grace(rules: tuple[Rule, ...], optional: Sequence[str]) -> tuple[Rule, ...]:
    """The rules where unparsed values of optional columns only warn: a contract's own rule about that is kept with its
    message, and where it has none there is one all the same, so that nothing is left out in silence."""
    graced = {code_of(column): column for column in optional}
    kept = [replace(rule, on_fail="warn", severity="warning") if rule.code in graced else rule for rule in rules]
    told = {rule.code for rule in rules}
    return (*kept, *(_rule(code, column) for code, column in graced.items() if code not in told))


def _rule(code: str, column: str) -> Rule:
    return Rule(
        code=code,
        column_name=column,
        message=f"The value for {column} cannot be read; it was left out, and the row was taken.",
        predicate=f"jsonb_exists(_unparsed, '{column}')",
        on_fail="warn",
        severity="warning",
    )
