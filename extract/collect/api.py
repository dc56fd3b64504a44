"""APIs: all records of a JSON endpoint, page by page, as the lines of one NDJSON file."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx

from extract.collect import each
from extract.collect.client import Client
from extract.collect.dates import asks_for, filled
from extract.collect.declared import Api
from extract.collect.pages import Page, pages
from extract.collect.references import redacted
from extract.collect.way import Ask, Fetched, NotData, NotNew, Offer, Way
from extract.effective import FromFilename
from extract.feeds import Feed


class FromApi(Way):
    """A page that fails fails the file: there is no delivery of half the pages."""

    Declaration = Api

    def __init__(self, feed: Feed, how: Api, ask: Ask) -> None:
        super().__init__(feed, how, ask)
        self.client = Client(how.credentials, how.headers, how.rate)

    @staticmethod
    def dated(how: Api) -> bool:
        return asks_for("date", how.url, *how.params.values())

    def offers(self) -> Iterator[Offer]:
        if self.how.each and not each.keys(self.feed, self.how.each):
            return
        newest = self.ask.today - timedelta(days=self.how.lag)
        for day in (self.ask.days or (newest,)) if self.dated(self.how) else (None,):
            days = {"today": self.ask.today, "since": self.ask.since or self.how.since, "date": day}
            params = {name: filled(_word(value), days) for name, value in self.how.params.items()}
            url = str(httpx.URL(filled(self._begin() + self.how.url, days)).copy_merge_params(params))
            yield Offer(redacted(url), url, name=f"{self.feed.name}-{day or self._now()}.ndjson", day=day)

    def _now(self) -> str:
        """As the feed reads it in a name: several polls of a day differ in the minute."""
        rule = self.feed.effective_at
        return self.ask.now.strftime(rule.format if isinstance(rule, FromFilename) else "%Y-%m-%d")

    def _begin(self) -> str:
        """Where the address begins, if the environment says so."""
        if not self.how.base:
            return ""
        name = self.how.base.removeprefix("env:")
        if not os.environ.get(name):
            raise NotNew(f"{name} is not set: nothing is asked")
        return os.environ[name].rstrip("/")

    def _pages(self, address: str) -> Iterator[Page]:
        if self.how.each:
            return each.pages(self.client, self.feed, self.how, address, self.how.each)
        return pages(self.client, address, self.how.pages, self.how.records)

    def fetch(self, offer: Offer, folder: Path) -> Fetched:
        """The lines. No record at all is nothing new of a delta, and no truth of a full feed."""
        path, size, count = folder / str(offer.name), 0, 0
        with open(path, "w", encoding="utf-8", newline="") as out:
            for page in self._pages(offer.address):
                out.writelines(f"{line}\n" for line in page.lines)
                size, count = size + page.bytes, count + len(page.lines)
        if not count and self.feed.mode == "delta":
            raise NotNew("no record", 200)
        if not count:
            raise NotData(f"{offer.source}: no record came; that is not taken as the truth.")
        return Fetched(path, size, 200)

    def close(self) -> None:
        self.client.close()


def _word(value: str | int | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
