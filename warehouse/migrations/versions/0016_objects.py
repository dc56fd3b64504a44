"""Objects of a bucket are fetches like others: the list of their own goes, and what it knew stays known."""

from pathlib import Path

from alembic import op

revision = "0016"
down_revision = "0013"


def upgrade() -> None:
    sql = (Path(__file__).with_name("0016_objects") / "objects.sql").read_text()
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("What the list held stands in ledger.fetches: restore a backup instead.")
