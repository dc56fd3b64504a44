"""How far the reading of a long file has come, told now and then."""

import time
from collections.abc import Callable
from pathlib import Path

from .model import Batch

LONG = 20 * 2**20  # bytes from which it is worth telling
EVERY = 1.0  # seconds

Told = Callable[[float, int], None]  # share of the file, 0 to 1; records so far


class Progress:
    """Tells `told` of the share of a file that is read, about once a second; of a short file nothing."""

    def __init__(self, path: Path, told: Told | None) -> None:
        self.size = path.stat().st_size
        self.told = told if self.size >= LONG else None
        self.bytes = self.records = 0
        self.last = time.monotonic()

    def add(self, size: int, records: int = 0) -> None:
        """So many bytes and records more."""
        self.bytes += size
        self.records += records
        if self.told and time.monotonic() - self.last >= EVERY:
            self.last = time.monotonic()
            self.told(min(1.0, self.bytes / self.size), self.records)

    def add_batch(self, batch: Batch) -> None:
        """The records of a batch. Where the format has no bytes, their share is not known and stays 0."""
        if self.told:
            self.add(max(0, batch.end - self.bytes), batch.records)

    def close(self) -> None:
        """All is read."""
        if self.told and self.records + self.bytes:
            self.told(1.0, self.records)
