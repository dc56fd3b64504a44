"""The file that goes back to the owner of bad rows: in the vendor's own format, with the reasons beside each row.

A CSV file holds every value as the vendor wrote it, also those that begin with = + - @: it is for the vendor's machine,
which needs its own values back unchanged. An Excel file is for a person: every cell is text, so that nothing in it is a
formula and 00123 stays 00123. Both are written for their owner alone (mode 0600).
"""

import codecs
import csv
import io
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from publish.vendor_rows import BadRow, VendorColumn
from warehouse.errors import SluiceError

OURS = ("sluice_delivery", "sluice_row", "sluice_line", "sluice_reasons")
RAW = "sluice_raw"  # only where a record could not be split into columns
PACKED = {".gz", ".bz2", ".zst", ".zip"}
LONGEST_CELL = 32_767  # of Excel
MOST_ROWS = 1_000_000

Behind = Callable[[int, str], set[str]]  # row number and the entity's column -> staging columns


def file_name(original: str, delivery_id: int, suffix: str) -> str:
    """`licences-2026-01-05.mends-12.csv`: found by the same drop pattern, and it says what it mends."""
    name = Path(re.sub(r"[^\w.\- ]+", "_", original.split("!")[-1]))
    while name.suffix.lower() in PACKED:
        name = name.with_suffix("")
    stem = re.sub(r"\.mends-\d+$", "", name.stem if len(name.suffix) <= 8 else name.name)
    return f"{stem}.mends-{delivery_id}{suffix}"


def write_csv(
    path: Path, delivery_id: int, columns: Sequence[VendorColumn], rows: Sequence[BadRow], found: Mapping[str, Any]
) -> str:
    """Write the rows with the dialect and encoding that the delivery had; gives the encoding.

    Where a value does not fit that encoding (a message may hold such a letter), the file is UTF-8 with a BOM.
    """
    content = io.StringIO()
    writer = csv.writer(content, **_dialect(found))
    for line in _table(delivery_id, columns, rows):
        writer.writerow(line)
    encoding, bom = _encoding(found)
    try:
        body = content.getvalue().encode(encoding)
    except UnicodeEncodeError:
        encoding, bom = "utf-8", True
        body = content.getvalue().encode("utf-8", "replace")
    with _private(path) as aside:
        aside.write_bytes(("\ufeff".encode(encoding) if bom else b"") + body)
    return encoding


def _dialect(found: Mapping[str, Any]) -> dict[str, Any]:
    one = {key: value for key in ("delimiter", "quote", "escape") if len(value := str(found.get(key) or "")) == 1}
    quote = one.get("quote", '"')
    dialect: dict[str, Any] = {"delimiter": one.get("delimiter", ","), "quotechar": quote, "lineterminator": "\n"}
    if dialect["delimiter"] == quote:
        dialect["delimiter"] = ","
    if found.get("line_end") in ("\n", "\r\n", "\r"):
        dialect["lineterminator"] = found["line_end"]
    if one.get("escape", quote) != quote and one["escape"] != dialect["delimiter"]:
        dialect |= {"escapechar": one["escape"], "doublequote": False}
    return dialect


def _encoding(found: Mapping[str, Any]) -> tuple[str, bool]:
    """The delivery's encoding and whether it began with a BOM; UTF-8 where the format had none of its own."""
    try:
        name = codecs.lookup(str(found.get("encoding") or "utf-8")).name
    except LookupError:
        return "utf-8", True
    return name, bool(found.get("bom")) and name.startswith("utf") and name not in ("utf-16", "utf-32", "utf-8-sig")


def _table(delivery_id: int, columns: Sequence[VendorColumn], rows: Sequence[BadRow]) -> Iterator[list[str]]:
    raw = [RAW] if any(row.raw for row in rows) else []
    yield [*(column.header for column in columns), *OURS, *raw]
    for row in rows:
        ours = [str(delivery_id), str(row.row_number), str(row.line_number), row.told]
        yield [*row.cells, *ours, *([row.raw] if raw else [])]


