"""Reveals are counted and written down by login; who runs the pipeline sees the rows of all vendors."""

from pathlib import Path

from alembic import op

revision = "0025"
down_revision = "0024"

PARTS = ["reveals", "vendors"]


def upgrade() -> None:
    for part in PARTS:
        sql = (Path(__file__).with_name("0025_reveals") / f"{part}.sql").read_text()
        op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("The logins of those who asked would be lost: restore a backup instead.")
