"""An API that is asked key by key: for the keys that a published relation names, a few at a time, none twice."""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import quote

from extract.collect.client import Client
from extract.collect.declared import Api, Each
from extract.collect.json_page import one_or_several, parse
from extract.collect.pages import Page
from extract.collect.references import redacted
from extract.collect.way import FetchFailed
from extract.feeds import Feed
from warehouse import asked

PLACE = quote("{key}")  # as it stands in an address
UNKNOWN = (404, 410)  # an answer: the source does not have it


def keys(feed: Feed, each: Each) -> list[str]:
    """The keys that are to be asked for now."""
    return asked.wanted(feed.key, f"published.{each.of}", each.column, timedelta(days=each.again_after), each.most)


def pages(client: Client, feed: Feed, how: Api, address: str, each: Each) -> Iterator[Page]:
    """The records of each key that the source has. What it says of a key is kept, when all of them are asked."""
    answers = {}
    for key in keys(feed, each):
        url = address.replace(PLACE, quote(key, safe=""))
        try:
            page = client.load(url, origin=url)
        except FetchFailed as error:
            if error.status not in UNKNOWN:
                raise
            answers[key] = False
            continue
        text, _ = parse(page.body, redacted(url))
        yield Page(list(one_or_several(text, how.records, redacted(url))), page.bytes)
        answers[key] = True
    asked.keep(feed.key, answers)
