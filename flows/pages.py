"""The pages of the pipelines, docs/pipelines/<name>.md: written from the feeds, contracts and models, so that they stay
true. What a team had before stands in docs/pipelines/pipelines.yml."""

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from extract import amend
from extract.effective import FromColumn, FromFilename, FromMetadata
from extract.feeds import Catalogue, Feed, load

PROJECT = Path(__file__).resolve().parents[1]
FOLDER = PROJECT / "docs" / "pipelines"
DBT = PROJECT / "dbt_project"
IF_NOT = {
    None: "held back",
    "quarantine": "held back",
    "warn": "an issue of the value",
    "refuse": "the file is refused",
}
RULES = (
    "## Rules\n\nA row that is held back is in `quarantine.<entity>` with all its reasons, and its owner is told; an"
    " issue of a value is in `ledger.issues`, and the row goes on."
)


class Pipeline(BaseModel):
    """What pipelines.yml says of one: its entities, in the order in which they are run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    entities: tuple[str, ...]
    lists: tuple[str, ...] = ()  # entities that others share, which its own are looked up in
    before: str
    now: str
    notes: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """Its entities, and before them the lists."""
        return (*self.lists, *self.entities)


def pipelines() -> list[Pipeline]:
    """All pipelines, in the order of their file."""
    document = yaml.safe_load((FOLDER / "pipelines.yml").read_text())
    return [Pipeline.model_validate(entry) for entry in document["pipelines"]]


def page(pipeline: Pipeline) -> str:
    """One pipeline's page, as Markdown."""
    feeds = load(DBT)
    parts = [
        f"# {pipeline.title}",
        "Written by `make docs` from the feeds, contracts and models; what its team had before, and the notes, stand in"
        " `pipelines.yml`.",
        "```\n" + "\n".join(_picture(pipeline, feeds)) + "\n```",
        f"## Before\n\n{pipeline.before}",
        f"## Now\n\n{pipeline.now}",
        "\n".join(f"- {note}" for note in pipeline.notes),
        "## Feeds\n\n" + "\n".join(_feeds(pipeline, feeds)),
        "\n".join(_amended(pipeline, feeds)),
        RULES,
        *(_rules(entity) for entity in pipeline.entities),
        "## Published beside the entities\n\n" + "\n".join(_derived(pipeline)),
    ]
    return "\n\n".join(_folded(part) for part in parts if part) + "\n"


def _picture(pipeline: Pipeline, feeds: Catalogue) -> Iterator[str]:
    """Which feeds fill which entity, and what is published of it."""
    width = max(len(feed.key) for entity in pipeline.all for feed in feeds.of_entity(entity))
    for entity in pipeline.all:
        keys = [feed.key for feed in feeds.of_entity(entity)]
        for place, key in enumerate(keys):
            joint = "──" if len(keys) == 1 else "─┐" if place == 0 else "─┴" if place == len(keys) - 1 else "─┤"
            tail = f"─► judged ─► history.dim_{entity} ─► published.{entity}" if place == len(keys) - 1 else ""
            yield f"{key.ljust(width)} {joint}{tail}"


def _feeds(pipeline: Pipeline, feeds: Catalogue) -> Iterator[str]:
    yield "| feed | entity | what it is | comes by | mode | speaks of | owner |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for entity in pipeline.all:
        for feed in feeds.of_entity(entity):
            told = _table_of(feed)["description"].strip().rstrip(".")
            owner = f"{feed.owner.name}, {', '.join(feed.owner.email)}"
            said = f"{told} | {_way(feed)} | {feed.mode} | {_effective(feed)}"
            yield f"| `{feed.key}` | {entity} | {said} | {owner} |"


def _amended(pipeline: Pipeline, feeds: Catalogue) -> Iterator[str]:
    """What is done to cells before they are mapped, and which records are skipped; nothing where no feed says so."""
    every = [feed for entity in pipeline.entities for feed in feeds.of_entity(entity)]
    rows = [f"| `{feed.key}` | {step['column']} | {_step(step)} |" for feed in every for step in amend.steps(feed)]
    rows += [f"| `{feed.key}` | {s.column or 'the record'} | skipped: {s.why} |" for feed in every for s in feed.skip]
    if rows:
        yield from ("## Before the mapping", "", "| feed | column | what is done |", "| --- | --- | --- |", *rows)


def _step(step: dict[str, Any]) -> str:
    kind = step["kind"]
    if kind == "patched":
        return f"patched: {step['why']}"
    if kind == "concat":
        return f"made of {', '.join(step['columns'])}"
    return f"where empty, {step['from']}" if kind == "default_from" else f"where still empty, `{step['value']}`"


def _way(feed: Feed) -> str:
    """How a feed's files come: the way, and of those that lie somewhere, where."""
    place = feed.arrives.drop or feed.arrives.gather or feed.arrives.seed
    return f"{feed.arrives.way} `{place}`" if place else feed.arrives.way


def _effective(feed: Feed) -> str:
    rule = feed.effective_at
    if isinstance(rule, FromColumn):
        return f"each row: a time in {rule.column}, {feed.timezone}"
    if isinstance(rule, FromMetadata):
        return f"its metadata {rule.metadata}, {feed.timezone}"
    if isinstance(rule, FromFilename):
        return f"a {'time' if '%H' in rule.format else 'day'} in its name, {feed.timezone}"
    return f"the {'moment' if rule == 'moment' else 'day'} of its arrival, {feed.timezone}"


def _table_of(feed: Feed) -> dict[str, Any]:
    file = DBT / "models" / "staging" / feed.vendor / f"_{feed.vendor}.yml"
    [source] = yaml.safe_load(file.read_text())["sources"]
    return next(table for table in source["tables"] if table["name"] == feed.name)


def _rules(entity: str) -> str:
    contract = yaml.safe_load((PROJECT / "checks" / "contracts" / f"{entity}.yml").read_text())
    lines = [f"### {entity}", "", "| code | what would be right | if not |", "| --- | --- | --- |"]
    for told in _told(contract):
        lines.append(f"| `{told['code']}` | {' '.join(told['message'].split())} | {IF_NOT[told.get('on_fail')]} |")
    return "\n".join(lines)


def _told(node: Any) -> Iterator[dict[str, str]]:
    """Every `attributes:` of a contract, in its order."""
    if isinstance(node, dict):
        if "code" in node.get("attributes", {}):
            yield node["attributes"]
        for value in node.values():
            yield from _told(value)
    elif isinstance(node, list):
        for value in node:
            yield from _told(value)


def _derived(pipeline: Pipeline) -> Iterator[str]:
    """The published models that are made of the pipeline's entities and lists, and of no other."""
    for file in sorted((DBT / "models" / "published").rglob("*.yml")):
        for model in yaml.safe_load(file.read_text())["models"]:
            sources = model.get("config", {}).get("meta", {}).get("derived_from", [])
            if sources and set(sources) <= set(pipeline.all):
                yield f"- `published.{model['name']}`: {' '.join(model['description'].split())}"


def _folded(part: str) -> str:
    """Paragraphs and list items at 120 characters; tables and pictures as they are."""
    if part.startswith(("```", "|")) or "\n|" in part:
        return part
    lines = []
    for line in part.split("\n"):
        behind = "  " if line.startswith("- ") else ""
        lines.append(textwrap.fill(line, 120, subsequent_indent=behind, break_long_words=False, break_on_hyphens=False))
    return "\n".join(lines)


def main() -> None:
    """Write every page."""
    for pipeline in pipelines():
        (FOLDER / f"{pipeline.name}.md").write_text(page(pipeline), encoding="utf-8")


if __name__ == "__main__":
    main()
