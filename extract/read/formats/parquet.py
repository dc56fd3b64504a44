"""Parquet, read row group by row group in small batches."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from ..model import Hints, Limits
from ..source import Source
from ..source_records import RecordSource
from .columnar import DAMAGE, ROWS, ColumnTable, damaged


def open_parquet(source: Source, hints: Hints, limits: Limits) -> RecordSource:
    """The rows of a Parquet file; Refused where it is damaged or encrypted."""
    try:
        with source.open() as file, pq.ParquetFile(file) as parquet:
            schema = parquet.schema_arrow
    except DAMAGE as error:
        raise damaged(source, "Parquet", error) from None
    return ColumnTable(source, schema, lambda: _batches(source), "parquet", hints, limits)


def _batches(source: Source) -> Iterator[pa.RecordBatch]:
    with source.open() as file, pq.ParquetFile(file, buffer_size=2**20, pre_buffer=False) as parquet:
        yield from parquet.iter_batches(batch_size=ROWS, use_threads=False)
        source.check_unchanged(file)
