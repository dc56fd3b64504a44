"""The home's folder for files that a step needs for itself: what a killed process left there is swept."""

import shutil
import time
from pathlib import Path

from warehouse.settings import settings

DAY = 86400.0  # no step of a living process holds a file for so long


def sweep(older_than: float = DAY) -> int:
    """Remove what has lain in the folder for longer than so many seconds; how many things that were."""
    swept = 0
    for thing in settings().folder("tmp").iterdir():
        if _age(thing) > older_than:
            shutil.rmtree(thing, ignore_errors=True) if thing.is_dir() else thing.unlink(missing_ok=True)
            swept += 1
    return swept


def _age(thing: Path) -> float:
    try:
        return time.time() - thing.stat().st_mtime
    except FileNotFoundError:
        return 0.0
