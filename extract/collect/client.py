"""The client of all ways over HTTP: bounded, patient with what passes, and careful whom it tells the credentials."""

import email.utils
import logging
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar
from urllib.parse import urljoin, urlsplit

import httpcore
import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from extract.collect import body
from extract.collect.addresses import Guarded
from extract.collect.declared import Credentials
from extract.collect.patience import patience
from extract.collect.references import redacted, resolve, scrubbed
from extract.collect.way import Cut, Fetched, FetchFailed, NotData, NotNew
from warehouse.fetches import Known

for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)  # at INFO they log URLs as they are asked, secrets and all

R = TypeVar("R")
REDIRECTS = (301, 302, 303, 307, 308)
TRANSIENT = (408, 425, 429, 500, 502, 503, 504)
AGENT = {"User-Agent": "sluice", "Accept-Encoding": "gzip"}


class Transient(FetchFailed):
    """What may pass by itself; `after`: the seconds that the server asks to wait."""

    def __init__(self, told: str, status: int | None = None, after: float | None = None) -> None:
        super().__init__(told)
        self.status, self.after = status, after


class Loaded(NamedTuple):
    """An answer's body, its URL after redirects, its headers, and how many bytes came over the wire."""

    body: bytes
    url: str
    headers: Mapping[str, str]
    bytes: int


class Transport(httpx.HTTPTransport):
    """httpx over connections that go to allowed addresses only."""

    def __init__(self) -> None:
        context = httpx.create_ssl_context()
        super().__init__(verify=context)
        self._pool = httpcore.ConnectionPool(ssl_context=context, network_backend=Guarded(), max_connections=4)


class Client:
    """Requests of one feed: its headers, its credentials for its own origin, at most `rate` requests a second."""

    def __init__(
        self,
        credentials: Credentials | None = None,
        headers: Mapping[str, str] | None = None,
        rate: float | None = None,
    ) -> None:
        self.most = patience()
        self.credentials = credentials
        self.pause, self.next_at = 1 / rate if rate else 0.0, 0.0
        timeout = httpx.Timeout(self.most.read, connect=self.most.connect)
        self.http = httpx.Client(transport=Transport(), timeout=timeout, trust_env=False)
        self.http.headers.update({**AGENT, **(headers or {})})

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def download(self, url: str, into: Path, known: Known | None = None, origin: str | None = None) -> Fetched:
        """Get a URL into a file. NotNew where it is as it was when it was `known`; `origin`: a URL of the place to
        which the credentials belong, if that is not the URL's own."""

        def attempt() -> Fetched:
            with self._answer(url, _conditions(known), origin) as response:
                if response.status_code == 304:
                    raise NotNew("not modified", 304, response.headers)
                size = body.save(response, into, self.most)
                return Fetched(into, size, response.status_code, response.headers)

        return self._patiently(url, attempt)

    def load(self, url: str, origin: str | None = None) -> Loaded:
        """A page of an API or an index, as a whole."""

        def attempt() -> Loaded:
            with self._answer(url, {}, origin) as response:
                content = body.load(response, self.most)
                return Loaded(content, str(response.url), response.headers, response.num_bytes_downloaded)

        return self._patiently(url, attempt)

    def _patiently(self, url: str, attempt: Callable[[], R]) -> R:
        """Try again what may pass, with growing pauses; every error names the URL as it may be shown."""
        retrying = Retrying(
            retry=retry_if_exception_type((Transient, Cut)),
            stop=stop_after_attempt(self.most.attempts),
            wait=self._wait,
            reraise=True,
        )
        try:
            return retrying(attempt)
        except FetchFailed as error:
            told = FetchFailed if not isinstance(error, NotData) else NotData
            often = f" ({self.most.attempts} attempts)" if isinstance(error, Transient | Cut) else ""
            failed = told(f"{redacted(url)}: {scrubbed(str(error))}{often}.".replace("..", "."))
            failed.status = error.status
            raise failed from None  # what is below may quote the URL

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, Transient) and error.after is not None:
            return error.after
        base = self.most.backoff
        return wait_exponential_jitter(multiplier=base, max=self.most.longest_wait, jitter=base)(state)

    @contextmanager
    def _answer(self, url: str, conditions: Mapping[str, str], origin: str | None) -> Iterator[httpx.Response]:
        """The answer that redirects lead to, its body still to come; whatever goes wrong is told as one of ours."""
        try:
            response = self._follow(url, conditions, origin or url)
            try:
                self._refuse_status(response)
                yield response
            finally:
                response.close()
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise FetchFailed(f"no URL that can be asked: {error}") from error
        except httpx.RemoteProtocolError as error:
            raise Cut(f"the connection was cut, or what came is no HTTP: {error}") from error
        except httpx.TransportError as error:
            if isinstance(error.__context__, ssl.SSLCertVerificationError) or "CERTIFICATE" in str(error):
                raise FetchFailed(f"its certificate is not trusted: {error}") from error
            raise Transient(str(error) or f"no answer ({type(error).__name__})") from error

    def _follow(self, url: str, conditions: Mapping[str, str], origin: str) -> httpx.Response:
        for _ in range(self.most.redirects + 1):
            response = self._send(url, conditions, own=_origin(url) == _origin(origin))
            target = response.headers.get("location")
            if response.status_code not in REDIRECTS or not target:
                return response
            response.close()
            before, url = url, urljoin(url, target)
            if urlsplit(url).scheme not in ("http", "https"):
                raise NotData("it redirects to something that is not HTTP")
            if urlsplit(before).scheme == "https" and urlsplit(url).scheme == "http":
                raise NotData("it redirects from https to http")
        raise FetchFailed(f"more than {self.most.redirects} redirects")

    def _send(self, url: str, conditions: Mapping[str, str], *, own: bool) -> httpx.Response:
        """One request, with the credentials where it goes to their own origin."""
        time.sleep(max(0.0, self.next_at - time.monotonic()))
        self.next_at = time.monotonic() + self.pause
        headers, address, login = dict(conditions), httpx.URL(url), None
        if own and self.credentials:
            secret, name = resolve(self.credentials.reference), self.credentials.name or ""
            if self.credentials.send == "bearer":
                headers["Authorization"] = f"Bearer {secret}"
            elif self.credentials.send == "header":
                headers[name] = secret
            elif self.credentials.send == "query":
                address = address.copy_set_param(name, secret)
            else:
                user, _, password = secret.partition(":")
                login = httpx.BasicAuth(user, password)
        return self.http.send(self.http.build_request("GET", address, headers=headers), stream=True, auth=login)

    def _refuse_status(self, response: httpx.Response) -> None:
        status = response.status_code
        told = f"{status} {response.reason_phrase}".strip()
        if status in (200, 304):
            return
        if status in TRANSIENT:
            after = _retry_after(response.headers.get("retry-after", ""))
            if after is not None and after > self.most.longest_wait:
                raise _with_status(FetchFailed(f"{told}; it asks to come back in {after:,.0f} seconds"), status)
            raise Transient(told, status, after)
        raise _with_status(FetchFailed(told), status)


def _with_status(error: FetchFailed, status: int) -> FetchFailed:
    error.status = status
    return error


def _conditions(known: Known | None) -> dict[str, str]:
    told = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified} if known else {}
    return {name: value for name, value in told.items() if value}


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _retry_after(told: str) -> float | None:
    """Seconds, from a number or a date."""
    if told.strip().isdigit():
        return float(told)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(told).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
