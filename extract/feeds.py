"""Feeds: what the vendors' YAML files declare, as frozen models. Errors name file, key and remedy."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from extract import amend, classes, mapping, patches, skips, versions
from extract.collect import declared
from extract.effective import Effective, FromColumn, FromMetadata, row_time_sql
from extract.headers import DatedHeader
from extract.patches import Patch
from extract.personal import looks_personal
from extract.read import Hints, name_key
from extract.schedule import Schedule, known_zone
from warehouse.errors import SluiceError
from warehouse.settings import settings

SECRET_KEY = re.compile(r"pass(word|phrase)?$|secret|token$|api_?key|private_?key|credential_?value", re.IGNORECASE)
SECRET_VALUE = re.compile(r"AKIA[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY|://[^/\s:@]+:[^/\s@]+@")
ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")  # no blank, no line end
IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")
LONGEST_IDENTIFIER = 63  # PostgreSQL cuts what is longer
# Each command reads the declarations of all vendors: of 20 of them that took 1.1 s in plain Python, 0.4 s by C.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class FeedError(SluiceError):
    """A vendor's YAML says something that cannot be used."""


class Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _address(email: str) -> str:
    if not ADDRESS.fullmatch(email):
        raise ValueError(f"{email!r} is not an e-mail address like desk@vendor.example")
    return email


def _identifier(name: str) -> str:
    if not IDENTIFIER.fullmatch(name) or len(name) > LONGEST_IDENTIFIER:
        raise ValueError(
            f"write lower-case words joined by _: letters, digits, _; at most {LONGEST_IDENTIFIER} characters"
        )
    return name


class Owner(Strict):
    """Who at the vendor mends bad rows: nobody else is written to. `email` is one address or a list of them."""

    name: str
    email: tuple[Annotated[str, AfterValidator(_address)], ...] = Field(min_length=1)

    @field_validator("email", mode="before")
    @classmethod
    def one_or_several(cls, email: Any) -> Any:
        return [email] if isinstance(email, str) else email


class Notify(Strict):
    """How often a feed's owner is told of bad rows: after each run that has news, or once a day or week at most."""

    when: Literal["at_once", "daily", "weekly", "never"] = "daily"
    only_on_change: bool = Field(default=True, description="Not again while the same rows are open.")
    attach: bool = Field(default=False, description="With the rows themselves as a file: personal data in a mail.")


class Arrives(BaseModel):
    """How files come: exactly one way. `drop` is a glob below the drop folder, and so is `gather`, of
    which all files that match are one delivery; `seed` is a list of the project's own; a plugin's name is allowed as
    well."""

    model_config = ConfigDict(frozen=True, extra="allow")

    drop: Annotated[str, AfterValidator(declared.below)] = ""
    gather: Annotated[str, AfterValidator(declared.below)] = ""
    seed: Annotated[str, AfterValidator(_identifier)] = ""
    http: declared.Http | None = None
    sheet: declared.Sheet | None = None
    api: declared.Api | None = None
    listing: declared.Listing | None = None

    @model_validator(mode="after")
    def is_one_way(self) -> Self:
        from extract.collect import ways  # its classes know this module

        if len(self.model_fields_set) != 1:
            raise ValueError(f"say exactly one of {', '.join(ways.names())}")
        if self.model_extra:
            ways.declared(self.way, self.model_extra[self.way])
        return self

    @property
    def way(self) -> str:
        """The name of the way."""
        [name] = self.model_fields_set
        return name

    @property
    def how(self) -> BaseModel:
        """What is declared of it."""
        from extract.collect import ways

        if self.model_extra:
            return ways.declared(self.way, self.model_extra[self.way])
        return declared.Declaration() if self.way in ("drop", "gather", "seed") else getattr(self, self.way)

    @property
    def asks_for_days(self) -> bool:
        """Whether single days can be asked for."""
        from extract.collect import ways

        return bool(ways.way(self.way).dated(self.how))


