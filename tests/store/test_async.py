"""An event loop uses the store through one thread."""

import asyncio
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from advisor.core.model import Observed, Reading
from advisor.store import AsyncStore, Store, Transaction, open_store

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def add(value: float):
    def work(tx: Transaction) -> str:
        tx.add_readings([Observed(Reading("storage", value, NOW), f"s/{value}", "x", NOW, 45.0)])
        return threading.current_thread().name

    return work


async def test_every_transaction_runs_in_the_one_thread(store: Store) -> None:
    behind = AsyncStore(store)
    names = await asyncio.gather(*(behind.write(add(n)) for n in range(5)))
    assert set(names) == {"store_0"}
    assert len(await behind.read(Transaction.newest)) == 5
    assert await behind.run(lambda s: s.integrity_check()) == []
    await behind.close()


async def test_a_transaction_that_fails_is_undone_and_told(tmp_path: Path) -> None:
    behind = AsyncStore(open_store("sqlite:///a.db", tmp_path))

    def fail(tx: Transaction) -> None:
        add(1)(tx)
        raise KeyError("no")

    with pytest.raises(KeyError):
        await behind.write(fail)
    assert await behind.read(Transaction.newest) == []
    await behind.close()


async def test_a_cancelled_caller_leaves_a_whole_transaction(tmp_path: Path) -> None:
    behind = AsyncStore(open_store("sqlite:///a.db", tmp_path))
    inside, go = threading.Event(), threading.Event()

    def slow(tx: Transaction) -> None:
        add(1)(tx)
        inside.set()
        go.wait()
        add(2)(tx)

    task = asyncio.create_task(behind.write(slow))
    await asyncio.to_thread(inside.wait)
    task.cancel()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(await behind.read(Transaction.newest)) == 2
    await behind.close()
