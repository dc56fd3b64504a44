"""What the tests of formats share: a file read whole."""

from pathlib import Path
from typing import Any, NamedTuple

from extract.read import Hints, Limits, Refused, Unreadable, open_file


class Read(NamedTuple):
    header: list[str]
    rows: list[list[str]]
    unreadable: list[Unreadable]
    blank: int
    found: dict[str, Any]
    lines: list[int]


def read(path: Path, limits: Limits | None = None, **hints: Any) -> Read:
    """All records of a file, nothing expected of it."""
    reading = open_file(path, hints=Hints(**hints), limits=limits or Limits())
    batches = list(reading.batches())
    return Read(
        list(reading.found.header),
        [cells for batch in batches for _, _, cells in batch.rows],
        [bad for batch in batches for bad in batch.unreadable],
        sum(batch.blank for batch in batches),
        reading.found.as_json(),
        [line for batch in batches for _, line, _ in batch.rows],
    )


def refusal(path: Path, limits: Limits | None = None, **hints: Any) -> str:
    """Why a file is refused."""
    try:
        read(path, limits, **hints)
    except Refused as error:
        return str(error)
    raise AssertionError(f"{path.name} is not refused")


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
