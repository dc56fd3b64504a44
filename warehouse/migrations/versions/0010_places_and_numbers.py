"""Shapes that were read once, and numbers that stay."""

from pathlib import Path

from alembic import op

revision = "0010"
down_revision = "0009"

PARTS = ["geometries", "numbers"]


def upgrade() -> None:
    for part in PARTS:
        sql = (Path(__file__).with_name("0010_places_and_numbers") / f"{part}.sql").read_text()
        op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("Numbers that were given are for ever: drop the database instead.")
