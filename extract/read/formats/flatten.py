"""From nested objects to the cells of one table, by one declared rule; two passes, so that no key is missed.

dot: {"a": {"b": 1}} is the column `a.b`; json: the column `a` holds the JSON text of what is nested. Lists are JSON
text under both. An object without keys is a cell `{}`.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from ..model import Refused
from .text import text

Path = tuple[str, ...]
DEEPEST = 20  # nesting below that is JSON text
TEXT = "#text"  # the key of an XML element's own text beside its children; its column is called as the element


def leaves(value: dict[str, Any], deepest: int = DEEPEST, above: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Each leaf of an object with its path, in order."""
    for key, item in value.items():
        path = above if key == TEXT and above else (*above, key)
        if isinstance(item, dict) and item and len(path) < deepest:
            yield from leaves(item, deepest, path)
        else:
            yield path, item


class Columns:
    """The columns of all objects seen, in the order in which they appeared first.

    `skipped`: how many leading parts of a path do not show in a column's name.
    """

    def __init__(self, deepest: int = DEEPEST, skipped: int = 0) -> None:
        self.deepest, self.skipped = deepest, skipped
        self._paths: dict[Path, bool] = {}  # False: nothing but nulls so far
        self._known: set[Path] = set()  # the keys of flat objects
        self._empty: set[str] = set()  # outermost keys with nothing but nulls so far
        self._flat: list[str] | None = None

    def learn(self, value: dict[str, Any]) -> None:
        """Take note of an object's columns."""
        keys, flat = tuple(value), dict not in map(type, value.values())
        if flat and keys in self._known:  # most objects of most files
            for key in [key for key in self._empty if value.get(key) is not None]:
                self._empty.discard(key)
                self._paths[(key,)] = True
            return
        for path, item in leaves(value, self.deepest):
            if not self._paths.get(path):
                self._paths[path] = item is not None
                if len(path) == 1:
                    (self._empty.add if item is None else self._empty.discard)(path[0])
        if flat:
            self._known.add(keys)

    def settle(self, most: int, name: str) -> tuple[str, ...]:
        """The names, when all objects were seen; one that occurs twice, `a.b` and `a` with `b`, counts on: a.b (2).

        Refused where they are more than `most`.
        """
        above = {path[:length] for path, filled in self._paths.items() if filled for length in range(1, len(path))}
        self.paths = [path for path, filled in self._paths.items() if filled or path not in above]
        if len(self.paths) > most:
            raise Refused(
                f"{name}: its records have {len(self.paths):,} different keys, more than the limit of {most:,} columns."
                " If keys are values (dates, ids), declare flatten: json, or a record_path further down."
            )
        self._flat = [path[0] for path in self.paths] if all(len(path) == 1 for path in self.paths) else None
        return tuple(_unique(".".join(path[self.skipped :]) for path in self.paths))

    def cells(self, value: dict[str, Any]) -> list[str]:
        """The cells of one object; a key that it lacks is an empty cell, as a null is."""
        if self._flat is not None:
            return [cell if isinstance(cell, str) else text(cell) for cell in map(value.get, self._flat)]
        found = dict(leaves(value, self.deepest))
        return [text(found.get(path)) for path in self.paths]


def _unique(names: Iterable[str]) -> Iterator[str]:
    taken: set[str] = set()
    for name in names:
        candidate, count = name, 1
        while candidate in taken:
            count += 1
            candidate = f"{name} ({count})"
        taken.add(candidate)
        yield candidate
