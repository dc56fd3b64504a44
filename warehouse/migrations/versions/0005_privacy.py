"""Vault, entitlements, audit, erasure, and the rights of every role."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"

PARTS = ["keys", "vault", "erase", "rights"]


def upgrade() -> None:
    for part in PARTS:
        sql = (Path(__file__).with_name("0005_privacy") / f"{part}.sql").read_text()
        op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    raise NotImplementedError("The vault and the record of erasures would be lost: restore a backup instead.")
