"""What running for real stands on: objects that were taken in, and alarms that were raised."""

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"

PARTS = ["operate"]


def upgrade() -> None:
    for part in PARTS:
        sql = (Path(__file__).with_name("0007_operate") / f"{part}.sql").read_text()
        op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    op.get_bind().exec_driver_sql("drop table ledger.objects, ledger.alarms")
