"""What a record is when it is not a row: blank, or a banner. Both roads ask here, so that they agree."""

import re
from collections.abc import Sequence
from typing import NamedTuple

SPACE = " \t\v\f\r\n"
AROUND = SPACE + "\ufeff"  # what may stand around a repeated header cell
NUMBER = r"\d[\d.,'\x20]*"
COUNTED = r"(records?|rows?|entries|lines?)"
EDGE = r"[\x00-/:-@\[-`{-~]*"  # ASCII that is neither letter nor digit
PHRASES = re.compile(
    rf"""{EDGE}(?:
      (grand\s+|sub)?totals?\b[\s:=\#-]*((number\s+of\s+)?{COUNTED})?[\s:=\#-]*{NUMBER}{COUNTED}?
    | (number\s+of\s+)?{COUNTED}(\s+(count|total)\s*[:=]?|\s*[:=])\s*{NUMBER}
    | {NUMBER}\s*{COUNTED}(\s+(in\s+total|total|selected|returned|exported|found|affected))?
    | end\s+of\s+(file|report|data|list|records?|extract|document) | eof | \x1a
    ){EDGE}""",
    re.IGNORECASE | re.VERBOSE | re.ASCII,
)
PHRASE_WORDS = rb"total|row|record|entries|line|end|eof|\x1a"  # one of them stands in each phrase


def is_phrase(text: str) -> bool:
    """Like "Total: 34 records", "End of file", "-- 12 rows --", or a lone Ctrl-Z."""
    return len(text) < 200 and PHRASES.fullmatch(text.strip()) is not None


def is_note(text: str) -> bool:
    """Words rather than a value: enough to be a banner only where no row can stand, at the end of the file."""
    return len(re.findall(r"[^\W\d_]{2,}", text[:1000])) >= 2


def lowered(cell: str) -> bytes:
    """A header cell for comparison with a repeated header: ASCII letters in lower case, outer space cut."""
    return cell.strip(AROUND).encode("utf-8", "surrogateescape").lower()


class Probe(NamedTuple):
    """The first name of a header: its place, as text in lower case, and as bytes whose ASCII letters are."""

    place: int
    text: str
    name: bytes

    @classmethod
    def of(cls, header: Sequence[bytes]) -> "Probe":
        place = next((i for i, cell in enumerate(header) if cell), 0)
        return cls(place, header[place].decode("utf-8", "surrogateescape").lower(), header[place])


class Kinds:
    """Tells the records of one table apart, given its header; `parts` are the rows of one that was folded."""

    def __init__(self, header: tuple[str, ...], delimiter: str, parts: Sequence[Sequence[str]] = ()) -> None:
        self.width = len(header)
        self.outside = SPACE + delimiter
        self.header = [lowered(cell) for cell in header]
        full = [[lowered(cell) for cell in part] for part in parts if len(part) == self.width]
        self.repeats = [self.header, *(part for part in full if sum(map(bool, part)) > 1)]
        # a repeated header holds one of these in cells[place].lower(): a cheap first look
        self.probes = [Probe.of(part) for part in self.repeats]

    def may_repeat(self, cells: Sequence[str]) -> bool:
        """Whether the cells of a row may be the header again."""
        return any(probe.text in cells[probe.place].lower() for probe in self.probes)

    def is_blank(self, cells: list[str], text: str) -> bool:
        """Nothing but white space, or only empty cells."""
        return not any(cells) or not text.strip(SPACE)

    def is_banner(self, cells: list[str], text: str) -> bool:
        """Surely no row: the header once more, or a counting or ending phrase with no other cell beside it."""
        if len(cells) == self.width and [lowered(cell) for cell in cells] in self.repeats:
            return True
        if self.width == 1 or len(text) > 2000:
            return False
        lone = self.lone(cells)
        if lone is not None:
            return is_phrase(lone)
        return len(cells) < self.width and is_phrase(text.strip(self.outside))

    def lone(self, cells: list[str]) -> str | None:
        """The only cell that is not empty, if there is one only."""
        filled = [cell for cell in cells if cell]
        return filled[0] if len(filled) == 1 else None
