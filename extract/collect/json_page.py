"""A page of JSON: its records as they are spelled, and single values in it."""

import json
from collections.abc import Iterator
from typing import Any

from extract.collect.way import NotData

DECODER = json.JSONDecoder()
BLANK = " \t\r\n"


def parse(page: bytes, place: str) -> tuple[str, Any]:
    """The page as text and as a value. NotData where it is no JSON."""
    try:
        text = page.decode("utf-8-sig")
        return text, json.loads(text)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        told = "a web page" if page.lstrip()[:1] == b"<" else f"no JSON ({error})"
        raise NotData(f"{place}: {told} came, and no data.") from None


def value_at(value: Any, path: str) -> Any:
    """What stands at a.b.c; None where nothing does."""
    for part in [] if path == "." else path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def records(text: str, path: str, place: str) -> Iterator[str]:
    """The records of the list at `path`, each on one line and spelled as it came: 1.10 stays 1.10."""
    at = _begin(text, path)
    if at < 0 or text[at : at + 1] != "[":
        raise NotData(f"{place}: there is no list at {path!r}. Look at `records`.")
    at = _skip(text, at + 1)
    while text[at] != "]":
        line, end = _line(text, at)
        yield line
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at] == "," else at


def one_or_several(text: str, path: str, place: str) -> Iterator[str]:
    """As `records`; an object that stands at `path` instead of a list is its only record."""
    at = _begin(text, path)
    if at >= 0 and text[at : at + 1] == "{":
        yield _line(text, at)[0]
    else:
        yield from records(text, path, place)


def _begin(text: str, path: str) -> int:
    """Where the value at `path` begins; -1 where there is none."""
    at = 0
    for part in [] if path == "." else path.split("."):
        at = _member(text, at, part)
    return _skip(text, at) if at >= 0 else at


def _line(text: str, at: int) -> tuple[str, int]:
    """The value at `at` on one line, and where it ends: line breaks stand between tokens only."""
    _, end = DECODER.raw_decode(text, at)
    return text[at:end].replace("\r", " ").replace("\n", " "), end


def _member(text: str, at: int, name: str) -> int:
    """Where the value of a member of the object at `at` begins; -1 where there is none."""
    at = _skip(text, at) if at >= 0 else at
    if at < 0 or text[at : at + 1] != "{":
        return -1
    at = _skip(text, at + 1)
    while text[at] != "}":
        key, end = DECODER.raw_decode(text, at)
        start = _skip(text, _skip(text, end) + 1)  # after the colon
        if key == name:
            return start
        _, end = DECODER.raw_decode(text, start)
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at] == "," else at
    return -1


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in BLANK:
        at += 1
    return at
