"""Secrets by reference: `env:NAME`, or `block:name` where Prefect runs. No secret is shown: what was looked up once is
taken out of every text that leaves collection."""

import os
import re
from collections.abc import Callable
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from warehouse.errors import SluiceError

REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|block:[a-z0-9]+(-[a-z0-9]+)*")
SECRET_PARAMETER = re.compile(
    r"pass(word|wd|phrase)?$|secret|token|api[-_]?key|^key$|access[-_]?key|^sig$|signature|^auth|credential|session",
    re.IGNORECASE,
)
HIDDEN = "***"
SHORTEST = 4  # a shorter secret would take letters out of every word

_seen: set[str] = set()


def _environment(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise SluiceError(f"The environment variable {name} is not set; it is to hold the credentials.")
    return value


Resolver = Callable[[str], str]
resolvers: dict[str, Resolver] = {"env": _environment}  # flows/ adds `block`: this room does not know Prefect


def resolve(reference: str) -> str:
    """The secret that a reference names. SluiceError where it is not there; the text names the reference only."""
    kind, _, name = reference.partition(":")
    if kind not in resolvers:
        raise SluiceError(f"{reference}: a Prefect block can be read in a flow only; use env: here.")
    secret = resolvers[kind](name)
    if any(letter in secret for letter in "\r\n\0"):
        raise SluiceError(f"What {reference} names has a line break in it; take it out.")
    _seen.add(secret)
    return secret


def scrubbed(text: str) -> str:
    """The text without any secret that this process has looked up, in any of its spellings."""
    for secret in sorted(_seen, key=len, reverse=True):
        for spelling in {secret, quote(secret), quote(secret, safe=""), secret.partition(":")[2]}:
            if len(spelling) >= SHORTEST:
                text = text.replace(spelling, HIDDEN)
    return text


def redacted(url: str) -> str:
    """A URL that may be shown: no user, no password, no fragment, and no value of a parameter that names a secret."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    query = parts.query
    if any(SECRET_PARAMETER.search(name) for name, _ in pairs):
        shown = [(name, HIDDEN if SECRET_PARAMETER.search(name) else value) for name, value in pairs]
        query = urlencode(shown, safe="*/:,")
    return scrubbed(urlunsplit((parts.scheme, host, parts.path, query, "")))
