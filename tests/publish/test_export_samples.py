"""The exports of the real entities, read back."""

import json

from conftest import forget_settings
from exported import alike, published, read_back
from samples import FEEDS, loaded


def test_the_samples_are_the_same_in_every_format(install):
    sluice = loaded(install)
    for entity in sorted({feed.entity for feed in FEEDS.values()}):
        for name in (entity, f"{entity}_history"):
            folder = sluice.home / "exports" / entity / "latest"
            rows = published(sluice, name)
            assert rows
            assert alike(read_back(folder / f"{name}.parquet")) == alike(rows)
            texts = [name for name, value in rows[0].items() if isinstance(value, str)]
            for kind in ("csv", "ndjson"):
                found = read_back(folder / f"{name}.{kind}")
                said = harmless if kind == "csv" else str
                assert [[row[t] for t in texts] for row in found] == [
                    [row[t] and said(row[t]) for t in texts] for row in rows
                ]
            described = json.loads((folder / "manifest.json").read_text())["datasets"]
            assert all(column["description"] for dataset in described for column in dataset["schema"])
    forget_settings()


def harmless(value: str) -> str:
    """As a spreadsheet may have it: no cell begins as a formula does."""
    return f"'{value}" if value[0] in "=+-@\t\r" else value
