"""Drop folders: what a run finds there, tells once, and tries again."""

import os
import shutil
from datetime import UTC, datetime
from typing import Any

import pytest
from conftest import PROJECT, Sluice, forget_settings

from warehouse.errors import SluiceError

HEADER = "Region,Code,Size,Note,Keeper\n"


def versions(small: Sluice) -> list[tuple[Any, ...]]:
    """Size, first and last day of each version."""
    return small.sql(
        "select size, extract(day from valid_from)::int, extract(day from valid_to)::int"
        " from published.thing_history order by valid_from"
    )


def test_a_late_file_in_the_drop_folder_takes_its_place(small: Sluice) -> None:
    small.drop("acme/things-2026-01-02.csv", HEADER + "north,a,1,,\n")
    small.run()
    small.drop("acme/things-2026-01-01.csv", HEADER + "north,a,5,,\n")
    small.drop("acme/things-2026-01-03.csv", HEADER + "north,a,6,,\n")
    small.run()
    assert versions(small) == [(5, 1, 2), (1, 2, 3), (6, 3, None)]


def test_of_two_files_for_a_day_the_one_written_last_counts(small: Sluice) -> None:
    corrected = small.drop("acme/things-2026-01-01-corrected.csv", HEADER + "north,a,7,,\n")
    plain = small.drop("acme/things-2026-01-01.csv", HEADER + "north,a,1,,\n")
    os.utime(plain, (1_000_000, 1_000_000))
    os.utime(corrected, (2_000_000, 2_000_000))
    small.run()
    assert versions(small) == [(7, 1, None)]


def test_a_refused_file_in_the_drop_folder_is_tried_anew_when_its_feed_is_mended(
    small: Sluice, monkeypatch: pytest.MonkeyPatch
) -> None:
    small.drop("acme/things-2026-01-01.csv", "Region,Kode,Size\nnorth,a,1\n")
    with pytest.raises(SluiceError, match='Missing: "Code"'):
        small.run()
    assert [file.outcome for file in small.run().ingested] == ["again"]  # told once
    declare_kode(small, monkeypatch)
    assert [file.outcome for file in small.run().ingested] == ["new"]
    assert versions(small) == [(1, 1, None)]


def declare_kode(small: Sluice, monkeypatch: pytest.MonkeyPatch) -> None:
    project = small.home / "project"
    shutil.copytree(os.environ["SLUICE_DBT_PROJECT"], project)
    file = project / "models/staging/acme/_acme.yml"
    file.write_text(file.read_text().replace('"Thing Code"', '"Thing Code", "Kode"'))
    monkeypatch.setenv("SLUICE_DBT_PROJECT", str(project))
    forget_settings()


def test_arrival_is_the_day_in_the_zone_of_the_feed(sluice: Sluice) -> None:
    """London's summer days begin an hour before those of UTC."""
    sample = (PROJECT / "dbt_project/models/staging/london/samples/brownfield-sample.csv").read_bytes()
    dropped = sluice.drop("london/brownfield.csv", sample)
    arrived = datetime(2026, 6, 30, 23, 30, tzinfo=UTC).timestamp()
    os.utime(dropped, (arrived, arrived))
    sluice.run("brownfield_site")
    assert sluice.sql("select effective_date::text, effective_at from ledger.deliveries") == [
        ("2026-07-01", datetime(2026, 6, 30, 23, 0, tzinfo=UTC))
    ]
