"""Whether versions overlap is asked for each touched key."""

from pathlib import Path

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    sql = (Path(__file__).with_name("0023_overlap") / "overlap.sql").read_text()
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    """The function before refused the same, and more slowly."""
