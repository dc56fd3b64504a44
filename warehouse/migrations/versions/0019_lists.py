"""Records that could not be split can be skipped, too; a run looks whether it would judge otherwise now."""

from pathlib import Path

from alembic import op

revision = "0019"
down_revision = "0017"


def upgrade() -> None:
    for name in ("text_of", "looks", "asked"):
        sql = (Path(__file__).with_name("0019_lists") / f"{name}.sql").read_text()
        op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    op.execute("drop table ledger.looks, ledger.asked; drop function staging.text_of")
