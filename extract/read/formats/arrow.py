"""Arrow IPC files (Feather version 2) and streams, read batch by batch."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from ..model import Hints, Limits
from ..source import Source
from ..source_records import RecordSource
from .columnar import DAMAGE, ROWS, ColumnTable, damaged

FILE, STREAM = b"ARROW1", b"\xff\xff\xff\xff"


def open_arrow(source: Source, hints: Hints, limits: Limits) -> RecordSource:
    """The rows of an Arrow file or stream; Refused where it is damaged."""
    try:
        with source.open() as file:
            schema = _reader(file).schema
    except DAMAGE as error:
        raise damaged(source, "Arrow", error) from None
    return ColumnTable(source, schema, lambda: _batches(source), "arrow", hints, limits)


def _reader(file: Any) -> Any:
    """A reader of the file; it stays on disk, batch by batch."""
    head = file.read(len(FILE))
    file.seek(0)
    mapped = pa.memory_map(file.name) if file.seekable() else file
    return pa.ipc.open_file(mapped) if head == FILE else pa.ipc.open_stream(mapped)


def _batches(source: Source) -> Iterator[pa.RecordBatch]:
    with source.open() as file:
        reader = _reader(file)
        whole = (reader.get_batch(i) for i in range(reader.num_record_batches)) if _is_file(reader) else reader
        for batch in whole:
            batch.validate(full=True)  # before anything is cut out of it
            for start in range(0, batch.num_rows, ROWS):
                yield batch.slice(start, ROWS)
        source.check_unchanged(file)


def _is_file(reader: Any) -> bool:
    return hasattr(reader, "get_batch")
