"""Prefect's blocks for the buckets, so that flows of others find them by name. They hold no secret: on AWS the role of
the task is what gives access; an access key in the environment is not copied into Prefect."""

from urllib.parse import urlsplit

from prefect_aws import AwsCredentials, S3Bucket

from deployments.change import Change
from warehouse.settings import settings

CREDENTIALS = "sluice"


def reconcile() -> list[Change]:
    """Save the blocks `sluice` (credentials), `sluice-arrivals` and `sluice-archive`, where they are not as they are to
    be. Nothing where neither arrivals nor archive lie in S3."""
    wanted = {"sluice-arrivals": settings().drop_root, "sluice-archive": settings().archive_url}
    found = {name: url for name, url in wanted.items() if url and url.startswith("s3://")}
    if not found:
        return []
    credentials, changes = _credentials()
    return changes + [change for name, url in found.items() if (change := _bucket(name, url, credentials))]


def _credentials() -> tuple[AwsCredentials, list[Change]]:
    try:
        return AwsCredentials.load(CREDENTIALS), []  # type: ignore[return-value]
    except ValueError:
        made = AwsCredentials()
        made.save(CREDENTIALS, overwrite=True)
        return made, [Change("block", f"aws-credentials/{CREDENTIALS}", "added")]


def _bucket(name: str, url: str, credentials: AwsCredentials) -> Change | None:
    parts = urlsplit(url)
    bucket, folder = parts.netloc, parts.path.strip("/")
    try:
        there = S3Bucket.load(name)
        if (there.bucket_name, there.bucket_folder) == (bucket, folder):  # type: ignore[union-attr]
            return None
        how = "changed"
    except ValueError:
        how = "added"
    S3Bucket(bucket_name=bucket, bucket_folder=folder, credentials=credentials).save(name, overwrite=True)
    return Change("block", f"s3-bucket/{name}", "changed" if how == "changed" else "added")
