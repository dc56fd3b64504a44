"""The exported files of a publication, copied to the bucket or folder that consumers of a promotion read."""

import os
import shutil
from pathlib import Path
from typing import Any

from publish.export import export
from warehouse.errors import SluiceError


def copy(entity: str, run: int, to: str) -> str:
    """Copy the export of a run to its place; gives that. The same one there is left alone; another one, of before an
    erasure or a new key, is replaced."""
    folder = export(entity, run)
    target = place(entity, run, to)
    if target.startswith("s3://"):
        bucket, _, prefix = target.removeprefix("s3://").partition("/")
        for file in _manifest_last(folder):
            _s3().upload_file(str(file), bucket, f"{prefix}/{file.relative_to(folder).as_posix()}")
    elif not _is_there(folder, Path(target)):
        aside = Path(target).with_name(f".{folder.name}.{os.getpid()}")
        shutil.rmtree(aside, ignore_errors=True)
        shutil.copytree(folder, aside)
        shutil.rmtree(target, ignore_errors=True)
        aside.rename(target)
    return target


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
        bucket, _, prefix = above.removeprefix("s3://").partition("/")
        _s3().put_object(Bucket=bucket, Key=f"{prefix}/latest", Body=f"{name}\n".encode())
        return
    aside = Path(above) / f".latest.{os.getpid()}"
    aside.write_text(f"{name}\n")
    aside.rename(Path(above) / "latest")


def _manifest_last(folder: Path) -> list[Path]:
    """A bucket has no rename: who finds a manifest finds all that it names."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return sorted(files, key=lambda file: (file == folder / "manifest.json", file.name == "manifest.json", file))


def _s3() -> Any:
    import boto3
    from botocore.exceptions import BotoCoreError

    try:
        return boto3.client("s3", endpoint_url=os.environ.get("AWS_ENDPOINT_URL"))
    except BotoCoreError as error:
        raise SluiceError(
            f"The bucket for promoted files cannot be reached: {error}. Look at the AWS_ variables."
        ) from error
