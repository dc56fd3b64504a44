"""What judging costs, as ratios to a bare server-side COPY of the same file: `python tests/bench/split.py`.

15 rules, 13 columns; no bad rows, 1% and 20% of them; Soda's verification of the good rows apart."""

import argparse
import os
import shutil
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from history import HERE, Bench, ServerMemory, prepare_project, timed

SHARES = (0.0, 0.01, 0.2)
MORE_RULES = {
    "name_long": ("name", "length(name) > 200"),
    "city_long": ("city", "length(city) > 100"),
    "active_missing": ("active", "active is null"),
    "made_on_implausible": ("made_on", "made_on not between date '1900-01-01' and date '2100-01-01'"),
    "price_without_quantity": ("price", "price is not null and quantity is null"),
}


def main() -> None:
    """Judge a file of each share of bad rows, in interleaved rounds, and print the medians."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=1_000_000)
    arguments.add_argument("--rounds", type=int, default=3)
    chosen = arguments.parse_args()
    home = Path(tempfile.mkdtemp(prefix="sluice-bench-"))
    home.chmod(0o755)
    prepare_project(home)
    shutil.copytree(HERE / "project" / "checks", home / "checks")
    fifteen_rules(home / "checks" / "contracts" / "item.yml")
    os.environ.update(
        SLUICE_HOME=str(home), SLUICE_DBT_PROJECT=str(home / "project"), SLUICE_CHECKS_FOLDER=str(home / "checks")
    )
    os.environ.pop("SLUICE_WAREHOUSE_URL", None)
    from warehouse import embedded

    try:
        Splits(home, chosen.rows, chosen.rounds).run()
    finally:
        embedded.stop(home)
        shutil.rmtree(home)


def fifteen_rules(contract: Path) -> None:
    """The benchmark's ten rules and five more."""
    document = yaml.safe_load(contract.read_text())
    for code, (column, expression) in MORE_RULES.items():
        told = {"code": code, "column": column, "message": "What would be right."}
        document["checks"].append({"failed_rows": {"qualifier": code, "expression": expression, "attributes": told}})
    contract.write_text(yaml.safe_dump(document, sort_keys=False))


class Splits(Bench):
    """A first delivery of each share, judged and verified; nothing is merged."""

    def run(self) -> None:
        from flows.run import prepare

        prepare()
        with ServerMemory(self.home) as memory:
            for round_number in range(self.rounds):
                for share in SHARES:
                    self.reset()
                    file = self.file("items", date(2001 + round_number, 1, 1), last=self.rows, bad=share)
                    self.copied(file)
                    self.split(f"{share:.0%} bad rows", file)
        self.tell(memory.peak)

    def split(self, scenario: str, file: Path) -> None:
        from flows import ingest, merge
        from warehouse import runs

        steps: dict[str, list[Any]] = self.times.setdefault(scenario, {})
        registered = ingest.register("bench.items", file, None, None, True, None)
        ingest.stage("bench.items", registered.delivery_id)
        run = merge.start("item")
        assert run is not None
        steps.setdefault("split", []).append(timed(lambda: merge.judge("item", run)))
        steps.setdefault("verification", []).append(timed(lambda: merge.verify("item", run)))
        runs.fail(run, "only judged")


if __name__ == "__main__":
    main()
