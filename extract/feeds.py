"""Feeds: what the vendors' YAML files declare, as frozen models. Errors name file, key and remedy."""

import hashlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo, available_timezones

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from extract.read import Hints, name_key
from warehouse.errors import SluiceError
from warehouse.settings import settings

PiiClass = Literal[
    "email",
    "phone",
    "person_name",
    "street_address",
    "date_of_birth",
    "government_id",
    "ip",
    "free_text",
    "none",
]
PII_CLASSES: tuple[str, ...] = get_args(PiiClass)
SECRET_KEY = re.compile(r"pass(word|phrase)?$|secret|token$|api_?key|private_?key|credential_?value", re.IGNORECASE)
SECRET_VALUE = re.compile(r"AKIA[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY|://[^/\s:@]+:[^/\s@]+@")
IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")
LONGEST_IDENTIFIER = 63  # PostgreSQL cuts what is longer


class FeedError(SluiceError):
    """A vendor's YAML says something that cannot be used."""


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _timezone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is no time zone; write one like 'UTC' or 'America/Chicago'")
    return name


def _date_pattern(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error
    if "date" not in groups:
        raise ValueError("the pattern needs a group named date: (?P<date>...)")
    return pattern


class Owner(Strict):
    """Who at the vendor mends bad rows."""

    name: str
    email: str


class Arrives(Strict):
    """How files come: `drop` is a glob below the drop folder; `gather`: all files that match are one delivery."""

    drop: str
    gather: bool = False

    @field_validator("drop")
    @classmethod
    def stays_below(cls, pattern: str) -> str:
        if pattern.startswith("/") or ".." in Path(pattern).parts:
            raise ValueError("the pattern must stay below the drop folder: no leading / and no ..")
        return pattern


class Bounds(Strict):
    """What a delivery may do before a person is asked. Shares are of the feed's keys, or of the delivery's rows; they
    count from `at_least` keys or rows on."""

    vanish: float = Field(default=0.5, ge=0, le=1, description="Share of the open keys that a full delivery lacks.")
    change: float = Field(default=1.0, ge=0, le=1, description="Share of the open keys that it changes.")
    bad: float = Field(default=0.5, ge=0, le=1, description="Share of its rows that are quarantined.")
    at_least: int = Field(default=50, ge=0, description="Fewer keys or rows than these raise no doubt.")


class FromFilename(Strict):
    """The effective date stands in the file's name."""

    filename: Annotated[str, AfterValidator(_date_pattern)]
    format: str = "%Y-%m-%d"


def _identifier(name: str) -> str:
    if not IDENTIFIER.fullmatch(name) or len(name) > LONGEST_IDENTIFIER:
        raise ValueError(
            f"write lower-case words joined by _: letters, digits, _; at most {LONGEST_IDENTIFIER} characters"
        )
    return name


class Geometry(Strict):
    """A column that says where something is: shapes as text, or the first coordinate of points with `y` the second."""

    area: str = Field(description="Where shapes are expected: a name in the seed geometry_areas.")
    y: str | None = None


class Column(Strict):
    """One column of a feed: `headers` are the names that it has had in files."""

    name: Annotated[str, AfterValidator(_identifier)]
    headers: tuple[str, ...]
    required: bool
    pii: PiiClass
    geometry: Geometry | None = None


class NodeConfig(BaseModel):
    meta: dict[str, Any] = {}


class Configured(BaseModel):
    """What dbt allows beside what is ours is left to dbt."""

    name: str
    config: NodeConfig = NodeConfig()


class Table(Configured):
    columns: list[Configured] = []


class Source(Configured):
    tables: list[Table]


class Document(BaseModel):
    """The shape of a vendor's file, looked at before anything in it."""

    sources: list[Source]


class Feed(Strict):
    """One kind of file from one vendor."""

    vendor: str
    name: str
    entity: Annotated[str, AfterValidator(_identifier)]
    owner: Owner
    mode: Literal["full", "delta"]
    arrives: Arrives
    effective_at: FromFilename | Literal["arrival"] = "arrival"
    timezone: Annotated[str, AfterValidator(_timezone)] = "UTC"
    format: Hints = Hints()
    bounds: Bounds = Bounds()
    priority: int = Field(default=100, ge=1, description="Where several feeds speak of one thing, 1 is believed first.")
    columns: tuple[Column, ...] = Field(min_length=1)

    @property
    def key(self) -> str:
        """`vendor.feed`"""
        return f"{self.vendor}.{self.name}"

    @property
    def table(self) -> str:
        """The feed's table in the schema `staging`."""
        return f"{self.vendor}__{self.name}"

    @property
    def model(self) -> str:
        """The dbt model that maps the feed into its entity's shape."""
        return f"stg_{self.table}"

    @property
    def version(self) -> str:
        """A hash of the declaration: a file that could not be read may be readable when it has changed."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which the feed's days begin."""
        return ZoneInfo(self.timezone)


class Catalogue(Strict):
    """All feeds of the project, by key."""

    feeds: dict[str, Feed]

    def feed(self, key: str) -> Feed:
        """The feed `vendor.feed`."""
        if key not in self.feeds:
            known = ", ".join(sorted(self.feeds)) or "none"
            raise FeedError(f"There is no feed {key!r}. Known feeds: {known}.")
        return self.feeds[key]

    @property
    def entities(self) -> tuple[str, ...]:
        """The entities that feeds fill, in alphabetical order."""
        return tuple(sorted({feed.entity for feed in self.feeds.values()}))

    def entity(self, name: str) -> str:
        """`name`, if feeds fill such an entity."""
        if name not in self.entities:
            raise FeedError(f"There is no entity {name!r}. Known entities: {', '.join(self.entities) or 'none'}.")
        return name

    def of_entity(self, entity: str) -> tuple[Feed, ...]:
        """The feeds that fill an entity."""
        return tuple(feed for feed in self.feeds.values() if feed.entity == entity)


@cache
def catalogue() -> Catalogue:
    """The feeds of this process's project."""
    return load(settings().dbt_project)


def load(project: Path) -> Catalogue:
    """Read every vendor's folder below `project/models/staging`.

    Raises FeedError at the first thing that cannot be used.
    """
    feeds: dict[str, Feed] = {}
    for vendor in sorted((project / "models" / "staging").glob("*/")):
        file = vendor / f"_{vendor.name}.yml"
        for feed in _feeds_of(file, project):
            if feed.key in feeds:
                raise FeedError(f"{file}: the feed {feed.key} is declared twice; a vendor is one source in one file.")
            feeds[feed.key] = feed
    return Catalogue(feeds=feeds)


def _feeds_of(file: Path, project: Path) -> Iterator[Feed]:
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FeedError(f"{file}: missing; each folder here is a vendor, and this file declares its feeds.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FeedError(f"{file}: not readable as YAML: {error}") from error
    _refuse_secrets(file, document, "")
    _refuse_misshapen(file, document)
    for source in document["sources"]:
        _refuse_misnamed(file, source)
        for table in source.get("tables") or []:
            yield _feed(file, source, table, project)


def _refuse_secrets(file: Path, node: Any, path: str) -> None:
    if isinstance(node, dict):
        for key, value in node.items():
            here = f"{path}.{key}".lstrip(".")
            if SECRET_KEY.search(str(key)) and isinstance(value, str):
                raise FeedError(f"{file}: {here}: a secret does not belong into YAML; name an environment variable.")
            _refuse_secrets(file, value, here)
    elif isinstance(node, list):
        for position, value in enumerate(node):
            _refuse_secrets(file, value, f"{path}[{position}]")
    elif isinstance(node, str) and SECRET_VALUE.search(node):
        raise FeedError(f"{file}: {path}: this looks like a secret; take it out and name an environment variable.")


def _refuse_misshapen(file: Path, document: Any) -> None:
    try:
        Document.model_validate(document if document is not None else {})
    except ValidationError as error:
        problem = error.errors()[0]
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem["loc"]).lstrip(".")
        told = "missing; it is required" if problem["type"] == "missing" else problem["msg"]
        raise FeedError(f"{file}: {path or 'a list of `sources` is expected'}: {told}.") from error


def _refuse_misnamed(file: Path, source: dict[str, Any]) -> None:
    vendor = source.get("name")
    if vendor != file.parent.name or file.name != f"_{vendor}.yml":
        raise FeedError(
            f"{file}: sources.name: the vendor {vendor!r} lives in models/staging/{vendor}/_{vendor}.yml,"
            f" and this is {file.parent.name}/{file.name}; make the names agree."
        )


def _feed(file: Path, source: dict[str, Any], table: dict[str, Any], project: Path) -> Feed:
    vendor, name = source["name"], table.get("name")
    where = f"sources.{vendor}.tables.{name}"
    if not IDENTIFIER.fullmatch(str(name)) or not IDENTIFIER.fullmatch(vendor):
        raise FeedError(f"{file}: {where}: names are lower-case words joined by _: letters, digits, _.")
    if table.get("identifier") != f"{vendor}__{name}":
        raise FeedError(f"{file}: {where}.identifier: write {vendor}__{name}, the feed's table in staging.")
    meta = {**_meta(source), **_meta(table)}
    if not meta.get("owner"):
        raise FeedError(
            f"{file}: {where}.config.meta.owner: missing; name who mends bad rows: owner: {{name: ..., email: ...}}"
        )
    try:
        columns = [_column(column) for column in table.get("columns") or []]
        feed = Feed.model_validate({**meta, "vendor": vendor, "name": name, "columns": columns})
    except ValidationError as error:
        raise FeedError(f"{file}: {_first_problem(error, where, table)}") from error
    for needed in (
        file.parent / f"{feed.model}.sql",
        project / "models" / "judged" / f"judged_{feed.entity}.sql",
    ):
        if not needed.is_file():
            raise FeedError(f"{file}: {where}: the model {needed.name} is missing; write {needed}.")
    _refuse_shared_names(file, where, feed)
    _refuse_odd_geometry(file, where, feed, project)
    _refuse_undeclared(file, where, feed)
    return feed


def _meta(node: dict[str, Any]) -> dict[str, Any]:
    return dict((node.get("config") or {}).get("meta") or {})


def _column(column: dict[str, Any]) -> dict[str, Any]:
    meta = _meta(column)
    meta.pop("why", None)  # for the reader of the docs: why a column that looks personal is not
    return {"name": column.get("name"), "headers": [column.get("name")], "required": False, **meta}


def _first_problem(error: ValidationError, where: str, table: dict[str, Any]) -> str:
    problem = error.errors()[0]
    path = [str(part) for part in problem["loc"]]
    if path[0] == "columns" and len(path) > 1:
        column = str((table["columns"][int(path[1])] or {}).get("name"))
        path = ["columns", column, "config.meta", *path[2:]]
        place = f"{where}.{'.'.join(path)}"
    else:
        place = f"{where}.config.meta.{'.'.join(path)}"
    if problem["type"] == "extra_forbidden":
        return f"{place}: there is no such key; check its spelling against the README's list, or take it out."
    if problem["type"] == "missing" and path[-1] == "pii":
        return f"{place}: missing; every column needs a class, one of {', '.join(PII_CLASSES)}."
    if problem["type"] == "missing":
        return f"{place}: missing; it is required."
    return f"{place}: {problem['msg']} (it says {problem['input']!r})."


def _refuse_odd_geometry(file: Path, where: str, feed: Feed, project: Path) -> None:
    areas = project / "seeds" / "geometry_areas.csv"
    known = [row.split(",")[0] for row in areas.read_text(encoding="utf-8").splitlines()[1:]] if areas.is_file() else []
    names = [column.name for column in feed.columns]
    for name, geometry in ((column.name, column.geometry) for column in feed.columns):
        place = f"{file}: {where}.columns.{name}.config.meta.geometry"
        if geometry and geometry.area not in known:
            raise FeedError(
                f"{place}.area: {geometry.area!r} is not in {areas.name}; write one of {', '.join(known)},"
                f" or add a line to {areas}."
            )
        if geometry and geometry.y and geometry.y not in names:
            raise FeedError(f"{place}.y: the feed has no column {geometry.y!r}; name the other coordinate's.")


def _refuse_undeclared(file: Path, where: str, feed: Feed) -> None:
    """Columns that a name or a parent fills are columns like others, and gathered files are read together."""
    names = {column.name for column in feed.columns}
    headers = {header for column in feed.columns for header in column.headers}
    for hint, wanted, there in (
        ("from_name", feed.format.named, names & headers),
        ("parents", tuple(feed.format.parents or ()), headers),
    ):
        for name in sorted(set(wanted) - there):
            raise FeedError(
                f"{file}: {where}.config.meta.format.{hint}: {name!r} is no column of the feed; declare it,"
                " or mend its name."
            )
    if feed.arrives.gather and not feed.format.together:
        raise FeedError(f"{file}: {where}.config.meta.arrives.gather: write format: {{together: true}} too.")


def _refuse_shared_names(file: Path, where: str, feed: Feed) -> None:
    seen: dict[str, str] = {}
    names = [column.name for column in feed.columns]
    for column in feed.columns:
        if names.count(column.name) > 1:
            raise FeedError(f"{file}: {where}.columns.{column.name}: declared twice; give each column its own name.")
        for header in column.headers:
            owner = seen.setdefault(name_key(header), column.name)
            if owner != column.name:
                raise FeedError(
                    f"{file}: {where}.columns.{column.name}: the header {header!r} already belongs to {owner}."
                )
