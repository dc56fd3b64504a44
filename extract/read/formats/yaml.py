"""YAML documents: every scalar is the text that stands there, so that 00123, no, 1.10 and 2026-01-31 stay so."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from ..model import Hints, Limits
from ..paths import EACH
from ..source import Source
from ..source_records import RecordSource
from .documents import Shape, as_table, misplaced, refuse_large, with_parents
from .table import Element
from .text import Literal, as_json

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # its events only: nothing is ever constructed
NULL = {"", "~", "null", "Null", "NULL"}
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")  # JSON's: it needs no quotes in JSON text
DEEPEST = 100
COST = 16  # what a node weighs beside its characters
SPREAD = 8  # so many times the limit of a document's bytes may its aliases make of it
OWN = "tag:yaml.org,2002:"


def open_yaml(source: Source, encoding: str, hints: Hints, limits: Limits) -> RecordSource:
    """The records of the documents in a YAML file, by hints.record_path as in JSON."""
    found = {"format": "yaml", "encoding": encoding, "record_path": hints.record_path or "."}
    return as_table(source, YamlRecords(source, encoding, Shape.of(hints), limits), found, hints, limits)


class YamlRecords:
    """The records of a YAML file, with what the mappings around them give them."""

    def __init__(self, source: Source, encoding: str, shape: Shape, limits: Limits) -> None:
        self.source, self.encoding, self.shape, self.limits = source, encoding, shape, limits

    def __call__(self) -> Iterator[Element]:
        refuse_large(self.source, self.limits)
        with self.source.open() as file:
            data = file.read()
            self.source.check_unchanged(file)
        try:
            tree = Tree(self.source, data.decode(self.encoding).removeprefix("\ufeff"), self.limits)
            for line, root in tree.documents():
                yield from self._walk(tree, root, line, 0)
        except UnicodeDecodeError:
            raise self.source.refused(f"the text is not {self.encoding}. Ask the vendor, or declare it.") from None
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            place = f" on line {mark.line + 1}" if mark else ""
            told = getattr(error, "problem", None) or "a character that YAML does not allow"
            raise self.source.refused(f"the YAML is damaged{place}: {told}. Ask the vendor for a whole file.") from None

    def _walk(self, tree: "Tree", value: Any, line: int, level: int) -> Iterator[Element]:
        here = self.shape.steps[level : level + 1]
        if not here and not isinstance(value, list):
            if value is not None:
                yield self._element(tree, value, line)
        elif isinstance(value, list) and (not here or here[0] == EACH):
            for item in value:
                at = tree.line(item, line)
                yield from self._walk(tree, item, at, level + 1) if here else [self._element(tree, item, at)]
        elif here and here[0] != EACH and isinstance(value, dict):
            if here[0] not in value and not self.shape.may_lack(level):
                raise self.shape.lacking(self.source, level)
            child, carried = value.get(here[0]), self.shape.carried(level, value)
            for one in self._walk(tree, child, tree.line(child, line), level + 1):
                yield with_parents(one, carried)
        elif value is not None:
            what = "a list" if here and here[0] == EACH else "an object"
            yield misplaced(self._element(tree, value, line), self.shape.steps[:level], what)

    def _element(self, tree: "Tree", value: Any, line: int) -> Element:
        raw = as_json(value).encode("utf-8", "surrogatepass")[: self.limits.kept_bytes]
        if id(value) in tree.twice:
            return Element(line, -1, -1, None, "duplicate_key", "a key stands twice in one mapping", raw)
        return Element(line, -1, -1, value, raw=raw)


@dataclass
class Open:
    """A list or mapping that is being read."""

    value: Any
    line: int
    anchor: str | None
    size: int = COST
    twice: bool = False
    key: str | None = None
    merged: list[Any] = field(default_factory=list)


class Tree:
    """The values of a YAML text, made from its events: in memory that is bounded, whatever its aliases multiply."""

    def __init__(self, source: Source, content: str, limits: Limits) -> None:
        self.source, self.content = source, content
        self.most = SPREAD * limits.element_bytes
        self.lines: dict[int, int] = {}  # of lists and mappings, by id: they live as long as this tree
        self.sizes: dict[int, int] = {}
        self.twice: set[int] = set()  # mappings in which a key stands twice, and what holds them
        self.kept: list[Any] = []

    def line(self, value: Any, otherwise: int) -> int:
        """The physical line on which a list or mapping begins."""
        return self.lines.get(id(value), otherwise)

    def documents(self) -> Iterator[tuple[int, Any]]:
        """Each document of the text with the line on which it begins."""
        stack: list[Open] = []
        anchors: dict[str, Any] = {}
        for event in yaml.parse(self.content, Loader=LOADER):
            line = event.start_mark.line + 1 if event.start_mark else 0
            if isinstance(event, yaml.DocumentStartEvent):
                anchors = {}
                stack = [Open([], line, None)]
            elif isinstance(event, yaml.DocumentEndEvent):
                self.kept.append(stack[0].value)
                yield self.line(stack[0].value[0], stack[0].line), stack[0].value[0]
            elif isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
                self._known_tag(event, line)
                stack.append(Open([] if isinstance(event, yaml.SequenceStartEvent) else {}, line, event.anchor))
                anchors |= {event.anchor: stack[-1]} if event.anchor else {}
                if len(stack) > DEEPEST:
                    raise self.source.refused(f"it is nested deeper than {DEEPEST} on line {line}; that is not read.")
            elif isinstance(event, yaml.CollectionEndEvent):
                done = stack.pop()
                value = self._close(done)
                anchors |= {done.anchor: value} if done.anchor else {}
                self._add(stack[-1], value, line)
            elif isinstance(event, yaml.ScalarEvent):
                value = self._scalar(event, line)
                anchors |= {event.anchor: value} if event.anchor else {}
                self._add(stack[-1], value, line, key=event.value, plain=event.implicit[0])
            elif isinstance(event, yaml.AliasEvent):
                self._add(stack[-1], self._alias(anchors, event.anchor, line), line)

    def _scalar(self, event: Any, line: int) -> str | None:
        self._known_tag(event, line)
        plain = event.implicit[0] or event.tag == f"{OWN}null"
        if plain and event.value in NULL:
            return None
        return Literal(event.value) if plain and NUMBER.fullmatch(event.value) else str(event.value)

    def _known_tag(self, event: Any, line: int) -> None:
        if event.tag not in (None, "!") and not (event.tag.startswith(OWN) and "/" not in event.tag):
            raise self.source.refused(f"line {line} has a value of a type of its own (a tag); that is not read.")

    def _alias(self, anchors: dict[str, Any], name: str | None, line: int) -> Any:
        value = anchors.get(name or "", self)
        if value is self or isinstance(value, Open):
            what = "holds itself" if isinstance(value, Open) else "stands for nothing"
            raise self.source.refused(f"an alias on line {line} {what}. Ask the vendor for a file without.")
        return value

    def _add(self, into: Open, value: Any, line: int, key: str | None = None, plain: bool = False) -> None:
        into.size += self.sizes.get(id(value)) or COST + len(value or "")
        into.twice = into.twice or id(value) in self.twice
        if into.size > self.most:
            raise self.source.refused(
                f"on line {line} its aliases multiply it to more than {self.most:,} bytes; that is not read."
            )
        if isinstance(into.value, list):
            into.value.append(value)
        elif into.key is None:
            name = key if key is not None else value if isinstance(value, str) else None
            if name is None:
                raise self.source.refused(f"a key on line {line} is no text. Ask the vendor for keys that are names.")
            into.key = f"{EACH}<<" if plain and name == "<<" else name
            into.merged += [...] if plain and name == "<<" else []
        else:
            self._put(into, value)

    def _put(self, into: Open, value: Any) -> None:
        if into.merged and into.merged[-1] is ...:  # the value of a merge key
            into.merged.pop()
            into.merged += value if isinstance(value, list) else [value]
        else:
            into.twice = into.twice or into.key in into.value
            into.value[into.key] = value
        into.key = None

    def _close(self, done: Open) -> Any:
        for other in done.merged:
            for key, value in other.items() if isinstance(other, dict) else ():
                done.value.setdefault(key, value)
        self.kept += done.merged
        self.lines[id(done.value)] = done.line
        self.sizes[id(done.value)] = done.size
        if done.twice:
            self.twice.add(id(done.value))
        return done.value
