"""What was looked at of a delivery as a whole, kept in ledger.delivery_checks so that its course can be seen."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import RowMapping, text

from warehouse.connection import transaction

Outcome = Literal["pass", "warn", "wait", "refuse"]


@dataclass(frozen=True)
class Finding:
    """One check of one delivery: what was found, against which bound, and what came of it."""

    check: str
    outcome: Outcome
    message: str
    value: float | None = None
    bound: float | None = None


def record(delivery_id: int, findings: Iterable[Finding]) -> None:
    """Keep what was found of a delivery; the last look at each thing counts."""
    rows = [{"delivery_id": delivery_id, **vars(finding)} for finding in findings]
    if not rows:
        return
    with transaction() as connection:
        connection.execute(
            text(
                'insert into ledger.delivery_checks (delivery_id, "check", outcome, value, bound, message)'
                " values (:delivery_id, :check, :outcome, :value, :bound, :message)"
                ' on conflict (delivery_id, "check") do update set outcome = excluded.outcome, value = excluded.value,'
                " bound = excluded.bound, message = excluded.message, checked_at = clock_timestamp()"
            ),
            rows,
        )


def refusals(entity: str, run: int) -> list[tuple[RowMapping, str]]:
    """The deliveries of a run that broke a rule with on_fail: refuse, each with why."""
    with transaction() as connection:
        found = connection.execute(
            text(
                "select d.delivery_id, d.feed, d.name, string_agg(c.message, '; ' order by c.\"check\") as why"
                " from ledger.delivery_checks as c join ledger.run_deliveries as r using (delivery_id)"
                " join ledger.deliveries as d using (delivery_id) where r.run = :run and r.judge and d.entity = :entity"
                " and d.state = 'staged' and c.outcome = 'refuse' and c.\"check\" like 'rule:%'"
                " group by d.delivery_id order by d.delivery_id"
            ),
            {"run": run, "entity": entity},
        ).mappings()
        return [(row, str(row["why"])) for row in found]
