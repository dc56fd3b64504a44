"""xls, xlsb and ods by calamine, in a process of its own with bounded memory.

calamine lays a sheet out as a whole rectangle: one far-off cell in a small file makes it ask for terabytes, and then
the process is ended. This one is not ours.
"""

import pickle
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..model import Limits
from ..source import Source
from .text import text
from .workbook import Cells, Merge, Sheet

WORKER = Path(__file__).with_name("calamine_worker.py")


class Calamine:
    """A workbook's sheets. Refused where it is damaged, has a password, or needs more memory than the limit."""

    def __init__(self, source: Source, what: str, limits: Limits) -> None:
        self.source, self.what, self.limits = source, what, limits
        self.bare = 0
        self.unseen = "errors such as #N/A (read as empty), leading zeros that only a number format shows"
        self.sheets = [Sheet(name, visible) for name, visible in next(self._ask(), [])]

    def rows(self, sheet: Sheet) -> Iterator[tuple[int, Cells]]:
        """(row from 1, the cells that hold something by column from 0), ascending."""
        answers = self._ask(sheet.name)
        sheet.merges = [
            Merge(top + 1, left, bottom + 1, right) for (top, left), (bottom, right) in next(answers, None) or []
        ]
        number = 0
        for rows in answers:
            for row in rows:
                number += 1
                cells = {column: text(cell) for column, cell in enumerate(row) if cell != ""}
                if cells:
                    yield number, cells

    def _ask(self, *sheet: str) -> Iterator[Any]:
        """What the process answers, piece by piece."""
        paths = [sysconfig.get_path("platlib"), sysconfig.get_path("purelib")]
        with self.source.open():  # still the same file
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(WORKER), *paths, str(self.limits.workbook_bytes)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            with process.stdin as asking:
                pickle.dump((str(self.source.path), *sheet), asking)
            yield from self._answers(process)
        finally:
            process.kill()
            process.stdout.close()
            process.wait()

    def _answers(self, process: subprocess.Popen[bytes]) -> Iterator[Any]:
        while True:
            try:
                kind, answer = pickle.load(process.stdout)  # type: ignore[arg-type]  # noqa: S301 - from our own process
            except (EOFError, pickle.UnpicklingError):
                raise self.source.refused(
                    f"the workbook needs more memory than the limit of {self.limits.workbook_bytes:,} bytes, or is "
                    "damaged so badly that its reader broke off. Delete what lies far away from the table, or save it "
                    f"as xlsx; or, if that much is meant: {self.limits.remedy('workbook_bytes')} and try again."
                ) from None
            if kind == "end":
                return
            if kind == "password":
                raise self.source.refused("the workbook is protected by a password. Ask for one without.")
            if kind == "damaged":
                raise self.source.refused(f"this {self.what} is damaged, or no workbook ({answer}). Ask for another.")
            yield answer
