"""The archive keeps every file as it came, in a folder and in S3."""

import hashlib
import os
import socket
import stat
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from conftest import forget_settings
from moto.server import ThreadedMotoServer

from extract import archive
from warehouse.errors import SluiceError

CONTENT = b"Region,Code\nnorth,a\n"
HASH = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("SLUICE_HOME", str(tmp_path / "home"))
    forget_settings()
    yield tmp_path / "home"
    forget_settings()


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of an S3 server that holds the bucket `vault`."""
    aws(monkeypatch, s3_server)
    client = boto3.client("s3")
    client.create_bucket(Bucket="vault")
    for found in client.list_objects_v2(Bucket="vault").get("Contents", []):
        client.delete_object(Bucket="vault", Key=found["Key"])
    return client


def aws(monkeypatch: pytest.MonkeyPatch, endpoint: str) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    values = {"ENDPOINT_URL": endpoint, "ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "DEFAULT_REGION": "us-east-1"}
    for name, value in values.items():
        monkeypatch.setenv(f"AWS_{name}", value)


@pytest.fixture(params=["folder", "s3"])
def any_archive(request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The one archive after the other."""
    if request.param == "s3":
        request.getfixturevalue("s3")
        at(monkeypatch, "s3://vault/some/prefix")
    return str(request.param)


def at(monkeypatch: pytest.MonkeyPatch, url: object) -> None:
    monkeypatch.setenv("SLUICE_ARCHIVE_URL", str(url))
    forget_settings()


def arrived(folder: Path, content: bytes = CONTENT, name: str = "things.csv") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def place(root: Path, sha256: str = HASH) -> Path:
    return root / "sha256" / sha256[:2] / sha256[2:4] / sha256


def test_what_was_kept_comes_back_under_its_name(any_archive: str, tmp_path: Path) -> None:
    assert archive.keep(arrived(tmp_path)) == archive.Kept(HASH, len(CONTENT))
    with archive.fetch(HASH, "things.csv") as copy:
        assert (copy.name, copy.read_bytes()) == ("things.csv", CONTENT)
    assert not copy.exists()


def test_a_missing_file_is_told_by_its_hash(any_archive: str) -> None:
    with pytest.raises(SluiceError, match=rf"does not hold {HASH}; restore it from a backup"):
        archive.fetch(HASH, "things.csv").__enter__()


def test_several_at_once_keep_one_content(any_archive: str, tmp_path: Path) -> None:
    paths = [arrived(tmp_path, name=f"{number}.csv") for number in range(8)]
    with ThreadPoolExecutor(8) as threads:
        assert {kept.sha256 for kept in threads.map(archive.keep, paths)} == {HASH}
    with archive.fetch(HASH, "things.csv") as copy:
        assert copy.read_bytes() == CONTENT


def test_a_folder_is_for_its_owner_and_holds_a_content_once(home: Path, tmp_path: Path) -> None:
    archive.keep(arrived(tmp_path))
    kept = place(home / "archive")
    first = kept.stat()
    archive.keep(arrived(tmp_path, name="another.csv"))

    assert kept.stat().st_mtime_ns == first.st_mtime_ns
    assert [path for path in (home / "archive").rglob("*") if path.is_file()] == [kept]
    assert stat.S_IMODE(first.st_mode) == 0o400
    folders = [home / "archive", *(path for path in (home / "archive").rglob("*") if path.is_dir())]
    assert {oct(stat.S_IMODE(path.stat().st_mode)) for path in folders} == {oct(0o700)}
    assert list((home / "tmp").iterdir()) == []


def test_a_folder_elsewhere(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, tmp_path / "far" / "archive")
    archive.keep(arrived(tmp_path))
    assert place(tmp_path / "far" / "archive").read_bytes() == CONTENT
    assert stat.S_IMODE((tmp_path / "far" / "archive").stat().st_mode) == 0o700


def test_a_flipped_byte_is_told_by_its_hash(home: Path, tmp_path: Path) -> None:
    archive.keep(arrived(tmp_path))
    kept = place(home / "archive")
    kept.chmod(0o600)
    kept.write_bytes(CONTENT.replace(b"north", b"south"))
    with pytest.raises(SluiceError, match=rf"{HASH} has changed.*backup"):
        archive.fetch(HASH, "things.csv").__enter__()
    assert list((home / "tmp").iterdir()) == []


def test_a_flipped_byte_in_s3_is_told_by_its_hash(
    home: Path, s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, "s3://vault/deep/er")
    archive.keep(arrived(tmp_path))
    (key,) = [found["Key"] for found in s3.list_objects_v2(Bucket="vault")["Contents"]]
    assert key == f"deep/er/sha256/{HASH[:2]}/{HASH[2:4]}/{HASH}"
    s3.put_object(Bucket="vault", Key=key, Body=b"other")
    with pytest.raises(SluiceError, match=rf"{HASH} has changed.*backup"):
        archive.fetch(HASH, "things.csv").__enter__()


