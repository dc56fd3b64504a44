"""The refusal of a file without the feed's header: what is missing, and what comes near it."""

import difflib
from collections.abc import Sequence

from warehouse.personal import without_personal_values

from .header import Candidate, Wanted, name_key, readings
from .lines import Line
from .model import Limits, Refused

ALIKE = 0.6  # of 1, as for columns that may be missing (checks/drift.py): "Phone Nr." and "Phone" are 0.71


def refuse_header(
    name: str,
    lines: list[Line],
    inner: str,
    wanted: Wanted,
    delimiters: Sequence[str],
    quote: str,
    limits: Limits,
) -> Refused:
    """The refusal of a file whose first lines hold no header of this feed."""
    count = min(limits.preamble_lines, len(lines))
    candidates = [
        found for first in range(count) for found in readings(lines, first, inner, wanted, delimiters, quote, limits)
    ]
    return _refusal(name, count, candidates, wanted)


def refuse_cells(name: str, rows: Sequence[Sequence[str] | None], wanted: Wanted) -> Refused:
    """The same for a source of records."""
    candidates = [
        Candidate(place, place, " | ", tuple(row), wanted.match(row)) for place, row in enumerate(rows) if row
    ]
    return _refusal(name, len(rows), candidates, wanted)


def _refusal(name: str, count: int, candidates: list[Candidate], wanted: Wanted) -> Refused:
    likely = sorted(candidates, key=lambda found: found.rank, reverse=True)[:10]  # difflib is slow
    best = max(likely, key=lambda found: _likeness(found, wanted), default=None)
    cells = best.cells if best else ()
    missing = [wanted.expected[index][0] for index in wanted.missing(cells)]
    text = (
        f"{name}: none of the first {count} lines is the header of this feed. "
        f"Missing: {', '.join(map(_quoted, missing)) or 'any expected column'}. "
        f"{_seen(best, wanted)}{_near_misses(cells, wanted)}"
        "If the vendor has renamed columns, add the new names to the feed's columns; if it is another file, "
        "ask for the right one."
    )
    return Refused(text, missing)


def _quoted(name: str) -> str:
    return f'"{name}"'


def _likeness(found: Candidate, wanted: Wanted) -> int:
    return 2 * found.matched + len(_close_pairs(found.cells, wanted))


def _seen(best: Candidate | None, wanted: Wanted) -> str:
    """The best candidate; its text only where it is like a header, for a data row may hold personal data."""
    if best is None:
        return "No line could be read as a record. "
    if not _likeness(best, wanted):
        return f"No line names any column of it; the widest has {len(best.cells)} cells. "
    # Of objects by person the keys are e-mails.
    shown = best.delimiter.join(without_personal_values(" ".join(cell.split())) for cell in best.cells)
    return f"Best candidate is line {best.first + 1}: {shown[:300]}{' ...' if len(shown) > 300 else ''}. "


def _close_pairs(cells: Sequence[str], wanted: Wanted) -> list[tuple[str, str]]:
    """(cell, name) for cells that nearly name a required column that is missing."""
    if len(cells) > 300:
        return []
    unclaimed = {name_key(cell): cell for cell in cells if cell and name_key(cell) not in wanted.by_key}
    names = [(name, name_key(name)) for index in wanted.missing(cells) for name in wanted.expected[index]]
    close = [(difflib.get_close_matches(key, list(unclaimed), n=1, cutoff=ALIKE), name) for name, key in names]
    return [(unclaimed[found[0]], name) for found, name in close if found]


def _near_misses(cells: Sequence[str], wanted: Wanted) -> str:
    pairs = _close_pairs(cells, wanted)
    return "; ".join(f'"{cell}" looks like "{name}"' for cell, name in pairs) + ". " if pairs else ""
