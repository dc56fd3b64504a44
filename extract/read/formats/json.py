"""JSON: a list of records, or an object with such a list inside, read value by value in bounded memory."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..model import Hints, Limits
from ..source import Source
from ..source_records import RawRecord, RecordSource
from . import errors, geojson
from .flatten import DEEPEST, Columns
from .scanner import Broken, Decoder, Scanner
from .table import BLANK, Element, NamedTable, no_records
from .text import checked, text

SURVEYED = 64 * 2**20  # a list that goes on beyond so many bytes is the one
DEPTH = 6
Keys = tuple[str, ...]


def open_json(source: Source, encoding: str, hints: Hints, limits: Limits) -> RecordSource:
    """The records of a JSON file: at hints.record_path, else in the one list of records that it holds.

    Refused where it is no JSON, an error answer, or holds no list of records or several.
    """
    text_of = JsonText(source, encoding, limits)
    with text_of.told_plainly():
        where = text_of.at(hints.record_path) if hints.record_path is not None else _search(text_of)
        found = {"format": "json", "encoding": encoding, "record_path": ".".join(where.path) or "."}
        if where.others:
            found["other_lists"] = ", ".join(where.others)
        return table(source, lambda: text_of.elements(where), where.first, found, hints, limits)


def begins(start: str) -> bool:
    """Whether a text in brackets begins with a JSON value: `[1] Report of May` is none, and may be a table's banner."""
    text = start[1:].lstrip()
    if text.startswith("]"):
        return not text[1:].strip()
    if text.startswith(("{", "[{")):
        return True
    try:
        _, end = Decoder().decode(text, 0)
    except (ValueError, RecursionError):
        return len(start) > 1000 and text.startswith(("[", '"'))
    rest = text[end:].lstrip()
    return rest.startswith(",") or not rest.strip("] \t\r\n")


def table(
    source: Source, elements: Any, first: Any, found: dict[str, Any], hints: Hints, limits: Limits
) -> RecordSource:
    """The record source for a list of JSON values, by what the first of them is."""
    if geojson.is_feature(first) or hints.kind == "geojson":
        return geojson.open_features(source, elements, found, hints, limits)
    if isinstance(first, list):
        return ArrayTable(elements, found)
    rule = hints.flatten or "dot"
    whole = JsonObjects(elements, scalars=not isinstance(first, dict))
    made = NamedTable(source, whole, Columns(1 if rule == "json" else DEEPEST), {**found, "flatten": rule}, limits)
    if not made.names:
        raise no_records(source, f"the list at {found.get('record_path', '.')!r}")
    return made


class JsonObjects:
    """Elements with an object each; anything else among them cannot be placed."""

    def __init__(self, elements: Any, *, scalars: bool = False) -> None:
        self.elements, self.scalars = elements, scalars

    def __call__(self) -> Iterator[Element]:
        for element in self.elements():
            value = element.value
            if element.code or isinstance(value, dict):
                yield element
            elif self.scalars and not isinstance(value, list):
                yield element._replace(value={"value": value})
            else:
                yield element._replace(
                    value=None, code="not_an_object", message=f"a record is {_kind(value)} and not an object with keys"
                )


class ArrayTable:
    """A list of lists: cells without names, the header is looked for among them as in a text table."""

    named = False
    names: tuple[str, ...] = ()

    def __init__(self, elements: Any, found: dict[str, Any]) -> None:
        self.elements, self.found = elements, found

    def records(self) -> Iterator[RawRecord]:
        """Each list as a record."""
        for line, offset, length, value, code, message, raw in self.elements():
            if code == BLANK:
                yield RawRecord(line, offset, length, [])
            elif code or not isinstance(value, list):
                code, message = code or "not_a_list", message or f"a record is {_kind(value)} and not a list of cells"
                yield RawRecord(line, offset, length, None, code, message, raw)
            else:
                yield checked(RawRecord(line, offset, length, [text(cell) for cell in value]), raw)


@dataclass
class Where:
    """Where in a JSON text its records are: the list at a path, a single value (`alone`), or one value after another
    without a list around them (`sequence`)."""

    path: Keys
    first: Any = None
    alone: bool = False
    sequence: bool = False
    count: int = 0
    others: list[str] = field(default_factory=list)


