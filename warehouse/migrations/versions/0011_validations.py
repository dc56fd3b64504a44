"""What each run found, kept by rule; answers of registers; promotions from here to another warehouse."""

from pathlib import Path

from alembic import op

revision = "0011"
down_revision = "0010"

PARTS = ["validations", "resolutions", "promotions"]


def upgrade() -> None:
    for part in PARTS:
        sql = (Path(__file__).with_name("0011_validations") / f"{part}.sql").read_text()
        op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("What was found and promoted is a record: drop the database instead.")
