"""Doubt about running totals: where many of them fall at once, their source may have begun to count anew."""

from dataclasses import dataclass

from sqlalchemy import RowMapping, text

from warehouse.connection import transaction


@dataclass(frozen=True)
class Fall:
    """See extract.feeds.Fall: a numeric column of the entity, and the share of the keys of which it may fall."""

    column: str
    share: float


# Of each new delivery of a feed in a run: the keys that it holds and that were known before, and how many fall. Of
# several in one run each is held against the one before it, as if they had come one by one.
FALLS = (
    "with coming as (select d.delivery_id, d.feed, d.effective_at, d.accepted from ledger.run_deliveries as r"
    " join ledger.deliveries as d using (delivery_id)"
    " where r.run = :run and r.effect = 'add' and r.judge and d.feed = :feed),"
    " told as (select c.effective_at, c.delivery_id, c.accepted, j.{entity}_id as id, j.{column} as total"
    ' from coming as c join judged."{entity}" as j on j._delivery_id = c.delivery_id'
    " where j._delivery_id = any (array(select delivery_id from coming))),"
    " known as (select t.delivery_id, t.id, t.accepted, t.total, coalesce("
    " lag(t.total) over (partition by t.id order by t.effective_at), v.{column}) as before"
    ' from told as t left join history."dim_{entity}" as v on v.{entity}_id = t.id and v._superseded_in is null'
    " and v.valid_from <= t.effective_at and (v.valid_to is null or v.valid_to > t.effective_at))"
    " select delivery_id, count(*) as keys, count(*) filter (where total < before) as fell from known"
    " where before is not null and not accepted group by 1 order by 1"
)


def falls(entity: str, run: int, feed: str, fall: Fall, at_least: int) -> dict[int, str]:
    """A feed's new deliveries in which more than the bound's share of the known totals fall, each with why."""
    statement = text(FALLS.format(entity=entity, column=f'"{fall.column}"'))
    with transaction() as connection:
        found = connection.execute(statement, {"run": run, "feed": feed}).mappings().all()
    return {row["delivery_id"]: _told(row, fall) for row in found if _is_outside(row, fall, at_least)}


def _is_outside(row: RowMapping, fall: Fall, at_least: int) -> bool:
    return bool(row["keys"] >= at_least and row["fell"] > fall.share * row["keys"])


def _told(row: RowMapping, fall: Fall) -> str:
    return (
        f"{fall.column} falls for {row['fell']} of {row['keys']} keys ({row['fell'] / row['keys']:.0%}, the bound is"
        f" {fall.share:.0%}): its source may have begun to count anew"
    )
