"""Through PgBouncer in transaction mode a poll leaves nothing behind for whoever comes next."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.collectors.postgresql.conftest import Look, gap, value
from tests.pgbouncer_server import PgBouncer
from tests.postgres_server import PostgresServer

_SETTINGS = (
    "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "transaction_read_only",
    "default_transaction_read_only", "application_name", "search_path", "client_encoding", "jit",
    "max_parallel_workers_per_gather", "transaction_isolation",
)  # fmt: skip


@pytest.fixture
def client(pgbouncer: PgBouncer, shop: str) -> Callable[[], "psycopg.Connection[Any]"]:
    """Another client of the same pool: it gets the server connection that the poll had."""

    def connect() -> psycopg.Connection[Any]:
        return psycopg.connect(
            pgbouncer.dsn(shop, user="watcher", password="watcher"), prepare_threshold=None
        )

    return connect


def settings(connection: "psycopg.Connection[Any]") -> dict[str, str]:
    row = connection.execute(
        "SELECT pg_backend_pid(), " + ", ".join(f"current_setting('{name}')" for name in _SETTINGS)  # type: ignore[arg-type] # our own text
    ).fetchone()
    assert row is not None
    return dict(zip(("pid", *_SETTINGS), row, strict=True))


@pytest.fixture
def writable(postgres_server: PostgresServer, shop: str) -> None:
    """A table that the pool's user may write."""
    postgres_server.execute("CREATE TABLE IF NOT EXISTS notes (text text)", shop)
    postgres_server.execute("GRANT ALL ON notes TO watcher", shop)


async def test_after_a_poll_another_client_writes_and_sees_default_settings(
    look: Look, pgbouncer: PgBouncer, shop: str, client: Callable[[], Any], writable: None
) -> None:
    with client() as before:
        untouched = settings(before)
    answer = await look(
        dsn=pgbouncer.dsn(shop, user="watcher", password="watcher"), users_sql="SELECT count(*) FROM notes"
    )
    assert value(answer, "storage")
    assert value(answer, "users") is not None
    with client() as after:
        assert settings(after) == untouched  # The same server process, too.
        after.execute("INSERT INTO notes VALUES ('written')")
    assert untouched["statement_timeout"] == "0"
    assert untouched["transaction_read_only"] == "off"
    assert untouched["application_name"] != "scaling-advisor"


async def test_a_poll_that_fails_half_way_leaves_nothing_either(
    look: Look,
    pgbouncer: PgBouncer,
    postgres_server: PostgresServer,
    shop: str,
    client: Callable[[], Any],
    writable: None,
) -> None:
    with client() as before:
        untouched = settings(before)
    with psycopg.connect(postgres_server.dsn(shop)) as locker:
        locker.execute("LOCK TABLE pgbench_tellers IN ACCESS EXCLUSIVE MODE")
        answer = await look(
            dsn=pgbouncer.dsn(shop, user="watcher", password="watcher"),
            users_sql="SELECT count(pg_sleep(10))",
            statement_timeout="100ms",
        )
        locker.rollback()
    assert gap(answer, "table_size")
    assert gap(answer, "users")
    with client() as after:
        assert settings(after) == untouched
        after.execute("INSERT INTO notes VALUES ('written')")


async def test_environment_variables_add_no_startup_option(
    look: Look, pgbouncer: PgBouncer, shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # PgBouncer refuses a client that sends `options`.
    monkeypatch.setenv("PGOPTIONS", "-c statement_timeout=1")
    monkeypatch.setenv("PGAPPNAME", "somebody")
    assert value(await look(dsn=pgbouncer.dsn(shop, user="watcher", password="watcher")), "storage")


async def test_repeated_polls_prepare_nothing(
    look: Look, pgbouncer: PgBouncer, shop: str, client: Callable[[], Any]
) -> None:
    answer = None
    for _ in range(7):  # A driver that prepares does so from the fifth time on.
        answer = await look(
            dsn=pgbouncer.dsn(shop, user="watcher", password="watcher"), previous=answer, users_sql="SELECT 1"
        )
    with client() as after:
        row = after.execute("SELECT count(*) FROM pg_prepared_statements").fetchone()
    assert row == (0,)
