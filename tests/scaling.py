"""Many feeds of one small entity, and consumers in processes that empty one queue: a test's and a bench's."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parents[1]
HEADER = "Region,Code,Size,Note,Keeper\n"


def project_of(feeds: int, small_project: Path, target: Path) -> Path:
    """The small project with so many feeds `f00`, `f01` ... beside those that it has."""
    shutil.copytree(small_project, target)
    folder = target / "models" / "staging" / "acme"
    document = yaml.safe_load((folder / "_acme.yml").read_text())
    tables = document["sources"][0]["tables"]
    mapping = (folder / "stg_acme__things.sql").read_text()
    for number in range(feeds):
        name = f"f{number:02}"
        table = yaml.safe_load(yaml.safe_dump(tables[0])) | {"name": name, "identifier": f"acme__{name}"}
        table["config"]["meta"]["arrives"] = {"drop": f"acme/{name}-*.csv"}
        tables.append(table)
        (folder / f"stg_acme__{name}.sql").write_text(mapping.replace("'things'", f"'{name}'"))
    (folder / "_acme.yml").write_text(yaml.safe_dump(document, sort_keys=False))
    return target


def deliver(bucket: Any, feeds: int, days: int, rows: int) -> None:
    """Each feed sends a file for each day; in every file one thing more has changed, and one row is bad."""
    for day in range(1, days + 1):
        for number in range(feeds):
            lines = [f"r{number},c{row},{day if row < day else 0},," for row in range(rows)] + [f"r{number},bad,-1,,"]
            bucket.put(f"acme/f{number:02}-2026-01-{day:02}.csv", HEADER + "\n".join(lines) + "\n")


def consume(workers: int, at_once: int) -> list[str]:
    """Let so many consumers empty the queue; what they had to say."""
    command = [sys.executable, "-m", "flows.cli", "listen", "--until-empty", "--at-once", str(at_once)]
    running = [
        subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(workers)
    ]
    try:
        said = [process.communicate(timeout=800)[0] for process in running]
    finally:
        for process in running:
            process.kill()
    return [told for process, told in zip(running, said, strict=True) if process.returncode]
