"""Alarms: raised once, and settled when their reason is gone, whoever looks and how often."""

from sqlalchemy import text

from warehouse.connection import transaction


def raised(kind: str, about: str, told: str) -> bool:
    """Raise an alarm; whether it is a new one. `told` holds no value of any row."""
    with transaction() as connection:
        done = connection.execute(
            text(
                "insert into ledger.alarms (kind, about, told) values (:kind, :about, :told)"
                " on conflict (kind, about) where settled_at is null do nothing"
            ),
            {"kind": kind, "about": about, "told": told},
        )
        return bool(done.rowcount)


def settled(kind: str, about: str) -> bool:
    """Settle an alarm; whether there was one."""
    with transaction() as connection:
        done = connection.execute(
            text(
                "update ledger.alarms set settled_at = clock_timestamp()"
                " where kind = :kind and about = :about and settled_at is null"
            ),
            {"kind": kind, "about": about},
        )
        return bool(done.rowcount)


def open_ones(kind: str) -> dict[str, str]:
    """What open alarms of a kind are about, and what they tell."""
    with transaction() as connection:
        found = connection.execute(
            text("select about, told from ledger.alarms where kind = :kind and settled_at is null order by about"),
            {"kind": kind},
        )
        return {row.about: row.told for row in found}
