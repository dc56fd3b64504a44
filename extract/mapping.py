"""Names of columns by scope: the vendor's, a feed's, and those of single files. For each column the narrowest scope
that names it counts, and the wider ones do not."""

import re
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from extract.collect.declared import Pattern
from extract.headers import DatedHeader
from extract.read import Hints, name_key

if TYPE_CHECKING:
    from extract.feeds import Column, Feed


def dated(headers: Any) -> Any:
    """Header names as they are declared: one, or several, each alone or with its days."""
    listed = [headers] if isinstance(headers, str | dict) else headers
    if not isinstance(listed, list | tuple):
        return listed
    return tuple({"name": header} if isinstance(header, str) else header for header in listed)


class SomeFiles(BaseModel):
    """What holds for files whose name is found by a pattern, or that speak of certain days, and for no others: names of
    columns, and hints for the reader beside the feed's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Pattern = Field(default="", description="Is looked for in the file's name.")
    since: date | None = Field(default=None, alias="from")
    until: date | None = None
    headers: Mapping[str, tuple[DatedHeader, ...]] = {}
    format: Mapping[str, Any] = {}

    @field_validator("headers", mode="before")
    @classmethod
    def _each_with_its_days(cls, says: Any) -> Any:
        return {column: dated(headers) for column, headers in says.items()} if isinstance(says, dict) else says

    @field_validator("format")
    @classmethod
    def _hints(cls, says: Mapping[str, Any]) -> Mapping[str, Any]:
        Hints.model_validate(says)
        return says

    @model_validator(mode="after")
    def _says_which_and_what(self) -> "SomeFiles":
        if not (self.name or self.since or self.until):
            raise ValueError("say which files: a pattern for their name, or from and until, the days they speak of")
        if not (self.headers or self.format):
            raise ValueError("say what holds for them: headers, or format")
        return self

    def holds(self, name: str, day: date) -> bool:
        """Whether a file of that name and day is one of them."""
        since, until = self.since or date.min, self.until or date.max
        return re.search(self.name, name) is not None and since <= day < until

    def told(self) -> str:
        """Which files they are, for a person."""
        days = [f"from {self.since}"] if self.since else []
        days += [f"until {self.until}"] if self.until else []
        return ", ".join([*([repr(self.name)] if self.name else []), *days])


def special(feed: "Feed", name: str, day: date) -> SomeFiles | None:
    """The first of a feed's `files` that a file of that name and day belongs to; None for a usual file."""
    return next((some for some in feed.files if some.holds(name, day)), None)


def narrowed(feed: "Feed", some: SomeFiles | None) -> "Feed":
    """The feed with what holds for some of its files; or, with None, for the usual ones."""
    if some is None:
        return feed.model_copy(update={"files": ()})
    hints = Hints.model_validate({**feed.format.model_dump(exclude_unset=True), **some.format})
    columns = tuple(
        column.model_copy(update={"dated": some.headers[column.name], "scope": "file"})
        if column.name in some.headers
        else column
        for column in feed.columns
    )
    return feed.model_copy(update={"columns": columns, "format": hints, "files": ()})


def used(feed: "Feed", some: SomeFiles | None, columns: Mapping[str, str]) -> dict[str, Any]:
    """What is kept with a delivery: the name of each column in the file and the scope that knows it, and which files'
    own declaration was used. `columns`: staging column -> its name there."""
    scopes = {column.name: column.scope for column in feed.columns}
    told = {name: {"header": header, "scope": scopes[name]} for name, header in columns.items()}
    return {"columns": told, **({"files": some.told()} if some else {})}


def column_names(vendor: Mapping[str, Any], column: Mapping[str, Any], name: Any) -> dict[str, Any]:
    """`headers` and `scope` of a column: the feed's, where it has any; else the vendor's; else its own name."""
    if "headers" in column:
        return {"headers": column["headers"], "scope": "feed"}
    if name in vendor:
        return {"headers": vendor[name], "scope": "vendor"}
    return {"headers": [name], "scope": "name"}


def every_name(feed: "Feed", column: "Column") -> tuple[str, ...]:
    """Every name that a column has had, in whichever file."""
    names = [header.name for header in column.dated]
    names += [header.name for some in feed.files for header in some.headers.get(column.name, ())]
    return tuple(dict.fromkeys(names))


def every_header(feed: "Feed") -> tuple[tuple[str, ...], ...]:
    """For each column every name that it has had, for finding a header whose day is not known: a name that has meant
    several columns goes to the first."""
    seen: set[str] = set()
    found = []
    for column in feed.columns:
        names = [name for name in every_name(feed, column) if name_key(name) not in seen]
        seen.update(map(name_key, names))
        found.append(tuple(names))
    return tuple(found)
