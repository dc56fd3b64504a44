"""The names that fetched files get."""

from collections.abc import Mapping
from email.message import Message
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

LONGEST = 150


def of_answer(url: str, headers: Mapping[str, str], otherwise: str) -> str:
    """The name that the server gives (Content-Disposition), else the last part of the URL's path, else `otherwise`."""
    message = Message()
    message["content-disposition"] = headers.get("content-disposition", "")
    return fitting(message.get_filename() or "") or of_url(url) or otherwise


def of_url(url: str) -> str:
    """The last part of the URL's path; empty where that is no name."""
    return fitting(unquote(urlsplit(url).path.rpartition("/")[2]))


def fitting(name: str) -> str:
    """The name without folders and what cannot be printed; a long one keeps its end."""
    last = PurePosixPath(name.replace("\\", "/")).name
    return "".join(letter for letter in last if letter.isprintable()).lstrip(".")[-LONGEST:]
