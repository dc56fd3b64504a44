"""Paths into nested documents: `runs[].tomograms[].annotations`, where `[]` is each element of a list."""

from typing import NamedTuple

EACH = ""  # stands in a path for each element of a list; no key of a declared path is empty
Steps = tuple[str, ...]


class Parent(NamedTuple):
    """A value that goes with every record below the object in which it stands: `level` steps down, then `keys`."""

    column: str
    level: int
    keys: Steps


def steps(path: str) -> Steps:
    """A path as keys and EACH; `.` is the document itself. ValueError where a part is spelled otherwise."""
    found: list[str] = []
    for part in [part for part in path.split(".") if part]:
        key = part.rstrip("[]")
        lists = part[len(key) :]
        if set(key) & set("[]") or lists != "[]" * (len(lists) // 2):
            raise ValueError(
                f"{path!r}: {part!r} is no part of a path; write keys with dots between, and key[] for each"
            )
        found += ([key] if key else []) + [EACH] * (len(lists) // 2)
    return tuple(found)


def parent(column: str, path: str, records: Steps) -> Parent:
    """Where a parent's value stands, given the path of the records. ValueError where no record lies below it."""
    wanted = steps(path)
    level = 0
    while level < min(len(wanted) - 1, len(records)) and wanted[level] == records[level]:
        level += 1
    keys = wanted[level:]
    if not keys or EACH in keys or level >= len(records) or records[level] == EACH:
        raise ValueError(
            f"{column}: {path!r} names no value around the records; write the path of the object around them as in"
            " record_path, then the key"
        )
    return Parent(column, level, keys)


def spelled(path: Steps) -> str:
    """A path as it is declared."""
    text = ""
    for step in path:
        text += "[]" if step == EACH else f".{step}" if text else step
    return text or "."