def test_a_damaged_object_is_healed_by_the_same_file(any_archive: str, home: Path, tmp_path: Path) -> None:
    archive.keep(arrived(tmp_path))
    if any_archive == "s3":
        client = boto3.client("s3")
        (key,) = [found["Key"] for found in client.list_objects_v2(Bucket="vault")["Contents"]]
        client.put_object(Bucket="vault", Key=key, Body=b"other")
    else:
        kept = place(home / "archive")
        kept.chmod(0o600)
        kept.write_bytes(b"other")
    archive.keep(arrived(tmp_path, name="again.csv"))
    with archive.fetch(HASH, "things.csv") as copy:
        assert copy.read_bytes() == CONTENT


def test_what_is_expected_is_there_or_is_kept(any_archive: str, tmp_path: Path) -> None:
    for name in ("first.csv", "again.csv"):
        assert archive.keep(arrived(tmp_path, name=name), expected=True) == archive.Kept(HASH, len(CONTENT))
    other = archive.keep(arrived(tmp_path, CONTENT.replace(b"north", b"south")), expected=True)
    for sha256, word in ((HASH, b"north"), (other.sha256, b"south")):
        with archive.fetch(sha256, "things.csv") as copy:
            assert word in copy.read_bytes()


def test_s3_holds_a_content_once(home: Path, s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, "s3://vault")
    archive.keep(arrived(tmp_path))
    first = s3.list_objects_v2(Bucket="vault")["Contents"]
    archive.keep(arrived(tmp_path, name="another.csv"))
    assert s3.list_objects_v2(Bucket="vault")["Contents"] == first


def test_an_archive_that_cannot_be_written(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = arrived(tmp_path)  # no folder can be made below a file, whoever tries
    at(monkeypatch, file / "archive")
    with pytest.raises(SluiceError, match=r"archive .*/things\.csv/archive cannot be written: Not a directory"):
        archive.keep(file)


def test_a_bucket_that_is_not_there(home: Path, s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, "s3://no-such-bucket/prefix")
    with pytest.raises(SluiceError, match=r"s3://no-such-bucket/prefix.*bucket"):
        archive.keep(arrived(tmp_path))
    with pytest.raises(SluiceError, match=r"s3://no-such-bucket/prefix"):
        archive.fetch(HASH, "things.csv").__enter__()


def refuses() -> socket.socket:
    """A port at which nobody listens."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    return held


def keeps_silent() -> socket.socket:
    """A port at which somebody listens and never answers."""
    held = refuses()
    held.listen(16)
    return held


@pytest.mark.parametrize("kind", [refuses, keeps_silent])
def test_a_server_that_is_down(kind: Any, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "PATIENCE", 1)
    with kind() as held:
        aws(monkeypatch, f"http://127.0.0.1:{held.getsockname()[1]}")
        at(monkeypatch, "s3://vault/prefix")
        began = time.monotonic()
        with pytest.raises(SluiceError, match=r"s3://vault/prefix.*AWS_"):
            archive.keep(arrived(tmp_path))
        assert time.monotonic() - began < 15


def test_no_credentials(home: Path, s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    at(monkeypatch, "s3://vault")
    with pytest.raises(SluiceError, match=r"s3://vault.*[Cc]redentials.*AWS_"):
        archive.keep(arrived(tmp_path))


@pytest.mark.parametrize(("asked", "given"), [("AES256", ("AES256", None)), ("key-1", ("aws:kms", "key-1"))])
def test_s3_is_asked_to_encrypt(
    s3: Any,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked: str,
    given: tuple[str, str | None],
) -> None:
    monkeypatch.setenv("SLUICE_ARCHIVE_ENCRYPTION", asked)
    at(monkeypatch, "s3://vault/some/prefix")
    archive.keep(arrived(tmp_path))
    (found,) = s3.list_objects_v2(Bucket="vault")["Contents"]
    head = s3.head_object(Bucket="vault", Key=found["Key"])
    assert (head["ServerSideEncryption"], head.get("SSEKMSKeyId")) == given


def test_what_is_removed_is_gone(any_archive: str, tmp_path: Path) -> None:
    kept = archive.keep(arrived(tmp_path))
    archive.remove(kept.sha256)
    archive.remove(kept.sha256)
    with pytest.raises(SluiceError, match="does not hold"), archive.fetch(kept.sha256, "x.csv"):
        pass


def test_what_is_refused_stays_out(any_archive: str, tmp_path: Path) -> None:
    kept = archive.keep(arrived(tmp_path), refuse=lambda sha256: sha256 == HASH)
    with pytest.raises(SluiceError, match="does not hold"), archive.fetch(kept.sha256, "x.csv"):
        pass
