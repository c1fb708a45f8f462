"""From the `store` of advisor.yaml to a database: which file or server, and with which settings.

SQLite writes ahead (WAL) and takes its write lock when a transaction starts, since a transaction that
turns from reading to writing fails at once when another writes. Every commit reaches the disk: what was
told to people must not be forgotten by a power cut.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import StaticPool

from advisor.errors import InputError
from advisor.store.trouble import one_sentence
from advisor.store_file import refuse

BUSY_SECONDS = 5.0  #: How long a write waits for another process.
_KNOWN = "write sqlite:///advisor.db or postgresql://user:password@host/database"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the store is: its URL for the driver, and its name in sentences, without a password."""

    url: URL
    name: str
    file: Path | None = None

    @property
    def postgres(self) -> bool:
        """True on PostgreSQL."""
        return self.url.get_backend_name() == "postgresql"


def locate(url: str, base: Path) -> Place:
    """Return the place that `url` means; an SQLite path is relative to `base`, the config file's folder.

    Raises:
        InputError: if the URL is none, names another kind of database, or a file on a network file system.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # The URL is not repeated: it may hold a password.
        raise InputError(f"this is no address of a database: {_KNOWN}", key="store") from None
    if parsed.drivername in {"postgres", "postgresql", "postgresql+psycopg"}:
        host = parsed.host or str(parsed.query.get("host", "local socket"))
        port = f":{parsed.port}" if parsed.port else ""
        return Place(parsed.set(drivername="postgresql+psycopg"), f"{host}{port}/{parsed.database or ''}")
    if parsed.drivername not in {"sqlite", "sqlite+pysqlite"}:
        raise InputError(f"a store is SQLite or PostgreSQL: {_KNOWN}", key="store")
    if parsed.database in {None, "", ":memory:"}:
        return Place(URL.create("sqlite"), "in memory")
    file = Path(os.path.abspath(base / Path(str(parsed.database)).expanduser()))  # noqa: PTH100 - keeps links.
    refuse(file)
    return Place(URL.create("sqlite", database=str(file)), str(file), file)


def connect(place: Place, *, busy_seconds: float = BUSY_SECONDS) -> Engine:
    """Return an engine for `place`; nothing is opened yet."""
    return _postgres(place) if place.postgres else _sqlite(place, busy_seconds)


def _postgres(place: Place) -> Engine:
    arguments: dict[str, Any] = {"prepare_threshold": None}  # So that a pooler may stand in between.
    if "connect_timeout" not in place.url.query:
        arguments["connect_timeout"] = 10
    if "application_name" not in place.url.query:
        arguments["application_name"] = "scaling-advisor"
    return create_engine(
        place.url,
        connect_args=arguments,
        pool_size=1,
        max_overflow=4,
        pool_pre_ping=True,
        hide_parameters=True,
    )


def _sqlite(place: Place, busy_seconds: float) -> Engine:
    arguments: dict[str, Any] = {"timeout": busy_seconds, "check_same_thread": False}
    if place.file is None:
        engine = create_engine(place.url, connect_args=arguments, poolclass=StaticPool, hide_parameters=True)
    else:
        engine = create_engine(
            place.url, connect_args=arguments, pool_size=1, max_overflow=4, hide_parameters=True
        )

    @event.listens_for(engine, "connect")
    def settle(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # We say BEGIN ourselves, below.
        for pragma in (
            "auto_vacuum=INCREMENTAL",  # Only heard by an empty file, and only before the next one.
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "journal_size_limit=67108864",
            "temp_store=MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get("only_reads", False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def ping(engine: Engine, place: Place) -> None:
    """Open the database once, so that a wrong place is told at the start.

    Raises:
        InputError: if file or rights are wrong.
        OutOfReach: if it is locked, or the server does not answer.
    """
    with one_sentence(place.name), engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")
