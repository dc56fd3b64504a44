"""The pollutions of the Pollock benchmark (Vitagliano et al., PVLDB 16(8)) over a table of our own making.

As there: 84 records (a header and 83 rows) of 9 columns; each single record with one separator less or more, with
one quote too many in one cell, or with blanks for separators; and changes of the whole file. For each file the table
that a reader should find, and what is given to a reader that is told everything.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

ROWS = 83
HEADER = ["DATE", "TIME", "Qty", "PRODUCTID", "Price", "ProductType", "ProductDescription", "URL", "Comments"]
THINGS = ["Kettle", "Men's Boots", "Lamp, Striped", 'Table, Round 48"', "Kids' Hat", "Garden Bench", 'Vest 10" Zip']
PRAISE = [
    "Made to last, from heavy cotton, and easy to wash.",
    "It won't bend or crack",
    "A bench of 8\\'9\" length, for the whole family.",
    "Light, dry and warm in any weather",
    "Our best: packed with wool, even when wet it's warm.",
    "For the garden and the porch",
]


@dataclass(frozen=True)
class Cell:
    value: str
    quoted: bool = False
    extra: str = ""  # a quote too many before the value


@dataclass(frozen=True)
class Line:
    """One record: its cells, the separators between them (and, by pollution, before them), and its end."""

    cells: tuple[Cell, ...]
    before: dict[int, str] = field(default_factory=dict)  # the separators before a cell where they are not one
    separator: str | None = None
    end: str | None = None


@dataclass(frozen=True)
class Polluted:
    """One file, the table in it (without header: its first row is no header), its hints, its weight."""

    name: str
    data: bytes
    clean: list[list[str]]
    hints: dict[str, Any]
    weight: float


@dataclass(frozen=True)
class Style:
    separator: str = ","
    quote: str = '"'
    escape: str = '"'
    end: str = "\r\n"


def source() -> list[Line]:
    """The table without pollution."""
    chance = random.Random(7)
    lines = [Line(tuple(Cell(name) for name in HEADER))]
    for number in range(ROWS):
        thing, words = THINGS[number % len(THINGS)], chance.choice(PRAISE)
        values = [
            f"{number % 28 + 1:02}/{number // 28 + 1:02}/2018",
            f"{number % 24:02}:{number % 4 * 15:02}",
            str(chance.randrange(30)),
            f"{chance.choice(['MG', 'RI', 'BH', 'YY'])}-{chance.randrange(1000, 9999)}",
            f"${chance.randrange(100, 9999) / 100}",
            f"{thing} {number}" if number % 3 else thing,
            f"{words} No. {number}" if number % 2 else words,
            f"https://www.example.com/product/{number:04}.html",
            "",
        ]
        lines.append(
            Line(tuple(Cell(v, any(c in v for c in ',"') or (i == 7 and number > 50)) for i, v in enumerate(values)))
        )
    return lines


def written(lines: list[Line], style: Style = Style()) -> bytes:
    """The bytes of a file."""
    text = []
    for line in lines:
        separator = style.separator if line.separator is None else line.separator
        for place, cell in enumerate(line.cells):
            text.append(separator * (1 if place else 0) if place not in line.before else line.before[place])
            value = cell.extra + cell.value.replace('"', style.escape + '"')
            text.append(f"{style.quote}{value}{style.quote}" if cell.quoted else value)
        text.append(style.end if line.end is None else line.end)
    return "".join(text).encode()


def values(lines: list[Line]) -> list[list[str]]:
    return [[cell.extra + cell.value for cell in line.cells] for line in lines]


def _file(name: str, lines: list[Line], weight: float, style: Style = Style(), **changes: Any) -> Polluted:
    clean = changes.pop("clean", None) or values(lines)
    # What Pollock's own parameters say of each file; its row_delimiter is found out here, n_columns follows from names.
    hints = {
        "encoding": "ascii",
        "delimiter": style.separator,
        "quote": style.quote,
        "escape": style.escape,
        "header_rows": 1,
        "preamble_rows": 0,
        "trailer_rows": 0,
        "columns": clean[0] if clean else None,
        **changes,
    }
    return Polluted(name, written(lines, style), clean, {k: v for k, v in hints.items() if v is not None}, weight)


def files() -> Iterator[Polluted]:
    """All files: 2,290 in the paper; here as many as the table of the same size gives."""
    yield from whole_files()
    yield from single_records()


def whole_files() -> Iterator[Polluted]:
    """One pollution of the whole file each, with the weight that the paper gives it by a survey of real files."""
    lines = source()
    plain = values(lines)
    header, rows = lines[0], lines[1:]
    yield _file("source.csv", lines, 1)
    yield Polluted("file_no_payload.csv", b"", [], {}, 15)
    yield _file("file_no_trailing_newline.csv", [*lines[:-1], replace(lines[-1], end="")], 184)
    yield _file("file_double_trailing_newline.csv", [*lines[:-1], replace(lines[-1], end="\r\n\r\n")], 5)
    yield _file("file_no_header.csv", rows, 470, header_rows=0, columns=None)
    for count in (2, 3):
        folded = [" ".join([name] * count) for name in HEADER]
        clean = [folded, *plain[1:]]
        yield _file(f"file_header_multirow_{count}.csv", [header] * count + rows, 47, clean=clean, header_rows=count)
    title = [Line((Cell("PREAMBLE"), *[Cell("")] * 8)), Line((Cell(""),) * 9)]
    yield _file("file_preamble.csv", title + lines, 282, clean=plain, preamble_rows=2)
    for kind, width in (("less", 8), ("same", 9), ("more", 10)):
        second = [Line((*line.cells, Cell("col1" if line is header else ""))[:width]) for line in lines]
        yield _file(f"file_multitable_{kind}.csv", lines + second, 62.67, clean=plain)
    yield _file("file_header_only.csv", lines[:1], 3)
    yield _file("file_one_data_row.csv", lines[:2], 4)
    for name, end, weight in (("0xD", "\r", 7), ("0xA", "\n", 1691)):
        yield _file(f"file_record_delimiter_{name}.csv", lines, weight, Style(end=end))
    for name, separator, weight in (("0x9", "\t", 4), ("0x3B", ";", 834), ("0x20", " ", 4), ("0x2C_0x20", ", ", 101)):
        yield _file(f"file_field_delimiter_{name}.csv", lines, weight, Style(separator=separator))
    yield _file("file_quotation_char_0x27.csv", lines, 11, Style(quote="'"))
    yield _file("file_escape_char_0x5C.csv", lines, 1, Style(escape="\\"))
    yield _file("file_escape_char_0x00.csv", lines, 7, Style(escape=""))


def single_records() -> Iterator[Polluted]:
    """One record polluted each."""
    lines = source()
    plain = values(lines)
    for at, line in enumerate(lines):
        for place in range(len(HEADER)):
            more = replace(line, before={place: ",," if place else ","})
            yield _file(f"row_more_sep_row{at}_col{place}.csv", _with(lines, at, more), 0.3678, clean=plain)
            if place:
                less = replace(line, before={place: ""})
                yield _file(f"row_less_sep_row{at}_col{place}.csv", _with(lines, at, less), 0.3678, clean=plain)
            cells = list(line.cells)
            cells[place] = replace(cells[place], extra='"')
            yield _file(
                f"row_extra_quote{at}_col{place}.csv", _with(lines, at, replace(line, cells=tuple(cells))), 0.0093
            )
        blank = replace(line, separator=" ")
        yield _file(f"row_field_delimiter_{at}_0x20.csv", _with(lines, at, blank), 0.0093, clean=plain)


def _with(lines: list[Line], at: int, line: Line) -> list[Line]:
    return [*lines[:at], line, *lines[at + 1 :]]
