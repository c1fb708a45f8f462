"""`advisor digest`: the report as it would go out now."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

from advisor.daemon import set_up
from advisor.errors import InputError
from advisor.notify.render import render
from advisor.store import AsyncStore, open_store

FORMS = ("text", "html", "slack", "json")
CADENCES = ("weekly", "daily")


def run(config: Path, form: str, cadence: str) -> int:
    """Print the digest from what the store holds; nothing is polled, written or sent."""
    if form not in FORMS:
        raise InputError(f"--format {form}: write {', '.join(FORMS)}")
    if cadence not in CADENCES:
        raise InputError(f"--cadence {cadence}: write {' or '.join(CADENCES)}")
    print(asyncio.run(_rendered(config, form, cadence)))
    return 0


async def _rendered(config: Path, form: str, cadence: str) -> str:
    setup = set_up(config, os.environ)
    url = setup.config.store_url(os.environ)
    store = AsyncStore(await asyncio.to_thread(open_store, url, setup.config.folder))
    try:
        engine = setup.engine(store, silent=True)
        now = datetime.now(UTC)
        await engine.load(now)
        await engine.advise_all(now)
        return render(engine.digest(cadence, now, setup.config.digest_timezone), form)
    finally:
        await store.close()
