"""Fetches: when a feed's source was asked, what it answered, and what became of that."""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    sql = (Path(__file__).with_name("0006_fetches") / "fetches.sql").read_text()
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    op.get_bind().exec_driver_sql("drop table ledger.fetches")
