"""The pipelines of docs/pipelines/pipelines.yml, each from its samples: one line with accounts and publications."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from extract.effective import FromFilename
from extract.feeds import Feed, catalogue
from flows.pages import Pipeline, pipelines
from warehouse.settings import settings

COUNTED = ("read", "good", "quarantined", "unreadable")
console = Console()


def bring(feed: Feed) -> None:
    """Copy a feed's samples into its drop folder, those that are not there. What is gathered lies in folders of its
    own, below samples/ as below the vendor's folder there."""
    samples = _samples(feed)
    pattern = Path(feed.arrives.gather or feed.arrives.drop)
    within = Path(*pattern.parts[1:]) if feed.arrives.gather else Path(pattern.name)
    target = settings().drops / (pattern.parts[0] if feed.arrives.gather else pattern.parent)
    for file in sorted(samples.glob(str(within))):
        place = target / file.relative_to(samples)
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            shutil.copy2(file, place)


def hand_over(feed: Feed) -> None:
    """Deliver the samples of a feed that is fetched: what its source said at each time."""
    from flows.ingest import ingest
    from flows.prefect_door import go
    from flows.run import prepare_ledger

    prepare_ledger(feed.key)
    for file in sorted(_samples(feed).glob(f"{feed.name}-*")):
        go(ingest, feed.key, file, None)


def _samples(feed: Feed) -> Path:
    return settings().dbt_project / "models" / "staging" / feed.vendor / "samples"


def show(pipeline: Pipeline) -> None:
    """Run one pipeline and tell it in a line."""
    from flows.prefect_door import go
    from flows.run import RunError, run

    for entity in pipeline.all:
        for feed in catalogue().of_entity(entity):
            if feed.arrives.way in ("drop", "gather"):
                bring(feed)
            elif isinstance(feed.effective_at, FromFilename):
                hand_over(feed)
    try:
        go(run, list(pipeline.all))
    except RunError as error:  # it is told, and the others go on
        console.print(str(error), highlight=False, soft_wrap=True)
    console.print(line(pipeline.name, pipeline.entities), highlight=False, soft_wrap=True)


def line(name: str, entities: Sequence[str]) -> str:
    """What came in, where its records went, and what is published, of some entities."""
    from publish import views

    found = views.status()
    ours = [d for d in found["deliveries"] if d["entity"] in entities]
    totals = {count: sum(d["rows"][count] or 0 for d in ours) for count in COUNTED}
    published = {p["entity"]: p for p in found["publications"] if p["entity"] in entities}
    feeds = {(d["vendor"], d["feed"]) for d in ours}
    return (
        f"[bold]{name.ljust(9)}[/bold] {len(feeds)} feeds, {len(ours)} files,"
        f" {totals['read']} records = {totals['good']} good + {totals['quarantined']} in quarantine"
        f" + {totals['unreadable']} unreadable{_rest(totals)}. Published: {', '.join(map(_told, published.values()))}"
    )


def _rest(totals: dict[str, int]) -> str:
    rest = totals["read"] - totals["good"] - totals["quarantined"] - totals["unreadable"]
    return f" + {rest} blank" if rest else ""


def _told(publication: dict[str, Any]) -> str:
    return f"{publication['entity']} {publication['rows']} rows (run {publication['run']})"


def shared() -> list[str]:
    """The lists that pipelines look into, and that are no pipeline's own."""
    own = {entity for pipeline in pipelines() for entity in pipeline.entities}
    return [entity for entity in dict.fromkeys(e for p in pipelines() for e in p.lists) if entity not in own]


def main() -> None:
    """All of them, and the lists that they share; a second time nothing is new, and the same is said."""
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    for pipeline in pipelines():
        show(pipeline)
    console.print(line("lists", shared()), highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
