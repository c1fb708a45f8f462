"""A look at what the store holds, for commands that run beside the daemon."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from advisor.config import load_config
from advisor.core.watch import Watch
from advisor.engine import Engine
from advisor.errors import InputError
from advisor.store import AsyncStore, Store, open_store
from advisor.world import World

T = TypeVar("T")


def opened(config: Path) -> Store:
    """Return the store of a configuration.

    Raises:
        InputError: the configuration or the store is at fault.
        OutOfReach: the database does not answer.
    """
    loaded = load_config(config, environ=os.environ)
    return open_store(loaded.store_url(os.environ), loaded.folder)


def with_store(config: Path, work: Callable[[Store], T]) -> T:
    """Return what `work` makes of the store, and close it."""
    store = opened(config)
    try:
        return work(store)
    finally:
        store.close()


def stored_watch(world: World, config: Path) -> Watch:
    """Return the watch as the store has it, judged now; nothing is written."""
    import asyncio  # The engine's own world is asynchronous.

    async def look() -> Watch:
        store = AsyncStore(opened(config))
        try:
            engine = Engine(world, store, ())
            await engine.load(datetime.now(UTC))
            return engine.watch
        finally:
            await store.close()

    if world.config is None:
        raise InputError("a configuration is needed to look at what is stored")
    return asyncio.run(look())
