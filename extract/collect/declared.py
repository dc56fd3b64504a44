"""What a feed may declare of each way of arrival: the models below `arrives:`."""

import re
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from extract.collect.dates import KEY, asks_for, refuse_unknown
from extract.collect.references import REFERENCE, SECRET_PARAMETER


class Declaration(BaseModel):
    """Frozen, and no key but those declared. The base for plugins, too."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("a URL begins with https:// (or http://) and a host")
    if parts.username or parts.password:
        raise ValueError("no user or password in a URL: say `credentials: {send: basic, reference: env:NAME}`")
    if secret := [name for name, _ in parse_qsl(parts.query) if SECRET_PARAMETER.search(name)]:
        raise ValueError(
            f"no secret in a URL: say `credentials: {{send: query, name: {secret[0]}, reference: env:NAME}}`"
        )
    return refuse_unknown(url)


def _url_without_key(url: str) -> str:
    if asks_for(KEY, url):
        raise ValueError("{key} is for `api` with `each`")
    return _url(url)


def _pattern(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    return pattern


def below(pattern: str) -> str:
    """A drop pattern that stays below the drop folder, or in its bucket."""
    path = pattern.removeprefix("s3://")
    if path.startswith("/") or ".." in Path(path).parts:
        raise ValueError("the pattern must stay below the drop folder: no leading / and no ..")
    return pattern


Url = Annotated[str, AfterValidator(_url_without_key)]
Pattern = Annotated[str, AfterValidator(_pattern)]


class Credentials(Declaration):
    """A secret by reference, and how it is sent. `basic`: the reference holds user:password."""

    send: Literal["bearer", "basic", "header", "query"]
    reference: str
    name: str | None = Field(default=None, description="Of the header or the query parameter.")

    @field_validator("reference")
    @classmethod
    def names_it(cls, reference: str) -> str:
        if not REFERENCE.fullmatch(reference):
            raise ValueError("write env:NAME or block:name, never the secret itself")
        return reference

    @model_validator(mode="after")
    def is_named(self) -> Self:
        if (self.name is not None) != (self.send in ("header", "query")):
            raise ValueError("`name` is for `send: header` and `send: query`, and needed there")
        return self


class Request(Declaration):
    """What every way over HTTP has."""

    credentials: Credentials | None = None
    headers: dict[str, str] = {}
    rate: float | None = Field(default=None, gt=0, description="Requests a second, at most.")
    volatile: tuple[Pattern, ...] = Field(
        default=(), description="What changes although nothing is new; found within a line."
    )

    @field_validator("headers")
    @classmethod
    def hold_no_secret(cls, headers: dict[str, str]) -> dict[str, str]:
        for name in headers:
            if SECRET_PARAMETER.search(name) or name.lower() in ("cookie", "proxy-authorization"):
                raise ValueError(f"{name}: no secret in YAML: say `credentials: {{send: header, name: {name}, ...}}`")
        return headers


class Http(Request):
    """One URL; with {date} in it, one for each day."""

    url: Url
    lag: int = Field(default=0, ge=0, description="The newest day that {date} asks for is so many days ago.")


class Sheet(Declaration):
    """A published Google Sheet: `id` from its address, `gid` of the tab."""

    id: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    gid: int = Field(default=0, ge=0)
    volatile: tuple[Pattern, ...] = ()


class Pages(Declaration):
    """How an API is paged. `page`, `offset`: the parameter counts on until a page has no record. `cursor`: what stands
    at `next` in the answer is sent as the parameter, or asked for where it is a URL. `link`: the Link header."""

    by: Literal["page", "offset", "cursor", "link"]
    parameter: str | None = None
    first: int | None = Field(default=None, description="The first page (1) or offset (0).")
    next: str | None = Field(default=None, description="Where the cursor stands in the answer: meta.next.")

    @model_validator(mode="after")
    def is_complete(self) -> Self:
        if self.by in ("page", "offset") and not self.parameter:
            raise ValueError(f"`by: {self.by}` needs `parameter`, the name of what is counted on")
        if (self.by == "cursor") != (self.next is not None):
            raise ValueError("`next` says where the cursor stands, for `by: cursor`, and is needed there")
        return self


class Each(Declaration):
    """Keys that are asked for one by one: the values of a column of a published relation. None is asked for again
    before so many days, whatever the answer."""

    of: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="A relation of the schema published.")
    column: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    most: int = Field(default=100, gt=0, description="Keys in one run.")
    again_after: float = Field(default=30, gt=0, description="Days.")


def _api_url(url: str) -> str:
    return refuse_unknown(url) if url.startswith("/") else _url(url)


class Api(Request):
    """A JSON endpoint, all of whose records become the lines of one file. With `base`, the environment variable
    `env:NAME` has the beginning of its address; while it is not set, nothing is asked."""

    url: Annotated[str, AfterValidator(_api_url)]
    base: str | None = Field(default=None, pattern=r"^env:[A-Za-z_][A-Za-z0-9_]*$")
    each: Each | None = Field(default=None, description="Asked for each key; {key} stands in the URL.")
    params: dict[str, str | int | float | bool] = {}
    records: str = Field(default=".", description="Where the list of records is: data.items; `.`: the answer itself.")
    pages: Pages | None = None
    since: date | None = Field(default=None, description="What {since} is before the first delivery.")
    lag: int = Field(default=0, ge=0, description="The newest day that {date} asks for is so many days ago.")

    @field_validator("params")
    @classmethod
    def name_no_secret(cls, params: dict[str, str | int | float | bool]) -> dict[str, str | int | float | bool]:
        for name, value in params.items():
            if SECRET_PARAMETER.search(name) and "cursor" not in name and not name.lower().startswith("page"):
                raise ValueError(f"{name}: no secret in YAML: say `credentials: {{send: query, name: {name}, ...}}`")
            refuse_unknown(str(value))
        return params

    @model_validator(mode="after")
    def is_whole(self) -> Self:
        if (self.base is not None) != self.url.startswith("/"):
            raise ValueError("an url that begins with / goes on behind `base: env:NAME`, and no other")
        if (self.each is not None) != asks_for(KEY, self.url, *self.params.values()):
            raise ValueError("{key} in the url or a parameter is what `each` puts there: say both, or neither")
        if self.each and (self.pages or not self.rate):
            raise ValueError("`each` needs `rate`, requests a second that its source bears, and has no `pages`")
        return self


class Index(Declaration):
    """A listing in JSON: where its records are, the field with the link, and those that tell a new content."""

    records: str = "."
    link: str = "url"
    mark: tuple[str, ...] = ("etag", "size", "modified", "date")


class Listing(Request):
    """A page of links, or an index in JSON; each file that `files` or `pattern` fits is a delivery."""

    url: Url
    files: str | None = Field(default=None, description="A glob over the file's name.")
    pattern: Pattern | None = Field(default=None, description="A regular expression; its group `date` is the day.")
    date_format: str = "%Y-%m-%d"
    index: Index | None = None

    @model_validator(mode="after")
    def says_which(self) -> Self:
        if (self.files is None) == (self.pattern is None):
            raise ValueError(
                "say which files are meant: either `files` (things-*.csv) or `pattern` (things-(?P<date>...))"
            )
        return self
