"""A delivery may speak of a time, not of a day only: its zone is kept, and both are told as the vendor means them."""

from pathlib import Path

from alembic import op

revision = "0009"
down_revision = "0001"


def upgrade() -> None:
    sql = (Path(__file__).with_name("0009_effective_zone") / "ledger.sql").read_text()
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    op.get_bind().exec_driver_sql("alter table ledger.deliveries drop column effective_zone")
