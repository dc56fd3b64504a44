"""The pollutions of the Pollock benchmark, over a table of our own: nothing is lost, and the scores stay."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench_read.pollock import scored, totals
from tests.bench_read.pollutions import Polluted, files


@pytest.fixture(scope="module")
def polluted() -> list[Polluted]:
    """All files that change as a whole, and every seventh of those in which one record is odd."""
    every = list(files())
    assert len(every) == 2290
    single = [one for one in every if one.name.startswith("row_")]
    return [one for one in every if not one.name.startswith("row_")] + single[::7]


@pytest.mark.parametrize(
    ("told", "mend", "simple", "weighted"),
    [(False, [], 9.94, 9.99), (True, [], 9.965, 9.99), (True, ["quotes", "delimiters"], 9.98, 9.99)],
)
def test_scores(polluted: list[Polluted], told: bool, mend: list[str], simple: float, weighted: float) -> None:
    results, lost = scored(polluted, told, **({"mend": mend} if mend else {}))
    assert lost == 0
    scores = totals(polluted, results)
    assert scores >= (simple, weighted), scores
    assert scores[1] >= weighted, scores


def test_each_pollution_of_a_whole_file_but_blanks_for_separators_is_undone(polluted: list[Polluted]) -> None:
    whole = [one for one in polluted if one.name.startswith(("file_", "source"))]
    for told in (False, True):
        results, _ = scored(whole, told)
        short = [name for name, measured in results.items() if sum(measured) < 9.999]
        assert short == ["file_field_delimiter_0x20.csv"]  # blanks stand in its cells too, without quotes
