"""Schemas, ledger, keys and roles: what every other room stands on."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None

PARTS = ["schemas", "ledger", "pii", "roles"]


def upgrade() -> None:
    for part in PARTS:
        sql = (Path(__file__).with_name("0001_foundation") / f"{part}.sql").read_text()
        op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("The first migration holds every delivery's ledger: drop the database instead.")
