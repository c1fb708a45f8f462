"""How Alembic runs our migrations: in the transaction of the connection that it is given."""

from alembic import context

from advisor.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table="schema_revision",
    transactional_ddl=True,
    render_as_batch=True,  # SQLite alters a table by making another.
)
with context.begin_transaction():
    context.run_migrations()
