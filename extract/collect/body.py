"""The body of an answer, piece by piece: within the bounds, whole, and unpacked where it was sent packed."""

import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import httpx

from extract.collect.patience import Patience
from extract.collect.way import Cut, NotData
from extract.limits import limits

PIECE = 2**18
UNASKED = 64 * 2**20  # up to here any ratio is fine, as for files (extract/read/unpack.py)
HTML = (b"<!doctype html", b"<html")
HTML_TYPES = ("text/html", "application/xhtml+xml")


def save(response: httpx.Response, into: Path, most: Patience) -> int:
    """Write the body into a file; gives how many bytes came. Cut where it is not whole, NotData where it is none."""
    with open(into, "wb") as out:
        for piece in unpacked(response, most.bytes, most.total):
            out.write(piece)
    refuse_no_data(response, into)
    return response.num_bytes_downloaded


def load(response: httpx.Response, most: Patience) -> bytes:
    """A page or an index as a whole; it has a bound of its own."""
    return b"".join(unpacked(response, most.page_bytes, most.total))


def unpacked(response: httpx.Response, most: int, total: float) -> Iterator[bytes]:
    """The pieces of the body without its Content-Encoding; at most `most` bytes of them, in `total` seconds."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    pieces = raw(response, most, total)
    if encoding in ("gzip", "x-gzip", "deflate"):
        pieces = inflated(pieces, encoding, most)
    elif encoding not in ("identity", ""):
        raise NotData(f"the answer is packed as {encoding!r}, which was not asked for")
    return pieces


def raw(response: httpx.Response, most: int, total: float) -> Iterator[bytes]:
    """The pieces as they come over the wire."""
    announced = length(response)
    if announced is not None and announced > most:
        raise _too_large(most)
    size, end = 0, time.monotonic() + total
    for piece in response.iter_raw():
        size += len(piece)
        if size > most:
            raise _too_large(most)
        if time.monotonic() > end:
            raise Cut(f"after {total:g} seconds it was still coming, {size:,} bytes so far")
        yield piece
    watched = response.extensions.get("network_stream")
    if announced is not None and getattr(watched, "body", announced) > announced:
        raise Cut(f"the server announced {announced:,} bytes and sent more")


def length(response: httpx.Response) -> int | None:
    """The Content-Length, where there is one that counts."""
    told = response.headers.get("content-length", "")
    return int(told) if told.isascii() and told.isdigit() and "transfer-encoding" not in response.headers else None


def inflated(pieces: Iterator[bytes], encoding: str, most: int) -> Iterator[bytes]:
    """gzip or deflate undone, a bounded piece at a time. Cut where it ends early, NotData where it grows too much."""
    packed, size, ratio = 0, 0, limits().unpacked_ratio
    engine = zlib.decompressobj(zlib.MAX_WBITS | 32)
    for piece in pieces:
        packed += len(piece)
        while piece:
            if engine.eof:  # another gzip member
                engine = zlib.decompressobj(zlib.MAX_WBITS | 32)
            out, piece = _step(engine, piece)
            size += len(out)
            if size > most or size > min(limits().unpacked_bytes, max(UNASKED, packed * ratio)):
                raise NotData(f"{packed:,} bytes of {encoding} became more than {size:,}: that is not unpacked")
            yield out
    if not engine.eof:
        raise Cut(f"the {encoding} that it was sent in ends early")


def _step(engine: "zlib._Decompress", piece: bytes) -> tuple[bytes, bytes]:
    """Some of a piece undone, and what is left of it."""
    try:
        out = engine.decompress(piece, PIECE)
    except zlib.error as error:
        raise Cut(f"it is damaged: {error}") from error
    return out, engine.unconsumed_tail or engine.unused_data


def refuse_no_data(response: httpx.Response, path: Path) -> None:
    """NotData for an empty body and for a web page, whatever type it was announced as."""
    with open(path, "rb") as file:
        head = file.read(1024).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head:
        raise NotData("the answer is empty")
    if head.startswith(HTML) or response.headers.get("content-type", "").split(";")[0].lower() in HTML_TYPES:
        raise NotData("a web page came, and no data. Look at it in a browser: a login, or a moved file?")


def _too_large(most: int) -> NotData:
    return NotData(f"it is larger than {most:,} bytes. If it is meant to be, raise `bytes` in SLUICE_FETCHING.")
