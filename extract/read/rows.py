"""Many lines at once into rows, at the speed of C, where nothing about them is odd."""

import csv
import io
from collections.abc import Callable

from .dialect import Dialect
from .kinds import Kinds

Parser = Callable[[str], list[list[str]]]
STAND_IN = "\x1f"  # for a delimiter of several characters; csv.reader takes one only


def parser(dialect: Dialect) -> Parser | None:
    """What splits plain lines of a dialect into rows: it raises csv.Error, or gives rows that are too few, where a
    line is not a record by itself. None where there is no quick way."""
    if dialect.widths:
        return None
    if dialect.standard or not dialect.quote:
        return _by_csv(dialect)
    return _without_quotes(dialect)


def _by_csv(dialect: Dialect) -> Parser:
    delimiter, quote = dialect.delimiter, dialect.quote
    single = len(delimiter) == 1
    options = {"quotechar": quote, "strict": True} if quote else {"quoting": csv.QUOTE_NONE, "quotechar": None}
    if dialect.escape and dialect.escape != quote:
        return _without_quotes(dialect)

    def parse(text: str) -> list[list[str]]:
        if single:
            return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, **options))  # type: ignore[arg-type]
        if STAND_IN in text:
            raise csv.Error("the stand-in for the delimiter stands in the text")
        text = text.replace(delimiter, STAND_IN)
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=STAND_IN, **options))  # type: ignore[arg-type]
        if quote and quote in text:
            return [[cell.replace(STAND_IN, delimiter) for cell in row] for row in rows]
        return rows

    return parse


def _without_quotes(dialect: Dialect) -> Parser:
    """Where neither quote nor escape stands in the text, every dialect is the same."""
    plain = _by_csv(dialect._replace(quote="", escape="", loose=False, spaced=False))

    def parse(text: str) -> list[list[str]]:
        if (dialect.quote and dialect.quote in text) or (dialect.escape and dialect.escape in text):
            raise csv.Error("a quote or an escape")
        return plain(text)

    return parse


class PlainRows:
    """Takes lines and gives their rows, or None where any of them needs a closer look."""

    def __init__(self, dialect: Dialect, kinds: Kinds, inner: str, field_bytes: int) -> None:
        self.parse = parser(dialect)
        self.kinds, self.inner, self.width = kinds, inner, kinds.width
        self.sparse = max(self.width - 1, 1)  # so many empty cells may make a banner or a blank record
        self.white = dialect.delimiter.isspace() or self.width == 1
        self.field_bytes = field_bytes

    def rows(self, lines: list[bytes]) -> list[list[str]] | None:
        """The rows of `lines`, one each."""
        data = b"".join(lines)
        if self.parse is None or b"\0" in data or len(data) > self.field_bytes:
            return None
        try:
            text = data.decode(self.inner)
            rows = self.parse(text)
        except (UnicodeDecodeError, csv.Error):
            return None
        if len(rows) != len(lines) or set(map(len, rows)) != {self.width}:
            return None
        if max([row.count("") for row in rows]) >= self.sparse:
            return None
        if self.white and not all(map(bytes.strip, lines)):
            return None
        lower = text.lower()
        for place, probed, _ in self.kinds.probes:
            if probed in lower and any(probed in row[place].lower() for row in rows):
                return None
        return rows
