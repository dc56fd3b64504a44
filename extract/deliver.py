"""Take a file in: archive it, give it its delivery in the ledger."""

import contextlib
import hashlib
import re
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import RowMapping

from extract import archive, mended
from extract.contents import is_erased
from extract.effective import LAST_MODIFIED, Effective, FromFilename, FromMetadata, moment_of
from extract.feeds import Feed
from extract.limits import limits
from extract.read import Refused, unpack
from warehouse import ledger
from warehouse.connection import transaction
from warehouse.errors import SluiceError, printable
from warehouse.settings import settings


class Parcel(NamedTuple):
    """A file that becomes one delivery. `container`: the SHA-256 of the zip that it was taken out of."""

    path: Path
    container: str | None = None


def parcels(feed: Feed, path: Path, effective: date | None = None) -> Iterator[Parcel]:
    """The file itself; of a zip in which the feed's `member` names several files, each of them, one at a time.

    The content of a delivery is the member's: so the same file packed anew is the same delivery, and yesterday's file
    in today's zip is a sighting. The zip as it came goes into the archive too. A member is called
    `things.zip!things-2026-01-31.csv`, and lies there only until the next one is asked for.
    Raises SluiceError where two members speak of the same day: one would take the place of the other.
    """
    members = _members(feed, path)
    if len(members) < 2:
        yield Parcel(path)
        return
    _refuse_same_day(feed, path, members, effective)
    container = archive.keep(path, refuse=is_erased).sha256
    for member in members:
        with tempfile.TemporaryDirectory(dir=settings().folder("tmp"), prefix="unpacked-") as folder:
            taken_out = Path(folder) / member.name
            unpack.extract_member(path, member, taken_out, limits())
            yield Parcel(taken_out, container)


def _members(feed: Feed, path: Path) -> list[unpack.Member]:
    """The members that a feed asks for; none where the file is no zip, or one that staging will refuse."""
    if feed.format.member is None or feed.format.together:
        return []
    try:
        return unpack.members(path, feed.format, limits()) if unpack.wrapper(path) == "zip" else []
    except Refused:
        return []


def _refuse_same_day(feed: Feed, path: Path, members: list[unpack.Member], effective: date | None) -> None:
    if _is_told_apart(feed) and effective is None:
        return
    now = datetime.now(UTC)
    days: dict[datetime, str] = {}
    for member in members:
        moment = effective_time(feed, path.with_name(member.name), now, effective)
        other = days.setdefault(moment, member.name)
        if other != member.name:
            raise SluiceError(
                f"{path.name}: {other!r} and {member.name!r} both speak of {_told(moment)}, and a later delivery for it"
                f" takes the place of the one before. Nothing of it is taken in: let `member` of {feed.key} name one"
                " file a day, or ask the vendor for one file."
            )


def deliver(
    feed: Feed,
    path: Path,
    effective: date | None = None,
    *,
    arrived_at: datetime | None = None,
    retry: bool = True,
    container: str | None = None,
) -> ledger.Registered:
    """Archive the file, then register it; nothing of it is read yet.

    `effective` is the day (or the time) that the file speaks of, where the feed's own rule is to be overruled;
    `arrived_at` is when the file came, if that was not just now; `retry` is whether a file that was refused is tried
    anew; `container` is the SHA-256 of the zip that it was taken out of.
    A mended file speaks of the time of the delivery that it mends, and supersedes nothing (extract/mended.py).
    Raises SluiceError where the day cannot be known, extract.read.Refused where there is no file to keep.
    """
    received_at = datetime.now(UTC)
    original = mended.original(feed, path)
    effective_at = _mended_time(feed, original) or effective_time(feed, path, arrived_at or received_at, effective)
    kept = archive.keep(path, refuse=is_erased, expected=_looks_known(feed, path))
    effective_at = _told_apart(feed, effective_at, kept.sha256) if not (original or effective) else effective_at
    arrival = ledger.Arrival(
        vendor=feed.vendor,
        feed=feed.key,
        entity=feed.entity,
        mode="delta" if original else feed.mode,
        name=printable(told_name(feed, path)),
        sha256=kept.sha256,
        bytes=kept.bytes,
        received_at=received_at,
        effective_at=effective_at,
        effective_date=effective_at.date(),
        effective_zone=feed.timezone,
        declaration=feed.version,
        container=container,
        mends=original["delivery_id"] if original else None,
    )
    with transaction() as connection:
        return ledger.register(connection, arrival, retry=retry)


def _looks_known(feed: Feed, path: Path) -> bool:
    """Whether a delivery of the feed was as long: so this is likely to be the same content again."""
    with transaction() as connection:
        return path.is_file() and ledger.knows_length(connection, feed.key, path.stat().st_size)


def told_name(feed: Feed, path: Path) -> str:
    """A file's name; where the feed reads columns from it, that of its folders below the drop folder too: 7!run.csv"""
    if feed.format.from_name and path.absolute().is_relative_to(settings().drops):
        return "!".join(path.absolute().relative_to(settings().drops).parts)
    return path.name


