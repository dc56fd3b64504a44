"""A way of arrival is a class: what its feed may declare, what it offers, and how one offer becomes a file.

A plugin is such a class under the entry point group `sluice.collect`; its name there is its name in YAML.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, ClassVar

from extract.collect.declared import Declaration
from extract.feeds import Feed
from warehouse.errors import SluiceError
from warehouse.fetches import Known


class FetchFailed(SluiceError):
    """It did not come, and may come later."""

    status: int | None = None


class NotData(FetchFailed):
    """What came is no data, or must not be asked for: an HTML page, too much, a bomb, a private address."""


class Cut(FetchFailed):
    """It ended early: never a delivery. The same thing is asked for again."""


class NotNew(Exception):
    """There is nothing to take in. `why` is for the ledger."""

    def __init__(self, why: str | None = None, status: int | None = None, headers: Mapping[str, str] | None = None):
        super().__init__(why)
        self.why, self.status, self.headers = why, status, headers or {}


@dataclass(frozen=True)
class Offer:
    """Something that can be fetched. `source` is its name in the ledger, without secrets; `address` is what is asked.
    `day`: the day that it speaks of, where the source says so. `mark`: what tells a new content of the same source.
    `path`: a file that lies here already, and is known by its content."""

    source: str
    address: str = field(default="", repr=False)
    name: str | None = None
    day: date | None = None
    mark: str | None = None
    arrived_at: datetime | None = None
    path: Path | None = None


@dataclass(frozen=True)
class Fetched:
    """A file that came. `bytes` counts what came over the wire; `headers` has lower-case names; `changed_at` is when it
    was put where it was, if the source says so: its arrival."""

    path: Path
    bytes: int
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    changed_at: datetime | None = None


@dataclass(frozen=True)
class Ask:
    """What is asked for: in a backfill `days`, else what is there `now` (in the feed's zone). `since` is the day of the
    newest delivery; `known` is what is known of each source."""

    now: datetime
    since: date | None = None
    days: tuple[date, ...] = ()
    known: Mapping[str, Known] = field(default_factory=dict)

    @property
    def today(self) -> date:
        return self.now.date()


class Way:
    """One collection of one feed. Raise FetchFailed, NotData or NotNew; anything else counts as failed, too."""

    Declaration: ClassVar[type[Declaration]]
    same_is_new: ClassVar[bool] = False  # the same content again: somebody put it there once more (an observation)

    def __init__(self, feed: Feed, how: Any, ask: Ask) -> None:
        self.feed, self.how, self.ask = feed, how, ask

    @staticmethod
    def dated(how: Any) -> bool:  # noqa: ARG004
        """Whether single days can be asked for: a backfill does so then."""
        return False

    def offers(self) -> Iterable[Offer]:
        """What there is, in the order in which it is to be taken in. Raise NotNew to say why that is nothing."""
        raise NotImplementedError

    def fetch(self, offer: Offer, folder: Path) -> Fetched:
        """Bring an offer into a file in `folder`, in constant memory; whole, or not at all."""
        raise NotImplementedError

    def close(self) -> None:
        """Let go of connections."""
