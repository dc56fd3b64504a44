"""Objects in S3: which feed one belongs to, a local copy of it, and what a listing finds that is new."""

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, Self
from urllib.parse import urlsplit

from sqlalchemy import text

from extract.collect.s3 import metadata_of
from extract.feeds import Feed
from warehouse.connection import transaction
from warehouse.errors import SluiceError
from warehouse.settings import settings

PATIENCE = 30  # seconds that S3 has for a connection or an answer


class Gone(SluiceError):
    """The object is not there any more: it was deleted before it was fetched."""


@dataclass(frozen=True, order=True)
class S3Object:
    """An object that was announced or listed. `state` is its version, or else its ETag; empty where nobody said."""

    bucket: str
    key: str
    state: str = ""
    versioned: bool = False

    @property
    def uri(self) -> str:
        """`s3://bucket/key@state`: one state of one object. A version's begins with `v:`."""
        return f"s3://{self.bucket}/{self.key}@{'v:' if self.versioned else ''}{self.state}"

    @classmethod
    def of(cls, uri: str) -> Self:
        """The object of a uri."""
        if not uri.startswith("s3://") or "@" not in uri:
            raise SluiceError(f"{uri!r} is no object; write s3://bucket/key@version-or-etag.")
        path, _, state = uri.removeprefix("s3://").rpartition("@")
        bucket, _, key = path.partition("/")
        return cls(bucket, key, state.removeprefix("v:"), state.startswith("v:"))


@dataclass(frozen=True)
class Copied:
    """A local copy of an object, and the state that it had."""

    path: Path
    etag: str
    modified_at: datetime
    metadata: Mapping[str, str]


def feed_of(feeds: Iterable[Feed], key: str) -> Feed | None:
    """The feed whose drop pattern a key fits, below the prefix of the drop URL."""
    prefix = place()[1] if settings().drop_url else ""
    if not key.startswith(prefix):
        return None
    return next((feed for feed in feeds if _fits(feed.arrives.drop, key.removeprefix(prefix))), None)


def place() -> tuple[str, str]:
    """Bucket and prefix (with its last slash) of the drop URL."""
    url = urlsplit(settings().drop_url or "")
    if url.scheme != "s3" or not url.netloc:
        raise SluiceError("SLUICE_DROP_URL is not set, or no s3://bucket/prefix.")
    prefix = url.path.strip("/")
    return url.netloc, f"{prefix}/" if prefix else ""


@cache
def _pattern(glob: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*|\?|\[[^]]+\])", glob)
    meaning = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(meaning.get(p) or (p if p[:1] == "[" else re.escape(p)) for p in parts))


def _fits(glob: str, key: str) -> bool:
    """As Path.glob understands it: a star does not reach over a slash, and hidden names are not meant."""
    return bool(_pattern(glob).fullmatch(key)) and not PurePosixPath(key).name.startswith(".")


@contextmanager
def copied(wanted: S3Object) -> Iterator[Copied]:
    """A local copy of an object under its own name, gone after the block. Memory stays constant.

    Raises Gone where it was deleted meanwhile.
    """
    from botocore.exceptions import ClientError

    which = {"VersionId": wanted.state} if wanted.versioned else {}
    try:
        answer = client().get_object(Bucket=wanted.bucket, Key=wanted.key, **which)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "NoSuchVersion", "404"):
            raise Gone(f"s3://{wanted.bucket}/{wanted.key} is not there any more.") from None
        raise SluiceError(f"s3://{wanted.bucket}/{wanted.key} cannot be read: {error}") from error
    with tempfile.TemporaryDirectory(dir=settings().folder("tmp"), prefix="object-") as folder:
        path = Path(folder) / (PurePosixPath(wanted.key).name[-200:] or "object")
        with open(path, "wb") as copy:
            for chunk in answer["Body"].iter_chunks(2**20):
                copy.write(chunk)
        yield Copied(path, answer["ETag"].strip('"'), answer["LastModified"], metadata_of(answer))


def new_ones(feed: Feed) -> Iterator[S3Object]:
    """The objects of a feed below the drop URL that were not taken in in the state that they have, by key."""
    bucket, prefix = place()
    begin = prefix + re.split(r"[*?\[]", feed.arrives.drop)[0]
    pages = client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=begin)
    for page in pages:
        fitting = [found for found in page.get("Contents", []) if _fits(feed.arrives.drop, found["Key"][len(prefix) :])]
        taken = _taken(bucket, [found["Key"] for found in fitting])
        for found in fitting:
            etag = found["ETag"].strip('"')
            if (found["Key"], etag, found["LastModified"]) not in taken:
                yield S3Object(bucket, found["Key"], etag)


def _taken(bucket: str, keys: list[str]) -> set[tuple[str, str, datetime]]:
    with transaction() as connection:
        known = text("select key, etag, modified_at from ledger.objects where bucket = :bucket and key = any(:keys)")
        return {
            (row.key, row.etag, row.modified_at) for row in connection.execute(known, {"bucket": bucket, "keys": keys})
        }


def note(taken: S3Object, copy: Copied, feed: str, outcome: str) -> None:
    """Let the ledger know that the object in this state was taken in."""
    with transaction() as connection:
        connection.execute(
            text(
                "insert into ledger.objects (bucket, key, etag, modified_at, feed, outcome)"
                " values (:bucket, :key, :etag, :modified_at, :feed, :outcome) on conflict do nothing"
            ),
            {
                "bucket": taken.bucket,
                "key": taken.key,
                "etag": copy.etag,
                "modified_at": copy.modified_at,
                "feed": feed,
                "outcome": outcome,
            },
        )


@cache
def client(service: str = "s3") -> Any:
    """A client of S3, bounded in its patience; honours AWS_ENDPOINT_URL and the usual AWS settings."""
    import boto3
    from botocore.config import Config

    bounded = Config(
        connect_timeout=PATIENCE, read_timeout=PATIENCE, retries={"mode": "standard", "total_max_attempts": 3}
    )
    return boto3.Session().client(service, config=bounded)
