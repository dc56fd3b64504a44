"""The way back to the owner: mended files, rows that a person settled, notices."""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"

PARTS = ["supplements", "quarantine", "notices"]


def upgrade() -> None:
    for part in PARTS:
        sql = (Path(__file__).with_name("0004_owner") / f"{part}.sql").read_text()
        op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("Deliveries that mend others would take their place: restore a backup instead.")
