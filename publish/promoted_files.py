"""The exported files of a publication, copied to the bucket or folder that consumers of a promotion read."""

import os
import shutil
from pathlib import Path
from typing import Any

from publish.export import export
from warehouse.errors import SluiceError


def copy(entity: str, run: int, to: str) -> str:
    """Copy the export of a run to `<to>/<entity>/run-<run>/`; gives that place. What is whole there is left alone."""
    folder = export(entity, run)
    place = f"{to.rstrip('/')}/{entity}/{folder.name}"
    if place.startswith("s3://"):
        bucket, _, prefix = place.removeprefix("s3://").partition("/")
        for file in _manifest_last(folder):
            _s3().upload_file(str(file), bucket, f"{prefix}/{file.name}")
    elif not Path(place).exists():
        aside = Path(place).with_name(f".{folder.name}.{os.getpid()}")
        shutil.rmtree(aside, ignore_errors=True)
        shutil.copytree(folder, aside)
        aside.rename(place)
    return place


def point_latest(place: str) -> None:
    """Let `latest` name what was promoted last: a text beside the folders, written whole."""
    above, _, name = place.rpartition("/")
    if place.startswith("s3://"):
        bucket, _, prefix = above.removeprefix("s3://").partition("/")
        _s3().put_object(Bucket=bucket, Key=f"{prefix}/latest", Body=f"{name}\n".encode())
        return
    aside = Path(above) / f".latest.{os.getpid()}"
    aside.write_text(f"{name}\n")
    aside.rename(Path(above) / "latest")


def _manifest_last(folder: Path) -> list[Path]:
    """A bucket has no rename: who finds a manifest finds all that it names."""
    return sorted(folder.iterdir(), key=lambda file: (file.name == "manifest.json", file.name))


def _s3() -> Any:
    import boto3
    from botocore.exceptions import BotoCoreError

    try:
        return boto3.client("s3", endpoint_url=os.environ.get("AWS_ENDPOINT_URL"))
    except BotoCoreError as error:
        raise SluiceError(
            f"The bucket for promoted files cannot be reached: {error}. Look at the AWS_ variables."
        ) from error
