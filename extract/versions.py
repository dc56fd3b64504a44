"""Versions of the language that feeds are declared in. A vendor's file may say its own (`version:` in its source's
meta); one that says none is of today's. Older files are brought up to date in their text: comments and layout stay."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml

from warehouse.errors import SluiceError

CURRENT = 1


class VersionError(SluiceError):
    """A vendor's file of a version that cannot be read, or not be brought up to date."""


class Edit(NamedTuple):
    """A piece of a text and what takes its place."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Migration:
    """From one version to the next: what has changed, in words, and the edits that follow from a file's YAML."""

    since: int
    told: str
    edits: Callable[[yaml.Node], Iterable[Edit]]


MIGRATIONS: tuple[Migration, ...] = ()  # nothing has been renamed since version 1


def version_of(source: dict[str, Any]) -> Any:
    """The version that a source says; today's where it says none."""
    return ((source.get("config") or {}).get("meta") or {}).get("version", CURRENT)


def refuse_other(place: str, source: dict[str, Any], current: int = CURRENT) -> None:
    """Raise VersionError where a source is of another version than today's."""
    version = version_of(source)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise VersionError(f"{place}.version: {version!r} is no version; write a whole number, or take it out.")
    if version > current:
        raise VersionError(
            f"{place}.version: it is {version}, and this Sluice reads {current}: the file was made for a newer one."
        )
    if version < current:
        raise VersionError(
            f"{place}.version: it is {version}, and this Sluice reads {current}. `sluice feeds migrate --dry-run` shows"
            " what would be changed in the file."
        )


def migrated(text: str, migrations: Sequence[Migration] = MIGRATIONS, current: int = CURRENT) -> tuple[str, list[str]]:
    """A vendor's file as it is written today, and what was changed, in words; nothing where it is up to date."""
    told: list[str] = []
    for version in range(_oldest(text, current), current):
        step = next((one for one in migrations if one.since == version), None)
        if step is None:
            raise VersionError(f"Nothing leads from version {version} to {version + 1}; write the file anew by hand.")
        if root := yaml.compose(text, Loader=yaml.SafeLoader):
            text = _edited(text, [*step.edits(root), *_numbered(root, version + 1)])
        told.append(f"{version} to {version + 1}: {step.told}")
    return text, told


def _oldest(text: str, current: int) -> int:
    sources = yaml.safe_load(text).get("sources") or []
    return min((version_of(source) for source in sources), default=current)


def _numbered(root: yaml.Node, version: int) -> Iterator[Edit]:
    """The version that each source says; a migration asks for one that is said, so there is a place for it."""
    for meta in nodes(root, "sources", "*", "config", "meta"):
        yield from (_value(value, str(version)) for key, value in meta.value if key.value == "version")


def renamed(root: yaml.Node, path: Sequence[str], old: str, new: str) -> Iterator[Edit]:
    """A key of the mappings at a path (`*`: each of a list) under another name."""
    for mapping in nodes(root, *path):
        for key, _ in mapping.value:
            if key.value == old:
                yield Edit(key.start_mark.index, key.end_mark.index, new)


def _value(node: yaml.Node, text: str) -> Edit:
    return Edit(node.start_mark.index, node.end_mark.index, text)


def nodes(root: yaml.Node, *path: str) -> Iterator[yaml.MappingNode]:
    """The mappings at a path, each once, however often it is referred to."""
    found: list[yaml.Node] = [root]
    for part in path:
        found = [below for node in found for below in _below(node, part)]
    seen: set[int] = set()
    for node in found:
        if isinstance(node, yaml.MappingNode) and node.start_mark.index not in seen:
            seen.add(node.start_mark.index)
            yield node


def _below(node: yaml.Node, part: str) -> Iterable[yaml.Node]:
    if part == "*":
        return node.value if isinstance(node, yaml.SequenceNode) else ()
    return [value for key, value in node.value if key.value == part] if isinstance(node, yaml.MappingNode) else ()


def _edited(text: str, edits: Iterable[Edit]) -> str:
    for edit in sorted(set(edits), reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text
