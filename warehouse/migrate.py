"""Bring the warehouse's schemas, ledger, roles and keys to the newest state (Alembic)."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from warehouse.connection import check_version, transaction

LOCK = "sluice.migrate"


def migrate() -> None:
    """Run what is missing of the migrations; two processes at once do it one after the other."""
    with transaction() as connection:
        if _state(connection) == _newest():
            return  # which is so in each run but one, and Alembic took 0.2 s to find it out
        check_version(connection)
        connection.execute(text("select pg_advisory_xact_lock(hashtextextended(:lock, 0))"), {"lock": LOCK})
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _state(connection: Connection) -> str | None:
    """The newest migration that the database has seen; None where it has seen none."""
    if connection.scalar(text("select to_regclass('public.alembic_version')")) is None:
        return None
    state: str | None = connection.scalar(text("select version_num from public.alembic_version"))
    return state


@cache
def _newest() -> str | None:
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config
