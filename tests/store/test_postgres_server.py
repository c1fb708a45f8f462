"""The cluster that other tests stand on."""

import psycopg
import pytest

from tests.postgres_server import PostgresServer


def test_a_database_of_its_own_with_statement_statistics(postgres_server: PostgresServer) -> None:
    with psycopg.connect(postgres_server.create_database("own"), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        row = connection.execute("SELECT count(*) FROM pg_stat_statements").fetchone()
    assert row is not None
    assert row[0] >= 0


def test_a_wrong_password_is_refused(postgres_server: PostgresServer) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres_server.dsn(password="wrong"))
