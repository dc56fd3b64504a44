"""Skip patterns: records that are no data, by what stands in a column or in the whole record. They are staged like
others, and left out when they are judged: counted in the account, and listed in ledger.skipped."""

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field

from extract.patterns import PatternError, refuse_odd, refuse_unusable


class Skip(BaseModel):
    """Records in which `pattern` is found are no data: in the cell of `column`, or, without one, in all of the record's
    cells, joined by commas in the order in which the feed declares its columns, undeclared ones behind them. A record
    of one line that could not be split into the header's cells is asked as it stands in the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pattern: str = Field(min_length=1)
    why: str = Field(min_length=1)
    column: str | None = None


def refuse_unknown(place: str, skips: Iterable[Skip], columns: set[str]) -> None:
    """Raise PatternError for a column that the feed has not, or a pattern that is none."""
    for number, skip in enumerate(skips):
        here = f"{place}.skip[{number}]"
        if skip.column is not None and skip.column not in columns:
            raise PatternError(
                f"{here}.column: the feed has no column {skip.column!r}; it has {', '.join(sorted(columns))}."
            )
        refuse_odd(f"{here}.pattern", skip.pattern)


def check(feed: str, skips: Iterable[Skip]) -> None:
    """Raise PatternError for a pattern that PostgreSQL cannot use."""
    for number, skip in enumerate(skips):
        refuse_unusable(f"{feed}: config.meta.skip[{number}].pattern", skip.pattern)
