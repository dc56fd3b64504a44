"""One file read as a whole and written as plain CSV: comma, `"` doubled, LF, UTF-8; with an account of it."""

import base64
import csv
import io
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from .model import Batch, EmptyFile, Hints, Limits, Refused, Unreadable
from .progress import Progress, Told
from .reading import Reading, open_file

SHOWN_ROWS = 5


@dataclass
class Problem:
    """What went wrong with records of a file in one way: how many there are, and where the first stands."""

    code: str
    count: int
    line: int
    message: str


@dataclass
class Outcome:
    """What came of one file. `refused`: why it could not be read as a whole; `found` is missing then."""

    file: str
    found: dict[str, Any] | None = None
    columns: int = 0
    records: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    refused: str | None = None
    empty: bool = False
    sample: list[list[str]] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return self.refused is None

    def as_json(self) -> dict[str, Any]:
        """The same as plain JSON values, without rows."""
        return {
            "file": self.file,
            "ok": self.ok,
            "refused": self.refused,
            "empty": self.empty,
            "found": self.found,
            "columns": self.columns,
            "records": self.records,
            "problems": [vars(problem) for problem in self.problems],
        }


@dataclass(frozen=True)
class Job:
    """How files are to be read: as `open_file` has it."""

    hints: Hints
    limits: Limits
    expected: Sequence[Sequence[str]] = ()
    required: Sequence[int] = ()


def convert(
    path: Path, job: Job, out: Path | None = None, rejects: IO[str] | None = None, told: Told | None = None
) -> Outcome:
    """Read a file; write its table to `out`, and to `rejects` its unreadable records, and mended ones as they came.

    `out` appears whole or not at all; a file that is empty gives an empty one. `told` hears how far a long file is.
    """
    outcome = Outcome(str(path))
    try:
        with _whole(out) as target:
            _convert(path, job, target, rejects, told, outcome)
    except EmptyFile as nothing:
        outcome.empty = True
        outcome.problems.append(Problem("empty_file", 1, 1, str(nothing)))
        with _whole(out):
            pass
    except Refused as refusal:
        outcome.refused = str(refusal)
    return outcome


def _convert(
    path: Path, job: Job, target: IO[str] | None, rejects: IO[str] | None, told: Told | None, outcome: Outcome
) -> None:
    reading = open_file(path, expected=job.expected, required=job.required, hints=job.hints, limits=job.limits)
    try:
        account, progress = _Account(), Progress(reading.unpacked.path, told)
        if target and (reading.found.named or job.hints.columns):
            target.write(_as_csv([reading.found.header]))
        for batch in reading.batches():
            account.add(batch)
            if target:
                target.write(_as_csv([cells for _, _, cells in batch.rows]))
            if rejects:
                rejects.writelines(_reject(path, record) for record in batch.unreadable)
                rejects.writelines(_reject(path, record, mended=True) for record in batch.mended)
            progress.add_batch(batch)
        progress.close()
        _tell(outcome, reading, account)
    finally:
        reading.unpacked.close()


def _tell(outcome: Outcome, reading: Reading, account: "_Account") -> None:
    outcome.found = reading.found.as_json()
    outcome.columns = len(reading.found.header)
    outcome.records = account.counts
    outcome.problems = list(account.problems.values())
    outcome.sample = account.sample


class _Account:
    def __init__(self) -> None:
        self.counts = dict.fromkeys(("read", "rows", "blank", "banner", "unreadable", "other", "mended"), 0)
        self.problems: dict[str, Problem] = {}
        self.sample: list[list[str]] = []

    def add(self, batch: Batch) -> None:
        counts = self.counts
        counts["read"] += batch.records
        counts["rows"] += len(batch.rows)
        for name in ("unreadable", "mended"):
            counts[name] += len(getattr(batch, name))
        for name in ("blank", "banner", "other"):
            counts[name] += getattr(batch, name)
        if len(self.sample) < SHOWN_ROWS:
            self.sample += [cells for _, _, cells in batch.rows[: SHOWN_ROWS - len(self.sample)]]
        for record in batch.unreadable:
            seen = self.problems.setdefault(record.code, Problem(record.code, 0, record.line_number, record.message))
            seen.count += 1


@contextmanager
def _whole(out: Path | None) -> Iterator[IO[str] | None]:
    """A text file that takes its place when the block ends well."""
    if out is None:
        yield None
        return
    aside = out.with_name(f".{out.name[:200]}.{os.getpid()}.part")
    try:
        with open(aside, "w", encoding="utf-8", newline="") as file:
            yield file
        aside.replace(out)
    finally:
        aside.unlink(missing_ok=True)


def _as_csv(rows: Sequence[Sequence[str]]) -> str:
    """Rows as plain CSV."""
    text = _written(rows, "\n")
    if "\r" in text:  # Python 3.11 quotes a CR only where it stands in the line end: seen with "a\rb"
        text = "".join(_written([row], "\r\n")[:-2] + "\n" for row in rows)
    return text


def _written(rows: Sequence[Sequence[str]], line_end: str) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator=line_end).writerows(rows)
    return buffer.getvalue()


def _reject(path: Path, record: Unreadable, mended: bool = False) -> str:
    """A record as it came as a line of JSON, its bytes as text where they are."""
    try:
        raw: dict[str, str] = {"raw": record.raw.decode()}
    except UnicodeDecodeError:
        raw = {"raw_base64": base64.b64encode(record.raw).decode()}
    told = {"file": str(path), **{key: value for key, value in vars(record).items() if key != "raw"}, **raw}
    told |= {"mended": True} if mended else {}
    return json.dumps(told, ensure_ascii=False) + "\n"
