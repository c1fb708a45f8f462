"""A shop's database, loaded by pgbench, and the roles that may watch it."""

import json
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from advisor.collectors import postgresql
from advisor.core.fleet import Account, Service
from advisor.polling.contract import Answer, Poll
from tests.pgbouncer_server import pgbouncer
from tests.postgres_server import PostgresServer

__all__ = ["pgbouncer"]

SERVICE = Service("shop", "database", "database", "postgresql", "shop-database")
ACCOUNT = Account("shop-database", "postgresql")

Look = Callable[..., Awaitable[Answer]]


@pytest.fixture(scope="session")
def roles(postgres_server: PostgresServer) -> None:
    """`watcher` has pg_monitor and nothing else, `nobody` not even that."""
    for name in ("watcher", "nobody", "app"):
        postgres_server.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{name}'")
    postgres_server.execute("GRANT pg_monitor TO watcher")


@pytest.fixture(scope="session")
def shop(postgres_server: PostgresServer, roles: None) -> str:
    """The name of a database with pgbench's tables and some traffic."""
    dsn = postgres_server.create_database("shop")
    postgres_server.execute("CREATE EXTENSION pg_stat_statements", "shop")
    pgbench(dsn, "-i", "-s", "1", "-q")
    pgbench(dsn, "-c", "2", "-t", "200", "-n")
    return "shop"


def pgbench(dsn: str, *arguments: str) -> None:
    """Run pgbench, which lies beside the server's binaries."""
    found = shutil.which("pgbench")
    binary = found or str(max(Path("/usr/lib/postgresql").glob("*/bin/pgbench")))
    done = subprocess.run([binary, *arguments, dsn], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def owner(postgres_server: PostgresServer, shop: str) -> Iterator["psycopg.Connection[Any]"]:
    """A connection of the owner, to compare with."""
    with psycopg.connect(postgres_server.dsn(shop), autocommit=True) as connection:
        yield connection


@pytest.fixture
def look(postgres_server: PostgresServer, roles: None) -> Look:
    """Poll once as `user`; `previous` goes through JSON, as the store keeps it."""

    async def poll(
        dbname: str = "shop",
        *,
        user: str = "watcher",
        dsn: str = "",
        previous: Answer | None = None,
        now: datetime | None = None,
        **settings: Any,
    ) -> Answer:
        where = dsn or postgres_server.dsn(dbname, user=user, password=user)
        keep = json.loads(json.dumps(dict(previous.keep))) if previous else {}
        asked = Poll(None, SERVICE, ACCOUNT, now or datetime.now(UTC), previous=keep)  # type: ignore[arg-type] # it asks by SQL, not by HTTP
        return await postgresql.collect(asked, postgresql.Settings(dsn=where, **settings))

    return poll


def value(answer: Answer, metric: str, part: str = "", stat: str = "") -> float | None:
    """Return the one value of that name, None where there is none."""
    found = [r.value for r in answer.readings if (r.metric, r.part, r.stat) == (metric, part, stat)]
    assert len(found) <= 1, (metric, found)
    return found[0] if found else None


def gap(answer: Answer, metric: str) -> str:
    """Return why that metric is not there."""
    return " ".join(each.why for each in answer.gaps if metric in each.metrics)
