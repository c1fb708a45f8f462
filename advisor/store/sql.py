"""The few words of SQL that SQLAlchemy's core leaves to each engine."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Executable, Table

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

    Upsert = postgresql.Insert | sqlite.Insert

Item = TypeVar("Item")


@cache
def upsert(dialect: str, table: Table) -> "Upsert":
    """Return an engine's INSERT that can say what happens on conflict."""
    # The dialect of the engine in use is loaded already; the other one would cost 4 MiB.
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


def ignoring(connection: Connection, table: Table) -> "Upsert":
    """Return an INSERT that leaves alone what is already there."""
    return _ignoring(connection.dialect.name, table)


def replacing(connection: Connection, table: Table) -> "Upsert":
    """Return an INSERT that takes the place of the row with the same primary key."""
    return _replacing(connection.dialect.name, table)


# Building such a statement costs more than running it, so each is built once.


@cache
def _ignoring(dialect: str, table: Table) -> "Upsert":
    return upsert(dialect, table).on_conflict_do_nothing()


@cache
def _replacing(dialect: str, table: Table) -> "Upsert":
    statement = upsert(dialect, table)
    keys = [column.name for column in table.primary_key]
    rest = {
        column.name: statement.excluded[column.name] for column in table.columns if column.name not in keys
    }
    return statement.on_conflict_do_update(index_elements=keys, set_=rest)


def written(connection: Connection, statement: Executable, rows: Any) -> int:
    """Run a statement for one row or many and return how many it wrote."""
    # By default the count of an INSERT is not kept.
    return connection.execute(statement, rows, execution_options={"preserve_rowcount": True}).rowcount


def slices(items: Sequence[Item], size: int = 400) -> Iterator[Sequence[Item]]:
    """Cut a list into pieces that fit into one `IN (...)`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
