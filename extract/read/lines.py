"""Physical lines of a file: ended by LF, CRLF or CR, in bounded memory, each with its place in the file."""

from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, NamedTuple

from .charset import Charset
from .model import Limits

BLOCK = 2**20
ENDS = (b"\n", b"\r")


class Line(NamedTuple):
    """One physical line with its line end. offset, length and raw are the file's own; body is for parsing.

    A line over the limit is `cut`: raw holds its first kept_bytes only, length is still its full length.
    """

    number: int
    offset: int
    length: int
    raw: bytes
    body: bytes
    cut: bool


def read_blocks(file: BinaryIO) -> Iterator[bytes]:
    """The rest of the file in blocks of 1 MiB."""
    while block := file.read(BLOCK):
        yield block


class Segment(NamedTuple):
    """Whole physical lines in a row, as bytes of the file, the first of them at `offset` and numbered `number`."""

    number: int
    offset: int
    lines: list[bytes]


def segments(
    file: BinaryIO, charset: Charset, limits: Limits, *, offset: int = 0, number: int = 1
) -> Iterator[Segment | Line]:
    """The file from its present place on, most of it in segments; a line that is cut, or transcoded, comes alone."""
    if type(charset) is not Charset:
        yield from physical_lines(file, charset, limits, offset=offset, number=number)
        return
    partial = _Partial(limits, len)
    for block in _whole_line_ends(read_blocks(file)):
        pieces = block.splitlines(keepends=True)
        if not pieces:
            continue
        rest = b"" if pieces[-1].endswith(ENDS) else pieces.pop()
        if partial.length and pieces:
            data, length, cut = partial.close(pieces[0])
            yield _line(number, offset, data, length, cut, limits)
            number, offset = number + 1, offset + length
            del pieces[0]
        if pieces and len(block) > limits.line_bytes and max(map(len, pieces)) > limits.line_bytes:
            for piece in pieces:
                data, length, cut = partial.close(piece)
                yield _line(number, offset, data, length, cut, limits)
                number, offset = number + 1, offset + length
        elif pieces:
            yield Segment(number, offset, pieces)
            number, offset = number + len(pieces), offset + sum(map(len, pieces))
        if rest:
            partial.add(rest)
    if partial.length:
        data, length, cut = partial.close()
        yield _line(number, offset, data, length, cut, limits)


def _line(number: int, offset: int, data: bytes, length: int, cut: bool, limits: Limits) -> Line:
    return Line(number, offset, length, data[: limits.kept_bytes] if cut else data, b"" if cut else data, cut)


def physical_lines(
    file: BinaryIO,
    charset: Charset,
    limits: Limits,
    *,
    offset: int = 0,
    number: int = 1,
) -> Iterator[Line]:
    """The lines from the file's present place on, which is `offset`, the first of them numbered `number`."""
    same = type(charset) is Charset
    for data, length, cut in _assemble(charset.blocks(read_blocks(file)), limits, _measure(charset)):
        if cut:
            yield Line(number, offset, length, charset.original(data)[: limits.kept_bytes], b"", True)
        elif same:
            yield Line(number, offset, length, data, data, False)
        else:
            yield Line(number, offset, length, charset.original(data), charset.body(data), False)
        number, offset = number + 1, offset + length


def _measure(charset: Charset) -> Callable[[bytes], int]:
    if type(charset).original is Charset.original:
        return len
    return lambda data: len(charset.original(data))


def content_length(line: bytes) -> int:
    """Bytes of a line without its line end."""
    return len(line) - (2 if line.endswith(b"\r\n") else 1 if line.endswith(ENDS) else 0)


def _whole_line_ends(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks of which none ends between a CR and its LF."""
    held = b""
    for block in blocks:
        block, held = held + block, b""
        if block.endswith(b"\r"):
            block, held = block[:-1], b"\r"
        yield block
    yield held


class _Partial:
    """A line under way over several blocks; what is over the limit is measured and let go."""

    def __init__(self, limits: Limits, measure: Callable[[bytes], int]) -> None:
        self.limits, self.measure = limits, measure
        self.parts: list[bytes] = []
        self.size = self.length = 0

    def add(self, piece: bytes) -> None:
        self.size += content_length(piece)
        self.length += self.measure(piece)
        if self.size <= self.limits.line_bytes:
            self.parts.append(piece)
        else:
            self.parts = [b"".join([*self.parts, piece])[: 2 * self.limits.kept_bytes]]

    def close(self, piece: bytes = b"") -> tuple[bytes, int, bool]:
        self.add(piece)
        line = b"".join(self.parts), self.length, self.size > self.limits.line_bytes
        self.parts, self.size, self.length = [], 0, 0
        return line


def _assemble(
    blocks: Iterable[bytes], limits: Limits, measure: Callable[[bytes], int]
) -> Iterator[tuple[bytes, int, bool]]:
    """(line, its full length in the file, whether it was cut) for each physical line."""
    partial = _Partial(limits, measure)
    for block in _whole_line_ends(blocks):
        pieces = block.splitlines(keepends=True)
        if not pieces:
            continue
        rest = b"" if pieces[-1].endswith(ENDS) else pieces.pop()
        for piece in pieces:
            if partial.length or len(piece) > limits.line_bytes:
                yield partial.close(piece)
            else:
                yield piece, measure(piece), False
        if rest:
            partial.add(rest)
    if partial.length:
        yield partial.close()
