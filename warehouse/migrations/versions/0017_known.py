"""A version knows by which columns it was seen, and since when; sets of columns know their classes."""

from pathlib import Path

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    sql = (Path(__file__).with_name("0017_known") / "known.sql").read_text()
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("Versions would forget what they were seen by: restore a backup instead.")
