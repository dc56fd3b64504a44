"""xlsx and xlsm, read row by row as a stream: values as they stand, formulas never evaluated, links never followed."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from xml.parsers import expat
from zipfile import ZipFile

from .. import unpack
from ..model import Limits
from ..source import Source
from .text import duration, number
from .workbook import Cells, Merge, Sheet

BLOCK = 2**16
LAST_ROW, LAST_COLUMN = 2**20, 2**14
MOST_MERGES = 200_000
REFERENCE = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]{1,7})")
ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
DATES = {14: "d", 15: "d", 16: "d", 17: "d", 18: "t", 19: "t", 20: "t", 21: "t", 22: "dt", 45: "t", 46: "e", 47: "t"}
DATES |= dict.fromkeys([*range(27, 32), 36, *range(50, 59)], "d") | dict.fromkeys(range(32, 36), "t")
Style = str | int | None  # d, t, dt: a moment; e: elapsed time; a number: so many digits; None: as it is


class Xlsx:
    """A workbook's sheets. Refused where it is damaged, declares a DTD, or is over the limits."""

    def __init__(self, source: Source, limits: Limits) -> None:
        self.source, self.limits = source, limits
        self.bare = 0  # formulas that came without their value
        self.unseen = ""
        self._parts: dict[str, str] = {}
        with self._opened() as archive:
            workbook = next((name for name in _root_targets(self, archive) if name), "xl/workbook.xml")
            self.since_1904, self.sheets = self._workbook(archive, workbook)
            self.styles, shared = _Styles(), _Shared(self)
            self._parse_if_there(archive, self._parts[" styles"], self.styles)
            self._parse_if_there(archive, self._parts[" sharedStrings"], shared)
            self.shared = shared.strings

    def _opened(self) -> Any:
        return unpack.zip_file(self.source.path)

    def _parse_if_there(self, archive: ZipFile, name: str, handler: Any) -> None:
        if name in archive.namelist():
            for _ in self.parse(archive, name, handler):
                pass

    def parse(self, archive: ZipFile, name: str, handler: Any) -> Iterator[None]:
        """Run a handler over a part, block by block."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._refuse_dtd
        parser.StartElementHandler = lambda tag, given: handler.start(tag if ":" not in tag else _local(tag), given)
        parser.EndElementHandler = lambda tag: handler.end(tag if ":" not in tag else _local(tag))
        if isinstance(handler, _Rows):  # the many: they look at prefixes themselves
            parser.StartElementHandler, parser.EndElementHandler = handler.start, handler.end
        parser.CharacterDataHandler = getattr(handler, "text", None)
        with unpack.opened_member(self.source.path, archive, name) as file:
            packed = archive.getinfo(name).compress_size
            try:
                for block in unpack.bounded(self.source.path.name, file, packed, self.limits):
                    for start in range(0, len(block), BLOCK):
                        parser.Parse(block[start : start + BLOCK], False)
                        yield
                parser.Parse(b"", True)
            except (expat.ExpatError, UnicodeError, LookupError, ValueError, OverflowError) as error:
                raise self.damaged(f"{name}: {error}") from None
        yield

    def damaged(self, what: str) -> Exception:
        return self.source.refused(
            f"the workbook is damaged ({what}). Open it in Excel and save it, or ask for another."
        )

    def _refuse_dtd(self, *_: Any) -> None:
        raise self.source.refused("the workbook declares a DTD, which no honest one does; it is not read.")

    def _workbook(self, archive: ZipFile, name: str) -> tuple[bool, list[Sheet]]:
        seen = _Workbook()
        if name not in archive.namelist():
            raise self.damaged(f"it lacks {name}")
        for _ in self.parse(archive, name, seen):
            pass
        folder, _, base = name.rpartition("/")
        targets = _Relations()
        self._parse_if_there(archive, f"{folder}/_rels/{base}.rels", targets)
        sheets: list[Sheet] = []
        there = set(archive.namelist())
        parts = {
            relation: (kind, target.lstrip("/") if target.startswith("/") else f"{folder}/{target}")
            for relation, (kind, target) in targets.found.items()
        }
        for needed in ("styles", "sharedStrings"):
            self._parts[f" {needed}"] = next((part for kind, part in parts.values() if kind == needed), "")
        for title, relation, visible in seen.sheets:
            kind, part = parts.get(relation, ("", ""))
            if kind == "worksheet" and part in there:
                self._parts[title] = part
                sheets.append(Sheet(title, visible))
        return seen.since_1904, sheets

    def rows(self, sheet: Sheet) -> Iterator[tuple[int, Cells]]:
        """(row from 1, the cells that hold something by column from 0), ascending."""
        reader = _Rows(self)
        sheet.merges = reader.merges
        with self._opened() as archive:
            for _ in self.parse(archive, self._parts[sheet.name], reader):
                yield from reader.done
                reader.done.clear()
        self.bare = reader.bare

    def close(self) -> None:
        """Nothing stays open."""


def _local(tag: str) -> str:
    return tag.rsplit(":", 1)[-1]


def _root_targets(book: Xlsx, archive: ZipFile) -> list[str]:
    relations = _Relations()
    book._parse_if_there(archive, "_rels/.rels", relations)
    return [target.lstrip("/") for kind, target in relations.found.values() if kind == "officeDocument"]


class _Relations:
    def __init__(self) -> None:
        self.found: dict[str, tuple[str, str]] = {}

    def start(self, tag: str, given: dict[str, str]) -> None:
        if tag == "Relationship" and given.get("TargetMode") != "External":
            kind = given.get("Type", "").rsplit("/", 1)[-1]
            self.found[given.get("Id", "")] = (kind, given.get("Target", ""))

    def end(self, tag: str) -> None: ...


class _Workbook:
    def __init__(self) -> None:
        self.since_1904 = False
        self.sheets: list[tuple[str, str, bool]] = []

    def start(self, tag: str, given: dict[str, str]) -> None:
        if tag == "workbookPr":
            self.since_1904 = given.get("date1904") in ("1", "true")
        elif tag == "sheet":
            relation = next((value for key, value in given.items() if key.endswith(":id")), "")
            self.sheets.append((given.get("name", ""), relation, given.get("state", "visible") == "visible"))

    def end(self, tag: str) -> None: ...


class _Styles:
    """What the number formats of a workbook's cell styles say of a value."""

    def __init__(self) -> None:
        self.formats: dict[int, str] = {}
        self.of: dict[str, Style] = {}  # by the style's number, as cells have it
        self.inside = False

    def start(self, tag: str, given: dict[str, str]) -> None:
        if tag == "numFmt":
            self.formats[int(given.get("numFmtId", -1))] = given.get("formatCode", "")
        elif tag == "cellXfs":
            self.inside = True
        elif tag == "xf" and self.inside:
            known = int(given.get("numFmtId", 0))
            meaning = style(self.formats[known]) if known in self.formats else DATES.get(known)
            self.of[str(len(self.of))] = meaning

    def end(self, tag: str) -> None:
        if tag == "cellXfs":
            self.inside = False


