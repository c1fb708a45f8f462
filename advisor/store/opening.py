"""Opening a store: find it, bring its schema up to date, refuse one that is newer than we are."""

from pathlib import Path
from uuid import uuid4

from sqlalchemy import Connection, Engine, insert, inspect, select, text

from advisor.errors import InputError
from advisor.store.engine import BUSY_SECONDS, Place, connect, locate, ping
from advisor.store.schema import meta, metadata, schema_revision
from advisor.store.store import Store
from advisor.store.trouble import one_sentence
from advisor.store_file import HEAD, REVISIONS, newer

_MIGRATION_LOCK = 7_236_144_217  # Any number, the same in every process.


def open_store(url: str, base: Path, *, migrate: bool = True, busy_seconds: float = BUSY_SECONDS) -> Store:
    """Return the store at `url`; an SQLite path is relative to `base`, the config file's folder.

    An empty database gets the tables; one of an older schema is migrated, or refused where `migrate` is
    False. A write waits `busy_seconds` for another process.

    Raises:
        InputError: if the place cannot be right, may not be written, or has a newer schema.
        OutOfReach: if it is locked, full, or does not answer.
    """
    place = locate(url, base)
    engine = connect(place, busy_seconds=busy_seconds)
    try:
        ping(engine, place)
        with one_sentence(place.name):
            _prepare(engine, place, migrate=migrate)
        return Store(engine, place)
    except BaseException:
        engine.dispose()
        raise


def look(url: str, base: Path, *, ask: bool) -> tuple[str, str | None]:
    """Return a store's name and its schema revision (None: no tables yet, or not asked); nothing is changed.

    Raises:
        InputError: if the place cannot be right.
        OutOfReach: if it does not answer.
    """
    place = locate(url, base)
    if not ask:
        return place.name, None
    engine = connect(place)
    try:
        ping(engine, place)
        with one_sentence(place.name), engine.connect().execution_options(only_reads=True) as connection:
            return place.name, _revision(connection)
    finally:
        engine.dispose()


def _prepare(engine: Engine, place: Place, *, migrate: bool) -> None:
    with engine.connect().execution_options(only_reads=True) as connection:
        if _revision(connection) == HEAD:
            return
    with engine.begin() as connection:
        if place.postgres:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        # Looked at again: another process may have been quicker.
        revision = _revision(connection)
        if revision == HEAD:
            return
        if revision is None:
            _create(connection, place)
        elif revision not in REVISIONS:
            raise newer(place.name, revision)
        elif not migrate:
            raise InputError(
                f"the store {place.name} has schema {revision}, this advisor needs {HEAD}: "
                "`advisor run` brings it up to date"
            )
        else:
            upgrade(connection)


def _revision(connection: Connection) -> str | None:
    """Return the schema's revision, None where there is no table that tells it."""
    if not inspect(connection).has_table(schema_revision.name):
        return None
    return connection.execute(select(schema_revision.c.version_num)).scalar()


def _create(connection: Connection, place: Place) -> None:
    """Make all tables at once. A test shows that the migrations make the same."""
    taken = set(inspect(connection).get_table_names()) & set(metadata.tables)
    if taken:
        raise InputError(
            f"the store {place.name} has a table `{min(taken)}` that is not ours: "
            "give the advisor a database of its own"
        )
    metadata.create_all(connection, checkfirst=False)
    connection.execute(insert(schema_revision).values(version_num=HEAD))
    begin(connection)


def begin(connection: Connection) -> None:
    """Write the first rows."""
    connection.execute(
        insert(meta),
        [
            {"key": "instance", "text": uuid4().hex, "number": None},
            {"key": "revision", "text": None, "number": 0},
            {"key": "raw_since", "text": None, "number": 0},
        ],
    )


def upgrade(connection: Connection, revision: str = HEAD) -> None:
    """Run the migrations up to `revision` in the connection's transaction."""
    # Heavy, and needed only when a schema changes.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "advisor.store:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