class RowBounds(Strict):
    """How many rows a delivery may have before a person is asked."""

    min: int | None = Field(default=None, ge=0, description="Fewer rows than these raise a doubt.")
    max: int | None = Field(default=None, ge=0, description="More rows than these raise a doubt.")
    against_last: float | None = Field(
        default=None, gt=0, le=1, description="0.5: not under half, nor over twice, the median of the last ten."
    )


class Expected(Strict):
    """How often a feed comes, as dbt's freshness has it."""

    count: int = Field(gt=0)
    period: Literal["minute", "hour", "day"]

    @property
    def interval(self) -> timedelta:
        """The longest time from one delivery to the next."""
        return timedelta(**{f"{self.period}s": self.count})


class Geometry(Strict):
    """A column that says where something is: shapes as text, or the first coordinate of points with `y` the second."""

    area: str = Field(description="Where shapes are expected: a name in the seed geometry_areas.")
    y: str | None = None


class Fall(Strict):
    """A column that only grows, as totals do. Where more than `share` of the keys fall at once, its source may have
    begun to count anew: a person says so."""

    column: Annotated[str, AfterValidator(_identifier)]
    share: float = Field(ge=0, le=1)


class Bounds(Strict):
    """What a delivery may do before a person is asked. Shares are of the feed's keys, or of the delivery's rows; they
    count from `at_least` keys or rows on."""

    vanish: float = Field(default=0.5, ge=0, le=1, description="Share of the open keys that a full delivery lacks.")
    change: float = Field(default=1.0, ge=0, le=1, description="Share of the open keys that it changes.")
    bad: float = Field(default=0.5, ge=0, le=1, description="Share of its rows that are quarantined.")
    at_least: int = Field(default=50, ge=0, description="Fewer keys or rows than these raise no doubt.")
    rows: RowBounds = RowBounds()
    fall: Fall | None = Field(default=None, description="Of a running total: how many keys may fall at once.")


