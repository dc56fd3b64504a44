"""Batches of Arrow columns as records: what Parquet and Arrow files have in common."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..model import Hints, Limits
from ..source import Source
from ..source_records import RawRecord
from .flatten import _unique
from .text import checked, text

ROWS = 5_000
DAMAGE = (pa.ArrowException, OSError, ValueError, MemoryError, KeyError, OverflowError)
WHOLE_SECOND = re.compile(r"\.0+(?=(Z|[+-]\d\d:?\d\d)?$)")
Batches = Callable[[], Iterator[pa.RecordBatch]]


class ColumnTable:
    """A record source over record batches. Structs become columns `a.b`, unless hints.flatten is json."""

    named = True

    def __init__(
        self, source: Source, schema: pa.Schema, batches: Batches, kind: str, hints: Hints, limits: Limits
    ) -> None:
        rule = hints.flatten or "dot"
        self._source, self._kind, self._batches, self._flat = source, kind.capitalize(), batches, rule == "dot"
        leaves = list(_names(schema, self._flat))
        if len(leaves) > limits.columns:
            raise source.refused(
                f"it has {len(leaves):,} columns, more than the limit of {limits.columns:,}. "
                f"{limits.remedy('columns')} if the file is meant to be so wide."
            )
        if not leaves:
            raise source.refused("it has no columns. Ask the vendor whether the export failed.")
        self.names = tuple(_unique(leaves))
        self.found: dict[str, Any] = {"format": kind, "encoding": "utf-8", "flatten": rule}

    def records(self) -> Iterator[RawRecord]:
        """Every row in order; its place is its ordinal."""
        ordinal = 0
        batches = self._batches()
        while True:
            try:
                batch = next(batches, None)
                if batch is None:
                    return
                batch.validate(full=True)
                rows = _rows(batch, self._flat)
            except DAMAGE as error:
                raise damaged(self._source, self._kind, error) from None
            for cells in rows:
                ordinal += 1
                yield checked(RawRecord(ordinal, -1, -1, cells))


def damaged(source: Source, kind: str, error: BaseException) -> Exception:
    """The refusal of a file whose inside cannot be read."""
    told = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    return source.refused(f"this {kind} file is damaged or cut off ({told}). Ask the vendor for a whole one.")


def _names(schema: pa.Schema, flat: bool) -> Iterator[str]:
    for field in schema:
        yield from _field_names(field.name, field.type, flat)


def _field_names(name: str, kind: pa.DataType, flat: bool) -> Iterator[str]:
    if flat and pa.types.is_struct(kind) and kind.num_fields:
        for inner in kind:
            yield from _field_names(f"{name}.{inner.name}", inner.type, flat)
    else:
        yield name


def _rows(batch: pa.RecordBatch, flat: bool) -> list[list[str]]:
    columns = [cells for column in batch.columns for cells in _columns(column, flat)]
    return [list(row) for row in zip(*columns, strict=True)]


def _columns(column: pa.Array, flat: bool) -> Iterator[list[str]]:
    if flat and pa.types.is_struct(column.type) and column.type.num_fields:
        for inner in column.flatten():  # a null struct gives nulls in all of its fields
            yield from _columns(inner, flat)
    else:
        yield _texts(column)


def _texts(column: pa.Array) -> list[str]:
    """The cells of one column, as far as Arrow can by its own casts."""
    kind = column.type
    if isinstance(column, pa.DictionaryArray):
        return _texts(column.dictionary_decode())
    if isinstance(column, pa.ExtensionArray):
        return _texts(column.storage)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return [cell or "" for cell in column.to_pylist()]
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_date(kind):
        return [cell or "" for cell in pc.cast(column, pa.string()).to_pylist()]
    if pa.types.is_timestamp(kind):
        return [_iso(cell) for cell in pc.cast(column, pa.string()).to_pylist()]
    if pa.types.is_float32(kind) or pa.types.is_float16(kind):  # the shortest spelling of 0.1 is not that of a double
        return [text(float(c)) if c else "" for c in pc.cast(column, pa.string()).to_pylist()]
    return [text(cell) for cell in column.to_pylist()]


def _iso(cell: str | None) -> str:
    """2026-01-31 10:20:30.000 as ISO 8601, without a fraction that says nothing."""
    return WHOLE_SECOND.sub("", cell.replace(" ", "T", 1)) if cell else ""
