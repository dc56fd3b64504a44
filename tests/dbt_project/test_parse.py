"""The readings of cells that are declared per column."""

import pytest
from conftest import forget_settings


@pytest.fixture(scope="module")
def house(install, small_project):
    from conftest import TEST_PROJECT

    yield install(small_project, TEST_PROJECT / "checks")
    forget_settings()


@pytest.mark.parametrize(
    ("order", "cells", "day"),
    [
        ("dmy", ["5/1/2026", "05-01-2026", "5.1.26", "05/01/2026 00:00"], "2026-01-05"),
        ("mdy", ["1/5/2026", "01-05-2026", "1.5.26"], "2026-01-05"),
        (
            "dmy",
            ["2026-01-05", "20260105", "2026/01/05", "2026-01-05T00:00:00Z", "2026-01-05 00:00:00.000"],
            "2026-01-05",
        ),
        ("mdy", ["5 January 2026", "5-Jan-26", "05-JAN-2026", "January 5, 2026", "5th January 2026"], "2026-01-05"),
        ("dmy", ["3 Mar 71", "Mar 3 1971"], "1971-03-03"),
        (
            "dmy",
            ["31122026", "1/31/2026", "2026/01-05", "31 Febtember 2026", "30 Feb 2026", "Jan 2026", "2026", "43070"],
            None,
        ),
        ("dmy", ["2026-01-05T14:30:00Z", "5 sat 2026", "Monday 5, 2026", "5 1 2026", "n/a", ""], None),
    ],
)
def test_dates_in_many_spellings_of_one_reading(house, order, cells, day):
    from flows import dbt

    [reading] = dbt.compiled(f"{{{{ parse_date('cell', order='{order}') }}}}")
    found = house.sql(f"select cell, {reading}::text from unnest(cast(:cells as text[])) as cell", cells=cells)
    assert dict(found) == dict.fromkeys(cells, day)