class Column(amend.Amended):
    """One column of a feed: `headers` are the names that it has had in files, each alone or with its days."""

    name: Annotated[str, AfterValidator(_identifier)]
    dated: tuple[DatedHeader, ...] = Field(alias="headers")
    required: bool
    pii: str
    why: str | None = Field(None, description="Why a column that looks personal is classed none.")
    geometry: Geometry | None = None
    scope: Literal["file", "feed", "vendor", "name"] = "feed"  # that names it; the last is the column's own name

    @field_validator("dated", mode="before")
    @classmethod
    def _each_with_its_days(cls, headers: Any) -> Any:
        return mapping.dated(headers) if isinstance(headers, list | tuple) else headers

    @property
    def headers(self) -> tuple[str, ...]:
        """Every name that the column has had, whenever."""
        return tuple(dict.fromkeys(header.name for header in self.dated))

    def on(self, day: date) -> "Column | None":
        """The column with the names that files of a day use; None where there are none."""
        valid = tuple(header for header in self.dated if header.holds(day))
        return self.model_copy(update={"dated": valid}) if valid else None


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
    effective_at: Effective = Field(default="arrival", validate_default=True)
    priority: int = Field(default=100, description="Where feeds say different things of one: the lowest number wins.")
    timezone: Annotated[str, AfterValidator(known_zone)] = "UTC"
    format: Hints = Hints()
    bounds: Bounds = Bounds()
    expected: Expected | None = None  # left out: what its freshness warns after
    schedule: Schedule | None = None
    notify: Notify = Notify()
    reprocess: Literal["tell", "at_once"] = Field(
        default="tell", description="What a run does where a change concerns deliveries that were judged before."
    )
    patches: tuple[Patch, ...] = ()  # from the vendor's patches.csv
    skip: tuple[skips.Skip, ...] = Field(default=(), description="Which of its records are no data.")
    files: tuple[mapping.SomeFiles, ...] = Field(default=(), description="What holds for some of its files only.")
    columns: tuple[Column, ...] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def lines_of_an_api(cls, says: dict[str, Any]) -> dict[str, Any]:
        """What an API gives is written as NDJSON: a single line of that could be a document as well."""
        way, hints = says.get("arrives"), says.get("format", {})
        if isinstance(way, dict) and "api" in way and isinstance(hints, dict):
            return {**says, "format": {"kind": "ndjson", **hints}}
        return says

    @field_validator("effective_at")
    @classmethod
    def keys_come_by_and_by(cls, rule: Any, info: ValidationInfo) -> Any:
        arrives = info.data.get("arrives")
        if arrives and arrives.api and arrives.api.each and (info.data.get("mode"), rule) != ("delta", "moment"):
            raise ValueError("a file that holds a few keys only needs `mode: delta` and `effective_at: moment`")
        return rule

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
    def samples(self) -> str:
        """A glob for the names of its sample files."""
        return Path(self.arrives.drop).name or f"{self.name}*"

    @property
    def version(self) -> str:
        """A hash of the declaration: a file that could not be read may be readable when it has changed."""
        return hashlib.sha256(self.model_dump_json(exclude={"schedule", "reprocess"}).encode()).hexdigest()

    def on(self, day: date) -> "Feed":
        """The feed with the header names that files of a day use. Raises FeedError where a column that each file needs
        has none."""
        columns = {column.name: column.on(day) for column in self.columns}
        for column in self.columns:
            if column.required and columns[column.name] is None:
                known = "; ".join(header.told() for header in column.dated)
                raise FeedError(
                    f"{self.key}: the column {column.name} is required, and no header of it is declared for {day}"
                    f" ({known}). Add the name that files of that day use to its `headers`."
                )
        return self.model_copy(update={"columns": tuple(column for column in columns.values() if column)})

    def renamed(self, day: date) -> str:
        """What is called otherwise on other days than this one, for a person; empty where nothing is."""
        told = [
            f"{column.name} is {' or '.join(header.told() for header in other)}"
            for column in self.columns
            if (other := [header for header in column.dated if not header.holds(day)])
        ]
        return f"The headers of {day} were asked for. On other days {'; '.join(told)}." if told else ""

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which the feed's days begin."""
        return ZoneInfo(self.timezone)

    @property
    def row_times(self) -> FromColumn | None:
        """Where each row has an effective time of its own: how."""
        return self.effective_at if isinstance(self.effective_at, FromColumn) else None

    def row_time_sql(self, told: str) -> str:
        """SQL for the time that the text `told` of that column is; NULL where it is none."""
        if self.row_times is None:
            raise ValueError(f"the rows of {self.key} have no times of their own")
        return row_time_sql(self.row_times, self.timezone, told)


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

    def with_row_times(self, entity: str) -> tuple[Feed, ...]:
        """Those of them whose rows have effective times of their own."""
        return tuple(feed for feed in self.of_entity(entity) if feed.row_times)


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
        for feed in feeds_of(file, project):
            if feed.key in feeds:
                raise FeedError(f"{file}: the feed {feed.key} is declared twice; a vendor is one source in one file.")
            feeds[feed.key] = feed
    return Catalogue(feeds=feeds)


