"""A store to test, once on SQLite and once on PostgreSQL."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from advisor.store import Store, open_store
from advisor.store.schema import metadata
from tests.postgres_server import PostgresServer


@pytest.fixture(scope="session")
def tables(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A PostgreSQL store for all tests of this room: emptying it is quicker than making it anew."""
    url = postgres_server.create_database("store")
    open_store(url, tmp_path_factory.mktemp("store")).close()
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a store in which there is nothing yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/advisor.db"
    tables: str = request.getfixturevalue("tables")
    with psycopg.connect(tables) as connection:
        for table in reversed(metadata.sorted_tables):
            if table.name not in {"meta", "schema_revision"}:
                connection.execute(f"DELETE FROM {table.name}".encode())
        connection.execute("UPDATE meta SET number = 0 WHERE number > 0")
    return tables


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/advisor.db"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.create_database("empty")


@pytest.fixture
def opened(url: str, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Opens the same database again and again, each time as another process would."""
    stores: list[Store] = []

    def again() -> Store:
        stores.append(open_store(url, tmp_path, busy_seconds=0.2))
        return stores[-1]

    yield again
    for store in stores:
        store.close()


@pytest.fixture
def store(opened: Callable[[], Store]) -> Store:
    """An open store."""
    return opened()
