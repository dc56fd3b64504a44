"""Collecting a feed: what its way offers is fetched, told from what is known, and written down in the ledger."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from extract.collect import ways
from extract.collect.digest import digest
from extract.collect.references import redacted, scrubbed
from extract.collect.scratch import scratch
from extract.collect.way import Ask, Fetched, FetchFailed, NotData, NotNew, Offer, Way
from extract.feeds import Feed
from warehouse import fetches
from warehouse.errors import SluiceError, printable


@dataclass
class Arrival:
    """A file that is to be taken in; it lies there within its block only. Say what it `became`. `metadata`: what was
    told beside it, by lower-case names; None of a file that lies here."""

    offer: Offer
    path: Path
    arrived_at: datetime
    metadata: Mapping[str, str] | None = None
    delivery_id: int | None = None
    again: bool = False

    def became(self, delivery_id: int, *, again: bool) -> None:
        """Its delivery; `again`: the ledger knew it."""
        self.delivery_id, self.again = delivery_id, again


def is_dated(feed: Feed) -> bool:
    """Whether single days of a feed can be asked for."""
    return feed.arrives.asks_for_days


@contextmanager
def opened(feed: Feed, days: tuple[date, ...] = (), *, anew: bool = False) -> Iterator[Way]:
    """The feed's way of arrival, open; in a backfill `days` says for what. `anew`: as if nothing were known."""
    known = {} if anew else fetches.known(feed.key, feed.version)
    ask = Ask(datetime.now(feed.zone), fetches.last_day(feed.key), days, known)
    way: Way = ways.way(feed.arrives.way)(feed, feed.arrives.how, ask)
    try:
        yield way
    finally:
        way.close()


def offered(way: Way) -> Iterator[Offer]:
    """What there is. An index that cannot be had is written down and raised; one with nothing new, written down."""
    began = time.perf_counter()
    offers = iter(way.offers())
    while True:
        try:
            offer = next(offers)
        except StopIteration:
            return
        except NotNew as nothing:
            _record(way, _index(way), began, nothing=nothing)
            return
        except Exception as error:
            _record(way, _index(way), began, error=error)
            raise _told(error) from error
        yield offer


@contextmanager
def fetched(way: Way, offer: Offer) -> Iterator[Arrival | None]:
    """One offer as a file; None where nothing is new. Whatever goes wrong, in the block too, is written down."""
    began = time.perf_counter()
    with nullcontext(offer.path.parent) if offer.path else scratch() as folder:
        got, content = None, None
        try:
            got = way.fetch(offer, folder)
            content = None if offer.path or way.same_is_new else _new_content(way, offer, got)
            arrived_at = offer.arrived_at or got.changed_at or datetime.now(UTC)
            arrival = Arrival(offer, got.path, arrived_at, None if offer.path else got.headers)
        except NotNew as nothing:
            _record(way, offer, began, got, nothing=nothing)
            yield None
            return
        except Exception as error:
            _record(way, offer, began, got, error=error)
            raise _told(error) from error
        try:
            yield arrival
        except Exception as error:
            _record(way, offer, began, got, error=error)
            raise
        if arrival.delivery_id and not (arrival.again and offer.path):  # what lies in a folder is seen in every run
            _record(way, offer, began, got, arrival=arrival, content=content)


class _Same(NotNew):
    """The content is the known one, but for what is volatile; `content` is its hash."""

    content: str


def _new_content(way: Way, offer: Offer, got: Fetched) -> str:
    """The hash of what came; NotNew where it is that of the last time."""
    content = digest(got.path, getattr(way.how, "volatile", ()))
    known = way.ask.known.get(offer.source)
    if known and known.sha256 == content:
        same = _Same("the same content", got.status, got.headers)
        same.content = content
        raise same
    return content


def _index(way: Way) -> Offer:
    """The source itself, where there is no single thing in it to name."""
    url = getattr(way.how, "url", None) or getattr(way, "url", None) or way.feed.key
    return Offer(redacted(str(url)))


def _told(error: Exception) -> Exception:
    """An error of a fetch as one paragraph without secrets; the database's own go on as they are."""
    if isinstance(error, SluiceError):
        return type(error)(scrubbed(str(error))) if type(error) in (FetchFailed, NotData) else error
    return error


def _record(
    way: Way,
    offer: Offer,
    began: float,
    got: Fetched | None = None,
    *,
    arrival: Arrival | None = None,
    nothing: NotNew | None = None,
    error: Exception | None = None,
    content: str | None = None,
) -> None:
    """Write one attempt down."""
    known = way.ask.known.get(offer.source)
    told: Any = got or nothing
    row = fetches.Fetch(way.feed.key, way.feed.arrives.way, printable(offer.source))
    row.seconds, row.asked_for, row.mark = round(time.perf_counter() - began, 3), offer.day, offer.mark
    row.status = told.status if told else getattr(error, "status", None)
    row.bytes = got.bytes if got else 0
    _keep_headers(row, told.headers if told else {})
    if arrival:
        row.outcome, row.delivery_id = "unchanged" if arrival.again else "new", arrival.delivery_id
        row.sha256 = content
    elif nothing:
        row.outcome, row.reason = "unchanged", nothing.why
        _keep_known(row, known, getattr(nothing, "content", None))
    else:
        row.outcome = "refused" if isinstance(error, NotData) else "failed"
        row.reason = printable(scrubbed(_reason(error)))[:1000]
    fetches.record(row)


def _reason(error: Exception | None) -> str:
    """A foreign error's text may hold anything: only its kind is kept."""
    return str(error) if isinstance(error, SluiceError) else type(error).__name__


def _keep_headers(row: fetches.Fetch, headers: Mapping[str, str]) -> None:
    row.etag, row.last_modified = headers.get("etag"), headers.get("last-modified")
    row.content_type = headers.get("content-type")
    length = headers.get("content-length") or ""
    row.content_length = int(length) if length.isascii() and length.isdigit() else None


def _keep_known(row: fetches.Fetch, known: fetches.Known | None, content: str | None) -> None:
    """What is unchanged stays known, by what was told of it last."""
    if known and (row.status == 304 or content):
        row.delivery_id, row.sha256 = known.delivery_id, content or known.sha256
        row.etag, row.last_modified = row.etag or known.etag, row.last_modified or known.last_modified
