"""The lines of a file as the careful road takes them: many at once, or one by one."""

from collections.abc import Iterable

from .lines import Line, Segment


class Supply:
    """Physical lines in their order, from segments and from lines that come alone."""

    def __init__(self, segments: Iterable[Segment | Line]) -> None:
        self.segments = iter(segments)
        self.alone: Line | None = None
        self.lines: list[bytes] = []
        self.at = 0  # the place in `lines` of the next one, which has this number and offset:
        self.number = self.offset = 0

    def many(self) -> bool:
        """Whether whole lines are at hand."""
        if self.at >= len(self.lines) and self.alone is None:
            item = next(self.segments, None)
            if isinstance(item, Segment):
                self.number, self.offset, self.lines = item
                self.at = 0
            else:
                self.alone = item
        return self.at < len(self.lines)

    def peek(self, count: int) -> list[bytes]:
        """The next lines, at most `count`."""
        return self.lines[self.at : self.at + count]

    def take(self, count: int, length: int) -> None:
        """Go on by `count` lines of together `length` bytes."""
        self.at += count
        self.number += count
        self.offset += length

    def next_line(self) -> Line | None:
        """The next line alone; None at the end of the file."""
        if not self.many():
            line, self.alone = self.alone, None
            return line
        data = self.lines[self.at]
        line = Line(self.number, self.offset, len(data), data, data, False)
        self.take(1, len(data))
        return line
