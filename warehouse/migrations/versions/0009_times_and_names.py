"""A delivery may speak of a time: its zone is kept. And a name that no list has may be near one that it has."""

from pathlib import Path

from alembic import op

revision = "0009"
down_revision = "0008"

PARTS = ["ledger", "nearness"]


def upgrade() -> None:
    for part in PARTS:
        sql = (Path(__file__).with_name("0009_times_and_names") / f"{part}.sql").read_text()
        op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    op.get_bind().exec_driver_sql(
        "drop function reference.nearness(text, text); drop function reference.trigrams(text);"
        " alter table ledger.deliveries drop column effective_zone"
    )
