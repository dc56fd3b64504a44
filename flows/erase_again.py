"""Rows that brought an erased person back: they are in quarantine by their reason, and are emptied at once."""

from sqlalchemy import text

from extract import archive, rewrite
from extract.entities import erased_policy, open_key
from extract.feeds import catalogue
from warehouse import erasure
from warehouse.connection import driver, transaction
from warehouse.erasure import Found, Row


def erase_again(entity: str, run: int) -> int:
    """Empty the rows of a run that an erased person's mark has stopped, in staging, quarantine and archive; gives how
    many. Where the entity lets them in (`erased: flag`) nothing is done here."""
    if erased_policy(entity) == "flag":
        return 0
    found = _stopped(entity, run)
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
    """The deliveries of a run with rows that have the reason, which are not emptied yet."""
    with transaction() as connection:
        deliveries = {
            row["delivery_id"]: row
            for row in connection.execute(
                text(
                    "select d.* from ledger.run_deliveries as r join ledger.deliveries as d using (delivery_id)"
                    " where r.run = :run and r.judge"
                ),
                {"run": run},
            ).mappings()
        }
        rows = driver(connection).execute(
            f"select delivery_id, row_number, line_number, {entity}_id from quarantine.{entity} as q"
            " where delivery_id = any(%s) and reasons @> '[{\"code\": \"erased_person\"}]' and raw <> '{}'",
            [list(deliveries)],
        )
        found: dict[int, Found] = {}
        for delivery_id, row_number, line_number, identity in rows.fetchall():
            d = deliveries[delivery_id]
            feed = catalogue().feed(d["feed"])
            of_delivery = found.setdefault(
                delivery_id,
                Found(delivery_id, feed.key, feed.table, d["sha256"], d["name"], (d["found"] or {}).get("container")),
            )
            of_delivery.rows.append(Row(row_number, line_number, identity, None, {}))
    return list(found.values())
