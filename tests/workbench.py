"""A workbench: the small project with checks that a test may change, and small files for it."""

import shutil
from pathlib import Path
from typing import Any

import yaml
from conftest import TEST_PROJECT, Sluice

HEADER = "Region,Code,Size,Note,Keeper\n"


class Checks:
    """A checks folder of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "checks"
        shutil.copytree(TEST_PROJECT / "checks", self.folder)
        self.contract = self.folder / "contracts" / "thing.yml"
        self.gate = self.folder / "gates" / "thing.yml"

    def rewrite(self, file: Path, **changes: Any) -> None:
        """Replace top keys of a contract or gate."""
        file.write_text(yaml.safe_dump(yaml.safe_load(file.read_text()) | changes, sort_keys=False))


def things(sluice: Sluice, day: int, *lines: str) -> Any:
    """Deliver a file of things of a day of January 2026."""
    content = HEADER + "".join(line + "\n" for line in lines)
    return sluice.deliver("acme.things", sluice.file(f"things-2026-01-{day:02}.csv", content))


def reasons(sluice: Sluice) -> dict[tuple[int, int], list[str]]:
    """The reasons' codes of each judged row in quarantine, by delivery and row."""
    found = sluice.sql(
        "select delivery_id, row_number, jsonb_path_query_array(reasons, '$[*].code') from quarantine.thing"
        " where kind = 'judged' order by 1, 2"
    )
    return {(delivery, row): codes for delivery, row, codes in found}
