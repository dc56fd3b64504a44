"""The validation report of a run: what it judged, which rules were broken how often, and what its checks gave."""

from typing import Any

from sqlalchemy import text

from publish.views import plain
from warehouse.connection import transaction
from warehouse.errors import SluiceError

Rows = list[dict[str, Any]]


def keep(entity: str, run: int) -> None:
    """Write what a run found into ledger.validations, from the rows that it put into quarantine; repeatable."""
    with transaction() as connection:
        connection.execute(text("delete from ledger.validations where run = :run"), {"run": run})
        connection.execute(
            text(
                "insert into ledger.validations (run, delivery_id, kind, code, column_name, rows)"
                " select :run, q.delivery_id, q.kind, reason ->> 'code', min(reason ->> 'column'), count(*)"
                f' from quarantine."{entity}" as q cross join lateral jsonb_array_elements(q.reasons) as reason'
                " where q.run = :run group by q.delivery_id, q.kind, reason ->> 'code'"
            ),
            {"run": run},
        )


def report(entity: str, run: int | None = None) -> dict[str, Any]:
    """The report of a run of an entity (the newest, where none is named), and a line for each of its runs."""
    history = _rows(
        "select r.run, r.state, r.started_at, coalesce(sum(v.rows), 0)::bigint as broken_rules,"
        " (select count(*) from ledger.check_results as c where c.run = r.run and c.outcome not ilike 'pass%')"
        " as failed_checks from ledger.runs as r left join ledger.validations as v using (run)"
        " where r.entity = :entity group by r.run order by r.run",
        entity=entity,
    )
    chosen = [row for row in history if run in (None, row["run"])]
    if not chosen:
        known = ", ".join(str(row["run"]) for row in history) or "none"
        raise SluiceError(f"{entity} has no run {run or ''}. Its runs: {known}.")
    one = chosen[-1]
    return {
        "entity": entity,
        **one,
        "deliveries": _rows(
            "select d.delivery_id, d.feed, d.name, r.effect, r.judge as judged, d.state"
            " from ledger.run_deliveries as r join ledger.deliveries as d using (delivery_id)"
            " where r.run = :run order by 1",
            run=one["run"],
        ),
        "rules": _rows(
            "select v.code, v.column_name, v.kind, v.delivery_id, v.rows from ledger.validations as v"
            " where v.run = :run order by v.rows desc, v.code",
            run=one["run"],
        ),
        "checks": _rows(
            "select stage, name, column_name, outcome, value from ledger.check_results where run = :run"
            " order by stage desc, position",
            run=one["run"],
        ),
        "history": history,
    }


def _rows(query: str, **parameters: Any) -> Rows:
    with transaction() as connection:
        found = connection.execute(text(query), parameters).mappings()
        return [{name: plain(value) for name, value in row.items()} for row in found]
