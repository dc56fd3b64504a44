"""Which encoding a file has, by its first bytes and by counting."""

import codecs
from collections.abc import Iterable
from dataclasses import dataclass

import charset_normalizer
import numpy as np

from . import scripts
from .charset import is_single_byte, plain_name

BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
UNDEFINED_IN_CP1252 = b"\x81\x8d\x8f\x90\x9d"
SAMPLE = 65536


@dataclass
class Tally:
    """The bytes above 127 of a file: how many, in good UTF-8 sequences, and without a meaning in cp1252."""

    high: int = 0
    good: int = 0
    undefined: int = 0
    sample: bytes = b""


def byte_order_mark(head: bytes) -> tuple[bytes, str] | None:
    """The BOM that a file begins with and the encoding it speaks of."""
    return next(((mark, name) for mark, name in BOMS if head.startswith(mark)), None)


def count_high(data: bytes) -> int:
    """How many bytes are above 127."""
    return 0 if data.isascii() else int(np.count_nonzero(np.frombuffer(data, np.uint8) & 0x80))


def tally(blocks: Iterable[bytes], *, whole: bool) -> Tally:
    """Count over consecutive blocks of one file; `whole` says that the last block ends the file."""
    counted, decoder = Tally(), codecs.getincrementaldecoder("utf-8")("ignore")
    for block in blocks:
        pending = decoder.getstate()[0]
        if block.isascii() and not pending:
            continue
        counted.high += count_high(block)
        counted.good += count_high(decoder.decode(block).encode())
        counted.undefined += len(block) - len(block.translate(None, UNDEFINED_IN_CP1252))
        if len(counted.sample) < SAMPLE:
            lines = [line[:2000] for line in block.splitlines(keepends=True) if not line.isascii()]
            counted.sample += b"".join(lines)[:SAMPLE]
    if not whole:  # a character cut by the end of the sample is not a bad one
        counted.high -= len(decoder.getstate()[0])
    return counted


def judge(counted: Tally) -> str:
    """The encoding that the counts speak for.

    UTF-8 when all of it is valid, or when more high bytes stand in valid sequences than outside: then the few
    bad records are undecodable, which a person sees, and not all the others garbled, which nobody sees.
    """
    if counted.good == counted.high or counted.good > counted.high - counted.good:
        return "utf-8"
    if script := scripts.guess(counted.sample):
        return script
    if counted.undefined * 20 <= counted.high:
        return "cp1252"
    return _ask(counted.sample) or "latin-1"


def _ask(sample: bytes) -> str | None:
    """A single-byte encoding that charset-normalizer sees in the sample and that gives every byte a meaning."""
    best = charset_normalizer.from_bytes(sample[:SAMPLE]).best()
    if best is None or not is_single_byte(best.encoding):
        return None
    try:
        bytes(range(128, 256)).decode(best.encoding)
    except UnicodeDecodeError:
        return None
    return plain_name(best.encoding)
