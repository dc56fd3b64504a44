"""`sluice purge`: staged and judged rows go where history does not need them, and come back where it does."""

from command import sluice as command
from workbench import things


def tables(small):
    return sorted(
        name
        for (name,) in small.sql(
            "select nspname || '.' || relname from pg_class join pg_namespace as n on n.oid = relnamespace"
            " where nspname in ('staging', 'judged') and relname like 'delivery\\_%' and relkind = 'r'"
        )
    )


def test_only_what_is_merged_goes_and_a_late_file_loads_it_again(small):
    things(small, 1, "n,a,1,,ann@example.com")
    things(small, 3, "n,a,3,,ann@example.com")
    small.run()
    things(small, 4, "n,a,4,,ann@example.com")
    assert "0 deliveries" in command("purge").stdout
    assert "2 deliveries" in command("purge", "--days", "0").stdout
    assert tables(small) == ["staging.delivery_3"]
    things(small, 2, "n,a,2,,ann@example.com")
    small.run()
    versions = small.sql("select size, valid_from::date::text from published.thing_history order by 2")
    assert versions == [(1, "2026-01-01"), (2, "2026-01-02"), (3, "2026-01-03"), (4, "2026-01-04")]
