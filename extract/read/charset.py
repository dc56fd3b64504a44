"""How the bytes of a file become bytes that can be parsed, whatever its encoding."""

import codecs
import functools
from collections.abc import Iterable, Iterator

WIDE = ("utf-16-le", "utf-16-be")


def plain_name(encoding: str) -> str:
    """One name for each encoding, whatever it was called in a hint."""
    name = codecs.lookup(encoding).name
    return {"utf-8-sig": "utf-8", "iso8859-1": "latin-1", "ascii": "utf-8"}.get(name, name)


def holds_ascii(encoding: str) -> bool:
    """Whether ASCII bytes mean themselves, so that line ends can be found without decoding."""
    ascii_bytes = bytes(range(128))
    try:
        return ascii_bytes.decode(encoding) == ascii_bytes.decode("ascii")
    except UnicodeError:
        return False


@functools.cache
def is_single_byte(encoding: str) -> bool:
    """Whether each byte is one character, so that delimiters can be found without decoding."""
    pairs = (bytes([high, low]) for high in range(128, 256) for low in (0x41, 0xA1))
    return holds_ascii(encoding) and all(len(pair.decode(encoding, "replace")) == 2 for pair in pairs)


class Charset:
    """From the bytes of a file to `body` bytes in which delimiters and quotes can be looked for.

    `inner` is the encoding of the body bytes. This one serves UTF-8 and single-byte encodings: body = file.
    """

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding
        self.inner = encoding

    def blocks(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """The blocks in which line ends are looked for."""
        yield from blocks

    def original(self, block_bytes: bytes) -> bytes:
        """The bytes of the file that a piece of `blocks` came from."""
        return block_bytes

    def body(self, line: bytes) -> bytes:
        """One line of `blocks`, ready to be parsed."""
        return line


class Multibyte(Charset):
    """shift_jis, gb18030 and the like: line ends are plain, but a second byte may look like a delimiter."""

    def __init__(self, encoding: str) -> None:
        super().__init__(encoding)
        self.inner = "utf-8"

    def body(self, line: bytes) -> bytes:
        try:
            return line.decode(self.encoding).encode()
        except UnicodeDecodeError:  # stays invalid UTF-8, so that the record is found to be undecodable
            return line.decode(self.encoding, "surrogateescape").encode("utf-8", "surrogatepass")


class Wide(Charset):
    """UTF-16: transcoded block by block; lone surrogates and an odd last byte become invalid UTF-8."""

    def __init__(self, encoding: str) -> None:
        super().__init__(encoding)
        self.inner = "utf-8"
        self.odd = b""

    def blocks(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        held = b""
        for block in blocks:
            held += block
            whole = len(held) & ~1
            high_at = whole - 1 if self.encoding == "utf-16-le" else whole - 2
            if whole and 0xD8 <= held[high_at] <= 0xDB:  # the first half of a pair waits for the second
                whole -= 2
            yield self._to_utf8(held[:whole])
            held = held[whole:]
        self.odd = held[len(held) & ~1 :]
        yield self._to_utf8(held[: len(held) & ~1]) + (b"\xff" if self.odd else b"")

    def _to_utf8(self, data: bytes) -> bytes:
        return data.decode(self.encoding, "surrogatepass").encode("utf-8", "surrogatepass")

    def original(self, block_bytes: bytes) -> bytes:
        if block_bytes.endswith(b"\xff"):
            return self.original(block_bytes[:-1]) + self.odd
        return whole_characters(block_bytes).decode("utf-8", "surrogatepass").encode(self.encoding, "surrogatepass")


def whole_characters(data: bytes) -> bytes:
    """UTF-8 without a last character that a cut went through."""
    for back in range(1, min(4, len(data)) + 1):
        lead = data[-back]
        if lead & 0xC0 == 0x80:
            continue
        needs = 4 if lead >= 0xF0 else 3 if lead >= 0xE0 else 2 if lead >= 0xC0 else 1
        return data[:-back] if needs > back else data
    return data


def charset(encoding: str) -> Charset | None:
    """The way to read an encoding; None when it is none that can be read by lines (EBCDIC, UTF-7, UTF-32)."""
    if encoding in WIDE:
        return Wide(encoding)
    if encoding == "utf-8" or is_single_byte(encoding):
        return Charset(encoding)
    return Multibyte(encoding) if holds_ascii(encoding) else None
