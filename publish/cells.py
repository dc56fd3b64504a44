"""Which cells of a vendor's row a rule's column stands on, told by the mapping itself.

A rule names a column of the entity (`license_number`), the vendor knows its own (`Operation`, `Agency Number`), and
between them stands any SQL. So the database is asked (staging.cells_behind). All of it is rolled back.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from warehouse.connection import transaction

PROBED_ROWS = 200

Cells = dict[int, dict[str, set[str]]]  # row number -> the entity's column -> staging columns


def behind(entity: str, table: str, model: str, delivery_id: int, columns: Sequence[str]) -> Cells:
    """For each judged open row of a delivery (the first 200), the staging columns behind each of the entity's columns.

    `table` and `model` are the feed's table in staging and its mapping. Empty where the warehouse is too busy to ask.
    """
    try:
        with transaction() as connection:
            try:
                return _asked(connection, entity, table, model, delivery_id, columns)
            finally:
                connection.rollback()
    except DBAPIError:
        return {}


def _asked(
    connection: Connection, entity: str, table: str, model: str, delivery_id: int, columns: Sequence[str]
) -> Cells:
    connection.execute(text("set local lock_timeout = '2s'"))
    if not connection.scalar(text("select to_regclass(:name)"), {"name": f"staging.delivery_{delivery_id}"}):
        connection.execute(
            text(
                f'create table staging.delivery_{int(delivery_id)} partition of staging."{table}"'
                f" for values in ({int(delivery_id)})"
            )
        )
    found = connection.execute(
        text(
            "select told.* from (select jsonb_agg(jsonb_build_object('row_number', row_number, 'raw', raw)) as samples"
            f" from (select row_number, raw from quarantine.\"{entity}\" where delivery_id = :id and status = 'open'"
            " and kind = 'judged' order by row_number limit :most) as held) as held"
            " cross join staging.cells_behind(:table, :model, :id, cast(:names as text[]), held.samples) as told"
        ),
        {"id": delivery_id, "most": PROBED_ROWS, "table": table, "model": model, "names": list(columns)},
    )
    cells: Cells = {}
    for row, column, cell in found:
        cells.setdefault(row, {}).setdefault(column, set()).add(cell)
    return cells


def of_row(cells: Cells, row_number: int, column: str, declared: Sequence[str]) -> set[str]:
    """The staging columns behind a column in a row; of rows that were not asked, what others told, or its own name."""
    if row_number in cells:
        return cells[row_number].get(column) or ({column} & set(declared))
    usual: Mapping[str, set[str]] = next((told for told in cells.values() if told.get(column)), {})
    return usual.get(column) or ({column} & set(declared))
