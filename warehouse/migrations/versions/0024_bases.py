"""Judged rows that are as in the delivery before are kept there, once."""

from pathlib import Path

from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    sql = (Path(__file__).with_name("0024_bases") / "bases.sql").read_text()
    op.get_bind().exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    """Rows that are kept with their base are judged again when they are needed."""
    op.execute(
        "do $$ declare carried text; begin for carried in select substr(tablename, 9) from pg_tables"
        " where schemaname = 'judged' and tablename like 'carried%' loop"
        " execute 'drop table judged.carried_' || carried || ', judged.delivery_' || carried; end loop; end $$;"
        " drop function judged.make_whole, judged.bases_of"
    )
