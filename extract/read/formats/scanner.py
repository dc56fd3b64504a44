"""Walking through a JSON text of any size, value by value, in bounded memory."""

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

from .text import Literal

BLOCK = 2**18
SPACE = re.compile(r"[ \t\r\n\ufeff\x1e]*")


class Broken(Exception):
    """The text is no JSON from `place` on."""

    def __init__(self, place: "Place", what: str) -> None:
        super().__init__(what)
        self.place, self.what = place, what


class Place(NamedTuple):
    """Physical line, from 1, and byte offset."""

    line: int
    offset: int


class Decoder:
    """Values of JSON texts: numbers keep their spelling, a key that stands twice in one object is noticed."""

    def __init__(self) -> None:
        self.twice = ""  # the last key that stood twice in one object; whoever looks at it puts "" back
        self.decode = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_float=Literal,
            parse_int=Literal,
            parse_constant=Literal,
            strict=False,
        ).raw_decode

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            keys = [key for key, _ in pairs]
            self.twice = next(key for key in keys if keys.count(key) > 1)
        return found


class Scanner:
    """Reads on through a file. Each step is a whole value, or one of the characters { } [ ] , :"""

    def __init__(self, file: BinaryIO, encoding: str, most: int) -> None:
        self.decoder = Decoder()
        self.file, self.encoding, self.most = file, encoding, most
        # What cannot be decoded stays in as lone surrogates: the record that holds it is found to be undecodable.
        self.errors = "surrogatepass" if encoding.startswith("utf-") and encoding != "utf-8" else "surrogateescape"
        self.bytes = codecs.getincrementaldecoder(encoding)(self.errors)
        self.text, self.at, self.ended = "", 0, False
        self.begun = 0  # where the value taken last begins
        self.marked = 0  # up to here lines and bytes are counted
        self.line, self.offset = 1, 0

    def __enter__(self) -> "Scanner":
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()

    def place(self) -> Place:
        """Where the next step begins."""
        piece = self.text[self.marked : self.at]
        self.line += piece.count("\n")
        self.offset += len(piece) if piece.isascii() and not self._wide else len(self._encoded(piece))
        self.marked = self.at
        return Place(self.line, self.offset)

    @property
    def _wide(self) -> bool:
        return self.encoding.startswith("utf-16")

    def _encoded(self, piece: str) -> bytes:
        return piece.encode(self.encoding, self.errors)

    def _more(self) -> bool:
        """Read on; False at the end of the file."""
        if self.ended:
            return False
        self.place()
        block = self.file.read(max(BLOCK, len(self.text) - self.at))
        self.ended = not block
        try:
            new = self.bytes.decode(block, final=self.ended)
        except UnicodeDecodeError as error:
            raise Broken(self.place(), f"the text is not {self.encoding} ({error.reason})") from None
        self.text = self.text[self.at :] + new
        self.at = self.marked = 0
        return True

    def peek(self) -> str:
        """The next character that is no white space, not taken; "" at the end of the file."""
        while True:
            self.at = SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]
            if self.at < len(self.text):
                return self.text[self.at]
            if not self._more():
                return ""

    def take(self, *wanted: str) -> str:
        """The next character, which has to be one of those wanted."""
        found = self.peek()
        if found not in wanted or not found:
            seen = f"{found!r} stands there" if found else "the file ends there"
            raise Broken(self.place(), f"{' or '.join(wanted)} is expected, and {seen}")
        self.at += 1
        return found

    def value(self) -> Any:
        """The next value as a whole."""
        if not self.peek():
            raise Broken(self.place(), "a value is expected, and the file ends there")
        while True:
            try:
                value, end = self.decoder.decode(self.text, self.at)
            except (ValueError, RecursionError) as error:
                if len(self.text) - self.at > self.most:
                    what = f"a value is no JSON, or longer than the limit of {self.most:,} bytes"
                    raise Broken(self.place(), what) from None
                if isinstance(error, RecursionError) or not self._more():
                    raise Broken(self.place(), _reason(error)) from None
                continue
            if end == len(self.text) and self._more():  # a number may go on
                continue
            self.begun, self.at = self.at, end
            return value

    def raw(self, most: int) -> bytes:
        """The bytes of the value taken last, at most so many."""
        return self._encoded(self.text[self.begun : min(self.at, self.begun + most)])[:most]

    def members(self) -> Iterator[str]:
        """The keys of the object that begins here; after each the caller takes its value."""
        self.take("{")
        if self.peek() == "}":
            self.at += 1
            return
        while True:
            if self.peek() != '"':
                raise Broken(self.place(), "a key in quotes is expected")
            key = self.value()
            self.take(":")
            yield key
            if self.take(",", "}") == "}":
                return

    def elements(self) -> Iterator[int]:
        """The positions in the list that begins here; after each the caller takes its value."""
        self.take("[")
        if self.peek() == "]":
            self.at += 1
            return
        position = 0
        while True:
            yield position
            position += 1
            if self.take(",", "]") == "]":
                return

    def skip(self, depth: int = 0) -> None:
        """Pass over the next value; one that is nested is passed over piece by piece."""
        kind = self.peek()
        if kind == "{" and depth < 6:
            for _ in self.members():
                self.skip(depth + 1)
        elif kind == "[" and depth < 6:
            for _ in self.elements():
                self.skip(6)
        else:
            self.value()


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return error.msg.lower() if isinstance(error, json.JSONDecodeError) else str(error)
