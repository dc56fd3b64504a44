"""Contracts as YAML that remembers its lines: what is wrong in one is told with the line to mend."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from warehouse.errors import SluiceError


class ContractError(SluiceError):
    """A contract says something that cannot be used."""


class Lined(dict[str, Any]):
    """A mapping with the line that it begins on, and the line of each of its keys; lines count from 1."""

    line: int = 0
    lines: dict[str, int]


class _Loader(yaml.SafeLoader):
    pass


def _mapping(loader: _Loader, node: yaml.MappingNode) -> Iterator[Lined]:
    found = Lined()
    found.line, found.lines = node.start_mark.line + 1, {}
    yield found
    written: set[str] = set()
    for key, _ in node.value:
        if key.value in written:
            raise yaml.constructor.ConstructorError(None, None, f"the key {key.value!r} stands twice", key.start_mark)
        written.add(key.value)
    loader.flatten_mapping(node)
    for key, value in node.value:
        name = loader.construct_object(key, deep=True)
        found[name] = loader.construct_object(value, deep=True)
        found.lines[name] = key.start_mark.line + 1


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


@dataclass(frozen=True)
class Check:
    """One check as it is written: its kind, its body, the column that it stands at."""

    kind: str
    body: Lined
    column: str | None
    line: int

    @property
    def attributes(self) -> Lined:
        """What is ours about it: code, message, policy."""
        found: Lined = self.body.get("attributes") or Lined()
        return found

    def line_of(self, key: str) -> int:
        """The line of a key of the check, or of the check where it lacks the key."""
        for part in (self.body, self.attributes):
            if key in getattr(part, "lines", {}):
                return part.lines[key]
        return self.line


def read(file: Path) -> Lined:
    """A contract or gate. Raises ContractError where it is no YAML, or not shaped like a contract."""
    try:
        document = yaml.load(file.read_text(encoding="utf-8"), _Loader)  # noqa: S506  (a SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ContractError(f"{file}:{line}: not readable as YAML: {error.problem}. Mend the line.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ContractError(f"{file}:1: not readable as YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(document, Lined):
        raise ContractError(f"{file}:1: a contract begins with `dataset:`, and has `columns:` and `checks:`.")
    return document


def checks_of(file: Path, document: Lined) -> list[Check]:
    """Every check of a contract, in its order."""
    found: list[Check] = []
    columns: dict[str, int] = {}
    for key in document:
        if key == "checks":
            found += _checks(file, document, None)
        elif key == "columns":
            for column in _list(file, document, "columns"):
                if not isinstance(column, Lined) or "name" not in column:
                    line = getattr(column, "line", document.lines["columns"])
                    raise ContractError(f"{file}:{line}: a column has a `name:`; write - name: <column>.")
                name = str(column["name"])
                if name in columns:
                    raise ContractError(
                        f"{file}:{column.line}: the column {name!r} stands twice, first on line {columns[name]};"
                        " put its checks together."
                    )
                columns[name] = column.line
                found += _checks(file, column, name)
    return found


def _checks(file: Path, owner: Lined, column: str | None) -> Iterator[Check]:
    for check in _list(file, owner, "checks"):
        if not isinstance(check, Lined) or len(check) != 1:
            line = getattr(check, "line", owner.lines["checks"])
            raise ContractError(f"{file}:{line}: a check is one kind and its keys: - missing: {{name: ...}}.")
        [(kind, body)] = check.items()
        if body is None:
            body = Lined()
            body.line, body.lines = check.line, {}
        if not isinstance(body, Lined):
            raise ContractError(f"{file}:{check.line}: the check {kind!r} has keys: - {kind}: {{name: ...}}.")
        if not isinstance(body.get("attributes") or Lined(), Lined):
            raise ContractError(
                f"{file}:{body.lines['attributes']}: `attributes` has keys: attributes: {{code: ..., message: ...}}."
            )
        yield Check(str(kind), body, column, check.line)


def _list(file: Path, owner: Lined, key: str) -> list[Any]:
    found = owner.get(key) or []
    if not isinstance(found, list):
        raise ContractError(f"{file}:{owner.lines[key]}: `{key}` is a list; begin each of its parts with -.")
    return found
