"""A chapter of the demo: a late file, a revision, a retraction and a rollback, as the story of one provider."""

import os
import shutil
from pathlib import Path

from rich.console import Console

from warehouse.settings import settings

ENTITY = "provider"
console = Console()


def main() -> None:
    """Tell the story in a home of its own, made anew each time."""
    home = settings().folder("demo-history")
    os.environ["SLUICE_HOME"] = str(home)
    settings.cache_clear()
    from warehouse import embedded

    embedded.stop(home)
    shutil.rmtree(home)
    try:
        tell()
    finally:
        embedded.stop(home)


def tell() -> None:
    """The chapters, one after the other."""
    feed, (first, late, last) = story()
    chapter(f"Two files of {feed} arrive and are merged: {first.name} and {last.name}.")
    deliver(feed, first)
    deliver(feed, last)
    merge()
    key = ever_changing(first, late, last)
    show_history(key)

    chapter(f"{late.name} comes late. It splits its neighbours: what it says is true from its own day on.")
    deliver(feed, late)
    merge()
    show_history(key)

    chapter(f"Another content comes for the day of {last.name}: one row of it is that of the first file again.")
    text = last.read_text().replace(str(line_of(last, key)), str(line_of(first, key)))
    revision = deliver(feed, written(last.name, text))
    merge()
    show_history(key)

    chapter("Consumers complain. A rollback shows them the publication before, at once.")
    from publish import pointer

    publication = pointer.rollback(ENTITY)
    console.print(f"consumers see run {publication.run} again", highlight=False)
    show_history(key)

    chapter("The wrong file is retracted: history is as if it had never come. A person publishes it.")
    from flows.publish import publish_merged
    from warehouse import word
    from warehouse.connection import transaction

    with transaction() as connection:
        word.retract(connection, revision, "an old row came back")
    merge()
    publish_merged.fn([ENTITY])
    show_history(key)

    chapter("Why is the row as it is?")
    from extract.entities import classes, key_columns
    from publish import tables
    from publish.explain import explain

    console.print(tables.explanation(ENTITY, explain(ENTITY, key_columns(ENTITY), classes(ENTITY), [key])))


def story() -> tuple[str, list[Path]]:
    """The first feed of the entity, and its samples of three days."""
    from extract.feeds import catalogue

    feed = catalogue().of_entity(ENTITY)[0]
    folder = settings().dbt_project / "models" / "staging" / feed.vendor / "samples"
    return feed.key, sorted(folder.glob(feed.samples))[:3]


def ever_changing(*files: Path) -> str:
    """The key of a published row whose line differs in each of the files: its story is told."""
    from extract.entities import key_columns
    from publish import views

    [column] = key_columns(ENTITY)
    keys = [row[column] for row in views.sample(ENTITY, 1000)]
    return next(str(key) for key in keys if len({line_of(file, key) for file in files} - {None}) == len(files))


def line_of(file: Path, key: str) -> str | None:
    """The line of a sample in which a key stands."""
    return next((line for line in file.read_text().splitlines() if key in line), None)


def chapter(text: str) -> None:
    """A heading."""
    console.rule(style="dim")
    console.print(text, style="bold", highlight=False)


def written(name: str, content: str) -> Path:
    """A file of this story."""
    file = settings().folder("files") / name
    file.write_text(content)
    return file


def deliver(feed: str, file: Path) -> int:
    """Take a file in; gives its delivery."""
    from flows.ingest import ingest
    from flows.run import prepare

    prepare()
    done = ingest.fn(feed, file)
    console.print(f"{file.name} is delivery {done.delivery_id}", highlight=False)
    return done.delivery_id


def merge() -> None:
    """Bring the entity up to date."""
    from flows.merge import merge as flow
    from flows.run import stage_again
    from flows.telling import tell_merged

    stage_again(ENTITY)
    tell_merged(flow.fn(ENTITY))


def show_history(key: str) -> None:
    """The provider's published versions."""
    from extract.entities import key_columns
    from publish import tables, views

    console.print(tables.history(ENTITY, views.history(ENTITY, key_columns(ENTITY), [key])))


if __name__ == "__main__":
    main()
