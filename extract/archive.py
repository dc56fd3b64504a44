"""The archive: every file as it came, addressed by its content, in a folder or in S3."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from extract.read import Refused
from warehouse.errors import SluiceError
from warehouse.settings import settings

CHUNK = 2**20


@dataclass(frozen=True)
class Kept:
    """A file in the archive."""

    sha256: str
    bytes: int


def keep(path: Path) -> Kept:
    """Copy a file into the archive, unless its content is there already.

    Raises Refused where `path` is no file that can be read; SluiceError where the archive cannot be written.
    """
    with tempfile.NamedTemporaryFile(dir=settings().folder("tmp"), prefix="arriving-") as copy:
        try:
            kept = _copy(path, copy)
        except IsADirectoryError:
            raise Refused(f"{path} is a directory; deliver the files in it one by one.") from None
        except FileNotFoundError:
            raise Refused(f"{path} is not there (any more); look at its name, or ask for it again.") from None
        except OSError as error:
            raise Refused(f"{path} cannot be read: {error.strerror}.") from error
        copy.flush()
        try:
            _store().put(kept.sha256, Path(copy.name))
        except OSError as error:
            raise SluiceError(f"The archive {settings().archive} cannot be written: {error.strerror}.") from error
    return kept


@contextmanager
def fetch(sha256: str, name: str) -> Iterator[Path]:
    """A local copy of an archived file under the name that it came with, verified by its hash; gone after the block."""
    with tempfile.TemporaryDirectory(dir=settings().folder("tmp"), prefix="reading-") as folder:
        copy = Path(folder) / name
        _store().get(sha256, copy)
        with open(copy, "rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        if digest != sha256:
            raise SluiceError(
                f"The archived file {sha256} has changed: its content now has the hash {digest}."
                " Restore it from a backup of the archive; nothing was loaded from it."
            )
        yield copy


def _copy(path: Path, copy: Any) -> Kept:
    digest, size = hashlib.sha256(), 0
    with open(path, "rb") as source:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            copy.write(chunk)
    return Kept(digest.hexdigest(), size)


class Folder:
    """An archive in a folder: sha256/ab/cd/<hash>."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def _place(self, sha256: str) -> Path:
        return self.root / "sha256" / sha256[:2] / sha256[2:4] / sha256

    def put(self, sha256: str, source: Path) -> None:
        """Write aside, force to disk, rename: a file in the archive is whole."""
        place = self._place(sha256)
        if place.exists():
            return
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        aside = place.with_name(f".{sha256}.{os.getpid()}")
        with open(source, "rb") as inside, open(aside, "wb") as outside:
            shutil.copyfileobj(inside, outside, CHUNK)
            outside.flush()
            os.fsync(outside.fileno())
        aside.chmod(0o400)
        aside.rename(place)

    def get(self, sha256: str, target: Path) -> None:
        """Copy an archived file to `target`."""
        place = self._place(sha256)
        if not place.exists():
            raise SluiceError(f"The archive {self.root} does not hold {sha256}; restore it from a backup.")
        shutil.copyfile(place, target)


class Bucket:
    """An archive in S3: <prefix>/sha256/ab/cd/<hash>. Honours AWS_ENDPOINT_URL and the usual AWS settings."""

    def __init__(self, url: str) -> None:
        import boto3  # 0.3 s that a local archive need not pay

        parts = urlsplit(url)
        self.bucket, self.prefix = parts.netloc, parts.path.strip("/")
        self.client = boto3.client("s3")

    def _key(self, sha256: str) -> str:
        return "/".join(filter(None, [self.prefix, "sha256", sha256[:2], sha256[2:4], sha256]))

    def put(self, sha256: str, source: Path) -> None:
        """Upload, unless an object of that name is there: an object appears whole or not at all."""
        from botocore.exceptions import ClientError

        try:
            self.client.head_object(Bucket=self.bucket, Key=self._key(sha256))
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchKey", "NotFound"):
                raise SluiceError(f"The archive s3://{self.bucket}/{self.prefix} does not answer: {error}") from error
            self.client.upload_file(str(source), self.bucket, self._key(sha256))

    def get(self, sha256: str, target: Path) -> None:
        """Download an archived object to `target`."""
        from botocore.exceptions import ClientError

        try:
            self.client.download_file(self.bucket, self._key(sha256), str(target))
        except ClientError as error:
            raise SluiceError(
                f"The archive s3://{self.bucket}/{self.prefix} does not give {sha256}: {error}"
            ) from error


def _store() -> Folder | Bucket:
    where = settings().archive
    return Bucket(where) if where.startswith("s3://") else Folder(Path(where))
