"""Rows that brought an erased person back: they are in quarantine by their reason, and are emptied at once."""

from typing import Any

from sqlalchemy import Connection, text

from extract import archive, rewrite
from extract.entities import erased_policy, open_key
from extract.feeds import catalogue
from flows import dbt
from flows.erase_plan import rows_asked_for
from warehouse import erasure
from warehouse.connection import transaction
from warehouse.erasure import Found


def erase_again(entity: str, run: int) -> int:
    """Empty the rows of a run that an erased person's mark has stopped, in staging, quarantine and archive; gives how
    many. Where the entity lets them in (`erased: flag`) nothing is done here."""
    if erased_policy(entity) == "flag":
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
        rows = [{"delivery": f.delivery_id, "rows": len(f.rows)} for f in found]
        erasure.certify(connection, number, {"erasure": number, "came_back": rows})
        left = erasure.left_over(connection)
    for sha256 in left:
        archive.remove(sha256)
    return sum(len(f.rows) for f in found)


def _stopped(entity: str, run: int) -> list[Found]:
    """The rows of a run's deliveries that have the reason and are not emptied yet, and exact repetitions of them, which
    judging leaves out."""
    with transaction() as connection:
        deliveries = connection.execute(
            text(
                "select d.* from ledger.run_deliveries as r join ledger.deliveries as d using (delivery_id)"
                f" where r.run = :run and r.judge and exists (select from quarantine.{entity} as q"
                " where q.delivery_id = d.delivery_id and q.raw <> '{}'"
                ' and q.reasons @> \'[{"code": "erased_person"}]\') order by 1'
            ),
            {"run": run},
        ).mappings()
        return [_returned(connection, dict(delivery)) for delivery in deliveries.all()]


def _never_judged(entity: str) -> list[Found]:
    """The same of deliveries that went out of force before a run judged them. Each is looked into once: what is staged
    of it goes, and comes from the archive where it is needed."""
    with transaction() as connection:
        if not erasure.any_marks(connection):
            return []
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
            if not looked_into.rows:
                connection.execute(text(f"drop table staging.delivery_{looked_into.delivery_id}"))
    return [of_delivery for of_delivery in found if of_delivery.rows]


def _returned(connection: Connection, delivery: dict[str, Any]) -> Found:
    number, feed = delivery["delivery_id"], catalogue().feed(delivery["feed"])
    [query] = dbt.compiled(f"{{{{ rows_that_returned('{feed.entity}', '{feed.key}', '{feed.model}') }}}}")
    container = (delivery["found"] or {}).get("container")
    rows = rows_asked_for(connection, query, {"delivery": number, "told": []})
    return Found(number, feed.key, feed.table, delivery["sha256"], delivery["name"], container, rows)
