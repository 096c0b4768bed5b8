"""Alembic's entry: runs on the connection, inside the transaction, that `keeper.persistence.schema` gives it."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=False)
context.run_migrations()
