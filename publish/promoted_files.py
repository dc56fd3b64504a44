"""The exported files of a publication, copied to the bucket or folder that consumers of a promotion read."""

import os
import re
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from publish.export import export
from warehouse.aws import client
from warehouse.errors import SluiceError

OF_A_RUN = re.compile(r"run-\d{6,}|\.run-\d{6,}\.\d+")  # the latter: one that a killed promotion left


def copy(entity: str, run: int, to: str) -> str:
    """Copy the export of a run to its place; gives that. The same one there is left alone; another one, of before an
    erasure or a new key, is replaced."""
    folder = export(entity, run)
    target = place(entity, run, to)
    if target.startswith("s3://"):
        _upload(folder, target)
    elif not _is_there(folder, Path(target)):
        aside = Path(target).with_name(f".{folder.name}.{os.getpid()}")
        shutil.rmtree(aside, ignore_errors=True)
        shutil.copytree(folder, aside)
        shutil.rmtree(target, ignore_errors=True)
        aside.rename(target)
    return target


def keep_only(entity: str, runs: Collection[int], to: str) -> None:
    """Delete the files of an entity's other runs, in a versioned bucket all that they ever were: they may show somebody
    who is erased. Nobody may be copying files of the entity meanwhile."""
    kept = {place(entity, run, to).rpartition("/")[2] for run in runs}
    above = place(entity, 0, to).rpartition("/")[0]
    for name in _folders(above):
        if OF_A_RUN.fullmatch(name) and name not in kept:
            _delete_folder(f"{above}/{name}")


def _is_there(folder: Path, target: Path) -> bool:
    """Whether the files that a manifest names with their hashes are those of the other."""
    manifest = target / "manifest.json"
    return manifest.is_file() and manifest.read_bytes() == (folder / "manifest.json").read_bytes()


def place(entity: str, run: int, to: str) -> str:
    """Where the files of a run lie: `<to>/<entity>/run-<run>`."""
    return f"{to.rstrip('/')}/{entity}/run-{run:06d}"


def point_latest(target: str) -> None:
    """Let `latest` name what consumers are to see: a text beside the folders, written whole."""
    above, _, name = target.rpartition("/")
    if target.startswith("s3://"):
        bucket, prefix = _bucket_of(above)
        with _s3() as s3:
            s3.put_object(Bucket=bucket, Key=f"{prefix}/latest", Body=f"{name}\n".encode())
        return
    aside = Path(above) / f".latest.{os.getpid()}"
    aside.write_text(f"{name}\n")
    aside.rename(Path(above) / "latest")


def _upload(folder: Path, target: str) -> None:
    """Let a bucket hold what a folder does, and nothing of what was there before in its place."""
    bucket, prefix = _bucket_of(target)
    files = {file.relative_to(folder).as_posix(): file for file in _manifest_last(folder)}
    with _s3() as s3:
        for name, file in files.items():
            s3.upload_file(str(file), bucket, f"{prefix}/{name}")
    _delete_but(target, files)


def _manifest_last(folder: Path) -> list[Path]:
    """A bucket has no rename: who finds a manifest finds all that it names."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return sorted(files, key=lambda file: (file == folder / "manifest.json", file.name == "manifest.json", file))


def _folders(above: str) -> list[str]:
    """The names of the folders in a folder, or in a bucket below a prefix, those included that hold former versions
    only."""
    if not above.startswith("s3://"):
        return [path.name for path in Path(above).iterdir() if path.is_dir()]
    bucket, prefix = _bucket_of(above)
    with _s3() as s3:
        pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=f"{prefix}/", Delimiter="/")
        found = [one["Prefix"] for page in pages for one in page.get("CommonPrefixes", ())]
    return [name.removeprefix(f"{prefix}/").removesuffix("/") for name in found]


def _delete_folder(folder: str) -> None:
    if folder.startswith("s3://"):
        _delete_but(folder, ())
    else:
        shutil.rmtree(folder)


def _delete_but(folder: str, kept: Collection[str]) -> None:
    """Delete the objects of a folder in a bucket but those of these names, and whatever each was before."""
    bucket, prefix = _bucket_of(folder)
    with _s3() as s3:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=f"{prefix}/"):
            stay = [
                one for one in page.get("Versions", ()) if one["IsLatest"] and one["Key"][len(prefix) + 1 :] in kept
            ]
            for one in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                if one not in stay:
                    s3.delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])


def _bucket_of(url: str) -> tuple[str, str]:
    """The bucket of a URL, and the prefix in it."""
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    return bucket, prefix


@contextmanager
def _s3() -> Iterator[Any]:
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield client("s3")
    except (Boto3Error, BotoCoreError, ClientError) as error:
        raise SluiceError(
            f"The bucket for promoted files does not answer as it should: {error} Look at SLUICE_PROMOTE_FILES, at the"
            " AWS_ variables, and whether listing and deleting versions of objects is allowed there."
        ) from error