def write_xlsx(
    path: Path, delivery_id: int, columns: Sequence[VendorColumn], rows: Sequence[BadRow], behind: Behind
) -> None:
    """Write the rows as a workbook whose bad cells are coloured, each with a comment that says what would be right."""
    table = list(_table(delivery_id, columns, rows))
    if len(rows) > MOST_ROWS or any(len(cell) > LONGEST_CELL for line in table for cell in line):
        raise SluiceError("Excel cannot hold these rows (too many, or a cell too long); say --format csv.")
    import xlsxwriter  # type: ignore[import-untyped]

    as_text = {"strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
    with _private(path) as aside, xlsxwriter.Workbook(str(aside), as_text) as book:
        book.set_properties({"title": path.stem, "comments": "Rows to be mended and sent back through the same drop."})
        _Sheet(book, table, len(columns)).fill(columns, rows, behind)


class _Sheet:
    """The one sheet of a workbook that goes back."""

    def __init__(self, book: Any, table: list[list[str]], theirs: int) -> None:
        self.table, self.theirs = table, theirs
        self.sheet = book.add_worksheet("Rows to mend")
        plain = {"num_format": "@", "valign": "top", "font_name": "Calibri", "font_size": 11}
        edge = {"border": 1, "border_color": "#D9DEE5"}
        self.head = book.add_format({**plain, **edge, "bold": True, "bg_color": "#22384F", "font_color": "#FFFFFF"})
        self.our_head = book.add_format({**plain, **edge, "bold": True, "bg_color": "#8A97A6", "font_color": "#FFFFFF"})
        self.cell = book.add_format({**plain, **edge})
        self.bad = book.add_format({**plain, **edge, "bg_color": "#FFD9CC", "font_color": "#7A1F00"})
        self.ours = book.add_format({**plain, **edge, "bg_color": "#F3F5F8", "font_color": "#55626F"})
        self.told = book.add_format(
            {**plain, **edge, "bg_color": "#F3F5F8", "font_color": "#55626F", "text_wrap": True}
        )
        self.loud = book.add_format(
            {**plain, **edge, "bg_color": "#FFD9CC", "font_color": "#7A1F00", "text_wrap": True}
        )

    def fill(self, columns: Sequence[VendorColumn], rows: Sequence[BadRow], behind: Behind) -> None:
        """Write header and rows; a reason that belongs to no cell colours the cell that tells it."""
        for position, name in enumerate(self.table[0]):
            self.sheet.write_string(0, position, name, self.head if position < self.theirs else self.our_head)
        place = {column.name: position for position, column in enumerate(columns) if column.declared}
        reasons = self.table[0].index("sluice_reasons")
        for number, (row, line) in enumerate(zip(rows, self.table[1:], strict=True), 1):
            comments = self._comments(row, place, reasons, behind)
            for position, value in enumerate(line):
                self.sheet.write_string(number, position, value, self._look(position, reasons, position in comments))
            for position, told in comments.items():
                options = {"author": "Sluice", "x_scale": 2.2, "y_scale": 0.5 + 0.35 * len(told)}
                self.sheet.write_comment(number, position, "\n".join(told), options)
        self._arrange(reasons)

    def _comments(self, row: BadRow, place: Mapping[str, int], reasons: int, behind: Behind) -> dict[int, list[str]]:
        comments: dict[int, list[str]] = {}
        for reason in row.reasons:
            names = behind(row.row_number, reason["column"]) if reason.get("column") else set()
            for position in sorted(place[name] for name in names if name in place) or [reasons]:
                comments.setdefault(position, []).append(str(reason["message"]))
        return comments

    def _look(self, position: int, reasons: int, is_bad: bool) -> Any:
        if position == reasons:
            return self.loud if is_bad else self.told
        if position >= self.theirs:
            return self.ours
        return self.bad if is_bad else self.cell

    def _arrange(self, reasons: int) -> None:
        for position in range(len(self.table[0])):
            longest = max(len(line[position]) for line in self.table[:2000])
            width = 60 if position == reasons else min(max(longest, 8) + 3, 42)
            self.sheet.set_column(position, position, width)
        self.sheet.freeze_panes(1, 0)
        self.sheet.autofilter(0, 0, len(self.table) - 1, len(self.table[0]) - 1)


@contextmanager
def _private(path: Path) -> Iterator[Path]:
    """A file that nobody else may read, there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-", suffix=path.suffix)  # mode 0600
    os.close(handle)
    aside = Path(name)
    try:
        yield aside
        aside.chmod(0o600)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
