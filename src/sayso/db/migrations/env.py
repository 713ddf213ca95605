"""Run the migrations inside the transaction that `sayso.db.migrate` has opened."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
