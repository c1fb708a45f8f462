"""PostgreSQL 13 to 18, wherever it runs: sizes, connections, query times, cache hits, vacuum, replicas.

API     SQL over one connection a poll, opened and closed: no slot is held in between. What is asked is in
        `sql/`, to be read before trusting us; it runs in one read-only transaction with timeouts of its own.
Token   a `dsn` whose role has `pg_monitor` (`GRANT pg_monitor TO advisor`) and CONNECT. Query times need the
        extension pg_stat_statements in the connected database. With less, the rest is collected and the gap
        is said.
Quirks  Works through PgBouncer in transaction mode: no session SET, no startup options, nothing prepared.
        A poll wakes a host that scales to zero, so Neon's is asked every 6 h unless told otherwise. Disk
        size, CPU and plan cannot be asked by SQL.

To look once, call `collect` twice: the first answer has sizes, and shares and times since the statistics were
reset (`since` of these readings says when); the second, given the first's `keep` as `previous`, has what went
on between.
"""

from datetime import UTC
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field, SecretStr

from advisor.collectors.postgresql.connections import connections, replication, transactions
from advisor.collectors.postgresql.database import database
from advisor.collectors.postgresql.draft import Denied, Draft
from advisor.collectors.postgresql.statements import statements
from advisor.collectors.postgresql.tables import indexes, tables
from advisor.core import units
from advisor.core.metrics import VOCABULARY
from advisor.core.units import Unit
from advisor.polling.contract import About, Access, Answer, Poll, Tier, Unexpected, Unreachable

__all__ = ["ABOUT", "INTERVAL", "METRICS", "PROVIDER", "SCOPES", "Settings", "collect", "count"]

PROVIDER = "postgresql"
METRICS = tuple(
    VOCABULARY[name]
    for name in (
        "storage", "connections", "idle_in_transaction", "waiting_connections", "longest_transaction",
        "cache_hit_rate", "transactions", "rollbacks", "temp_bytes", "deadlocks", "query_time",
        "replication_lag", "transaction_id_age", "table_size", "index_size", "dead_rows", "scanned_tables",
        "unused_index_size", "users",
    )
)  # fmt: skip
SCOPES: tuple[str, ...] = ("pg_monitor",)
INTERVAL = 60.0
ABOUT = About(
    title="PostgreSQL",
    access=(
        Access(
            Tier.READ,
            "CONNECT alone",
            "sizes, connections in number, cache hits",
            "names of tables, their sizes",
        ),
        Access(
            Tier.READ,
            "pg_monitor",
            "query times, all sessions, replicas",
            "the texts of statements (without values), settings, who is connected",
        ),
    ),
    delay="none",
    connect=(
        "CREATE ROLE advisor LOGIN PASSWORD '...';",
        "GRANT pg_monitor TO advisor;",
        "Put its address into `dsn:` as ${NAME} or file:/path.",
    ),
)

_SILENT = "{}: no answer within {:.0f} s; is a pooler's queue full, or the network down?"


def _seconds(value: object) -> object:
    """Return `5s` or `500ms` as seconds; numbers are left as they are."""
    if not isinstance(value, str):
        return value
    number, unit = units.read(value)
    if unit is not Unit.SECONDS:
        raise ValueError(f"`{value}` is no time: write such as 5s")
    return number


Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0, le=600)]


class Settings(BaseModel, frozen=True, extra="forbid"):
    """What advisor.yaml says about a service that is a PostgreSQL database."""

    dsn: SecretStr = Field(description="Where it is: postgresql://user:password@host:5432/database.")
    statement_timeout: Seconds = Field(5.0, description="The longest that one of our statements may run.")
    connect_timeout: Seconds = Field(10.0, description="The longest wait for a connection.")
    wakes: bool = Field(
        False, description="Of a database that sleeps when idle: true asks each minute, and keeps it awake."
    )
    estimates: Literal["ends", "value"] = Field(
        "ends",
        description="How p50, p95 and p99 of query time, which are estimated, are held against thresholds: "
        "`ends`: unknown where the threshold lies between the lowest and the highest that fit; `value`: by "
        "the estimate alone.",
    )
    users_sql: str | None = Field(
        None, description="A SELECT with one number, the registered users: `select count(*) from users`."
    )


async def collect(poll: Poll, settings: Settings) -> Answer:
    """Return what the database reports now; counters as amounts since `poll.previous`.

    Raises:
        TokenRefused: Wrong user, password or database name.
        InputError: The dsn is none.
        Unreachable: No connection, no TLS, no free slot, no answer in time.
        Unexpected: A server older than 13, or something that is no PostgreSQL.
    """
    # psycopg is loaded by the first poll: a daemon without a database does without.
    from advisor.collectors.postgresql.address import Address
    from advisor.collectors.postgresql.ask import ask
    from advisor.collectors.postgresql.session import Line

    address = Address.parse(settings.dsn.get_secret_value(), settings.connect_timeout)
    # A server that accepts and then says nothing obeys no statement_timeout.
    patience = settings.connect_timeout + 6 * settings.statement_timeout
    try:
        line = Line()
        asking = ask(address, line, settings.statement_timeout, poll.previous, settings.users_sql)
        seen = await line.hold(asking, patience)
    except TimeoutError:
        raise Unreachable(_SILENT.format(address.place, patience)) from None
    draft = Draft(poll.now.astimezone(UTC), poll.previous)
    connections(draft, seen)
    database(draft, seen)
    transactions(draft, seen)
    replication(draft, seen)
    tables(draft, seen)
    indexes(draft, seen)
    statements(draft, seen, ends=settings.estimates == "ends")
    if isinstance(seen.users, Denied):
        draft.gap("number of users", f"users_sql: {seen.users.why}", "users")
    else:
        draft.level("users", seen.users)
    return draft.answer()


async def count(
    dsn: SecretStr, sql: str, *, statement_timeout: float = 5.0, connect_timeout: float = 10.0
) -> float:
    """Return the one number of the owner's SELECT, such as the registered users. Timeouts are in seconds.

    Raises:
        TokenRefused, Unreachable: As for `collect`.
        Unexpected: The SQL failed, or gave no number; the message says which, without the dsn.
    """
    from advisor.collectors.postgresql import ask  # Psycopg is loaded by the first use.
    from advisor.collectors.postgresql.address import Address
    from advisor.collectors.postgresql.session import Line

    address = Address.parse(dsn.get_secret_value(), connect_timeout)
    patience = connect_timeout + 2 * statement_timeout
    try:
        line = Line()
        found = await line.hold(ask.count(address, line, sql, statement_timeout), patience)
    except TimeoutError:
        raise Unreachable(_SILENT.format(address.place, patience)) from None
    if isinstance(found, Denied):
        raise Unexpected(f"{address.place}: the sql for users: {found.why}")
    return found
