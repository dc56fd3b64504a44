"""The files that an index names: the links of an HTML page, or the records of a JSON list."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

from extract.collect.declared import Index
from extract.collect.json_page import parse, value_at


@dataclass
class Link:
    """A link; `mark` is what the index says of the file beside it: its date and size, mostly."""

    url: str
    mark: str = ""
    words: list[str] = field(default_factory=list)


class _Links(HTMLParser):
    """Every <a href>, with the text that follows until the next one."""

    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self.base, self.links, self.inside = url, list[Link](), False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = dict(attrs).get("href")
        if tag == "base" and href:
            self.base = urljoin(self.base, href)
        if tag == "a" and href:
            self.links.append(Link(urljoin(self.base, href).partition("#")[0]))
            self.inside = True

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "a"

    def handle_data(self, data: str) -> None:
        if self.links and not self.inside:
            self.links[-1].words += data.split()


def in_html(page: bytes, url: str) -> Iterator[Link]:
    """The links of a page, each once."""
    parser = _Links(url)
    parser.feed(page.decode("utf-8", "replace"))
    parser.close()
    found: dict[str, Link] = {}
    for link in parser.links:
        found.setdefault(link.url, link).mark = " ".join(link.words)[:200]
    yield from found.values()


def in_json(page: bytes, url: str, how: Index) -> Iterator[Link]:
    """The links of a list; those without one are left out."""
    _, document = parse(page, url)
    for record in value_at(document, how.records) or []:
        target = record if isinstance(record, str) else value_at(record, how.link)
        if isinstance(target, str) and target:
            told = [value_at(record, name) for name in how.mark]
            yield Link(urljoin(url, target), " ".join(str(one) for one in told if one is not None)[:200])
