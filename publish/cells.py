"""Which cells of a vendor's row a rule's column stands on, told by the mapping itself.

A rule names a column of the entity (`license_number`), the vendor knows its own (`Operation`, `Agency Number`), and
between them stands any SQL. So the database is asked: each cell of a bad row is changed in turn, the mapping looks at
the changed rows, and where the entity's column comes out otherwise the cell has a part in it. All of it is rolled back.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from warehouse.connection import transaction

PROBED_ROWS = 200
OTHERWISE = ("", "7", "2019-07-07", "x@y.example")  # what a cell is changed to

Cells = dict[int, dict[str, set[str]]]  # row number -> the entity's column -> staging columns

PROBE = (
    "create temporary table probe on commit drop as"
    " select row_number() over (order by q.row_number, c.name nulls first, o.otherwise) as number,"
    " q.row_number, c.name, o.otherwise, q.raw"
    " from (select row_number, raw from quarantine.\"{entity}\" where delivery_id = :id and status = 'open'"
    " and kind = 'judged' order by row_number limit :most) as q"
    " cross join (select null as name union all select unnest(cast(:names as text[]))) as c"
    " cross join unnest(case when c.name is null then array[''] else cast(:otherwise as text[]) end) as o (otherwise)"
    " where c.name is null or o.otherwise <> coalesce(q.raw ->> c.name, '')"
)
STAGE = (
    'insert into staging."{table}" select (jsonb_populate_record(null::staging."{table}", probe.raw'
    " || case when name is null then '{{}}' else jsonb_build_object(name, otherwise) end"
    " || jsonb_build_object('_delivery_id', cast(:id as bigint), '_row_number', -number, '_line_number', 0))).*"
    " from probe"
)
COMPARE = (
    "with mapped as materialized (select probe.row_number, probe.name,"
    " to_jsonb(m) - array['_delivery_id', '_row_number', '_line_number', '_unparsed'] as value,"
    " coalesce(case when jsonb_typeof(m._unparsed) = 'array' then m._unparsed end, '[]') as unparsed"
    ' from staging."{model}" as m join probe on m._row_number = -probe.number'
    " where m._delivery_id = :id and m._row_number < 0)"
    " select distinct changed.row_number, column_of.key, changed.name"
    " from mapped as changed join mapped as base on base.row_number = changed.row_number and base.name is null"
    " cross join lateral jsonb_each(changed.value) as column_of (key, value)"
    " where changed.name is not null and (column_of.value is distinct from base.value -> column_of.key"
    " or jsonb_exists(changed.unparsed, column_of.key) <> jsonb_exists(base.unparsed, column_of.key))"
)


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
    connection.execute(
        text(PROBE.format(entity=entity)),
        {"id": delivery_id, "most": PROBED_ROWS, "names": list(columns), "otherwise": list(OTHERWISE)},
    )
    connection.execute(text(STAGE.format(table=table)), {"id": delivery_id})
    cells: Cells = {}
    for row, column, cell in connection.execute(text(COMPARE.format(model=model)), {"id": delivery_id}):
        cells.setdefault(row, {}).setdefault(column, set()).add(cell)
    return cells


def of_row(cells: Cells, row_number: int, column: str, declared: Sequence[str]) -> set[str]:
    """The staging columns behind a column in a row; of rows that were not asked, what others told, or its own name."""
    if row_number in cells:
        return cells[row_number].get(column) or ({column} & set(declared))
    usual: Mapping[str, set[str]] = next((told for told in cells.values() if told.get(column)), {})
    return usual.get(column) or ({column} & set(declared))
