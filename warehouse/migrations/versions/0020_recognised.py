"""Erased persons are recognised in records that could not be read, whatever the file's encoding, and by the words of a
name or an address; reasons name the vendor's columns."""

from pathlib import Path

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    for name in ("text_of", "returned", "marks", "cells"):
        sql = (Path(__file__).with_name("0020_recognised") / f"{name}.sql").read_text()
        op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    op.execute("drop function staging.cells_behind")
    op.execute("alter table pii.erased_marks drop column words, drop column cue")
    op.execute("alter table pii.returned drop column unreadable")
    op.execute("drop view staging.unreadable_texts; drop function staging.text_of(bytea, text)")
    op.get_bind().exec_driver_sql((Path(__file__).with_name("0019_lists") / "text_of.sql").read_text())
