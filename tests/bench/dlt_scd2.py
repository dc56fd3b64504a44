"""One file into dlt's scd2 table; run by peers.py in an environment of its own.

As dlt's pages on performance and scd2 advise: arrow tables, which skip normalising; the rows' hash made beforehand in
arrow (`row_version_column_name`); CSV as loader file format, which PostgreSQL takes by COPY. Prints the seconds
from the file to the merged table, without the start of Python and the imports.
"""

import hashlib
import sys
import time

import dlt
import pyarrow as pa
import pyarrow.csv

file, folder = sys.argv[1:]
begun = time.perf_counter()
table = pyarrow.csv.read_csv(file)
columns = [column.cast(pa.string()).to_pylist() for column in table.columns]
versions = [hashlib.md5("\0".join(map(str, row)).encode()).hexdigest() for row in zip(*columns, strict=True)]
table = table.append_column("row_hash", pa.array(versions))


@dlt.resource(
    name="item",
    write_disposition={"disposition": "merge", "strategy": "scd2", "row_version_column_name": "row_hash"},
)
def items():
    yield table


pipeline = dlt.pipeline("bench", pipelines_dir=folder, destination="postgres", dataset_name="peer_dlt")
pipeline.run(items(), loader_file_format="csv")
print(time.perf_counter() - begun)
