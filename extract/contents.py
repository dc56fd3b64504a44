"""Which content stands for a delivery by now: its own, or the one that it was rewritten to without an erased person."""

from typing import NamedTuple

from sqlalchemy import text

from warehouse.connection import transaction

CHAIN = (
    "with recursive chain as (select 0 as step, cast(:sha256 as text) as sha256, 'as it was' as form"
    " union all select step + 1, r.new_sha256,"
    " case when 'csv' in (r.form, chain.form) then 'csv' else r.form end"
    " from chain join ledger.rewritten as r on r.old_sha256 = chain.sha256 where step < 10000)"
    " select coalesce(sha256, '') as sha256, form from chain order by step desc limit 1"
)


class Content(NamedTuple):
    """A content's hash (empty: it is gone), and whether it was converted to CSV on the way."""

    sha256: str
    form: str


def newest(sha256: str) -> Content:
    """The content that stands for one that came in."""
    with transaction() as connection:
        found = connection.execute(text(CHAIN), {"sha256": sha256}).one()
    return Content(found.sha256, found.form)


def is_erased(sha256: str) -> bool:
    """Whether a content names somebody who was erased from it: it does not go into the archive again."""
    return newest(sha256).sha256 != sha256
