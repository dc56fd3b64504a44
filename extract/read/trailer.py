"""Trailers: what a file says about itself at its end, checked against what was read of it."""

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import BinaryIO

from .record import Record

COUNT = re.compile(r"\d[\d.,'\x20]*")
TOTAL = re.compile(r"\W*(grand\s+|sub-?)?(totals?|sums?|summe|gesamt|celkem)\b\W*", re.IGNORECASE)
BEGIN = re.compile(rb"[\W_]*(?:grand\s+|sub-?)?(?:total|sum|gesamt|celkem)", re.IGNORECASE)
TAIL = 65536


def ends_with_total(file: BinaryIO) -> bool:
    """Whether the last line that is not blank may hold control totals; the file is left at its end."""
    size = file.seek(0, 2)
    file.seek(max(0, size - TAIL))
    lines = [line for line in file.read().replace(b"\0", b"").splitlines() if line.strip(b' \t,;|"')]
    return bool(lines) and BEGIN.match(lines[-1][:200]) is not None


def number(cell: str) -> Decimal | None:
    """The number that a cell holds; None if it holds none. 1,234.50 and $12 are numbers."""
    text = cell.strip().lstrip("$€£ ").replace(" ", "")
    if re.fullmatch(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?", text):
        text = text.replace(",", "")
    try:
        return Decimal(text) if text[-1:].isdigit() and len(text) < 40 else None
    except InvalidOperation:
        return None


def counted(text: str) -> int | None:
    """The number of records that a phrase like "Total: 1,034 records" names; None if it names none or several."""
    numbers = COUNT.findall(text)
    if len(numbers) != 1 or re.search(r"[.,]\d{1,2}$", numbers[0].strip()):
        return None
    return int(re.sub(r"\D", "", numbers[0]))


def check_count(text: str, line: int, rows: int, unreadable: int) -> str:
    """What to say of a trailer that counts records; "" if it counts none."""
    said = counted(text)
    if said is None:
        return ""
    if said in (rows, rows + unreadable):
        return f"the trailer on line {line} counts {said:,} records, as were read"
    lost = f" and {unreadable:,} records were unreadable" if unreadable else ""
    return f"MISMATCH: the trailer on line {line} counts {said:,} records, {rows:,} rows were read{lost}"


class Totals:
    """The sums of a table's columns, where its last row may be one of totals."""

    def __init__(self, width: int) -> None:
        self.sums = [Decimal(0)] * width
        self.rows = 0

    def add(self, rows: Sequence[Sequence[str]]) -> None:
        """Add rows."""
        self.rows += len(rows)
        for cells in rows:
            for place, cell in enumerate(cells):
                value = number(cell) if cell else None
                if value is not None:
                    self.sums[place] += value

    def check(self, record: Record) -> tuple[bool, str]:
        """(whether the last record is one of totals and no row, what to say of it)."""
        filled = [cell for cell in record.cells if cell.strip()]
        if not filled or not TOTAL.fullmatch(filled[0]):
            return False, ""
        said = {place: value for place, cell in enumerate(record.cells) if (value := number(cell)) is not None}
        if not said or self.rows < 2:
            return False, ""
        wrong = [place + 1 for place, value in said.items() if value not in (self.sums[place], self.rows)]
        if not wrong:
            return True, f"the control totals on line {record.line} agree with the {self.rows:,} rows that were read"
        places = ", ".join(map(str, wrong))
        return False, (
            f"MISMATCH: line {record.line} looks like one of control totals, but in column {places} it is not the sum "
            "of what was read; it was taken as a row"
        )
