"""The pages of an API, one after the other."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import httpx

from extract.collect.client import Client, Loaded
from extract.collect.declared import Pages
from extract.collect.json_page import parse, records, value_at
from extract.collect.references import redacted
from extract.collect.way import FetchFailed


@dataclass(frozen=True)
class Page:
    """The records of one page, a line each; `bytes` came over the wire."""

    lines: list[str]
    bytes: int


def pages(client: Client, url: str, how: Pages | None, path: str) -> Iterator[Page]:
    """All pages. FetchFailed where they go in a circle or do not end."""
    counted = how.first if how and how.first is not None else {"page": 1}.get(how.by if how else "", 0)
    address: str | None = _with(url, how.parameter, counted) if how and how.by in ("page", "offset") else url
    seen: set[bytes] = set()
    for _ in range(client.most.pages):
        if address is None:
            return
        page = client.load(address, origin=url)
        text, document = parse(page.body, redacted(address))
        lines = list(records(text, path, redacted(address)))
        _refuse_circle(seen, f"{address} {len(lines)}" if not lines else page.body, address)
        yield Page(lines, page.bytes)
        if how is None or (how.by in ("page", "offset") and not lines):
            return
        counted += len(lines) if how.by == "offset" else 1
        address = _next(url, page, how, counted, document)
    raise FetchFailed(f"{redacted(url)}: more than {client.most.pages:,} pages; raise `pages` in SLUICE_FETCHING.")


def _next(url: str, page: Loaded, how: Pages, counted: int, document: Any) -> str | None:
    """The address of the page that follows, or None."""
    if how.by in ("page", "offset"):
        return _with(url, how.parameter, counted)
    if how.by == "link":
        target = httpx.Response(200, headers={"link": page.headers.get("link", "")}).links.get("next", {}).get("url")
        return urljoin(page.url, target) if target else None
    cursor = value_at(document, how.next or "")
    if cursor in (None, "", False):
        return None
    if how.parameter:
        return _with(url, how.parameter, cursor)
    return urljoin(page.url, str(cursor))


def _with(url: str, name: str | None, value: Any) -> str:
    return str(httpx.URL(url).copy_set_param(str(name), value))


def _refuse_circle(seen: set[bytes], body: bytes | str, address: str) -> None:
    """A server that does not understand the parameter sends the same page for ever."""
    digest = hashlib.sha256(body if isinstance(body, bytes) else body.encode()).digest()
    if digest in seen:
        raise FetchFailed(f"{redacted(address)}: the same page came twice; look at `pages` in the feed.")
    seen.add(digest)
