"""Doubt about running totals: where many of them fall at once, their source may have begun to count anew."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import RowMapping, text

from checks.delivery_checks import Finding
from warehouse import judged_by, runs
from warehouse.connection import transaction

Fall = Mapping[str, Any]  # column and share, as extract.feeds.Fall has them


# Of each new delivery of a feed in a run: the keys that it holds and that were known before, and how many fall. Each
# total is held against the last one before its own time: of this run's deliveries, as if they had come one by one, or
# of history.
FALLS = (
    "with coming as (select d.delivery_id, d.feed, d.effective_at, d.accepted from ledger.run_deliveries as r"
    " join ledger.deliveries as d using (delivery_id)"
    " where r.run = :run and r.effect = 'add' and r.judge and d.feed = :feed),"
    " told as (select {at} as at, c.delivery_id, c.accepted, j.{entity}_id as id, j.{column} as total"
    ' from coming as c join judged."{entity}" as j on j._delivery_id = c.delivery_id'
    " where j._delivery_id = any (array(select delivery_id from coming))),"
    " in_order as (select told.*, lag(at) over same as at_before, lag(total) over same as total_before"
    " from told window same as (partition by id order by at, delivery_id)),"
    " known as (select t.delivery_id, t.id, t.accepted, t.total,"
    " case when t.at_before >= coalesce(v.valid_from, '-infinity') then t.total_before else v.{column} end as before"
    ' from in_order as t left join history."dim_{entity}" as v on v.{entity}_id = t.id and v._superseded_in is null'
    " and v.valid_from <= t.at and (v.valid_to is null or v.valid_to > t.at))"
    " select delivery_id, count(distinct id) as keys, count(distinct id) filter (where total < before) as fell"
    " from known where before is not null and not accepted group by 1 order by 1"
)
OWN_TIME = "coalesce(j._effective_at, c.effective_at)"


def falls(entity: str, run: int, feed: str, fall: Fall, at_least: int, *, row_times: bool) -> dict[int, Finding]:
    """What was found of a feed's new deliveries: how many of the known totals fall, against the bound's share.
    `row_times`: whether its rows have effective times of their own."""
    at = OWN_TIME if row_times else "c.effective_at"
    statement = text(FALLS.format(entity=entity, column=f'"{fall["column"]}"', at=at))
    coming = [delivery["delivery_id"] for delivery in runs.to_judge(run) if delivery["feed"] == feed]
    with transaction() as connection:
        judged_by.make_whole(connection, coming)
        found = connection.execute(statement, {"run": run, "feed": feed}).mappings().all()
    return {row["delivery_id"]: _finding(row, fall, at_least) for row in found}


def _finding(row: RowMapping, fall: Fall, at_least: int) -> Finding:
    share, bound = row["fell"] / row["keys"], fall["share"]
    told = f"{fall['column']} falls for {row['fell']} of {row['keys']} keys ({share:.0%}, the bound is {bound:.0%})"
    if row["keys"] < at_least or share <= bound:
        return Finding("fall", "pass", told, share, bound)
    return Finding("fall", "wait", f"{told}: its source may have begun to count anew", share, bound)
