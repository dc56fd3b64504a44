"""Plain values kept aside between two passes over a file, so that it is taken apart once only."""

import marshal
import tempfile
from collections.abc import Iterator
from typing import IO, Generic, TypeVar

AT_ONCE = 2_000
MOST = 2**30  # bytes; beyond, the file itself is gone through again

Item = TypeVar("Item")


class Spool(Generic[Item]):
    """A few items in memory, the others in a temporary file: tuples, lists, dicts, texts and numbers.

    `whole`: all of them are kept; False once they have become too many, and then none is.
    """

    def __init__(self, most: int = MOST) -> None:
        self.most, self.whole = most, True
        self._items: list[Item] = []
        self._file: IO[bytes] | None = None

    def add(self, item: Item) -> None:
        """Keep one more item."""
        if not self.whole:
            return
        self._items.append(item)
        if len(self._items) == AT_ONCE:
            self._file = self._file or tempfile.TemporaryFile()  # noqa: SIM115 - it goes with this object
            marshal.dump(self._items, self._file)
            self._items = []
            if self._file.tell() > self.most:
                self.whole, self._file = False, None

    def __iter__(self) -> Iterator[Item]:
        if self._file:
            at, end = 0, self._file.seek(0, 2)
            while at < end:
                self._file.seek(at)
                items = marshal.load(self._file)  # noqa: S302 - written above
                at = self._file.tell()
                yield from items
        yield from self._items