def style(code: str) -> Style:
    """What a number format says of a value: a date, a time, both, elapsed time, or leading zeros."""
    first = re.sub(r'"[^"]*"|\\.|_.|\*.', "", code).split(";")[0]
    if re.search(r"\[(h+|m+|s+)\]", first, re.IGNORECASE):
        return "e"
    plain = re.sub(r"\[[^\]]*\]", "", first).strip().lower()
    if re.fullmatch(r"0{2,}", plain):
        return len(plain)
    plain = plain.replace("general", "").replace("am/pm", "h").replace("a/p", "h")
    time = re.search(r"[hs]", plain) is not None
    date = re.search(r"[yd]", plain) is not None or ("m" in plain and not time)
    return ("dt" if time else "d") if date else "t" if time else None


class _Text:
    """Collects the text of <t> elements, those of phonetic hints left out."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.inside = self.phonetic = False

    def start(self, tag: str) -> None:
        self.inside = self.inside or (tag == "t" and not self.phonetic)
        self.phonetic = self.phonetic or tag == "rPh"

    def end(self, tag: str) -> None:
        self.inside = self.inside and tag != "t"
        self.phonetic = self.phonetic and tag != "rPh"

    def take(self) -> str:
        whole = "".join(self.parts)
        self.parts.clear()
        return ESCAPED.sub(lambda found: chr(int(found[1], 16)), whole) if "_x" in whole else whole


class _Shared:
    def __init__(self, book: Xlsx) -> None:
        self.book, self.collected = book, _Text()
        self.strings: list[str] = []
        self.size = 0

    def start(self, tag: str, given: dict[str, str]) -> None:  # noqa: ARG002
        self.collected.start(tag)

    def text(self, data: str) -> None:
        if self.collected.inside:
            self.collected.parts.append(data)

    def end(self, tag: str) -> None:
        self.collected.end(tag)
        if tag == "si":
            self.strings.append(self.collected.take())
            self.size += 2 * len(self.strings[-1]) + 60
            if self.size > self.book.limits.workbook_bytes:
                raise self.book.source.refused("the workbook's texts need more memory than the limit (workbook_bytes).")


class _Rows:
    """Builds the rows of one sheet."""

    def __init__(self, book: Xlsx) -> None:
        self.book, self.collected = book, _Text()
        self.done: list[tuple[int, Cells]] = []
        self.merges: list[Merge] = []
        self.row = 0
        self.column = -1
        self.cells: Cells = {}
        self.kind, self.style = "n", ""
        self.value: list[str] | None = None
        self.formula = False
        self.bare = 0
        self.columns: dict[str, int] = {}

    def start(self, tag: str, given: dict[str, str]) -> None:
        if tag == "c":
            self._cell(given)
        elif tag == "v":
            self.value = []
        elif ":" in tag:
            self.start(_local(tag), given)
        elif tag == "row":
            self._row(given)
        elif tag == "f":
            self.formula = True
        elif tag == "mergeCell":
            self._merge(given.get("ref", ""))
        elif self.kind == "inlineStr":
            self.collected.start(tag)

    def _row(self, given: dict[str, str]) -> None:
        row = int(given["r"]) if "r" in given else self.row + 1
        if not self.row < row <= LAST_ROW:
            raise ValueError(f"row {row} after row {self.row}")
        self.row, self.column, self.cells = row, -1, {}

    def _cell(self, given: dict[str, str]) -> None:
        letters = given.get("r", "").rstrip("0123456789")
        column = self.columns.get(letters)
        if column is None:
            column = self._column(letters)
        self.column = column
        self.kind, self.style = given.get("t", "n"), given.get("s", "")
        self.value, self.formula = None, False

    def _column(self, letters: str) -> int:
        """The column of a cell that says so, seen for the first time, or of one that does not say where it stands."""
        found = REFERENCE.fullmatch(letters + "1") if letters else None
        column = column_index(found[1]) if found else self.column + 1
        if not 0 <= column < LAST_COLUMN:
            raise ValueError(f"a cell in column {column}")
        if found:
            self.columns[letters] = column
        return column

    def _merge(self, area: str) -> None:
        first, _, last = area.partition(":")
        one, other = REFERENCE.fullmatch(first), REFERENCE.fullmatch(last or first)
        if one is None or other is None or len(self.merges) >= MOST_MERGES:
            raise ValueError(f"merged cells {area[:20]!r}")
        top, bottom = int(one[2]), int(other[2])
        self.merges.append(Merge(top, column_index(one[1]), bottom, column_index(other[1])))

    def text(self, data: str) -> None:
        if self.value is not None:
            self.value.append(data)
        elif self.collected.inside:
            self.collected.parts.append(data)

    def end(self, tag: str) -> None:
        if tag == "v" and self.value is not None:
            self._take("".join(self.value))
            self.value = None
        elif tag == "c":
            if self.kind == "inlineStr":
                self._put(self.collected.take())
            self.bare += self.formula and self.column not in self.cells
            self.kind = "n"
        elif tag == "row":
            self.done.append((self.row, self.cells))
        elif ":" in tag:
            self.end(_local(tag))
        elif self.kind == "inlineStr":
            self.collected.end(tag)

    def _put(self, cell: str) -> None:
        if cell:
            self.cells[self.column] = cell

    def _take(self, value: str) -> None:
        kind = self.kind
        if kind == "s":
            if value.startswith("-"):
                raise IndexError("a shared text before the first")
            self._put(self.book.shared[int(value)])
        elif kind == "n":
            self._put(self._number(value.strip()))
        elif kind == "b":
            self._put("true" if value.strip() in ("1", "true") else "false")
        elif kind == "str":
            self._put(ESCAPED.sub(lambda found: chr(int(found[1], 16)), value) if "_x" in value else value)
        else:  # e: an error such as #N/A; d: a date in ISO 8601 already
            self._put(value)

    def _number(self, value: str) -> str:
        meaning = self.book.styles.of[self.style] if self.style else None
        if meaning is None:
            return value if value.isdigit() else number(float(value)) if value else ""
        if isinstance(meaning, int):
            plain = number(float(value))
            return plain.zfill(meaning) if plain.isdigit() else plain
        return moment(float(value), meaning, self.book.since_1904)


def column_index(letters: str) -> int:
    """A is 0, Z is 25, AA is 26."""
    index = 0
    for letter in letters:
        index = index * 26 + ord(letter) - 64
    return index - 1


def moment(serial: float, meaning: str, since_1904: bool = False) -> str:
    """A spreadsheet's day number as ISO 8601: a date, with the time where it has one; a time; or elapsed time."""
    elapsed = timedelta(milliseconds=round(serial * 86_400_000))
    if meaning == "e" or (meaning == "t" and (serial >= 1 or serial < 0)):
        return duration(elapsed)
    if meaning == "t":
        return duration(elapsed)
    if serial < 0:
        return number(serial)
    if since_1904:
        zero = datetime(1904, 1, 1)
    elif 60 <= serial < 61:  # Excel's 29 February 1900, a day that never was
        return "1900-02-29"
    else:
        zero = datetime(1899, 12, 31 if serial < 60 else 30)
    try:
        found = zero + elapsed
    except OverflowError:
        return number(serial)
    if found.microsecond:
        return found.isoformat(timespec="milliseconds")
    return found.date().isoformat() if not (found.hour or found.minute or found.second) else found.isoformat()
