"""A store to test, once on SQLite and once on PostgreSQL."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from advisor.store import Store, open_store
from tests.postgres_server import PostgresServer


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/advisor.db"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.create_database(f"store_{uuid4().hex[:8]}")


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
