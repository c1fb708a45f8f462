"""A dsn as people have it becomes what libpq takes."""

import pytest
from psycopg.conninfo import conninfo_to_dict

from advisor.collectors.postgresql.address import Address


@pytest.mark.parametrize(
    ("dsn", "place"),
    [
        ("postgresql://u:p@db.example.com/shop", "db.example.com:5432"),
        ("postgres://u:p@db.example.com:6543/shop", "db.example.com:6543"),
        ("postgresql+asyncpg://u:p@db.example.com/shop", "db.example.com:5432"),
        ("postgresql://u:p@[::1]:5433/shop", "::1:5433"),
        ("postgresql://u:p@a,b:5433/shop", "a:5432 or b:5433"),
        ("host=/run/postgresql dbname=shop", "the local socket, port 5432"),
        ("dbname=shop", "the local socket, port 5432"),
        ("host=a,b port=6000 dbname=shop", "a:6000 or b:6000"),
    ],
)
def test_messages_name_host_and_port(dsn: str, place: str) -> None:
    assert Address.parse(dsn, 10).place == place


def test_what_other_clients_add_is_left_out_and_the_rest_is_kept() -> None:
    dsn = "postgresql://u:p%2Bq@h/d?pgbouncer=true&connection_limit=1&sslmode=require&options=-c%20geqo%3Doff"
    options = conninfo_to_dict(Address.parse(dsn, 10).conninfo)
    assert (options["sslmode"], options["password"], options["options"]) == ("require", "p+q", "-c geqo=off")
    assert "pgbouncer" not in options


def test_nothing_is_sent_at_the_start_that_the_dsn_does_not_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c statement_timeout=1")
    options = conninfo_to_dict(Address.parse("postgresql://u:p@h/d", 7).conninfo)
    assert (options["options"], options["application_name"], options["connect_timeout"]) == ("", "", "7")


def test_the_dsns_own_patience_goes_first() -> None:
    options = conninfo_to_dict(Address.parse("postgresql://u:p@h/d?connect_timeout=3", 7).conninfo)
    assert options["connect_timeout"] == "3"
