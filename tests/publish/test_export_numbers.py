"""Numbers in exports keep all their digits."""

from decimal import Decimal

import pytest
from exported import read_back

LONG = "12345678901234567890.123456789"  # no double holds it


@pytest.mark.parametrize(("other", "parquet"), [("0.5", Decimal(LONG)), ("1e30", LONG), ("NaN", LONG)])
def test_a_number_keeps_its_digits(small, other, parquet):
    small.drop("acme/things-2026-01-01.csv", "Region,Code,Size\nnorth,a,1\nnorth,b,2\n")
    [merged] = small.run().merged
    for view in ("thing", "thing_history"):
        columns = f"*, case code when 'a' then {LONG} else '{other}'::numeric end as price"
        small.sql(f"alter view published.{view} rename to {view}_before")
        small.sql(f"create view published.{view} as select {columns} from published.{view}_before")
    merged.exported.rename(merged.exported.with_name("before"))

    from publish.export import export

    folder = export("thing", merged.run)
    priced = {
        kind: next(row["price"] for row in read_back(folder / f"thing.{kind}") if row["code"] == "a")
        for kind in ("csv", "parquet")
    }
    assert priced == {"csv": LONG, "parquet": parquet}
    said = LONG if isinstance(parquet, Decimal) else f'"{LONG}"'  # a column that 38 digits cannot hold is text
    assert f'"price":{said},' in (folder / "thing.ndjson").read_text().replace("}", ",")
