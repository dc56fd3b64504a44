"""Alembic's entry: runs the migrations on the connection, and in the transaction, that `warehouse.migrate` opened."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], version_table_schema="public")
context.run_migrations()
