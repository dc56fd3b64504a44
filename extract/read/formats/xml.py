"""XML: one element per record, read as a stream in bounded memory. DTDs and entities are refused.

A record's cells: its attributes (`@name`), its child elements by name, what is nested below them by the rule of
flatten.py. Prefixes are left out. An element that stands several times in its parent becomes a JSON list.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple
from xml.parsers import expat

from ..charset import holds_ascii
from ..model import Hints, Limits, Refused
from ..source import Source
from ..source_records import RecordSource
from . import errors
from .flatten import DEEPEST, TEXT, Columns
from .spool import Spool
from .table import Element, NamedTable, no_records

BLOCK = 2**16
SURVEYED = 4 * 2**20  # bytes after which the elements that repeat are the records
DEPTH = 8  # how deep records are looked for
SPREADSHEET = "urn:schemas-microsoft-com:office:spreadsheet"
Path = tuple[str, ...]


def open_xml(source: Source, encoding: str | None, hints: Hints, limits: Limits) -> RecordSource:
    """The records of an XML file: the elements at hints.record_path, else those that repeat.

    Refused where it is no XML, declares entities, is an error answer, or holds no such elements or several kinds.
    """
    path = _declared(hints.record_path) if hints.record_path else None
    survey = Survey()
    _parse(source, encoding, survey)
    _refuse_other(source, survey)
    path = survey.find(source, path)
    rule = hints.flatten or "dot"
    found = {"format": "xml", "encoding": survey.encoding or encoding or "utf-8", "record_path": "/".join(path)}
    columns = Columns(1 if rule == "json" else DEEPEST)
    plain = holds_ascii(found["encoding"])
    records = Records(source, encoding or (survey.encoding if plain else None) or None, path, limits, plain)
    made = NamedTable(source, records, columns, {**found, "flatten": rule}, limits, Spool())
    if beside := records.beside():
        made.found["other_elements"] = beside
    if not made.names:
        raise no_records(source, f"the elements at {'/'.join(path)}")
    return made


def _declared(path: str) -> Path:
    return tuple(part for part in path.split("/") if part and part != ".")


def _local(name: str) -> str:
    return name.rsplit(":", 1)[-1]


def _refuse_other(source: Source, survey: "Survey") -> None:
    if SPREADSHEET in survey.namespaces:
        raise source.refused("this is an Excel workbook in the XML form of 2003. Save it as xlsx first.")
    if seen := errors.xml_error(survey.root, {path[-1] for path in survey.counts if len(path) in (2, 3)}):
        raise source.refused(f"this looks like {seen}, not like data. {errors.REMEDY}")


def _parse(source: Source, encoding: str | None, handler: "Survey") -> None:
    """Run a survey over the whole file, or until it has seen enough."""
    try:
        for _ in _steps(source, encoding, handler):
            if handler.full:
                return
    except Refused:
        if not handler.broken:
            raise


def _steps(source: Source, encoding: str | None, handler: Any) -> Iterator[None]:
    """Feed the file to a handler block by block. Refused where it declares a DTD, or is damaged and the handler knows
    no place to go on from."""
    with source.open() as file:
        start: Resume | None = Resume(0, b"")
        while start is not None:
            file.seek(start.offset)
            parser = _parser(source, encoding, handler)
            try:
                parser.Parse(start.prefix, False)
                while block := file.read(BLOCK):
                    parser.Parse(block, False)
                    yield
                parser.Parse(b"", True)
                start = None
            except expat.ExpatError as error:
                yield  # of what came before the damage
                start = handler.resume(file, error)
                if start is None:
                    raise _damaged(source, handler, error) from None
            except (LookupError, UnicodeError, ValueError) as error:
                raise source.refused(f"the XML cannot be decoded ({error}). Declare its encoding.") from None
        source.check_unchanged(file)
    yield


class Resume(NamedTuple):
    """Where to go on after damage: at a byte of the file, as if `prefix` stood before it."""

    offset: int
    prefix: bytes


def _parser(source: Source, encoding: str | None, handler: Any) -> Any:
    parser = expat.ParserCreate(encoding)
    parser.buffer_text = True
    parser.buffer_size = BLOCK
    parser.StartDoctypeDeclHandler = _refusing(source)
    parser.EntityDeclHandler = _refusing(source)
    parser.StartElementHandler = handler.start
    parser.EndElementHandler = handler.end
    parser.XmlDeclHandler = getattr(handler, "declared", None)
    parser.CharacterDataHandler = getattr(handler, "text", None)
    handler.parser = parser
    return parser


def _damaged(source: Source, handler: Any, error: expat.ExpatError) -> Refused:
    line = error.lineno + getattr(handler, "lines_before", 0)
    return source.refused(
        f"the XML is damaged on line {line}, after {error.offset} characters: "
        f"{expat.errors.messages.get(error.code, 'not well-formed')}. A file that breaks off, or is broken where no "
        "record is, is not taken for the truth: ask the vendor for a whole one."
    )


def _refusing(source: Source) -> Any:
    def refuse(*_: Any) -> None:
        raise source.refused(
            "this XML declares a DTD (<!DOCTYPE ...>), which can make a small file grow without end or read other "
            "files; it is not read. If it is an HTML page, fetch the data again; else ask for XML without a DTD."
        )

    return refuse


class Survey:
    """Counts the elements by their path: which one repeats, and has something in it?"""

    def __init__(self) -> None:
        self.parser: Any = None
        self.root, self.encoding = "", ""
        self.namespaces: set[str] = set()
        self.counts: Counter[Path] = Counter()
        self.repeated: set[Path] = set()  # stands several times in one parent
        self.nested: set[Path] = set()  # has children or attributes
        self.path: Path = ()
        self.inside: list[set[str]] = [set()]
        self.broken = False  # the file is damaged, but some records were seen before

    @property
    def full(self) -> bool:
        return bool(self.repeated) and self.parser.CurrentByteIndex > SURVEYED

    def resume(self, file: BinaryIO, error: expat.ExpatError) -> Resume | None:  # noqa: ARG002
        """After damage there is no going on; what was seen may do."""
        self.broken = self.repeated != set()
        return None

    def declared(self, version: str, encoding: str | None, standalone: int) -> None:  # noqa: ARG002 - expat's arguments
        self.encoding = (encoding or "").lower()

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if not self.path:
            self.root = name
        if name == "Workbook" or not self.path:
            self.namespaces.update(value for key, value in attributes.items() if key.startswith("xmlns"))
        parent, name = self.path, _local(name)
        self.path = (*parent, name)
        if len(self.path) > DEPTH:
            return
        self.counts[self.path] += 1
        if name in self.inside[-1]:
            self.repeated.add(self.path)
        self.inside[-1].add(name)
        self.inside.append(set())
        if parent:
            self.nested.add(parent)
        if any(not key.startswith("xmlns") for key in attributes):
            self.nested.add(self.path)

    def end(self, name: str) -> None:  # noqa: ARG002
        if len(self.path) <= DEPTH:
            self.inside.pop()
        self.path = self.path[:-1]

    def find(self, source: Source, declared: Path | None) -> Path:
        """The path of the records, from the outermost element on."""
        if declared is not None:
            return self._as_declared(source, declared)
        outer = [p for p in self.repeated if not any(p[:n] in self.repeated for n in range(1, len(p)))]
        full = sorted((p for p in outer if p in self.nested), key=lambda p: (-self.counts[p], p))
        if not full:
            return self._alone(source)
        if len(full) > 1 and self.counts[full[0]] < 10 * self.counts[full[1]]:
            names = ", ".join(f"{'/'.join(p)} ({self.counts[p]:,})" for p in full[:5])
            raise source.refused(f"several elements repeat: {names}. Declare which one is a record (record_path).")
        return full[0]

    def _as_declared(self, source: Source, declared: Path) -> Path:
        fitting = [p for p in self.counts if p == declared or p[-len(declared) :] == declared]
        exact = [p for p in fitting if p == declared or p[1:] == declared]
        chosen = exact or fitting
        if len(chosen) != 1:
            seen = ", ".join("/".join(p) for p in chosen[:5]) or "/".join(next(iter(self.counts)))
            problem = "stands in several places" if chosen else "is not there"
            raise source.refused(f"the element {'/'.join(declared)!r} {problem} ({seen}). Mend record_path.")
        return chosen[0]

    def _alone(self, source: Source) -> Path:
        """A single record: the deepest element that holds all the others, one within the other."""
        path: Path = (_local(self.root),)
        while True:
            children = [p for p in self.counts if len(p) == len(path) + 1 and p[:-1] == path]
            if len(children) == 1 and self.counts[children[0]] == 1 and children[0] in self.nested:
                path = children[0]
                continue
            if children and len(path) > 1 and not any(p in self.repeated for p in children):
                return path
            raise source.refused(
                f"this is an XML document whose outermost element is <{self.root}>, and no element repeats in it that "
                "could be a record. Declare which element is one (record_path), or ask the vendor for the data."
            )


class Records:
    """The elements at a path as nested objects."""

    def __init__(self, source: Source, encoding: str | None, path: Path, limits: Limits, plain: bool) -> None:
        self.source, self.encoding, self.path, self.limits = source, encoding, path, limits
        self.plain = plain  # ASCII bytes mean themselves: tags can be looked for in the bytes
        self.outside: Counter[Path] = Counter()

    def beside(self) -> str:
        """What repeats outside of the records, with how often: it is in no column."""
        several = [f"{'/'.join(path)} ({count:,})" for path, count in self.outside.most_common(5) if count > 1]
        return ", ".join(several)

    def __call__(self) -> Iterator[Element]:
        builder = Builder(self.path, self.limits, self.source, self.plain)
        for _ in _steps(self.source, self.encoding, builder):
            yield from builder.done
            builder.done.clear()
        self.outside = builder.outside


class Builder:
    """Builds each record while its element is parsed."""

    def __init__(self, path: Path, limits: Limits, source: Source, plain: bool) -> None:
        self.parser: Any = None
        self.wanted, self.limits, self.source, self.plain = path, limits, source, plain
        self.outside: Counter[Path] = Counter()
        self.tag = ""  # of the record under way, with its prefix
        self.lines_before = self.bytes_before = 0  # of the file, before what this parser was given
        self.path: list[str] = []
        self.open: list[tuple[dict[str, Any], list[str]]] = []  # the element under way and those around it
        self.done: list[Element] = []
        self.line = self.offset = self.size = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.path.append(_local(name))
        if not self.open:
            if len(self.path) != len(self.wanted) or tuple(self.path) != self.wanted:
                if len(self.path) <= len(self.wanted) + 1 and tuple(self.path) != self.wanted[: len(self.path)]:
                    self.outside[tuple(self.path)] += 1
                return
            self.line = self.parser.CurrentLineNumber + self.lines_before
            self.offset, self.size, self.tag = self.parser.CurrentByteIndex + self.bytes_before, 0, name
        node: dict[str, Any] = {}
        if attributes:
            node = {f"@{_local(key)}": value for key, value in attributes.items() if not key.startswith("xmlns")}
            self._grow(sum(map(len, attributes.values())))
        self.size += 50  # what an element costs beside its text
        self.open.append((node, []))

    def text(self, data: str) -> None:
        if self.open:
            self.open[-1][1].append(data)
            self._grow(len(data))

    def resume(self, file: BinaryIO, error: expat.ExpatError) -> Resume | None:
        """Behind the damaged record, which is unreadable; None where the damage is in none, or the file ends."""
        if not self.open or not self.plain:
            return None
        file.seek(self.offset)
        data = file.read(self.limits.element_bytes)
        tag = re.escape(self.tag.encode())
        found = re.compile(rb"</" + tag + rb"\s*>|(?=<" + tag + rb"[\s/>])").search(data, 1)
        if found is None:
            return None
        raw = data[: found.end()]
        told = expat.errors.messages.get(error.code, "not well-formed")
        message = f"the XML of this record is broken: {told}"
        kept = raw[: self.limits.kept_bytes]
        self.done.append(Element(self.line, self.offset, len(raw), None, "bad_xml", message, kept))
        prefix = "".join(f"<{name}>" for name in self.wanted[:-1]).encode()
        self.lines_before, end = self.line + raw.count(b"\n") - 1, self.offset + len(raw)
        self.bytes_before = end - len(prefix)
        self.path, self.open = [], []
        return Resume(end, prefix)

    def _grow(self, size: int) -> None:
        self.size += size
        if self.size > self.limits.element_bytes:
            raise Refused(
                f"{self.source.path.name}: the record on line {self.line} is longer than the limit of "
                f"{self.limits.element_bytes:,} bytes. "
                f"{self.limits.remedy('element_bytes')} or declare another record_path."
            )

    def end(self, name: str) -> None:
        self.path.pop()
        if not self.open:
            return
        node, texts = self.open.pop()
        words = "".join(texts)
        if not node or words.strip():
            node = {TEXT: words.strip() if node else words, **node}
        if not self.open:
            length = self.parser.CurrentByteIndex + self.bytes_before - self.offset
            self.done.append(Element(self.line, self.offset, length, node if set(node) != {TEXT} else {"value": words}))
            return
        parent = self.open[-1][0]
        name = _local(name)
        item = _value(node)
        if name not in parent:
            parent[name] = item
        elif isinstance(parent[name], list):
            parent[name].append(item)
        else:
            parent[name] = [parent[name], item]


def _value(node: dict[str, Any]) -> Any:
    """An element's text where that is all it has; None where it says that it is nil."""
    if node.get("@nil") in ("true", "1") and not node.get(TEXT):
        return None
    return node[TEXT] if set(node) == {TEXT} else node
