"""An erasure says whether what follows its transaction was done: those of before had a process that told so."""

from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.get_bind().exec_driver_sql("alter table pii.erasures add column finished boolean not null default true")
    op.get_bind().exec_driver_sql("alter table pii.erasures alter column finished set default false")


def downgrade() -> None:
    raise NotImplementedError("What is left to do of erasures would not be known: restore a backup instead.")
