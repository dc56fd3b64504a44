"""Undoing UTF-8 that somebody read as a single-byte encoding and wrote again: `CafÃ©` is `Café`.

Only where it is declared, only where it can be undone exactly, and counted: `undo(found) == cell` for each cell that
is changed, so that the file's own text can always be had again.
"""

from functools import cache


class Repair:
    """Repairs the cells of one file. `encoding`: what its UTF-8 was read as, one of single bytes.

    cells, records: how many were changed so far.
    """

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding
        self._bytes = _bytes_of(encoding)
        self.count = self.records = 0

    def cells(self, cells: list[str]) -> list[str]:
        """The cells of one record, repaired where that is possible."""
        if "".join(cells).isascii():
            return cells
        repaired = [cell if cell.isascii() else self.cell(cell) for cell in cells]
        changed = sum(new != old for new, old in zip(repaired, cells, strict=True))
        self.count += changed
        self.records += changed > 0
        return repaired

    def cell(self, cell: str) -> str:
        """One cell: as it was meant, if all of it was UTF-8 read wrongly; else as it is."""
        try:
            found = bytes(self._bytes[letter] for letter in cell).decode()
        except (KeyError, UnicodeDecodeError):
            return cell
        return found if self.undo(found) == cell else cell

    def undo(self, cell: str) -> str:
        """What stood in the file for a repaired cell."""
        return "".join(_letters_of(self.encoding)[byte] for byte in cell.encode())

    @property
    def found(self) -> dict[str, str | int]:
        """For the finding: which encoding, and how much was changed."""
        return {"encoding": self.encoding, "cells": self.count, "records": self.records}


@cache
def _letters_of(encoding: str) -> list[str]:
    """The character of each byte; one without a meaning is the control character of its number, as browsers have it."""
    letters = [bytes([byte]).decode(encoding, "replace") for byte in range(256)]
    return [chr(byte) if letter == "\ufffd" else letter for byte, letter in enumerate(letters)]


@cache
def _bytes_of(encoding: str) -> dict[str, int]:
    return {letter: byte for byte, letter in enumerate(_letters_of(encoding))}
