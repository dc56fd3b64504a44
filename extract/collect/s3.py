"""Objects of a drop folder that is a bucket: listed, or announced by an event. An object appears whole, so that none is
looked at while it is being written."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from extract.collect.patience import patience
from extract.collect.way import Cut, Fetched, FetchFailed, NotData, NotNew
from warehouse import aws
from warehouse.errors import SluiceError
from warehouse.fetches import Known

CHUNK = 2**20


@dataclass(frozen=True, order=True)
class S3Object:
    """An object that was announced or listed. `state` is its version, or else its ETag; empty where nobody said."""

    bucket: str
    key: str
    state: str = ""
    versioned: bool = False

    @property
    def url(self) -> str:
        """`s3://bucket/key`: its name in the ledger."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def name(self) -> str:
        """The file's name."""
        return self.key.rpartition("/")[2]

    @property
    def uri(self) -> str:
        """`s3://bucket/key@state`: one state of one object. A version's begins with `v:`."""
        return f"{self.url}@{'v:' if self.versioned else ''}{self.state}"

    @classmethod
    def of(cls, uri: str) -> Self:
        """The object of a uri."""
        if not uri.startswith("s3://") or "@" not in uri:
            raise SluiceError(f"{uri!r} is no object; write s3://bucket/key@version-or-etag.")
        path, _, state = uri.removeprefix("s3://").rpartition("@")
        bucket, _, key = path.partition("/")
        return cls(bucket, key, state.removeprefix("v:"), state.startswith("v:"))


@dataclass(frozen=True)
class Listed:
    """An object as a listing shows it; its ETag has quotation marks, as everywhere in HTTP."""

    object: S3Object
    etag: str
    changed_at: datetime

    def is_known(self, known: Known | None) -> bool:
        """Whether it was taken in in this state. (What an older Sluice took in has no time in the ledger.)"""
        if known is None or known.etag != self.etag:
            return False
        return known.last_modified in (None, _moment(self.changed_at))


def listed(pattern: str) -> list[Listed]:
    """The objects that match s3://bucket/pattern, oldest first (time, key)."""
    parts = urlsplit(pattern)
    glob = parts.path.lstrip("/")
    prefix, fits = re.split(r"[*?\[]", glob)[0], meant(glob)
    with told_plainly(pattern):
        pages = _client().get_paginator("list_objects_v2").paginate(Bucket=parts.netloc, Prefix=prefix)
        found = [
            Listed(S3Object(parts.netloc, one["Key"], one["ETag"].strip('"')), one["ETag"], one["LastModified"])
            for page in pages
            for one in page.get("Contents", [])
            if fits.fullmatch(one["Key"]) and not one["Key"].rpartition("/")[2].startswith(".")
        ]
    return sorted(found, key=lambda one: (one.changed_at, one.object.key))


def fetch(wanted: S3Object, into: Path) -> Fetched:
    """The object as it is now, or that version of it, in constant memory.

    Raises NotNew where it was deleted meanwhile, Cut where it ends early, NotData where it is larger than is taken.
    """
    which = {"VersionId": wanted.state} if wanted.versioned else {}
    with told_plainly(wanted.url):
        answer = _get(wanted, which)
        size, whole, most = 0, answer["ContentLength"], patience().bytes
        if whole > most:
            raise NotData(f"{wanted.url} has more than {most:,} bytes: raise `bytes` in SLUICE_FETCHING.")
        with open(into, "wb") as out:
            for piece in answer["Body"].iter_chunks(CHUNK):
                out.write(piece)
                size += len(piece)
        if size != whole:
            raise Cut(f"{wanted.url} ended after {size:,} of {whole:,} bytes.")
    told = {
        "etag": answer["ETag"],
        "last-modified": _moment(answer["LastModified"]),
        "content-type": answer.get("ContentType", ""),
        "content-length": str(size),
    }
    users = {f"x-amz-meta-{name.lower()}": value for name, value in (answer.get("Metadata") or {}).items()}
    return Fetched(into, size, 200, told | users, answer["LastModified"])


def _get(wanted: S3Object, which: dict[str, str]) -> Any:
    from botocore.exceptions import ClientError

    try:
        return _client().get_object(Bucket=wanted.bucket, Key=wanted.key, **which)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "NoSuchVersion", "404"):
            raise NotNew("it is not there any more", 404) from None
        raise


def _client() -> Any:
    most = patience()
    return aws.client("s3", None, most.connect, most.read, most.attempts)


@contextmanager
def told_plainly(where: str) -> Iterator[None]:
    """What goes wrong with S3, as a fetch that failed."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise FetchFailed(
            f"{where} does not answer as it should: {error} Look at SLUICE_DROP_FOLDER, at the AWS_ variables,"
            " and whether the bucket is there."
        ) from error


def _moment(changed_at: datetime) -> str:
    """A time as HTTP writes it, to the second: a listing may tell more of it than the object does."""
    return format_datetime(changed_at.astimezone(UTC), usegmt=True)


@cache
def meant(pattern: str) -> re.Pattern[str]:
    """A glob over keys as a regular expression: * and ? stay within a folder, ** goes through folders."""
    parts = re.split(r"(\*\*/|\*|\?|\[[^\]]+\])", pattern)
    words = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    return re.compile(
        "".join(
            words.get(part)
            or ("[" + part[1:].replace("!", "^", 1) if part[:1] == "[" and part[-1] == "]" else re.escape(part))
            for part in parts
        )
    )
