"""A key of tokens says whether the exports have them: those of before had a process that saw to it."""

from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.get_bind().exec_driver_sql("alter table pii.keys add column exported boolean not null default true")
    op.get_bind().exec_driver_sql(
        "comment on column pii.keys.exported is 'Whether what was exported before this key was written anew with it.'"
    )


def downgrade() -> None:
    raise NotImplementedError("Which exports still have tokens of a former key would not be known.")
