"""What people see when there is no connection: one sentence, host and port, and never the password."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack

import psycopg
import pytest

from advisor.errors import InputError
from advisor.polling.contract import CollectError, TokenRefused, Unexpected, Unreachable
from tests.collectors.postgresql.conftest import Look, gap, value
from tests.postgres_server import PostgresServer

PASSWORD = "hunter2-geheim"


async def failed(look: Look, dsn: str, **settings: object) -> CollectError:
    with pytest.raises(CollectError) as caught:
        await look(dsn=dsn, **settings)
    message = str(caught.value)
    assert PASSWORD not in message
    assert "\n" not in message
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value


async def test_a_wrong_password_is_refused_and_not_tried_again(
    look: Look, postgres_server: PostgresServer
) -> None:
    error = await failed(look, postgres_server.dsn("postgres", user="watcher", password=PASSWORD))
    assert isinstance(error, TokenRefused)
    assert not error.again
    assert f"127.0.0.1:{postgres_server.port}" in str(error)
    assert "password" in str(error)


async def test_a_missing_role_and_a_missing_database_are_named(
    look: Look, postgres_server: PostgresServer
) -> None:
    assert isinstance(
        await failed(look, postgres_server.dsn("x", user="stranger", password=PASSWORD)), TokenRefused
    )
    error = await failed(look, postgres_server.dsn("nowhere"))
    assert isinstance(error, TokenRefused)
    assert "no such database" in str(error)


async def test_a_closed_port_is_unreachable(look: Look) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    error = await failed(look, f"postgresql://u:{PASSWORD}@127.0.0.1:{port}/d")
    assert isinstance(error, Unreachable)
    assert error.again
    assert str(error).startswith(f"127.0.0.1:{port}: connection refused")


async def test_a_server_without_tls_is_unreachable_by_name_of_tls(
    look: Look, postgres_server: PostgresServer
) -> None:
    error = await failed(look, f"{postgres_server.dsn()}?sslmode=require")
    assert isinstance(error, Unreachable)
    assert "TLS failed" in str(error)


async def test_a_host_that_does_not_exist_is_a_matter_of_dns(look: Look) -> None:
    error = await failed(look, f"postgresql://u:{PASSWORD}@ssl-database.invalid/d")
    assert isinstance(error, Unreachable)
    assert str(error).startswith("ssl-database.invalid:5432: there is no such host name (DNS)")


async def test_full_slots_are_said_to_be_full(look: Look, postgres_server: PostgresServer) -> None:
    dsn = postgres_server.dsn(user="app", password="app")
    with ExitStack() as stack:
        try:
            for _ in range(100):
                stack.enter_context(psycopg.connect(dsn))
        except psycopg.OperationalError:
            pass
        error = await failed(look, postgres_server.dsn(user="watcher", password="watcher"))
    assert isinstance(error, Unreachable)
    assert "every connection slot is taken" in str(error)


async def test_a_role_whose_connections_are_used_up_says_the_same(
    look: Look, postgres_server: PostgresServer
) -> None:
    postgres_server.execute("ALTER ROLE nobody CONNECTION LIMIT 0")
    try:
        error = await failed(look, postgres_server.dsn(user="nobody", password="nobody"))
    finally:
        postgres_server.execute("ALTER ROLE nobody CONNECTION LIMIT -1")
    assert "every connection slot is taken" in str(error)


@pytest.fixture
async def silent() -> AsyncIterator[int]:
    """A server that accepts and says nothing."""

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read()
        finally:
            writer.close()

    async with await asyncio.start_server(hold, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def test_a_silent_server_is_given_up(look: Look, silent: int) -> None:
    dsn = f"postgresql://u:{PASSWORD}@127.0.0.1:{silent}/d"
    error = await failed(look, dsn, connect_timeout=0.1, statement_timeout=0.02)
    assert isinstance(error, Unreachable)
    assert "no answer" in str(error)


@pytest.fixture
async def fading(postgres_server: PostgresServer) -> AsyncIterator[int]:
    """A way to the server on which nothing comes back any more after the first 2,000 bytes."""
    tasks: set[asyncio.Task[None]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, most: float) -> None:
        while (data := await reader.read(1000)) and most > 0:
            most -= len(data)
            writer.write(data)
            await writer.drain()
        await asyncio.Event().wait()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_reader, to_writer = await asyncio.open_connection("127.0.0.1", postgres_server.port)
        jobs = [
            asyncio.create_task(pump(reader, to_writer, float("inf"))),
            asyncio.create_task(pump(to_reader, writer, 2000)),
        ]
        tasks.update(jobs)
        try:
            await asyncio.wait(jobs)
        finally:
            to_writer.close()
            writer.close()

    async with await asyncio.start_server(hold, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_server_that_falls_silent_in_the_middle_is_given_up(
    look: Look, fading: int, postgres_server: PostgresServer
) -> None:
    dsn = postgres_server.dsn().replace(f":{postgres_server.port}/", f":{fading}/")
    async with asyncio.timeout(3):
        error = await failed(look, dsn, connect_timeout=0.5, statement_timeout=0.05)
    assert isinstance(error, Unreachable)
    assert "no answer within" in str(error)


async def test_a_poll_that_is_cancelled_ends_at_once_even_when_the_server_is_silent(
    look: Look, fading: int, postgres_server: PostgresServer
) -> None:
    dsn = postgres_server.dsn().replace(f":{postgres_server.port}/", f":{fading}/")
    async with asyncio.timeout(3):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(look(dsn=dsn), 0.5)


async def test_a_session_that_the_server_ends_is_unreachable_and_the_next_poll_works(
    look: Look, shop: str, postgres_server: PostgresServer
) -> None:
    killer = "SELECT pg_terminate_backend(pg_backend_pid())::int"
    error = await failed(look, postgres_server.dsn(shop), users_sql=killer)
    assert isinstance(error, Unreachable)
    assert "broke in the middle" in str(error)
    assert value(await look(), "storage")


async def test_what_is_no_postgresql_is_said_to_be_none(look: Look) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        error = await failed(look, f"postgresql://u:{PASSWORD}@127.0.0.1:{port}/d?sslmode=disable")
    assert isinstance(error, Unreachable | Unexpected)
    assert f"127.0.0.1:{port}" in str(error)


@pytest.mark.parametrize(
    "dsn",
    [
        f"postgresql://u:{PASSWORD}@host:port/d",
        f"host=localhost password={PASSWORD} nonsense",
        f"postgresql://u:{PASSWORD}%@host/d",
        f"postgresql://u:{PASSWORD}@[::1/d",
        f"{PASSWORD}",
    ],
)
async def test_a_dsn_that_is_none_is_not_repeated(look: Look, dsn: str) -> None:
    with pytest.raises(InputError) as caught:
        await look(dsn=dsn)
    assert "postgresql://user:password@host:5432/database" in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


async def test_gaps_name_no_secret(look: Look, shop: str) -> None:
    answer = await look(user="nobody", users_sql="SELECT count(*) FROM pgbench_accounts")
    assert "nobody:" not in gap(answer, "users")
