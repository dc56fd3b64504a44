"""Rules with policy, what let rows pass, and what was looked at of each delivery."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"

PARTS = ["rules", "issues", "isolate"]


def upgrade() -> None:
    for part in PARTS:
        sql = (Path(__file__).with_name("0003_judgement") / f"{part}.sql").read_text()
        op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("Issues and checks of deliveries would be lost: drop the database instead.")
