"""Where a database is: a `dsn` as people have it, made into what libpq takes, and a name for messages.

A `dsn` is a URI (`postgresql://user:password@host:5432/database?sslmode=require`) or libpq's `key=value`
form.
"""

from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from advisor.errors import InputError

__all__ = ["Address"]

#: What other clients write into the URI for themselves; libpq would refuse the whole URI for it.
_FOREIGN = frozenset({
    "connection_limit", "max_pool_size", "pgbouncer", "pool_size", "pool_timeout", "prepare_threshold",
    "prepared_statement_cache_queries", "prepared_statement_cache_size", "prepared_statements", "schema",
    "socket_timeout", "ssl", "sslaccept", "sslidentity", "statement_cache_size", "supa", "uselibpqcompat",
    "workaround",
})  # fmt: skip

_UNREADABLE = (
    "the dsn cannot be read as a PostgreSQL address: write postgresql://user:password@host:5432/database, "
    "with special characters of the password percent-encoded"
)


@dataclass(frozen=True, slots=True)
class Address:
    """What to connect with, `place` (host and port, no secret) for messages, and the host `names` in it."""

    conninfo: str
    place: str
    names: tuple[str, ...]

    @classmethod
    def parse(cls, dsn: str, connect_timeout: float) -> "Address":
        """Return the address that `dsn` means; `connect_timeout` (seconds) gives way to the dsn's own.

        Raises:
            InputError: It is none. The message repeats nothing of it, for it holds a password.
        """
        try:
            given = conninfo_to_dict(_for_libpq(dsn.strip()))
            options: dict[str, str | int] = {key: value for key, value in given.items() if value is not None}
            # Empty beats PGOPTIONS and PGAPPNAME: in a pooled connection a startup option outlives our
            # transaction.
            options.setdefault("options", "")
            options.setdefault("application_name", "")
            options.setdefault("connect_timeout", max(2, round(connect_timeout)))
            conninfo = make_conninfo("", **options)
        except (ProgrammingError, ValueError):
            # The cause quotes pieces of the dsn, so it stays out of the chain.
            raise InputError(_UNREADABLE) from None
        hosts = str(options.get("host") or options.get("hostaddr") or "").split(",")
        ports = str(options.get("port") or "5432").split(",")
        if not all(port.isdigit() for port in ports if port):
            raise InputError(_UNREADABLE)
        if len(ports) < len(hosts):
            ports = ports * len(hosts)
        places = [
            f"the local socket, port {port or 5432}"
            if not host or host.startswith(("/", "@"))
            else f"{host}:{port or 5432}"
            for host, port in zip(hosts, ports, strict=False)
        ]
        return cls(conninfo, " or ".join(places), tuple(host for host in hosts if host))


def _for_libpq(dsn: str) -> str:
    """Return `dsn` without what only other clients understand."""
    scheme, colon, rest = dsn.partition("://")
    if not colon or not scheme.startswith("postgres"):
        return dsn
    # `postgresql+asyncpg` and the like are SQLAlchemy's.
    parts = urlsplit(f"postgresql://{rest}")
    if not parts.query:
        return urlunsplit(parts)
    query = [(key, value) for key, value in parse_qsl(parts.query, True) if key.lower() not in _FOREIGN]
    # libpq reads `+` as itself, not as a space: hence `quote`.
    return str(urlunsplit(parts._replace(query=urlencode(query, quote_via=quote))))
