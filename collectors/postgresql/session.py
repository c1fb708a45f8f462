"""One connection, one read-only transaction, and what its failures mean.

Nothing is set outside the transaction, nothing is prepared, and a cancelled or failed statement takes only
its own section with it (a savepoint each). So the connection may come from PgBouncer in transaction mode.
"""

import asyncio
import math
import os
import socket
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar

import psycopg
from psycopg.rows import DictRow, dict_row

from advisor.collectors.postgresql.address import Address
from advisor.collectors.postgresql.draft import Denied
from advisor.polling.contract import CollectError, TokenRefused, Unreachable

__all__ = ["Connection", "Line", "Session", "connect", "statement"]

T = TypeVar("T")


@cache
def statement(name: str) -> str:
    """Return the text of `sql/<name>.sql`."""
    return files("advisor.collectors.postgresql").joinpath("sql", f"{name}.sql").read_text("utf-8")


class Session:
    """The open transaction."""

    def __init__(self, connection: psycopg.AsyncConnection[DictRow]) -> None:
        self._connection = connection

    async def read(self, name: str, words: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """Return the rows of one of our statements, its `{words}` replaced.

        Raises:
            Denied: The server refused this one; the transaction goes on.
            Unreachable: The connection broke.
        """
        sql = statement(name)
        for word, text in (words or {}).items():
            sql = sql.replace(f"{{{word}}}", text)
        try:
            cursor = await self._connection.execute(
                _bytes(f"SAVEPOINT section;\n{sql};\nRELEASE SAVEPOINT section")
            )
            cursor.nextset()
            return await cursor.fetchall()
        except psycopg.Error as error:
            if self._connection.broken or self._connection.closed:
                raise
            await self._connection.execute("ROLLBACK TO SAVEPOINT section")
            raise Denied(_why(error, name)) from None

    async def number(self, sql: str) -> float:
        """Return the one number that the owner's own SELECT gives, in this transaction.

        It goes by the extended protocol, which takes exactly one statement: `; COMMIT; DELETE` is refused.

        Raises:
            Denied: It failed, gave no row, or no number.
        """
        try:
            await self._connection.execute("SAVEPOINT section")
            cursor = await self._connection.execute(_bytes(sql), prepare=False, binary=True)
            row = await cursor.fetchone() if cursor.description else None
        except psycopg.Error as error:
            if self._connection.broken or self._connection.closed:
                raise
            await self._connection.execute("ROLLBACK TO SAVEPOINT section")
            raise Denied(_why(error, "sql")) from None
        value = next(iter(row.values()), None) if row else None
        try:
            number = float(value)  # type: ignore[arg-type] # What is no number is refused below.
        except (TypeError, ValueError):
            raise Denied(
                "the sql gives no number: write a SELECT with one row and one column, such as "
                "`select count(*) from users`"
            ) from None
        if not math.isfinite(number):
            raise Denied("the sql gives no finite number")
        return number


@asynccontextmanager
async def connect(address: Address, line: "Line") -> AsyncIterator["Connection"]:
    """Open a connection, known to `line`, and close it at the end.

    Raises:
        TokenRefused: Wrong user, password or database.
        Unreachable: No connection, no TLS, no free slot, or it broke.
    """
    connection = None
    try:
        connection = await psycopg.AsyncConnection.connect(
            address.conninfo, autocommit=True, prepare_threshold=None, row_factory=dict_row
        )
        line.connection = connection
        yield Connection(connection)
    except psycopg.Error as error:
        raise _trouble(error, address, connected=connection is not None) from None
    except OSError as error:
        why = error.strerror or "the network failed"
        raise Unreachable(f"{address.place}: {why}; is the address right?") from None
    finally:
        if connection is not None:
            # Closing in the middle of a transaction ends it: a pooler then drops the server's connection.
            await connection.close()
            line.connection = None


class Line:
    """What to cut when a server falls silent.

    Cancelling a task that waits for an answer does not do: psycopg then asks the server to cancel, and waits
    for its answer to that.
    """

    connection: psycopg.AsyncConnection[DictRow] | None = None

    async def hold(self, work: Coroutine[Any, Any, T], patience: float) -> T:
        """Return what `work` gives; cut the line after `patience` seconds, or when cancelled.

        Raises:
            TimeoutError: It took longer.
        """
        task = asyncio.ensure_future(work)
        try:
            done, _ = await asyncio.wait({task}, timeout=patience)
        except asyncio.CancelledError:
            await self._cut(task)
            raise
        if done:
            return task.result()
        await self._cut(task)
        raise TimeoutError

    async def _cut(self, task: "asyncio.Future[Any]") -> None:
        if self.connection is None or self.connection.closed:
            task.cancel()
        else:
            with socket.socket(fileno=os.dup(self.connection.fileno())) as wire, suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # It is looked at, so that asyncio does not call it forgotten.


class Connection:
    """An open connection, which does nothing outside `transaction`."""

    def __init__(self, connection: psycopg.AsyncConnection[DictRow]) -> None:
        self._connection = connection

    @asynccontextmanager
    async def transaction(
        self, statement_timeout: float, lock_timeout: float, *, own_names: bool = True
    ) -> AsyncIterator[Session]:
        """Open a read-only transaction with these timeouts (seconds), and commit it.

        `own_names=False` leaves the search_path in force, for the owner's own SQL.
        """
        begin = statement("begin")
        for word, seconds in (("statement_timeout", statement_timeout), ("lock_timeout", lock_timeout)):
            begin = begin.replace(f"{{{word}}}", str(max(1, round(seconds * 1000))))
        if not own_names:
            begin = "".join(line for line in begin.splitlines(True) if "search_path" not in line)
        await self._connection.execute(_bytes(begin))
        yield Session(self._connection)
        await self._connection.execute("COMMIT")


def _bytes(sql: str) -> bytes:
    """Return SQL as psycopg takes what is no literal in the code: our files, or the owner's own SELECT."""
    return sql.encode()


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


#: Pieces of what libpq and the server say when a connection fails (no SQLSTATE is passed on there), in the
#: order in which they are looked for, with our error and the rest of the sentence.
_CONNECTING: Sequence[tuple[tuple[str, ...], type[CollectError], str]] = (
    (
        (
            "too many clients",
            "remaining connection slots",
            "too many connections",
            "no more connections allowed",
        ),
        Unreachable,
        "every connection slot is taken, so that nobody else can connect either; close idle connections, "
        "use a pooler or raise the limit",
    ),
    (
        (
            "password authentication failed",
            "authentication failed",
            "no such user",
            "no password supplied",
            "password is missing",
            "sasl authentication",
        ),
        TokenRefused,
        "user or password were refused; set the right ones in the dsn",
    ),
    (
        ("no pg_hba.conf entry", "pg_hba.conf rejects"),
        TokenRefused,
        "the server's pg_hba.conf lets this user not in from here, or only with TLS; add a line for it, or "
        "sslmode=require to the dsn",
    ),
    (
        ("permission denied for database",),
        TokenRefused,
        "the role may not connect to this database; GRANT CONNECT ON DATABASE to it",
    ),
    (
        ('role "', "is not permitted to log in"),
        TokenRefused,
        "there is no such role or it may not log in; create it WITH LOGIN or correct the dsn",
    ),
    (
        ('database "', "no such database"),
        TokenRefused,
        "there is no such database or it takes no connections; correct the name at the dsn's end",
    ),
    (
        ("ssl", "certificate", "tls"),
        Unreachable,
        "TLS failed; see that the server offers it and that its certificate fits the dsn's sslmode and "
        "sslrootcert",
    ),
    (
        (
            "failed to resolve",
            "could not translate host name",
            "name or service not known",
            "name resolution",
        ),
        Unreachable,
        "there is no such host name (DNS); correct the host in the dsn",
    ),
    (
        ("connection refused",),
        Unreachable,
        "connection refused; is PostgreSQL running there, and is the port right?",
    ),
    (
        ("timeout expired", "timed out", "timeout"),
        Unreachable,
        "no answer in time; is a firewall between, or the server overloaded?",
    ),
    (
        ("starting up", "shutting down", "recovery mode", "not yet accepting"),
        Unreachable,
        "the server is starting up or shutting down; it is asked again at the next poll",
    ),
    (("no such file or directory",), Unreachable, "there is no such socket; is PostgreSQL running?"),
    (
        ("unreachable", "no route"),
        Unreachable,
        "the network has no way there; is the address right and the firewall open?",
    ),
)


def _trouble(error: psycopg.Error, address: Address, *, connected: bool) -> CollectError:
    """Return what a failed connection means, in one sentence without a secret."""
    text = str(error).lower()
    for name in address.names:
        text = text.replace(name.lower(), "")  # A host called `ssl-db` is no TLS failure.
    for pieces, kind, sentence in _CONNECTING:
        # A connection that a restart cut off also says "SSL".
        if any(piece in text for piece in pieces) and not (connected and "ssl" in pieces):
            return kind(f"{address.place}: {sentence}")
    if connected:
        return Unreachable(
            f"{address.place}: the connection broke in the middle; it is tried again at the next poll"
        )
    return Unreachable(f"{address.place}: no connection could be made; try the same dsn with psql to see why")


_SECTION: Mapping[str, str] = {
    "42501": "the role lacks the right; GRANT pg_monitor TO it",
    "57014": "it took longer than statement_timeout and was cancelled",
    "55P03": "it waited longer than lock_timeout for a lock",
    "25006": "it writes, and the advisor only reads",
    "55000": "pg_stat_statements is not loaded; add it to shared_preload_libraries and restart the server",
    "42P01": "there is no such table or view",
    "42703": "there is no such column",
    "42883": "there is no such function",
    "42601": "it is no valid SQL, or more than one statement",
}


def _why(error: psycopg.Error, name: str) -> str:
    """Return why one section failed: our sentence for the foreseen codes, else the server's first line."""
    known = _SECTION.get(error.sqlstate or "")
    if name == "sql" and error.sqlstate == "42501":
        return "the role may not read that table; GRANT SELECT on it"
    if known and not (error.sqlstate == "55000" and name not in {"statements", "statements_began"}):
        return known
    return f"the server says: {(error.diag.message_primary or _first_line(error))[:200]}"
