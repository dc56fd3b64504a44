"""One local file: opened safely, and the same from the first look to the last byte."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from .model import EmptyFile, Refused


class Source:
    """A regular file by its path; Refused where it is none, has vanished, or is not what it was."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._identity: tuple[int, ...] | None = None

    def refused(self, text: str) -> Refused:
        return Refused(f"{self.path.name}: {text}")

    def empty(self, text: str) -> EmptyFile:
        return EmptyFile(f"{self.path.name}: {text}. Ask the vendor whether the export failed.")

    def open(self) -> BinaryIO:
        """The file from its beginning; Refused if it changed since it was opened first."""
        try:
            mode = self.path.stat().st_mode  # before open: that of a pipe would wait
            if not stat.S_ISREG(mode):
                kind = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
                raise self.refused(f"this is {kind}. Give the path of one file.")
            file = open(self.path, "rb")  # noqa: SIM115 - the caller closes it
        except (FileNotFoundError, NotADirectoryError):
            raise self.refused("there is no such file (any more). Check the path, or deliver it again.") from None
        except (OSError, ValueError) as error:
            raise self.refused(f"it cannot be opened ({error}). Check its name and permissions.") from None
        try:
            self.check_unchanged(file)
        except Refused:
            file.close()
            raise
        return file

    def check_unchanged(self, file: BinaryIO) -> None:
        """Refused if the file was written to, or replaced by another, since the first look."""
        seen = os.fstat(file.fileno())
        identity = (seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns)
        if self._identity not in (None, identity):
            raise self.refused("the file changed while it was read. Deliver it again when it is complete.")
        self._identity = identity
