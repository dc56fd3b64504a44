"""Rows with effective times of their own: each delivery knows from when to when its rows speak."""

from pathlib import Path

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    sql = (Path(__file__).with_name("0012_row_times") / "row_times.sql").read_text()
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("The times of rows are a record: drop the database instead.")
