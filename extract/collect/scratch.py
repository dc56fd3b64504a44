"""Folders for what is being fetched. One whose process died is swept away by the next that needs one."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from warehouse.settings import settings

PREFIX = "collecting-"
YOUNG = 60  # seconds in which a folder may be made and not locked yet


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder in the home's tmp/, gone after the block. It is locked as long as this process lives."""
    parent = settings().folder("tmp")
    sweep(parent)
    with tempfile.TemporaryDirectory(dir=parent, prefix=PREFIX, ignore_cleanup_errors=True) as folder:
        handle = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield Path(folder)
        finally:
            os.close(handle)


def sweep(parent: Path) -> None:
    """Remove the folders that nobody holds: a killed process leaves as much on disk as it had fetched."""
    for folder in parent.glob(f"{PREFIX}*"):
        try:
            if time.time() - folder.stat().st_mtime < YOUNG:
                continue
            handle = os.open(folder, os.O_RDONLY)
        except OSError:
            continue  # another one was quicker
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            pass
        finally:
            os.close(handle)
