"""Listings: an index of files, each new one of which is fetched."""

import fnmatch
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from urllib.parse import urlsplit

from extract.collect import links, names
from extract.collect.client import Client
from extract.collect.declared import Listing
from extract.collect.http import named
from extract.collect.references import redacted
from extract.collect.way import Ask, Fetched, NotNew, Offer, Way
from extract.feeds import Feed


class Listed(Way):
    """A file is known by its URL and by what the index says beside it (size, date, ETag). Where it says nothing, the
    file itself is asked whether it changed."""

    Declaration = Listing

    def __init__(self, feed: Feed, how: Listing, ask: Ask) -> None:
        super().__init__(feed, how, ask)
        self.client = Client(how.credentials, how.headers, how.rate)

    @staticmethod
    def dated(how: Listing) -> bool:
        return how.pattern is not None and "date" in re.compile(how.pattern).groupindex

    def offers(self) -> Iterator[Offer]:
        """The new ones of those that are meant, by day and name."""
        meant = sorted(self._meant(), key=lambda offer: (offer.day or date.min, str(offer.name)))
        new = [offer for offer in meant if not self._is_known(offer)]
        if not new:
            raise NotNew(f"{len(meant)} files are meant, and all of them known", 200)
        yield from new

    def _meant(self) -> Iterator[Offer]:
        page, index = self.client.load(self.how.url), self.how.index
        for link in links.in_json(page.body, page.url, index) if index else links.in_html(page.body, page.url):
            name = names.of_url(link.url)
            day = self._day(name) if urlsplit(link.url).scheme in ("http", "https") else None
            if name and day is not None and (not self.ask.days or day in self.ask.days):
                plain = Offer(redacted(link.url), link.url, name=name, mark=link.mark or None)
                yield plain if day == date.min else replace(plain, day=day)

    def _day(self, name: str) -> date | None:
        """The day in a name that is meant, date.min where it has none; None where it is not meant."""
        if self.how.files is not None:
            return date.min if fnmatch.fnmatchcase(name, self.how.files) else None
        found = re.search(self.how.pattern, name)
        if not found or not self.dated(self.how):
            return date.min if found else None
        try:
            return datetime.strptime(found["date"], self.how.date_format).date()
        except ValueError:
            return None

    def _is_known(self, offer: Offer) -> bool:
        known = self.ask.known.get(offer.source)
        return bool(known and offer.mark and known.mark == offer.mark)

    def fetch(self, offer: Offer, folder: Path) -> Fetched:
        known = self.ask.known.get(offer.source)
        got = self.client.download(offer.address, folder / "body", known, origin=self.how.url)
        return named(got, str(offer.name))

    def close(self) -> None:
        self.client.close()
