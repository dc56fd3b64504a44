"""Clients of AWS, bounded in their patience: one way to make them. They honour AWS_ENDPOINT_URL and the usual AWS_
variables."""

from functools import cache
from typing import Any

PATIENCE = 30.0  # seconds that a service has for a connection or an answer
ATTEMPTS = 3


@cache
def client(
    service: str,
    region: str | None = None,
    connect: float = PATIENCE,
    read: float = PATIENCE,
    attempts: int = ATTEMPTS,
) -> Any:
    """A client of a service, made once: that costs 0.1 s, and threads may share it. `region`: none is the usual one."""
    import boto3  # 0.3 s that nobody without AWS need pay
    from botocore.config import Config

    bounded = Config(
        connect_timeout=connect, read_timeout=read, retries={"mode": "standard", "total_max_attempts": attempts}
    )
    # boto3.client() shares a session, whose making is not safe between threads.
    return boto3.Session().client(service, region_name=region, config=bounded)