def feeds_of(file: Path, project: Path) -> Iterator[Feed]:
    """The feeds that a vendor's file declares. Raises FeedError at the first thing that cannot be used."""
    try:
        document = yaml.load(file.read_text(encoding="utf-8"), _LOADER)  # noqa: S506  (a SafeLoader)
    except FileNotFoundError:
        raise FeedError(f"{file}: missing; each folder here is a vendor, and this file declares its feeds.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FeedError(f"{file}: not readable as YAML: {error}") from error
    _refuse_secrets(file, document, "")
    _refuse_misshapen(file, document)
    found: list[Feed] = []
    listed = patches.read(file.parent)
    for source in document["sources"]:
        _refuse_misnamed(file, source)
        versions.refuse_other(f"{file}: sources.{source['name']}.config.meta", source)
        for table in source.get("tables") or []:
            found.append(_patched(_feed(file, source, table, project), listed))
        _refuse_strange_names(file, source, found)
    patches.refuse_useless(listed, {feed.name: {c.name for c in feed.columns} for feed in found})
    yield from found


def _refuse_strange_names(file: Path, source: dict[str, Any], feeds: list[Feed]) -> None:
    """The vendor's names are of columns that one of its feeds has."""
    known = {column.name for feed in feeds for column in feed.columns}
    for name in _meta(source).get("headers") or {}:
        if name not in known:
            raise FeedError(
                f"{file}: sources.{source['name']}.config.meta.headers.{name}: no feed of the vendor has a column"
                f" {name!r}; declare it, or mend its name."
            )


def _patched(feed: Feed, listed: tuple[patches.Patch, ...]) -> Feed:
    ours = patches.of_feed(listed, feed.name, {column.name for column in feed.columns})
    return feed.model_copy(update={"patches": ours})


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
    of_vendor = _meta(source)
    names = of_vendor.pop("headers", None) or {}
    of_vendor.pop("version", None)
    meta = {**_expected(table), **of_vendor, **_meta(table)}
    if "patches" in meta:
        raise FeedError(f"{file}: {where}.config.meta.patches: patches stand in {file.parent / patches.FILE}.")
    if not meta.get("owner"):
        raise FeedError(
            f"{file}: {where}.config.meta.owner: missing; name who mends bad rows: owner: {{name: ..., email: ...}}"
        )
    try:
        columns = [_column(f"{file}: {where}", column, names) for column in table.get("columns") or []]
        feed = Feed.model_validate({**meta, "vendor": vendor, "name": name, "columns": columns})
    except ValidationError as error:
        raise FeedError(f"{file}: {_first_problem(error, where, table, project)}") from error
    for needed in (
        file.parent / f"{feed.model}.sql",
        project / "models" / "judged" / f"judged_{feed.entity}.sql",
    ):
        if not needed.is_file():
            raise FeedError(f"{file}: {where}: the model {needed.name} is missing; write {needed}.")
    _refuse_shared_names(file, where, feed)
    for some in feed.files:
        _refuse_unknown_columns(f"{file}: {where}.config.meta.files", some.headers, feed)
        _refuse_shared_names(file, f"{where}.config.meta.files of {some.told()}", mapping.narrowed(feed, some))
    _refuse_odd_geometry(file, where, feed, project)
    _refuse_undeclared(file, where, feed)
    amend.refuse_unknown(f"{file}: {where}", feed)
    skips.refuse_unknown(f"{file}: {where}.config.meta", feed.skip, {column.name for column in feed.columns})
    _refuse_odd_times(file, where, feed)
    for column in feed.columns:
        refuse_unclassed(f"{file}: {where}.columns.{column.name}.config.meta.pii", column, project)
    return feed


def _refuse_unknown_columns(place: str, names: Mapping[str, Any], feed: Feed) -> None:
    for name in names:
        if name not in {column.name for column in feed.columns}:
            raise FeedError(f"{place}.headers.{name}: the feed has no column {name!r}; declare it, or mend its name.")


def refuse_unclassed(place: str, column: Column, project: Path) -> None:
    """Refuse a class that there is not, and `none` where the column's name or headers say otherwise without a `why`."""
    known = classes.known(project)
    if column.pii not in known:
        told = " or ".join(map(repr, known))
        raise FeedError(f"{place}: Input should be {told} (it says {column.pii!r}).")
    looks = looks_personal(column.name, *column.headers)
    if column.pii == "none" and looks and not column.why:
        raise FeedError(
            f"{place}: {column.name} looks like {looks}, and is classed none; write pii: {looks}, or say why it is no"
            " personal data: why: ..."
        )


def _meta(node: dict[str, Any]) -> dict[str, Any]:
    return dict((node.get("config") or {}).get("meta") or {})


def _expected(table: dict[str, Any]) -> dict[str, Any]:
    """How often the feed comes, where its freshness tells."""
    freshness = (table.get("config") or {}).get("freshness") or {}
    return {"expected": freshness["warn_after"]} if freshness.get("warn_after") else {}


def _column(place: str, column: dict[str, Any], of_vendor: dict[str, Any]) -> dict[str, Any]:
    meta, name = _meta(column), column.get("name")
    if "scope" in meta:
        raise FeedError(f"{place}.columns.{name}.config.meta.scope: there is no such key; take it out.")
    return {"name": name, "required": False, **meta, **mapping.column_names(of_vendor, meta, name)}


def _first_problem(error: ValidationError, where: str, table: dict[str, Any], project: Path) -> str:
    problem = error.errors()[0]
    path = [str(part) for part in problem["loc"]]
    if path[0] == "effective_at":
        del path[1:2]  # which of the rules it was taken for
    if path[0] == "columns" and len(path) > 1:
        column = str((table["columns"][int(path[1])] or {}).get("name"))
        path = ["columns", column, "config.meta", *path[2:]]
        place = f"{where}.{'.'.join(path)}"
    else:
        place = f"{where}.config.meta.{'.'.join(path)}"
    if problem["type"] == "extra_forbidden":
        return f"{place}: there is no such key; check its spelling against the README's list, or take it out."
    if problem["type"] == "missing" and path[-1] == "pii":
        return f"{place}: missing; every column needs a class, one of {', '.join(classes.known(project))}."
    if problem["type"] == "missing":
        return f"{place}: missing; it is required."
    if "arrives" in path and path[-1] != "drop":
        return f"{place}: {problem['msg']}."  # a secret that stands there by mistake is not repeated
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


def _refuse_odd_times(file: Path, where: str, feed: Feed) -> None:
    """Times of rows are those of a delta's, and metadata is what one object or one answer has."""
    place, rule = f"{file}: {where}.config.meta.effective_at", feed.effective_at
    if isinstance(rule, FromColumn) and feed.mode == "full":
        raise FeedError(
            f"{place}.column: a full delivery is the state at one time, and what it lacks is gone then; its rows have"
            " no times of their own. Write mode: delta, or say the delivery's time: filename, metadata or arrival."
        )
    if isinstance(rule, FromColumn) and rule.column not in {column.name for column in feed.columns}:
        raise FeedError(f"{place}.column: {rule.column!r} is no column of the feed; declare it, or mend its name.")
    if isinstance(rule, FromColumn) and not next(c for c in feed.columns if c.name == rule.column).required:
        raise FeedError(
            f"{place}.column: no row of a file without {rule.column!r} has a time; write required: true there."
        )
    if isinstance(rule, FromMetadata) and feed.arrives.way == "api":
        raise FeedError(
            f"{place}.metadata: an API answers in pages, each with headers of its own; write arrival or moment."
        )
    if isinstance(rule, FromMetadata) and feed.arrives.asks_for_days:
        raise FeedError(
            f"{place}.metadata: {feed.arrives.way} asks for single days, and a delivery's day is the one that was asked"
            " for. Leave effective_at out, or take the day out of the address."
        )


def _refuse_shared_names(file: Path, where: str, feed: Feed) -> None:
    seen: dict[str, list[tuple[DatedHeader, str]]] = {}
    names = [column.name for column in feed.columns]
    for column in feed.columns:
        if names.count(column.name) > 1:
            raise FeedError(f"{file}: {where}.columns.{column.name}: declared twice; give each column its own name.")
        for header in column.dated:
            others = seen.setdefault(name_key(header.name), [])
            for other, owner in others:
                if owner != column.name and header.meets(other):
                    raise FeedError(
                        f"{file}: {where}.columns.{column.name}: the header {header.name!r} already belongs to {owner}."
                        " Take it out of one; or give both their days: {name: ..., from: ..., until: ...}."
                    )
            others.append((header, column.name))
