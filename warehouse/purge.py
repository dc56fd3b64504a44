"""Purge: staged and judged rows that history does not need any more; the archive has them."""

from sqlalchemy import text

from warehouse import runs
from warehouse.connection import transaction

# A run that needs rows again (a late delivery, a retraction) stages and judges them again by itself.
DONE = (
    "select delivery_id from ledger.deliveries as d where entity = :entity"
    " and received_at < now() - make_interval(days => :days)"
    " and case when in_history then state = 'merged' else state in ('refused', 'superseded', 'retracted') end"
    " and (to_regclass('staging.delivery_' || delivery_id) is not null"
    " or to_regclass('judged.delivery_' || delivery_id) is not null) order by 1"
)


def purge(entity: str, days: int) -> list[int]:
    """Drop the staged and judged rows of an entity's deliveries that are merged, or out of force, and came more than
    `days` ago; gives the deliveries."""
    with runs.entity_lock(entity), transaction() as connection:
        deliveries = list(connection.scalars(text(DONE), {"entity": entity, "days": days}))
        for delivery in deliveries:
            connection.execute(text(f"drop table if exists staging.delivery_{int(delivery)}"))
            connection.execute(text(f"drop table if exists judged.delivery_{int(delivery)}"))
            connection.execute(text(f"drop table if exists judged.difference_{int(delivery)}"))
            connection.execute(text(f"drop table if exists judged.carried_{int(delivery)}"))
        connection.execute(
            text("delete from staging.unreadable where delivery_id = any(:deliveries)"), {"deliveries": deliveries}
        )
    return deliveries
