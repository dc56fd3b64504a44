"""Records that were mended while they were read, as they came."""

from pathlib import Path

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.get_bind().exec_driver_sql((Path(__file__).with_name("0008_mended") / "mended.sql").read_text())


def downgrade() -> None:
    op.execute("drop table staging.mended")
