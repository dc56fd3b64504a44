"""The publication pointer: moving it is the publish."""

from dataclasses import dataclass

from sqlalchemy import text

from warehouse import runs
from warehouse.connection import transaction
from warehouse.errors import SluiceError


@dataclass(frozen=True)
class Publication:
    """What consumers of an entity see from now on."""

    entity: str
    run: int
    rows: int


def current(entity: str) -> int | None:
    """The run as of which consumers see an entity, or None before its first publication."""
    with transaction() as connection:
        run = connection.scalar(text("select run from ledger.pointers where entity = :entity"), {"entity": entity})
    return None if run is None else int(run)


def publish(entity: str, run: int) -> Publication:
    """Show consumers the history as of `run`; refused while an account of the entity does not add up."""
    with transaction() as connection:
        unbalanced = runs.unbalanced(connection, entity)
        if unbalanced:
            raise SluiceError(
                f"{entity} is not published: the row accounts of deliveries {', '.join(map(str, unbalanced))}"
                " do not add up. What was published before stands. Look at `sluice status`."
            )
        connection.execute(
            text(
                "insert into ledger.pointers (entity, run) values (:entity, :run)"
                " on conflict (entity) do update set run = excluded.run"
            ),
            {"entity": entity, "run": run},
        )
        rows = connection.scalar(text(f'select count(*) from published."{entity}"'))
        connection.execute(
            text("insert into ledger.publications (entity, run, rows) values (:entity, :run, :rows)"),
            {"entity": entity, "run": run, "rows": rows},
        )
    return Publication(entity, run, int(rows or 0))
