"""`advisor once`: poll every source, judge, advise, print. With `--postgres`, without any configuration.

A look at one database begins with its first snapshot; what judges the second is loaded while it waits for it.
"""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advisor import logs
from advisor.config import Config, from_data
from advisor.core.units import Unit, read
from advisor.errors import InputError
from advisor.feeds import Feed, feeds
from advisor.polling.poller import Polled, Poller
from advisor.secrets import Secret

if TYPE_CHECKING:
    from advisor.commands.look import Look


def postgres(dsn: str, plan: str | None, watch: str, *, json: bool, fail_on: str | None) -> int:
    """Look at one database: two snapshots, what nears its limit, what to do."""
    logs.setup("warning")  # To standard error; what is not set up writes into the document.
    config = from_data(_configuration(dsn, plan), folder=Path.cwd(), environ=os.environ)
    feed = next(one for one in feeds(config) if one.source.called == "postgresql")  # Not the provider's own.
    look = asyncio.run(_look(config, feed, plan, _seconds(watch)))
    look.show(json=json)
    return look.exit_code(fail_on)


def run(config: Path, *, json: bool, fail_on: str | None) -> int:
    """Poll every source of a configuration once; history comes from the store, and readings go there."""
    from advisor.commands.round import one_round  # Opens the store.
    from advisor.daemon import set_up

    logs.setup("warning")
    setup = set_up(config, os.environ)
    return asyncio.run(one_round(setup, deliver=False, json=json, fail_on=fail_on))


def _configuration(dsn: str, plan: str | None) -> dict[str, Any]:
    provider, _, name = (plan or "postgresql").partition("/")
    where = dsn.removeprefix("env:")
    service: dict[str, Any] = {
        "provider": provider,
        "role": "database",
        "dsn": Secret(f"${{{where}}}") if where != dsn else Secret(dsn),
    }
    if name:
        service["plan"] = name
    packs = ["app-virgin"] if plan else []
    return {"stacks": {"once": {"packs": packs, "services": {"database": service}}}}


def _seconds(text: str) -> float:
    try:
        seconds, unit = read(text)
    except ValueError as error:
        raise InputError(f"--watch: {error}") from None
    if unit is not Unit.SECONDS or not 0 < seconds <= 3600:
        raise InputError(f"--watch {text}: write a time between 1s and 1h")
    return seconds


async def _look(config: Config, feed: Feed, plan: str | None, wait: float) -> "Look":
    poller = Poller(None)
    first = await poller.poll(feed.source, datetime.now(UTC))
    look, last = await asyncio.gather(
        asyncio.to_thread(_prepared, config, feed, plan), _again(poller, feed, first, wait)
    )
    if last.fault:
        raise InputError(str(last.error), key="--postgres")
    look.judge(first, last)
    return look


async def _again(poller: Poller, feed: Feed, first: Polled, wait: float) -> Polled:
    if first.error is not None:
        return first
    await asyncio.sleep(wait)
    return await poller.poll(feed.source, datetime.now(UTC), first.at, first.keep)


def _prepared(config: Config, feed: Feed, plan: str | None) -> "Look":
    from advisor.commands.look import Look

    return Look(config, feed, plan)
