"""What a feed has asked its source for key by key: an answer is not asked for twice within a feed's patience."""

from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import text

from warehouse.connection import transaction
from warehouse.errors import SluiceError


def wanted(feed: str, relation: str, column: str, patience: timedelta, most: int) -> list[str]:
    """The values of a column that the feed may ask for now, at most so many: those that it has not asked for within its
    patience. An answer that came and was never taken in, since the process died, counts as not asked for."""
    with transaction() as connection:
        if connection.scalar(text("select to_regclass(:name)"), {"name": relation}) is None:
            raise SluiceError(f"{feed}: each.of: there is no {relation}.")
        found = connection.scalars(
            text(
                f'select distinct list."{column}"::text as key from {relation} as list where list."{column}" is not'
                " null and not exists (select from ledger.asked as a where a.feed = :feed and a.key = list"
                f'."{column}"::text and a.asked_at > now() - :patience and (not a.found or exists (select from'
                " ledger.fetches as f where f.feed = a.feed and f.outcome in ('new', 'unchanged')"
                " and f.fetched_at >= a.asked_at))) order by key limit :most"
            ),
            {"feed": feed, "patience": patience, "most": most},
        )
        return list(found)


def keep(feed: str, answers: Mapping[str, bool]) -> None:
    """Write down which keys a source was asked for, and whether it had them."""
    statement = (
        "insert into ledger.asked (feed, key, found) values (:feed, :key, :found)"
        " on conflict (feed, key) do update set found = excluded.found, asked_at = excluded.asked_at"
    )
    with transaction() as connection:
        for key, found in answers.items():
            connection.execute(text(statement), {"feed": feed, "key": key, "found": found})
