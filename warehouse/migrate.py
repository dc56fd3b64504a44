"""Bring the warehouse's schemas, ledger, roles and keys to the newest state (Alembic)."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import text

from warehouse.connection import check_version, transaction

LOCK = "sluice.migrate"


def migrate() -> None:
    """Run what is missing of the migrations; two processes at once do it one after the other."""
    with transaction() as connection:
        check_version(connection)
        connection.execute(text("select pg_advisory_xact_lock(hashtextextended(:lock, 0))"), {"lock": LOCK})
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
