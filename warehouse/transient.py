"""What goes by itself: a connection that was lost, a service that has a bad minute. Bad data is none of that."""

from collections.abc import Callable
from typing import Any, TypeVar

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

R = TypeVar("R")

ATTEMPTS = 4  # after about 1, 2 and 4 seconds
# PostgreSQL: connection lost or refused (08), out of connections (53300), shut down or starting (57P),
# serialization failure and deadlock (40).
SQLSTATES = ("08", "53300", "57P", "40001", "40P01")
AWS_CODES = ("SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "ThrottlingException", "Throttling")


def is_transient(error: BaseException | None) -> bool:
    """Whether an error, or the one that it came from, may be gone in a moment."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if getattr(error, "transient", False) or _of_database(error) or _of_aws(error):
            return True
        error = error.__cause__
    return False


def _of_database(error: BaseException) -> bool:
    found = getattr(error, "orig", error)
    if type(found).__module__.split(".")[0] not in ("psycopg", "psycopg2"):
        return False
    state = getattr(found, "sqlstate", None) or getattr(found, "pgcode", None)
    if state:
        return str(state).startswith(SQLSTATES)
    return bool(getattr(error, "connection_invalidated", False)) or type(found).__name__ in (
        "OperationalError",
        "InterfaceError",
    )


def _of_aws(error: BaseException) -> bool:
    if type(error).__module__.split(".")[0] != "botocore":
        return False
    answer: dict[str, Any] = getattr(error, "response", None) or {}
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return (
        status >= 500
        or answer.get("Error", {}).get("Code") in AWS_CODES
        or type(error).__name__
        in (
            "EndpointConnectionError",
            "ConnectTimeoutError",
            "ReadTimeoutError",
            "ConnectionClosedError",
            "IncompleteReadError",
            "ResponseStreamingError",
        )
    )


def persistently(work: Callable[[], R]) -> R:
    """Do it; where that fails for a reason that goes by itself, again, with growing pauses. `work` is repeatable."""
    again = Retrying(
        retry=retry_if_exception(is_transient),
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential_jitter(initial=1, max=20, jitter=0.5),
        reraise=True,
    )
    return again(work)