def known(feed: Feed, path: Path, arrived_at: datetime, told: datetime | None = None) -> ledger.Registered | None:
    """The delivery that a file in the drop folder is already, or None: so a run spares it a flow run of its own.
    `told`: the time that stands beside it."""
    original = mended.original(feed, path)
    effective_at = _mended_time(feed, original) or effective_time(feed, path, arrived_at, told)
    try:
        with open(path, "rb") as content:
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    except OSError:
        return None  # taking it in says what is wrong with it
    effective_at = effective_at if original else _told_apart(feed, effective_at, sha256)
    with transaction() as connection:
        return ledger.known(connection, feed.key, effective_at, sha256, feed.version)


def _mended_time(feed: Feed, original: RowMapping | None) -> datetime | None:
    return original["effective_at"].astimezone(feed.zone) if original else None


def effective_time(feed: Feed, path: Path, arrived_at: datetime, given: date | None = None) -> datetime:
    """The moment that a file speaks of, in the feed's zone, by its rule or as `given`: from its name, from what stands
    beside it, or that of its arrival. It is the first moment of a day, unless the rule asks for the time as well."""
    if given is not None:
        return _in_zone(feed, given if isinstance(given, datetime) else datetime.combine(given, time()))
    rule = _rule(feed)
    if isinstance(rule, FromMetadata):
        return told_beside(feed, path.name, path, None) or arrived_at
    if isinstance(rule, FromFilename):
        return _in_zone(feed, _time_in_names(feed, rule, path))
    arrived = arrived_at.astimezone(feed.zone).replace(microsecond=0)
    return arrived if rule == "moment" else datetime.combine(arrived.date(), time(), feed.zone)


def told_beside(feed: Feed, source: str, path: Path, metadata: Mapping[str, str] | None) -> datetime | None:
    """The time that stands beside a file, in the feed's zone, where the feed looks for it there; else None.

    `metadata` is what came with it, by lower-case names: headers of an answer, the metadata of an object; None of a
    file that lies here, of which is known when it was changed. Raises SluiceError, naming feed and `source`, where the
    time is missing or none.
    """
    rule = feed.effective_at
    if not isinstance(rule, FromMetadata):
        return None
    name = rule.metadata.lower()
    if metadata is None and name == LAST_MODIFIED and path.exists():
        return datetime.fromtimestamp(path.stat().st_mtime, feed.zone).replace(microsecond=0)
    told = (metadata or {}).get(name) or (metadata or {}).get(f"x-amz-meta-{name}")
    where = (
        f"{printable(source)}: the time that it speaks of is to stand in its metadata {rule.metadata!r} ({feed.key})"
    )
    remedy = f"Let {feed.owner.name} set it, or deliver the file with --effective-at."
    if told is None:
        beside = "a file that lies here has last-modified only" if metadata is None else "there is none"
        raise SluiceError(f"{where}, and {beside}. {remedy}")
    try:
        return moment_of(told, rule.format, feed.zone)
    except (ValueError, OverflowError):
        expected = rule.format or "ISO 8601 or a date of HTTP"
        raise SluiceError(f"{where}, and {printable(told)[:80]!r} is not {expected}. {remedy}") from None


def _told_apart(feed: Feed, moment: datetime, sha256: str) -> datetime:
    """Two files of changes that come in one second are two deliveries: their contents make the fraction of it."""
    return moment.replace(microsecond=int(sha256[:12], 16) % 1_000_000) if _is_told_apart(feed) else moment


def _is_told_apart(feed: Feed) -> bool:
    """Whether no file of the feed stands for another one that came in the same second."""
    return feed.mode == "delta" and _rule(feed) == "moment"


def _rule(feed: Feed) -> Effective:
    """Where the time of its deliveries comes from."""
    return feed.row_times.delivery if feed.row_times else feed.effective_at


def _in_zone(feed: Feed, moment: datetime) -> datetime:
    """A time without a zone is one of the feed's own."""
    return moment.replace(tzinfo=feed.zone) if moment.tzinfo is None else moment.astimezone(feed.zone)


def _told(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}" if moment.time() == time() else f"{moment:%Y-%m-%d %H:%M}"


def _time_in_names(feed: Feed, rule: FromFilename, path: Path) -> datetime:
    """The day, or the time, in a file's name; a member of a zip, and the only one in it, may have it in its own."""
    names = path.name.split("!")[::-1]
    with contextlib.suppress(Refused):
        if len(names) == 1 and path.exists() and unpack.wrapper(path) == "zip":
            names += [member.name for member in unpack.members(path, feed.format, limits())][:1]
    for name in names:
        with contextlib.suppress(ValueError):
            if found := re.search(rule.filename, name):
                return datetime.strptime(found["date"], rule.format)
    raise SluiceError(
        f"{path.name!r}: the day that it speaks of does not stand in its name; {feed.key} expects"
        f" {rule.filename} with {rule.format}. Rename the file, or say the day with --effective-at."
    )
