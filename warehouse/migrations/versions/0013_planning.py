"""Issues of amended values; records that are skipped; by what each delivery was judged."""

from pathlib import Path

from alembic import op

revision = "0013"
down_revision = "0012"

PARTS = ["issues", "skipped", "judged_by"]


def upgrade() -> None:
    for part in PARTS:
        sql = (Path(__file__).with_name("0013_planning") / f"{part}.sql").read_text()
        op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("Issues of values would be lost: drop the database instead.")
