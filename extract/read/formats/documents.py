"""Nested documents: records that stand in lists of lists, each with values of the objects around it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..model import Hints, Limits, Refused
from ..paths import EACH, Parent, Steps, parent, spelled, steps
from ..source import Source
from ..source_records import RecordSource
from .json import JsonText, element, table
from .scanner import Broken, Scanner
from .table import Element, Elements
from .text import text


@dataclass(frozen=True)
class Shape:
    """Where a document's records are, and what of the objects around them goes with each."""

    steps: Steps
    parents: tuple[Parent, ...]

    @classmethod
    def of(cls, hints: Hints) -> "Shape":
        """As it is declared."""
        records = steps(hints.record_path or "")
        return cls(records, tuple(parent(name, path, records) for name, path in (hints.parents or {}).items()))

    def wanted(self, level: int) -> set[str]:
        """The keys of an object around the records that are kept."""
        return {one.keys[0] for one in self.parents if one.level == level}

    def carried(self, level: int, around: dict[str, Any]) -> dict[str, Any]:
        """The columns that an object around the records gives to each of them; what it lacks is None."""
        return {one.column: _inside(around, one.keys) for one in self.parents if one.level == level}

    def may_lack(self, level: int) -> bool:
        """Whether nothing may stand here: below a list not every element has children."""
        return EACH in self.steps[:level]

    def lacking(self, source: Source, level: int) -> Refused:
        """The refusal of a document without what must be there."""
        return source.refused(
            f"there is nothing at {spelled(self.steps[: level + 1])!r}, where its records should be. Look whether the"
            " vendor changed the file's structure, and mend record_path."
        )


def _inside(value: Any, keys: Steps) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def with_parents(one: Element, carried: dict[str, Any]) -> Element:
    """A record with its parents' values; one that says otherwise itself cannot be placed."""
    if not carried or one.code or not isinstance(one.value, dict):
        return one
    for name, value in carried.items():
        if name in one.value and text(one.value[name]) != text(value):
            told = f"its {name} is another than that of what it stands in"
            return one._replace(value=None, code="parent_differs", message=told)
    return one._replace(value={**carried, **one.value})


def misplaced(one: Element, path: Steps, what: str) -> Element:
    """The unreadable record that stands for what is not the list or object that is declared."""
    return one._replace(value=None, code="misplaced", message=f"at {spelled(path)!r} {what} is expected")


def open_nested_json(source: Source, encoding: str, hints: Hints, limits: Limits) -> RecordSource:
    """The records of JSON documents, one or several in a file, each held in memory as a whole."""
    found = {"format": "json", "encoding": encoding, "record_path": hints.record_path or "."}
    return as_table(source, NestedJson(source, encoding, Shape.of(hints), limits), found, hints, limits)


def as_table(source: Source, elements: Elements, found: dict[str, Any], hints: Hints, limits: Limits) -> RecordSource:
    """The record source of a document's records; Refused where there is none."""
    return table(source, elements, {}, found, hints, limits)


def refuse_large(source: Source, limits: Limits) -> None:
    """A document is read as a whole, so it may not be larger than one value."""
    size = source.path.stat().st_size
    if size > limits.element_bytes:
        raise source.refused(
            f"a document of {size:,} bytes, more than the limit of {limits.element_bytes:,}."
            f" {limits.remedy('element_bytes')} if it is meant to be so large."
        )


class NestedJson:
    """The records of a JSON file, with what the objects around them give them."""

    def __init__(self, source: Source, encoding: str, shape: Shape, limits: Limits) -> None:
        self.source, self.shape, self.limits = source, shape, limits
        self.text = JsonText(source, encoding, limits)

    def __call__(self) -> Iterator[Element]:
        refuse_large(self.source, self.limits)
        with self.text.told_plainly(), self.text.scanner() as scanner:
            if not scanner.peek():
                raise Broken(scanner.place(), "a value is expected, and the file ends there")
            while scanner.peek():
                yield from self._walk(scanner, 0)
            self.source.check_unchanged(scanner.file)

    def _walk(self, scanner: Scanner, level: int) -> Iterator[Element]:
        """The records in the next value, which is taken as a whole."""
        kind = scanner.peek()
        here = self.shape.steps[level : level + 1]
        if not here and kind != "[":
            one = element(scanner, self.limits)
            if one.value is not None or one.code or level == 0:
                yield one
        elif kind == "[" and (not here or here[0] == EACH):
            for _ in scanner.elements():
                yield from self._walk(scanner, level + 1) if here else [element(scanner, self.limits)]
        elif here and here[0] != EACH and kind == "{":
            yield from self._object(scanner, level, here[0])
        else:
            one = element(scanner, self.limits)
            if one.value is not None or one.code:
                yield misplaced(one, self.shape.steps[:level], "a list" if here and here[0] == EACH else "an object")

    def _object(self, scanner: Scanner, level: int, key: str) -> Iterator[Element]:
        """What stands above the records may come behind them: an object is read to its end first."""
        below: list[Element] = []
        around: dict[str, Any] = {}
        wanted, there = self.shape.wanted(level), False
        for name in scanner.members():
            if name == key:
                there = True
                below += self._walk(scanner, level + 1)
            elif name in wanted:
                around[name] = scanner.value()
            else:
                scanner.skip()
        if not there and not self.shape.may_lack(level):
            raise self.shape.lacking(self.source, level)
        carried = self.shape.carried(level, around)
        yield from (with_parents(one, carried) for one in below)
