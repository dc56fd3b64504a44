"""Files of items for the benchmarks: 13 columns, about 222 bytes a row, the same for the same arguments."""

from pathlib import Path

import duckdb

HEADER = "item_code,name,category,keeper,email,phone,city,country,price,quantity,made_on,active,note"


def write_items(
    path: Path, first: int, last: int, *, day: int = 0, changed: float = 0.0, gone: float = 0.0, bad: float = 0.0
) -> Path:
    """Items `first` to `last` (exclusive) as a CSV file. `changed` of them differ from day 0, `gone` of them are left
    out, `bad` of them break a rule; which ones depends on `day`."""
    pick = f"hash(i, {day}) % 1000000 / 1000000.0"
    with duckdb.connect() as database:
        database.execute(
            f"copy (select 'I' || lpad(i::varchar, 9, '0') as item_code,"
            f" 'Item number ' || i || ' of the long catalogue' as name, 'category ' || i % 40 as category,"
            f" 'Keeper ' || hash(i) % 90000 as keeper, 'keeper' || hash(i) % 90000 || '@mail.example.com' as email,"
            f" '+4930' || lpad((hash(i) % 10000000)::varchar, 7, '0') as phone, 'City ' || i % 5000 as city,"
            f" ['DE', 'FR', 'GB', 'IN', 'US'][1 + i % 5] as country,"
            f" (case when {pick} < {bad} then -1 else 1 end) * (1 + hash(i) % 100000) / 100.0 as price,"
            f" case when {pick} >= {bad} and {pick} < {bad + changed} then hash(i, {day}) else hash(i) end % 1000"
            f" as quantity, date '2020-01-01' + (i % 2000)::integer as made_on,"
            f" case when i % 3 = 0 then 'N' else 'Y' end as active, repeat('what is said of it ', 4) || i as note"
            f" from range({first}, {last}) as numbers (i) where {pick} < {1 - gone}"
            f") to '{path}' (header, delimiter ',')"
        )
    return path
