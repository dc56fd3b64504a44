"""What the fold stands on: an overlap check by two indexes, and how many rows are open as of a run."""

from pathlib import Path

from alembic import op

revision = "0002"
down_revision = "0001"

PARTS = ["fold"]


def upgrade() -> None:
    for part in PARTS:
        sql = (Path(__file__).with_suffix("") / f"{part}.sql").read_text()
        op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("History written since stands on it: restore a backup instead.")
