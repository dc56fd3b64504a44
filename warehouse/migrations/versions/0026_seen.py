"""With `rows_by: vendor` a role reveals tokens of the rows that it sees, and no others."""

from pathlib import Path

from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    sql = Path(__file__).with_name("0026_seen").joinpath("reveals.sql").read_text()
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("Roles could reveal what they do not see: restore a backup instead.")
