"""One round with a store: what `once` and `tick` do with a configuration."""

import asyncio
import os
import sys
from contextlib import nullcontext, redirect_stdout, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from advisor import owner
from advisor.channels import StoredOutbox, channel, names
from advisor.commands.common import exit_code
from advisor.commands.report import as_document, print_report
from advisor.daemon import Setup, lead
from advisor.engine import Engine
from advisor.errors import AdvisorError, OutOfReach
from advisor.notify.contract import Channel
from advisor.notify.delivery import Courier
from advisor.polling.client import client
from advisor.polling.poller import Polled, Poller, Source
from advisor.polling.when import last_moment, next_moment
from advisor.secrets import redact
from advisor.store import AsyncStore, open_store

#: Rounds that are further apart have had a pause between them.
LONGEST_PACE = timedelta(days=1)


async def one_round(setup: Setup, *, deliver: bool, json: bool, fail_on: str | None) -> int:
    """Poll every source, judge, and keep what came; deliver messages where told to; print.

    Raises:
        OutOfReach: a daemon holds the store's lease and does all this already.
    """
    config = setup.config
    store = AsyncStore(await asyncio.to_thread(open_store, config.store_url(os.environ), config.folder))
    try:
        engine = setup.engine(store) if deliver else setup.engine(store, silent=True)
        now = datetime.now(UTC)
        await _lead(engine, now)
        await engine.load(now)
        polls = await _poll_all(setup, engine, often=deliver)
        now = datetime.now(UTC)
        zone = config.digest_timezone
        await engine.absorb(polls, now, next_moment(setup.digest, zone, now))
        # Messages for standard output would stand in the middle of the document.
        with redirect_stdout(sys.stderr) if json else nullcontext():
            undelivered = await _deliver(setup, engine, now) if deliver else []
        snapshot = engine.snapshot(now)
        (as_document if json else print_report)(snapshot)
        for error in undelivered:
            print(f"not delivered: {redact(str(error))}", file=sys.stderr)
    finally:
        await _let_go(engine)
        await store.close()
    codes = {1 if polled.fault else 3 for polled in polls if polled.error}
    codes |= {error.exit_code for error in undelivered}
    return exit_code(engine.watch, fail_on) or min(codes, default=0)


async def _lead(engine: Engine, now: datetime) -> None:
    engine.lease = await engine.store.write(lambda tx: lead(tx, now))
    if engine.lease is None:
        raise OutOfReach("a running advisor holds this store; ask its page, or stop it first")


async def _let_go(engine: Engine) -> None:
    lease = engine.lease
    if lease is not None:
        with suppress(AdvisorError):  # It ends by itself in a minute.
            await engine.store.write(lambda tx: tx.release_lease(lease, datetime.now(UTC)))


async def _poll_all(setup: Setup, engine: Engine, *, often: bool) -> list[Polled]:
    """Poll every source once; `often`: rounds like this one come again and again, and nothing in between."""
    now = datetime.now(UTC)
    async with client() as http:
        poller = Poller(http)
        polls = []
        for feed in setup.feeds:
            called = (feed.source.about, feed.source.called)
            before = engine.last_success.get(called)
            source = paced(feed.source, before, now) if often else feed.source
            polls.append(poller.poll(source, now, before, engine.kept.get(called)))
        return await asyncio.gather(*polls)


def paced(source: Source, before: datetime | None, now: datetime) -> Source:
    """Return the source at the pace of the rounds where that is slower than its own.

    A reading is good until the one after next is missed. Of what cron polls every quarter of an hour that is
    longer than the minutes of a daemon, and without it most of each day would count as not seen.
    """
    if before is None:
        return source
    between = min(now - before, LONGEST_PACE).total_seconds()
    return replace(source, interval=between) if between > source.interval else source


async def _deliver(setup: Setup, engine: Engine, now: datetime) -> list[AdvisorError]:
    """Queue a report that is due, deliver what waits, and return what went wrong."""
    zone = setup.config.digest_timezone
    due = last_moment(setup.digest, zone, now)
    if now - due < timedelta(days=1):
        await engine.queue_digest("weekly", now, zone, due)
    found: dict[str, Channel] = {}
    errors: list[AdvisorError] = []
    for name in names(setup.config):
        try:
            found[name] = channel(setup.config, name, os.environ)
        except AdvisorError as error:  # The others are told all the same.
            errors.append(error)
    courier = Courier(StoredOutbox(engine.store), found, owner.me())
    try:
        report = await courier.deliver_due(now)
    except AdvisorError as error:
        return [*errors, error]
    await engine.look_at_outbox()
    return [*errors, *(OutOfReach(f"{name}: {why}") for name, _, why in report.errors)]
