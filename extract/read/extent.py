"""Which lines make up one record, and the way back after a quote that was never closed."""

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from .cells import Splitter, State
from .dialect import Dialect
from .lines import Line
from .model import Limits

PROSE_WIDTH = 5  # below so many columns a line of prose has the right number of cells too easily


class Extent(NamedTuple):
    """The lines of one record with its text and cells; a code says what is wrong with their shape."""

    lines: list[Line]
    text: str
    cells: list[str]
    code: str = ""
    message: str = ""


class Extents:
    """Takes physical lines and puts them together into records. `inner` is the encoding of their bodies."""

    def __init__(self, lines: Iterable[Line], dialect: Dialect, width: int, inner: str, limits: Limits) -> None:
        self.lines, self.inner, self.limits = iter(lines), inner, limits
        self.dialect, self.width = dialect, width
        self.ahead: deque[Line] = deque()  # lines that were looked at and given back

    def next_line(self) -> Line | None:
        """The line at which the next record begins."""
        return self.ahead.popleft() if self.ahead else next(self.lines, None)

    def extent(self, first: Line) -> Extent:
        """The record that begins with `first`.

        A record over several lines counts only if it hangs together; otherwise its first line alone is
        unreadable and the others are given back. The look-ahead stays linear in the file: it ends at the next
        line in which a quote closes or breaks the cell, and a line that opens one without closing it is such.
        """
        if first.cut:
            message = (
                f"the line is {first.length:,} bytes long; the limit is {self.limits.line_bytes:,} bytes (line_bytes)"
            )
            return Extent([first], "", [], "line_too_long", message)
        lines, texts, splitter = [first], [self._text(first)], self._splitter()
        state = splitter.feed(texts[0])
        if state is State.BAD:
            return Extent(lines, texts[0], [], "bad_quote", _bad_quote(splitter))
        size = len(first.body)
        while state is State.OPEN:
            line = self.next_line() if len(lines) < self.limits.record_lines else None
            if line is None:
                return self._give_back(lines, texts)
            lines.append(line)
            size += len(line.body)
            if line.cut or size > self.limits.line_bytes:
                return self._give_back(lines, texts)
            texts.append(self._text(line))
            state = splitter.feed(texts[-1])
        if state is State.BAD or (len(lines) > 1 and not self._hangs_together(splitter, texts)):
            return self._give_back(lines, texts)
        return Extent(lines, "".join(texts), splitter.cells, *_count(len(splitter.cells), self.width))

    def _splitter(self) -> Splitter:
        return self.dialect.splitter()

    def _text(self, line: Line) -> str:
        return line.body.decode(self.inner, "surrogateescape")

    def _hangs_together(self, splitter: Splitter, texts: list[str]) -> bool:
        """Whether a record of several lines is one, and not a forgotten quote that swallowed its neighbours.

        With the right number of cells: unless a plain quote stands in an unquoted cell, or all the lines
        between are good records themselves. With another number: if no later line is, or begins, a record.
        """
        if splitter.stray:
            return False
        if len(splitter.cells) == self.width:
            between = texts[1:-1]
            return self.width < PROSE_WIDTH or len(between) < 2 or not all(map(self._is_record, between))
        return not any(self._is_record(text) or self._opens(text) for text in texts[1:])

    def _is_record(self, text: str) -> bool:
        splitter = self._splitter()
        return splitter.feed(text) is State.DONE and len(splitter.cells) == self.width

    def _opens(self, text: str) -> bool:
        return self._splitter().feed(text) is State.OPEN

    def _give_back(self, lines: list[Line], texts: list[str]) -> Extent:
        self.ahead.extendleft(reversed(lines[1:]))
        opener = self._splitter()
        opener.feed(texts[0])
        message = (
            f"the quote that opens cell {len(opener.cells) + 1} is not closed in a way that gives a record of "
            f"{self.width} cells; looked at {len(lines)} lines"
        )
        return Extent(lines[:1], texts[0], [], "unbalanced_quote", message)


def _bad_quote(splitter: Splitter) -> str:
    return (
        f"cell {len(splitter.cells) + 1} begins with a quote, and a quote in it is followed by neither a quote, "
        "a delimiter nor the end of the record; a quote inside a quoted cell must be doubled"
    )


def _count(cells: int, width: int) -> tuple[str, str]:
    if cells < width:
        return "too_few_cells", (
            f"{cells} cells, the header has {width}; a delimiter is missing, or a line break stands in a cell "
            "without quotes"
        )
    if cells > width:
        return "too_many_cells", (
            f"{cells} cells, the header has {width}; a delimiter stands in a cell without quotes, or columns "
            "were added without names"
        )
    return "", ""
