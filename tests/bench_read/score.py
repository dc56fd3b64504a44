"""Pollock's scores of one converted file: success, and precision, recall and F1 of header, records and cells."""

from collections import Counter
from collections.abc import Iterable

MEASURES = (
    "success",
    "header P",
    "header R",
    "header F1",
    "record P",
    "record R",
    "record F1",
    "cell P",
    "cell R",
    "cell F1",
)


def measures(clean: list[list[str]], loaded: list[list[str]] | None) -> tuple[float, ...]:
    """The ten measures, each between 0 and 1; `loaded` is None where the reader failed."""
    if loaded is None:
        return (0.0,) * 10
    if not clean:
        return (1.0,) * 10
    header = _prf(map(_plain, clean[0]), map(_plain, loaded[0]) if loaded else ())
    records = _prf(map(_joined, clean[1:]), map(_joined, loaded[1:]))
    cells = _prf((cell for row in clean for cell in row), (cell for row in loaded for cell in row))
    return (1.0, *header, *records, *cells)


def _plain(cell: str) -> str:
    return cell.lower()


def _joined(row: list[str]) -> str:
    return "".join(map(_plain, row))


def _prf(wanted: Iterable[str], loaded: Iterable[str]) -> tuple[float, float, float]:
    want, have = Counter(wanted), Counter(loaded)
    if not want:
        return 1.0, 1.0, 1.0
    both = sum((want & have).values())
    if not both:
        return 0.0, 0.0, 0.0
    precision, recall = both / sum(want.values()), both / sum(have.values())
    return precision, recall, 2 * precision * recall / (precision + recall)
