"""The store: transactions on one database, and the same for code that runs in an event loop."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine

from advisor.store import backup, history, rollups
from advisor.store.engine import Place
from advisor.store.rollups import Retention
from advisor.store.series import SeriesIndex
from advisor.store.transaction import Transaction
from advisor.store.trouble import one_sentence

T = TypeVar("T")


class Store:
    """One database. `open_store` makes it; used from one thread at a time."""

    def __init__(self, engine: Engine, place: Place) -> None:
        self.place = place
        self._engine = engine
        self._index = SeriesIndex()
        self._waiting = 0
        self._oldest: datetime | None = None
        with self.reading() as tx:
            self._waiting, self._oldest = history.waiting(tx.connection)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Read and write; committed at the end of the block, undone where it raises.

        Raises:
            InputError: if the file may not be written.
            OutOfReach: if the database is locked, full or does not answer.
        """
        with one_sentence(self.place.name), self._engine.connect() as connection:
            # Else-branches of `with engine.begin()` would forget what the index learnt.
            try:
                with connection.begin():
                    tx = Transaction(connection, self._index)
                    yield tx
                    folded = self._fold_if_many(tx)
            except BaseException:
                self._index.forget()
                raise
            self._index.keep()
            if folded:
                self._waiting, self._oldest = 0, None
            elif tx.added:
                self._waiting += tx.added
                self._oldest = self._oldest or tx.seen_at

    def _fold_if_many(self, tx: Transaction) -> bool:
        if not tx.added or tx.seen_at is None:
            return False
        waited = tx.seen_at - (self._oldest or tx.seen_at)
        if self._waiting + tx.added < history.FOLD_ABOVE and waited < timedelta(seconds=history.FOLD_AFTER):
            return False
        tx.fold()
        return True

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Read only, all of one moment, without keeping anybody from writing.

        Raises:
            OutOfReach: if the database does not answer.
        """
        if self.place.postgres:
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        else:
            options = {"only_reads": True}
        with one_sentence(self.place.name), self._engine.connect() as connection:
            reader = connection.execution_options(**options)
            with reader.begin():
                # What a reader meets of unknown series is not remembered.
                yield Transaction(reader, SeriesIndex())

    def prune(self, now: datetime, retention: Retention, zones: Mapping[str, str] | None = None) -> int:
        """Roll up, then throw away what is older than it is kept; return how many chunks and buckets went.

        Raises:
            OutOfReach: if the database is locked, full or does not answer.
        """
        with self.transaction() as tx:
            gone = rollups.prune(tx.connection, now, retention, zones or {})
        if self.place.file is not None:
            with one_sentence(self.place.name), self._engine.connect() as connection:
                # Gives the emptied pages back to the disk.
                _driver(connection, "PRAGMA incremental_vacuum")
                _driver(connection, "PRAGMA wal_checkpoint(TRUNCATE)")
        self._waiting, self._oldest = 0, None
        return gone

    def backup(self, path: Path) -> None:
        """Write a copy of the whole store to a new SQLite file, while others write.

        Raises:
            InputError: if `path` exists already or its folder does not.
            OutOfReach: if a disk is full or the database does not answer.
        """
        backup.backup(self._engine, self.place.name, path)

    def integrity_check(self) -> list[str]:
        """Return what is wrong with the store, one sentence each; empty where all is well."""
        with self.reading() as tx:
            return backup.integrity_check(tx.connection)

    def size(self) -> int:
        """Return the bytes that the database takes."""
        with self.reading() as tx:
            return backup.size(tx.connection)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()


def _driver(connection: Connection, statement: str) -> None:
    """Run a statement outside any transaction."""
    cursor = connection.connection.cursor()
    try:
        cursor.execute(statement)
        cursor.fetchall()
    finally:
        cursor.close()


class AsyncStore:
    """A store behind one thread, so that an event loop never waits for a disk.

    A transaction is one function that runs there; whoever awaits it may be cancelled, the transaction is
    not: it is committed or undone as a whole.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")

    async def run(self, work: Callable[[Store], T]) -> T:
        """Return what `work` makes of the store."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, self.store)

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Return what `work` makes of a transaction, after its commit."""

        def all_of_it(store: Store) -> T:
            with store.transaction() as tx:
                return work(tx)

        return await self.run(all_of_it)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Return what `work` finds in the store at one moment."""

        def all_of_it(store: Store) -> T:
            with store.reading() as tx:
                return work(tx)

        return await self.run(all_of_it)

    async def close(self) -> None:
        """Finish what was begun, then close the connections."""
        await self.run(Store.close)
        self._thread.shutdown(wait=False)
