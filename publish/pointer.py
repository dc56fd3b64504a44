"""The publication pointer: moving it is the publish, moving it back the rollback."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

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


def is_held(entity: str) -> bool:
    """Whether the entity was rolled back, so that what is merged waits for a person."""
    with transaction() as connection:
        held = text("select held from ledger.pointers where entity = :entity")
        return bool(connection.scalar(held, {"entity": entity}))


def publish(runs_of: Mapping[str, int], *, release: bool) -> list[Publication]:
    """Show consumers each entity's history as of its run, all in one transaction.

    Refused while an account of one of them does not add up; and, unless `release`, where one was rolled back.
    """
    with transaction() as connection:
        for entity in sorted(runs_of):
            _require_balance(connection, entity)
            held = text("select held from ledger.pointers where entity = :entity for update")
            if connection.scalar(held, {"entity": entity}) and not release:
                raise SluiceError(f"{entity} was rolled back meanwhile. Next: sluice publish {entity}")
        return [_move(connection, entity, run, held=False) for entity, run in sorted(runs_of.items())]


def rollback(entity: str, to: int | None = None) -> Publication:
    """Show consumers an earlier publication again: the one before, or that of the run `to`. Nothing newer is published
    until somebody publishes it."""
    with transaction() as connection:
        published = [
            run
            for (run,) in connection.execute(
                text("select distinct run from ledger.publications where entity = :entity order by run"),
                {"entity": entity},
            )
        ]
        pointed = text("select run from ledger.pointers where entity = :entity for update")
        now = connection.scalar(pointed, {"entity": entity})
        earlier = [run for run in published if now is not None and run < now]
        target = to if to is not None else (earlier[-1] if earlier else None)
        if target is None or target not in published:
            known = ", ".join(map(str, published)) or "none"
            raise SluiceError(f"{entity} has no such publication to go back to. Published runs: {known}.")
        return _move(connection, entity, target, held=True)


def _require_balance(connection: Connection, entity: str) -> None:
    unbalanced = runs.unbalanced(connection, entity)
    if unbalanced:
        raise SluiceError(
            f"{entity} is not published: the row accounts of deliveries {', '.join(map(str, unbalanced))}"
            " do not add up. What was published before stands. Look at `sluice status`."
        )


def _move(connection: Connection, entity: str, run: int, *, held: bool) -> Publication:
    connection.execute(
        text(
            "insert into ledger.pointers (entity, run, held) values (:entity, :run, :held)"
            " on conflict (entity) do update set run = excluded.run, held = excluded.held"
        ),
        {"entity": entity, "run": run, "held": held},
    )
    rows = connection.scalar(text("select open_rows from ledger.runs where run = :run"), {"run": run})
    if rows is None:
        rows = connection.scalar(text(f'select count(*) from published."{entity}"'))
    connection.execute(
        text("insert into ledger.publications (entity, run, rows) values (:entity, :run, :rows)"),
        {"entity": entity, "run": run, "rows": rows},
    )
    return Publication(entity, run, int(rows or 0))
