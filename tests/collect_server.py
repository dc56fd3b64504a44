"""A server on loopback that misbehaves as it is told: each path has answers, of which the last one is repeated."""

import gzip
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

CSV = b"Region,Code,Size,Note,Keeper\nnorth,a,1,,\n"


class Server(ThreadingHTTPServer):
    """Tells of its own errors, and not of a client that has left: a kept connection may end by a reset, and what stands
    on stderr then is read as the command's."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@dataclass
class Asked:
    """A request that came."""

    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    at: float


Answer = Callable[["Handler", Asked], None]


@dataclass
class CollectServer:
    """Start it with `with`; `at(path, ...)` says what it answers."""

    answers: dict[str, list[Answer]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def __enter__(self) -> "CollectServer":
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.ours = self  # type: ignore[attr-defined]
        Thread(target=self.server.serve_forever, daemon=True, kwargs={"poll_interval": 0.02}).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def at(self, path: str, *answers: Answer) -> str:
        """Answer a path so, one answer after the other; gives its URL."""
        self.answers[path] = list(answers)
        return self.url(path)

    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked = Asked(parts.path, parse_qs(parts.query), {k.lower(): v for k, v in self.headers.items()}, time.time())
        ours: CollectServer = self.server.ours  # type: ignore[attr-defined]
        ours.asked.append(asked)
        answers = ours.answers.get(parts.path) or [sends(b"<html>not here</html>", status=404, type="text/html")]
        answer = answers[0] if len(answers) == 1 else answers.pop(0)
        try:
            answer(self, asked)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


def sends(
    body: bytes = CSV, status: int = 200, length: int | None = None, type: str = "text/csv", **headers: str
) -> Answer:
    """An answer with this body; another `length` than it has is announced. `Retry_After` is the header Retry-After."""

    def answer(handler: Handler, asked: Asked) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", type)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = length is not None and length != len(body)

    return answer


def tagged(body: bytes, etag: str) -> Answer:
    """An answer with an ETag; 304 for who has it."""

    def answer(handler: Handler, asked: Asked) -> None:
        if asked.headers.get("if-none-match") == etag:
            handler.send_response(304)
            handler.send_header("ETag", etag)
            handler.end_headers()
        else:
            sends(body, ETag=etag)(handler, asked)

    return answer


def redirects(to: str, status: int = 302) -> Answer:
    return sends(b"", status=status, Location=to)


def zipped(body: bytes) -> Answer:
    """Sent as Content-Encoding: gzip."""
    return sends(gzip.compress(body), Content_Encoding="gzip")


def packed(raw: bytes) -> Answer:
    """These bytes, announced as gzip."""
    return sends(raw, Content_Encoding="gzip")


def chunked(*pieces: bytes, pause: float = 0.0, ends: bool = True) -> Answer:
    """Piece by piece, without a length; without `ends` the connection is cut before the last chunk."""

    def answer(handler: Handler, asked: Asked) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/csv")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for piece in pieces:
            handler.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            handler.wfile.flush()
            time.sleep(pause)
        if ends:
            handler.wfile.write(b"0\r\n\r\n")
        handler.close_connection = True

    return answer


def hangs(seconds: float) -> Answer:
    """No answer for a while."""

    def answer(handler: Handler, asked: Asked) -> None:
        time.sleep(seconds)
        handler.close_connection = True

    return answer


def large(size: int) -> Answer:
    """A CSV of about so many bytes, written as it goes."""

    def answer(handler: Handler, asked: Asked) -> None:
        line = b"north,a,1,%b,\n" % (b"x" * 990)
        block = line * 100
        count = max(1, size // len(block))
        handler.send_response(200)
        handler.send_header("Content-Type", "text/csv")
        handler.send_header("Content-Length", str(len(CSV) + count * len(block)))
        handler.end_headers()
        handler.wfile.write(CSV)
        for _ in range(count):
            handler.wfile.write(block)

    return answer
