"""Scores the reader on the pollutions: python -m tests.bench_read.pollock [--show N]"""

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from extract.read import EmptyFile, Hints, Refused, open_file
from tests.bench_read.pollutions import Polluted, files
from tests.bench_read.score import measures

PUBLISHED = (
    "published: DuckDB told 9.961/9.599, SQLite 9.955/9.375, pandas 9.895/9.431, CleverCSV 9.193/9.453, "
    "DuckDB auto 9.075/8.439"
)


def converted(path: Path, hints: Hints) -> tuple[list[list[str]] | None, int]:
    """(the table as `sluice read --out` writes it, physical lines that are accounted for)."""
    try:
        reading = open_file(path, hints=hints)
        rows = [list(reading.found.header)] if reading.found.named or hints.columns else []
        lines = reading.found.header_end_line
        for batch in reading.batches():
            rows.extend(cells for _, _, cells in batch.rows)
            lines += batch.records  # no cell of these files goes over two lines
        return rows, lines
    except EmptyFile:
        return [], 0
    except Refused:
        return None, 0


def scored(polluted: list[Polluted], told: bool, **more: object) -> tuple[dict[str, tuple[float, ...]], int]:
    """(the measures of each file, with its hints or without any; lines of which the account says nothing)."""
    results, lost = {}, 0
    with tempfile.TemporaryDirectory() as folder:
        for one in polluted:
            path = Path(folder) / one.name
            path.write_bytes(one.data)
            hints = Hints(**{**one.hints, **more}) if told else Hints()  # type: ignore[arg-type]
            rows, lines = converted(path, hints)
            results[one.name] = measures(one.clean, rows)
            lost += abs(len(one.data.splitlines()) - lines)
            path.unlink()
    return results, lost


def totals(polluted: list[Polluted], results: dict[str, tuple[float, ...]]) -> tuple[float, float]:
    """(simple score, weighted score), out of 10."""
    weight = sum(one.weight for one in polluted)
    weighted = sum(sum(results[one.name]) * one.weight for one in polluted) / weight
    return sum(map(sum, results.values())) / len(results), weighted


def report(polluted: list[Polluted], label: str, results: dict[str, tuple[float, ...]], show: int) -> None:
    simple, weighted = totals(polluted, results)
    print(f"{label:28} simple {simple:.4f}  weighted {weighted:.4f}  ({len(results):,} files)")
    lost: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    for name, seen in results.items():
        kind = name.split("_row")[0].rstrip("0123456789") if name.startswith("row") else name
        kind = (
            "row_extra_quote"
            if name.startswith("row_extra")
            else "row_field_delimiter"
            if name.startswith("row_field")
            else kind
        )
        lost[kind] += 10 - sum(seen)
        kinds[kind] += 1
    for kind, points in lost.most_common(show):
        print(f"    {kind:38} {10 - points / kinds[kind]:.4f} of 10 over {kinds[kind]} files")


def main() -> None:
    show = int(sys.argv[sys.argv.index("--show") + 1]) if "--show" in sys.argv else 5
    polluted = list(files())
    if "--whole" in sys.argv:
        polluted = [one for one in polluted if not one.name.startswith("row_")]
    for label, told, more in (
        ("no hints", False, {}),
        ("hints", True, {}),
        ("hints with mend", True, {"mend": ["quotes", "delimiters"]}),
    ):
        began = time.monotonic()
        results, lost = scored(polluted, told, **more)
        report(polluted, label, results, show)
        pace = (time.monotonic() - began) / len(polluted) * 1000
        print(f"    lines of which the account says nothing: {lost}; {pace:.1f} ms a file")
    print(PUBLISHED)


if __name__ == "__main__":
    main()
