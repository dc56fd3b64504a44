"""HTTP: one URL, or one for each day."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from extract.collect import names
from extract.collect.client import Client
from extract.collect.dates import asks_for, filled
from extract.collect.declared import Http
from extract.collect.references import redacted
from extract.collect.way import Ask, Fetched, FetchFailed, NotNew, Offer, Way
from extract.feeds import Feed

ABSENT = (404, 410)


class OverHttp(Way):
    """GET with what is known of it (ETag, Last-Modified)."""

    Declaration = Http

    def __init__(self, feed: Feed, how: Http, ask: Ask) -> None:
        super().__init__(feed, how, ask)
        self.client = Client(how.credentials, how.headers, how.rate)

    @staticmethod
    def dated(how: Http) -> bool:
        return asks_for("date", how.url)

    def offers(self) -> Iterator[Offer]:
        newest = self.ask.today - timedelta(days=self.how.lag)
        days = (self.ask.days or (newest,)) if self.dated(self.how) else (None,)
        for day in days:
            url = filled(self.how.url, {"today": self.ask.today, "since": self.ask.since, "date": day})
            yield Offer(redacted(url), url, day=day)

    def fetch(self, offer: Offer, folder: Path) -> Fetched:
        """The body; a day that the source does not have (yet) is nothing new."""
        try:
            got = self.client.download(offer.address, folder / "body", self.ask.known.get(offer.source))
        except FetchFailed as error:
            if offer.day and error.status in ABSENT:
                raise NotNew(f"the source has nothing for {offer.day} ({error.status})", error.status) from None
            raise
        return named(got, names.of_answer(offer.address, got.headers, self.feed.name))

    def close(self) -> None:
        self.client.close()


def named(got: Fetched, name: str) -> Fetched:
    """The same file under the name that its delivery gets."""
    return Fetched(got.path.rename(got.path.with_name(name)), got.bytes, got.status, got.headers)
