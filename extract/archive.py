"""The archive: every file as it came, addressed by its content, in a folder or in S3."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from extract.read import Refused
from warehouse.errors import SluiceError
from warehouse.settings import settings

CHUNK = 2**20
PATIENCE = 30  # seconds that S3 has for a connection or an answer; three attempts


@dataclass(frozen=True)
class Kept:
    """A file in the archive."""

    sha256: str
    bytes: int


def keep(path: Path, refuse: Callable[[str], bool] = lambda _: False, *, expected: bool = False) -> Kept:
    """Copy a file into the archive, unless its content is there already, or `refuse` says no to its hash. What is there
    under its name and is damaged is put right by it. Where it is `expected` to be there, it is looked for before
    anything is copied.

    Raises Refused where `path` is no file that can be read; SluiceError where the archive cannot be written.
    """
    if expected and (there := _there(path)):
        return there
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
        if refuse(kept.sha256):
            return kept
        try:
            _store().put(kept.sha256, Path(copy.name))
        except OSError as error:
            raise SluiceError(f"The archive {settings().archive} cannot be written: {error.strerror}.") from error
    return kept


def _there(path: Path) -> Kept | None:
    """A file whose content the archive holds, undamaged."""
    try:
        kept = Kept(_hash_of(path), path.stat().st_size) if path.is_file() else None
    except OSError:
        return None  # keeping it says what is wrong with it
    return kept if kept and _store().holds(kept.sha256, path) else None


def remove(sha256: str) -> None:
    """Delete an archived content for good; a no-op where it is not there."""
    _store().remove(sha256)


@contextmanager
def fetch(sha256: str, name: str) -> Iterator[Path]:
    """A local copy of an archived file under the name that it came with, verified by its hash; gone after the block."""
    with tempfile.TemporaryDirectory(dir=settings().folder("tmp"), prefix="reading-") as folder:
        copy = Path(folder) / _fitting(name)
        _store().get(sha256, copy)
        digest = _hash_of(copy)
        if digest != sha256:
            raise SluiceError(
                f"The archived file {sha256} has changed: its content now has the hash {digest}."
                " Deliver the same file once more, or restore it from a backup of the archive; nothing was loaded from"
                " it."
            )
        yield copy


def _hash_of(path: Path) -> str:
    with open(path, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _is_same(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with open(one, "rb") as left, open(other, "rb") as right:
        while chunk := left.read(CHUNK):
            if chunk != right.read(CHUNK):
                return False
    return True


def _fitting(name: str) -> str:
    """A file name that a local file system takes (255 bytes): a long one loses its beginning, and keeps its suffix."""
    return name.encode()[-200:].decode(errors="ignore")


def _copy(path: Path, copy: Any) -> Kept:
    digest, size = hashlib.sha256(), 0
    if path.exists() and not (path.is_file() or path.is_dir()):  # a pipe would keep us waiting
        raise Refused(f"{path} is not a regular file; write what comes from it into one, and deliver that.")
    with open(path, "rb") as source:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            _write(copy, chunk)
        _write(copy, b"")
    return Kept(digest.hexdigest(), size)


def _write(copy: Any, chunk: bytes) -> None:
    """What goes wrong in writing our copy is not the vendor's file's fault."""
    try:
        copy.write(chunk) if chunk else copy.flush()
    except OSError as error:
        where = Path(copy.name).parent
        raise SluiceError(
            f"{where} cannot take a copy of the file: {error.strerror}. Nothing was lost; make room."
        ) from error


def _make_private(folder: Path) -> None:
    """Make a folder and its parents, open to their owner only (mkdir's mode is not for parents)."""
    for missing in reversed([one for one in (folder, *folder.parents) if not one.exists()]):
        missing.mkdir(exist_ok=True, mode=0o700)


def _link_or_copy(source: Path, target: Path) -> None:
    """A second name of the same file where the file system has one for it."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


class Folder:
    """An archive in a folder: sha256/ab/cd/<hash>."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def _place(self, sha256: str) -> Path:
        return self.root / "sha256" / sha256[:2] / sha256[2:4] / sha256

    def holds(self, sha256: str, source: Path) -> bool:
        """Whether the archive's file of that name is byte for byte `source`: half of what its hash costs."""
        place = self._place(sha256)
        return place.exists() and _is_same(source, place)

    def put(self, sha256: str, source: Path) -> None:
        """Write aside, force to disk, rename: a file in the archive is whole. A damaged one is replaced."""
        if self.holds(sha256, source):
            return
        place = self._place(sha256)
        _make_private(place.parent)
        with tempfile.TemporaryDirectory(dir=self.root, prefix=".writing-") as folder:
            aside = Path(folder) / sha256
            _link_or_copy(source, aside)
            with open(aside, "rb") as whole:
                os.fsync(whole.fileno())
            aside.chmod(0o400)
            aside.rename(place)

    def remove(self, sha256: str) -> None:
        """Delete a file."""
        self._place(sha256).unlink(missing_ok=True)

    def get(self, sha256: str, target: Path) -> None:
        """The archived file as `target`, to be read only."""
        place = self._place(sha256)
        if not place.exists():
            raise SluiceError(f"The archive {self.root} does not hold {sha256}; restore it from a backup.")
        _link_or_copy(place, target)


class Bucket:
    """An archive in S3: <prefix>/sha256/ab/cd/<hash>. Honours AWS_ENDPOINT_URL and the usual AWS settings."""

    def __init__(self, url: str) -> None:
        import boto3  # 0.3 s that a local archive need not pay
        from botocore.config import Config

        parts = urlsplit(url)
        self.url, self.bucket, self.prefix = url, parts.netloc, parts.path.strip("/")
        bounded = Config(
            connect_timeout=PATIENCE, read_timeout=PATIENCE, retries={"mode": "standard", "total_max_attempts": 3}
        )
        with self._told_plainly():
            # boto3.client() shares a session, whose making is not safe between threads.
            self.client = boto3.Session().client("s3", config=bounded)

    def _key(self, sha256: str) -> str:
        return "/".join(filter(None, [self.prefix, "sha256", sha256[:2], sha256[2:4], sha256]))

    def holds(self, sha256: str, source: Path) -> bool:  # noqa: ARG002  (a folder's file is compared with it)
        """Whether the object is there and undamaged."""
        with self._told_plainly():
            return self._has(sha256) and self._is_whole(sha256)

    def put(self, sha256: str, source: Path) -> None:
        """Upload, unless that object is there and undamaged: an object appears whole or not at all."""
        with self._told_plainly():
            if not self.holds(sha256, source):
                self.client.upload_file(str(source), self.bucket, self._key(sha256), ExtraArgs=_encryption())

    def remove(self, sha256: str) -> None:
        """Delete an object, and the versions of it that a versioned bucket keeps."""
        with self._told_plainly():
            pages = self.client.get_paginator("list_object_versions")
            for page in pages.paginate(Bucket=self.bucket, Prefix=self._key(sha256)):
                for version in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                    self.client.delete_object(Bucket=self.bucket, Key=version["Key"], VersionId=version["VersionId"])

    def _is_whole(self, sha256: str) -> bool:
        body = self.client.get_object(Bucket=self.bucket, Key=self._key(sha256))["Body"]
        digest = hashlib.sha256()
        for chunk in body.iter_chunks(CHUNK):
            digest.update(chunk)
        return digest.hexdigest() == sha256

    def get(self, sha256: str, target: Path) -> None:
        """Download an archived object to `target`."""
        with self._told_plainly():
            if not self._has(sha256):
                raise SluiceError(f"The archive {self.url} does not hold {sha256}; restore it from a backup.")
            self.client.download_file(self.bucket, self._key(sha256), str(target))

    def _has(self, sha256: str) -> bool:
        from botocore.exceptions import ClientError

        try:
            self.client.head_object(Bucket=self.bucket, Key=self._key(sha256))
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
                return False
            raise
        return True

    @contextmanager
    def _told_plainly(self) -> Iterator[None]:
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except (Boto3Error, BotoCoreError, ClientError) as error:
            raise SluiceError(
                f"The archive {self.url} does not answer as it should: {error}"
                " Look at SLUICE_ARCHIVE_URL, at the AWS_ variables, and whether the bucket is there."
            ) from error


def _encryption() -> dict[str, str]:
    """How S3 encrypts an object at rest, where SLUICE_ARCHIVE_ENCRYPTION says so: AES256, or a KMS key's id."""
    asked = settings().archive_encryption
    if asked is None:
        return {}
    if asked == "AES256":
        return {"ServerSideEncryption": asked}
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": asked}


def _store() -> Folder | Bucket:
    where = settings().archive
    return Bucket(where) if where.startswith("s3://") else Folder(Path(where))
