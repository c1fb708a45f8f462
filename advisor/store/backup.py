"""A copy of the whole store in one SQLite file, and a look at whether everything in it can be read."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, func, insert, select

from advisor.errors import InputError, OutOfReach
from advisor.store import codec
from advisor.store.schema import chunks, metadata, recent
from advisor.store.trouble import one_sentence

_ROWS = 2_000  #: Rows copied at a time.


def backup(engine: Engine, place: str, path: Path) -> None:
    """Write a copy to `path`, of one moment and while others write; it appears when it is whole.

    A copy of a PostgreSQL store is an SQLite file too, which `store: sqlite:///...` opens.

    Raises:
        InputError: if `path` exists already or its folder does not.
        OutOfReach: if the disk is full or the store does not answer.
    """
    if path.exists():
        raise InputError(f"{path} exists already: name a new file for the backup")
    if not path.parent.is_dir():
        raise InputError(f"the folder {path.parent} does not exist: create it, or name another")
    part = path.with_name(f"{path.name}.part-{os.getpid()}")
    try:
        with one_sentence(place):
            if engine.dialect.name == "sqlite":
                _copy_file(engine, part)
            else:
                _copy_rows(engine, part)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.rename(path)
    except sqlite3.Error as error:
        raise OutOfReach(
            f"the backup {path} could not be written ({error}): free some space, or name another"
        ) from None
    except OSError as error:
        raise OutOfReach(f"the backup {path} could not be written: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)


def _copy_file(engine: Engine, part: Path) -> None:
    source = engine.raw_connection()
    try:
        held = source.driver_connection
        if not isinstance(held, sqlite3.Connection):
            raise TypeError(f"not an SQLite connection: {held!r}")
        with closing(sqlite3.connect(part)) as target:
            held.backup(target)
            # One file without companions.
            target.execute("PRAGMA journal_mode=DELETE").close()
    finally:
        source.close()


def _copy_rows(engine: Engine, part: Path) -> None:
    target = create_engine(f"sqlite:///{part}")
    try:
        reading = engine.connect().execution_options(isolation_level="REPEATABLE READ")
        with reading as source, target.begin() as copy:
            metadata.create_all(copy)
            for table in metadata.sorted_tables:
                rows = source.execution_options(yield_per=_ROWS).execute(select(table)).mappings()
                for some in rows.partitions(_ROWS):
                    copy.execute(insert(table), [dict(row) for row in some])
    finally:
        target.dispose()


def integrity_check(connection: Connection) -> list[str]:
    """Return what is wrong with the store, one sentence each; empty where everything can be read."""
    faults = []
    if connection.dialect.name == "sqlite":
        found = [str(row[0]) for row in connection.exec_driver_sql("PRAGMA integrity_check")]
        faults += [fault for fault in found if fault != "ok"]
        orphans = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        faults += [f"a row of `{row[0]}` belongs to nothing in `{row[2]}`" for row in orphans]
    for table in (chunks, recent):
        query = select(table).execution_options(yield_per=_ROWS)
        for row in connection.execute(query):
            name = f"series {row.series_id}, day {row.day}" if table is chunks else f"poll {row.id}"
            try:
                ints, _ = codec.decode(row.data)
            except ValueError as error:
                faults.append(f"{name}: {error}")
                continue
            if len(ints[0]) != row.rows:
                faults.append(f"{name}: {len(ints[0])} samples where {row.rows} were written")
    return faults


def size(connection: Connection) -> int:
    """Return the bytes that the database takes."""
    if connection.dialect.name == "sqlite":
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        return int(pages) * int(connection.exec_driver_sql("PRAGMA page_size").scalar_one())
    return int(connection.execute(select(func.pg_database_size(func.current_database()))).scalar_one())
