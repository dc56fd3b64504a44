"""CSV that a spreadsheet opens: no cell of text is a formula there; NDJSON and Parquet hold texts as they are."""

import csv
import json

import duckdb
import pytest
from conftest import forget_settings
from workbench import things

FORMULAS = ["=1+1", "+1", "-a", "@sum", "=HYPERLINK(1)", "＝1+1", "＠sum", "\t=1", '"\n=1"', '"\r=1"']  # noqa: RUF001


def exported(small):
    folder = small.home / "exports" / "thing" / "latest"
    with open(folder / "thing.csv", newline="") as file:
        cells = [row["code"] for row in csv.DictReader(file)]
    lines = [json.loads(line)["code"] for line in (folder / "thing.ndjson").read_text().splitlines()]
    parquet = [code for (code,) in duckdb.sql(f"select code from '{folder / 'thing.parquet'}'").fetchall()]
    manifest = json.loads((folder / "manifest.json").read_text())
    return sorted(cells), sorted(lines), sorted(parquet), {data["csv_formulas"] for data in manifest["datasets"]}


@pytest.mark.parametrize("guarded", [True, False])
def test_formulas(small, monkeypatch, guarded):
    if not guarded:
        monkeypatch.setenv("SLUICE_CSV_FOR_SPREADSHEETS", "false")
        forget_settings()
    things(small, 1, *(f"n,{code},1,," for code in [*FORMULAS, "a-b"]))
    small.run()
    cells, lines, parquet, told = exported(small)
    codes = [code.strip('"') for code in FORMULAS]
    assert lines == parquet == sorted([*codes, "a-b"])
    assert cells == sorted([*(f"'{code}" if guarded else code for code in codes), "a-b"])
    assert told == {"neutralised" if guarded else "as they are"}
