"""The output of a command in a shell's pipe: where nobody reads on, the command ends quietly, as others do."""

import os
import sys
from typing import Any, NoReturn

NOBODY_READS = 128 + 13  # what a shell says of a command that SIGPIPE ended


class Heard:
    """A stream that ends the process where its reader has gone (`sluice status --json | head -1`).

    The signal itself would do so too, but also where a server has closed its connection, which is an error to be told.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, or end."""
        try:
            return int(self._stream.write(text))
        except BrokenPipeError:
            self._leave()

    def flush(self) -> None:
        """Flush, or end."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._leave()

    def _leave(self) -> NoReturn:
        # What is left in the buffer goes nowhere: the interpreter flushes once more at its end, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
        raise SystemExit(NOBODY_READS)


def listen() -> None:
    """Let this process end quietly where nobody reads its output any more."""
    sys.stdout = Heard(sys.stdout)
