"""Seeds: lists that the project itself holds, delivered like any vendor's file, so that they have a history."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from extract.collect.declared import Declaration
from extract.collect.digest import digest
from extract.collect.way import Fetched, FetchFailed, Offer, Way
from warehouse.settings import settings


class Seed(Way):
    """`arrives: {seed: organisations}`: the word after it is the name of a file of dbt_project/seeds."""

    Declaration = Declaration

    def offers(self) -> Iterator[Offer]:
        """The file, if it is another than the last time."""
        path = settings().dbt_project / "seeds" / f"{self.feed.arrives.seed}.csv"
        if not path.is_file():
            raise FetchFailed(f"{path} is missing: {self.feed.key} is delivered from it.")
        source = f"seeds/{path.name}"
        known = self.ask.known.get(source)
        if known is None or known.sha256 != digest(path, ()):
            yield Offer(source, str(path), name=path.name)

    def fetch(self, offer: Offer, folder: Path) -> Fetched:
        path = Path(shutil.copyfile(offer.address, folder / str(offer.name)))
        return Fetched(path, path.stat().st_size)
