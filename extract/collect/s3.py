"""Dropped objects in S3. An object appears whole, so that none is looked at while it is being written."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from extract.collect.patience import patience
from extract.collect.way import Cut, Fetched, FetchFailed, NotData
from extract.effective import LAST_MODIFIED

CHUNK = 2**20


@dataclass(frozen=True)
class Found:
    """An object."""

    url: str
    key: str
    etag: str
    changed_at: datetime


class Bucket:
    """The objects that match s3://bucket/pattern. Honours AWS_ENDPOINT_URL and the usual AWS settings."""

    def __init__(self, url: str) -> None:
        import boto3  # 0.3 s that a local drop folder need not pay
        from botocore.config import Config

        parts = urlsplit(url)
        self.url, self.name, self.pattern = url, parts.netloc, parts.path.lstrip("/")
        most = patience()
        bounded = Config(
            connect_timeout=most.connect,
            read_timeout=most.read,
            retries={"mode": "standard", "total_max_attempts": most.attempts},
        )
        with self._told_plainly():
            self.client = boto3.Session().client("s3", config=bounded)

    def matching(self) -> list[Found]:
        """The objects that match, oldest first (time, key)."""
        prefix, meant = re.split(r"[*?\[]", self.pattern)[0], re.compile(as_regex(self.pattern))
        found = []
        with self._told_plainly():
            for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix):
                for one in page.get("Contents", []):
                    if meant.fullmatch(one["Key"]) and not one["Key"].rpartition("/")[2].startswith("."):
                        url = f"s3://{self.name}/{one['Key']}"
                        found.append(Found(url, one["Key"], one["ETag"], one["LastModified"]))
        return sorted(found, key=lambda one: (one.changed_at, one.key))

    def fetch(self, key: str, etag: str, into: Path) -> Fetched:
        """The object as it was listed; Cut where another one took its place meanwhile, or it ends early."""
        with self._told_plainly():
            answer = self.client.get_object(Bucket=self.name, Key=key, IfMatch=etag)
            size, most = 0, patience().bytes
            if answer["ContentLength"] > most:
                raise NotData(f"s3://{self.name}/{key} has more than {most:,} bytes: raise `bytes` in SLUICE_FETCHING.")
            with open(into, "wb") as out:
                for piece in answer["Body"].iter_chunks(CHUNK):
                    out.write(piece)
                    size += len(piece)
            if size != answer["ContentLength"]:
                raise Cut(f"s3://{self.name}/{key} ended after {size:,} of {answer['ContentLength']:,} bytes.")
        headers = {"etag": etag, "content-type": answer.get("ContentType", ""), "content-length": str(size)}
        return Fetched(into, size, 200, headers | metadata_of(answer))

    @contextmanager
    def _told_plainly(self) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (BotoCoreError, ClientError) as error:
            raise FetchFailed(
                f"{self.url} does not answer as it should: {error} Look at SLUICE_DROP_FOLDER, at the AWS_ variables,"
                " and whether the bucket is there."
            ) from error


def metadata_of(answer: Mapping[str, Any]) -> dict[str, str]:
    """What an object's answer tells beside its body, by S3's names of headers: when it was changed, its metadata."""
    users = {f"x-amz-meta-{name.lower()}": value for name, value in (answer.get("Metadata") or {}).items()}
    return {LAST_MODIFIED: format_datetime(answer["LastModified"].astimezone(UTC), usegmt=True), **users}


def as_regex(pattern: str) -> str:
    """A glob over keys as a regular expression: * and ? stay within a folder, ** goes through folders."""
    parts = re.split(r"(\*\*/|\*|\?|\[[^\]]+\])", pattern)
    words = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    return "".join(
        words.get(part)
        or ("[" + part[1:].replace("!", "^", 1) if part[:1] == "[" and part[-1] == "]" else re.escape(part))
        for part in parts
    )
