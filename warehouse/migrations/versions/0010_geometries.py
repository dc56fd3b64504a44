"""Geometries: what each spelling of a shape means."""

from pathlib import Path

from alembic import op

revision = "0010"
down_revision = "0001"


def upgrade() -> None:
    sql = (Path(__file__).with_name("0010_geometries") / "geometries.sql").read_text()
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    op.get_bind().exec_driver_sql(
        "drop table staging.geometries; drop function staging.geometry_key, staging.point_text"
    )
