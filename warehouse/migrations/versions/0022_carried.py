"""Rows that are as they were in the delivery before are not judged again, nor held against history."""

from pathlib import Path

from alembic import op

revision = "0022"
down_revision = "0020"


def upgrade() -> None:
    sql = (Path(__file__).with_name("0022_carried") / "differences.sql").read_text()
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    op.execute(
        "drop function ledger.is_difference_to_history; drop table ledger.differences;"
        " alter table ledger.run_deliveries drop column cells_seed; alter table ledger.rules drop column of_cells"
    )