class JsonText:
    """One JSON file, opened as often as needed."""

    def __init__(self, source: Source, encoding: str, limits: Limits) -> None:
        self.source, self.encoding, self.limits = source, encoding, limits

    def told_plainly(self) -> "_Telling":
        return _Telling(self.source)

    def scanner(self) -> Scanner:
        return Scanner(self.source.open(), self.encoding, self.limits.element_bytes)

    def at(self, declared: str) -> Where:
        """The declared path, or Refused if it is not there."""
        path = tuple(part for part in declared.split(".") if part)
        with self.scanner() as scanner:
            self._descend(scanner, path)
            if scanner.peek() != "[":
                return Where(path, scanner.value(), alone=True)
            first = next((scanner.value() for _ in scanner.elements()), None)
            return Where(path, first)

    def elements(self, where: Where) -> Iterator[Element]:
        """The records, in order."""
        with self.told_plainly(), self.scanner() as scanner:
            around = self._descend(scanner, where.path)
            while where.sequence and scanner.peek():
                yield element(scanner, self.limits)
            for _ in [0] if where.alone else [] if where.sequence else scanner.elements():
                yield element(scanner, self.limits)
            for rest in reversed(around):  # a file that breaks off behind the list is no whole one either
                for _ in rest:
                    scanner.skip()
            if scanner.peek():
                raise Broken(scanner.place(), "the JSON value is complete, and more text follows")
            self.source.check_unchanged(scanner.file)

    def _descend(self, scanner: Scanner, path: Keys) -> list[Iterator[Any]]:
        """Go to the value at a path; gives what is still to come of the objects and lists around it."""
        around: list[Iterator[Any]] = []
        for depth, key in enumerate(path):
            kind = scanner.peek()
            inside: Iterator[Any] = (
                scanner.members() if kind == "{" else scanner.elements() if kind == "[" else iter(())
            )
            around.append(inside)
            for name in inside:
                if str(name) == key:
                    break
                scanner.skip()
            else:
                raise self.source.refused(
                    f"there is nothing at {'.'.join(path[: depth + 1])!r}, where its records should be. Look whether "
                    "the vendor changed the file's structure, and mend record_path."
                )
        return around


class _Telling:
    """Turns broken JSON into a refusal that says where it breaks."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, Broken):
            raise self.source.refused(
                f"the JSON is damaged on line {error.place.line} (byte {error.place.offset:,}): {error.what}. A file "
                "that breaks off is not taken for the truth: ask the vendor for a whole one."
            ) from None


def element(scanner: Scanner, limits: Limits) -> Element:
    """The next value as an element; one with a key twice is unreadable, for a cell would be lost."""
    scanner.peek()
    line, offset = scanner.place()
    scanner.decoder.twice = ""
    value = scanner.value()
    raw = scanner.raw(limits.kept_bytes)
    length = scanner.place().offset - offset
    if scanner.decoder.twice:
        return Element(line, offset, length, None, "duplicate_key", "a key stands twice in one object", raw)
    return Element(line, offset, length, value, raw=raw)


def _search(text_of: JsonText) -> Where:
    """The one list of records in a JSON text; Refused where there is none, or several alike."""
    source = text_of.source
    with text_of.scanner() as scanner:
        if scanner.peek() == "[":
            first = next((scanner.value() for _ in scanner.elements()), None)
            alone = scanner.peek() == "]"
            _refuse_error(source, first if alone and isinstance(first, dict) else {})
            return Where((), first)
        survey = Survey(scanner)
        survey.walk(())
        if not survey.full and scanner.peek():
            return Where((), survey.root, sequence=True)
    _refuse_error(source, survey.root)
    if geojson.is_feature(survey.root) or geojson.is_geometry(survey.root):
        return text_of.at(".")
    return _choice(source, survey)


def _refuse_error(source: Source, body: Any) -> None:
    if seen := errors.json_error(body):
        raise source.refused(f"this looks like {seen}, not like data. {errors.REMEDY}")


def _choice(source: Source, survey: "Survey") -> Where:
    lists = sorted(survey.lists, key=lambda one: -one.count)
    filled = [one for one in lists if one.count]
    if not lists:
        keys = ", ".join(list(survey.root)[:5])
        raise source.refused(
            f"this is a JSON object with the keys {keys} and no list of records in it. Declare where the records are "
            "(record_path, `.` for the object itself), or ask the vendor for the data."
        )
    if not filled:
        raise no_records(source, f"the list at {'.'.join(lists[0].path)!r}")
    if len(filled) > 1 and filled[0].count < 10 * filled[1].count:
        names = ", ".join(f"{'.'.join(one.path)} ({one.count:,})" for one in filled[:5])
        raise source.refused(f"it holds several lists of records: {names}. Declare which one is meant (record_path).")
    filled[0].others = [".".join(one.path) for one in filled[1:]]
    return filled[0]


class Survey:
    """Looks through an object for lists of records. `root`: its outermost scalars; what is nested stands as True."""

    def __init__(self, scanner: Scanner) -> None:
        self.scanner = scanner
        self.lists: list[Where] = []
        self.root: dict[str, Any] = {}

    def walk(self, path: Keys) -> None:
        """Pass over the next value and note the lists of records in it."""
        kind = self.scanner.peek()
        if kind == "{" and len(path) < DEPTH:
            for name in self.scanner.members():
                if len(path) == 0:
                    self.root[name] = self.scanner.peek() in "{[" or None
                self.walk((*path, name))
                if self.full:
                    return
        elif kind == "[":
            self._list(path)
        else:
            value = self.scanner.value()
            if len(path) == 1:
                self.root[path[0]] = value

    @property
    def full(self) -> bool:
        """Whether enough was seen: a list that goes on and on."""
        return bool(self.lists) and self.scanner.place().offset > SURVEYED

    def _list(self, path: Keys) -> None:
        where = Where(path)
        for position in self.scanner.elements():
            value = self.scanner.value()
            if position == 0:
                where.first = value
            where.count += 1
            if self.scanner.place().offset > SURVEYED and where.count > 1:
                break
        if isinstance(where.first, dict | list) or not where.count:
            self.lists.append(where)
        if len(path) == 1 and not where.count:
            self.root[path[0]] = []


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    return "a list" if isinstance(value, list) else "an object" if isinstance(value, dict) else "a single value"
