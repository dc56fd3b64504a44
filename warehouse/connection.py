"""The one door to PostgreSQL: the engine of this process and its transactions."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import cast

import psycopg
from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from warehouse import embedded
from warehouse.errors import SluiceError
from warehouse.settings import settings

MINIMUM_VERSION = 160000  # pg_input_is_valid, which the parse macros stand on, came with PostgreSQL 16


def warehouse_url() -> str:
    """The warehouse's URL; the embedded server is started, and held for this process's life, where none is set."""
    configured = settings()
    return configured.warehouse_url or embedded.lease(configured.home, linger=configured.warehouse_linger)


@cache
def _engine(url: str) -> Engine:
    # Dates and floats are hashed as text (fingerprints), so their spelling must not follow the server's settings.
    spelling = "-c datestyle=ISO,YMD -c timezone=UTC -c extra_float_digits=1 -c application_name=sluice"
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        connect_args={"options": spelling, "connect_timeout": 10, "client_encoding": "utf8"},
        pool_pre_ping=True,
        hide_parameters=True,  # an error's text goes to terminals and logs
    )


def engine() -> Engine:
    """The engine of this process's warehouse."""
    return _engine(warehouse_url())


@contextmanager
def transaction() -> Iterator[Connection]:
    """A connection in a transaction: committed at the end, rolled back by any error."""
    try:
        connection = engine().connect()
    except OperationalError as error:
        raise SluiceError(f"The warehouse does not answer: {error.orig}. Look at SLUICE_WAREHOUSE_URL.") from error
    with connection, connection.begin():
        yield connection


@contextmanager
def lock(name: str, *, wait: bool) -> Iterator[bool]:
    """Hold a lock of the database for a block, and give whether it is held; without `wait` it may not be.

    The lock belongs to a session of the server, so a process that dies holds nothing, on whichever machine it ran.
    """
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        key = {"name": f"sluice.{name}"}
        take = "pg_advisory_lock" if wait else "pg_try_advisory_lock"
        held = connection.scalar(text(f"select {take}(hashtextextended(:name, 0))"), key) is not False
        try:
            yield held
        finally:
            if held:
                connection.execute(text("select pg_advisory_unlock(hashtextextended(:name, 0))"), key)


@contextmanager
def locks(names: Sequence[str]) -> Iterator[str | None]:
    """Hold several locks for a block, all in one session, or give the first that another one holds."""
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        take = text("select pg_try_advisory_lock(hashtextextended(:name, 0))")
        try:
            yield next((name for name in names if not connection.scalar(take, {"name": f"sluice.{name}"})), None)
        finally:
            connection.execute(text("select pg_advisory_unlock_all()"))


def driver(connection: Connection) -> psycopg.Connection:
    """The psycopg connection below, for COPY."""
    return cast(psycopg.Connection, connection.connection.driver_connection)


def check_version(connection: Connection) -> None:
    """Refuse a server that is too old to do what the project relies on."""
    version = int(connection.scalar(text("show server_version_num")))
    if version < MINIMUM_VERSION:
        raise SluiceError(
            f"The warehouse runs PostgreSQL {version // 10000}; Sluice needs 16 or newer "
            "(SLUICE_WAREHOUSE_URL, or leave it unset for the embedded server)."
        )
