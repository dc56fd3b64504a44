"""The example of a plugin: letters that pigeons bring into a loft. docs/collecting.md shows it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from extract.collect.declared import Declaration
from extract.collect.way import Fetched, NotData, Offer, Way


class Loft(Declaration):
    """What stands below `pigeon:` in a feed."""

    loft: Path


class Pigeon(Way):
    """`arrives: {pigeon: {loft: ...}}`: every file of the loft, by name."""

    Declaration = Loft

    def offers(self) -> Iterator[Offer]:
        for letter in sorted(self.how.loft.glob("*.csv")):
            yield Offer(source=f"pigeon:{letter.name}", address=str(letter), name=letter.name)

    def fetch(self, offer: Offer, folder: Path) -> Fetched:
        letter = Path(shutil.copy(offer.address, folder / str(offer.name)))
        if not letter.stat().st_size:
            raise NotData(f"{offer.source} came back without a letter.")
        return Fetched(letter, letter.stat().st_size)
