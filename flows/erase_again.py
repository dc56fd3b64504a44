"""Rows that brought an erased person back: they are in quarantine by their reason, and are emptied at once."""

from typing import Any

from sqlalchemy import Connection, text

from extract import rewrite
from extract.entities import erased_policy, open_key
from extract.feeds import catalogue
from flows import dbt
from flows.erase_plan import bindable, rows_asked_for
from flows.erase_rest import finish
from warehouse import erasure, runs
from warehouse.connection import driver, transaction
from warehouse.erasure import Found


def erase_again(entity: str, run: int) -> int:
    """Empty the rows of a run that an erased person's mark has stopped, in staging, quarantine and archive, and its
    records that could not be read and name such a person; gives how many. Where the entity lets them in
    (`erased: flag`) they are noted and stay."""
    with transaction() as connection:
        if not erasure.any_marks(connection):
            return 0
        if erased_policy(entity) == "flag":
            erasure.note_returned(connection, run, _let_in(connection, run))
            return 0
    found = [*_stopped(entity, run), *_never_judged(entity)]
    if not found:
        return 0
    feeds = catalogue().feeds
    contents = [rewrite.without_rows(feeds[f.feed], f.sha256, f.name, f.numbers) for f in found]
    with transaction() as connection:
        number = erasure.open_erasure(connection)
        for of_delivery, content in zip(found, contents, strict=True):
            columns = [column.name for column in feeds[of_delivery.feed].columns]
            erasure.erase_rows(connection, number, entity, of_delivery, columns, open_key(entity))
            if content.old_sha256 != content.new_sha256:
                erasure.rewritten(connection, number, content.old_sha256, content.new_sha256, content.form)
            if of_delivery.container:
                erasure.rewritten(connection, number, of_delivery.container, None, "gone")
        rows = [{"delivery": f.delivery_id, "rows": len(f.numbers)} for f in found]
        erasure.certify(connection, number, {"erasure": number, "came_back": rows})
    finish(number)
    return sum(len(f.numbers) for f in found)


def _let_in(connection: Connection, run: int) -> list[Found]:
    """The records of a run's deliveries that are about somebody who was erased, whatever has become of them."""
    found = [_returned(connection, dict(delivery)) for delivery in runs.to_judge(run)]
    return [of_delivery for of_delivery in found if of_delivery.numbers]


def _stopped(entity: str, run: int) -> list[Found]:
    """The rows of a run's deliveries that have the reason and are not emptied yet, exact repetitions of them, which
    judging leaves out, and what could not be read and names an erased person."""
    with transaction() as connection:
        deliveries = connection.execute(
            text(
                "select d.*, stopped from ledger.run_deliveries as r join ledger.deliveries as d using (delivery_id)"
                " cross join lateral (select bool_or(q.kind = 'judged') as stopped"
                f" from quarantine.{entity} as q where q.delivery_id = d.delivery_id and (q.kind = 'unreadable'"
                " or (q.raw <> '{}' and q.reasons @> '[{\"code\": \"erased_person\"}]'))) as held"
                " where r.run = :run and r.judge and stopped is not null order by 1"
            ),
            {"run": run},
        ).mappings()
        found = [_returned(connection, d, rows_too=d["stopped"]) for d in map(dict, deliveries.all())]
    return [of_delivery for of_delivery in found if of_delivery.numbers]


def _never_judged(entity: str) -> list[Found]:
    """The same of deliveries that went out of force before a run judged them. Each is looked into once: what is staged
    of it goes, and comes from the archive where it is needed."""
    with transaction() as connection:
        deliveries = connection.execute(
            text(
                "select d.* from ledger.deliveries as d join ledger.row_accounts as a using (delivery_id)"
                " where d.entity = :entity and d.state in ('superseded', 'retracted', 'refused') and a.good is null"
                " and to_regclass('staging.delivery_' || d.delivery_id) is not null order by 1"
            ),
            {"entity": entity},
        ).mappings()
        found = [_returned(connection, dict(delivery)) for delivery in deliveries.all()]
        for looked_into in found:
            if not looked_into.numbers:
                connection.execute(text(f"drop table staging.delivery_{looked_into.delivery_id}"))
    return [of_delivery for of_delivery in found if of_delivery.numbers]


def _returned(connection: Connection, delivery: dict[str, Any], *, rows_too: bool = True) -> Found:
    number, feed = delivery["delivery_id"], catalogue().feed(delivery["feed"])
    of_rows, of_unreadable = dbt.compiled(
        f"{{{{ rows_that_returned('{feed.entity}', '{feed.key}', '{feed.model}') }}}}",
        f"{{{{ unreadable_that_name('{feed.entity}') }}}}",
    )
    container = (delivery["found"] or {}).get("container")
    rows = rows_asked_for(connection, of_rows, {"delivery": number, "told": []}) if rows_too else []
    broken = driver(connection).execute(bindable(of_unreadable, "delivery"), {"delivery": number}).fetchall()
    unreadable = [row_number for (row_number,) in broken]
    return Found(number, feed.key, feed.table, delivery["sha256"], delivery["name"], container, rows, unreadable)
