"""The daemon: wires the rooms, starts, reloads, stops.

    schedule ─starts─▶ poller ─polled─▶ queue ─▶ engine ─commits─▶ outbox ─▶ courier ─▶ channels
                                                   └─ snapshot ─▶ page, /metrics

Only the holder of the lease writes; a second daemon over the same store stands by until the lease is free.
"""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from advisor import __version__, logs
from advisor.channels import StoredOutbox, channels, names
from advisor.config import Config, load_config
from advisor.core.message import Digest
from advisor.core.snapshot import Snapshot, SourceRow
from advisor.engine import Engine
from advisor.errors import AdvisorError
from advisor.feeds import Feed, feeds, gives
from advisor.notify.delivery import Courier
from advisor.polling.client import client
from advisor.polling.poller import Polled, Poller
from advisor.polling.schedule import Schedule
from advisor.polling.when import DigestTime, last_moment, next_moment
from advisor.secrets import redact
from advisor.store import AsyncStore, Claim, Retention, StaleFence, open_store
from advisor.world import World, world

if TYPE_CHECKING:
    from advisor.web.server import Web

__all__ = ["Daemon", "Setup", "set_up"]

LEASE, RENEW = 60.0, 20.0  #: Seconds that the lease lasts, and after which it is renewed.
RETRY = 5.0  #: What waits in the outbox is looked at this often.
MINUTE = 60.0  #: Without any poll a round is made this often, since data grow stale by themselves.
CATCH_UP = timedelta(hours=12)  #: A report that was missed goes out so long afterwards.
DELIVERY = 15.0  #: Seconds that the last delivery may take at the end.

log = logs.get_logger("advisor")


class Setup:
    """All that a configuration stands for, checked, before anything is started with it."""

    def __init__(self, config: Config, world_: World, found: list[Feed]) -> None:
        self.config = config
        self.world = world_
        self.feeds = found

    def engine(self, store: AsyncStore, *, silent: bool = False) -> Engine:
        """Return an engine of this setup over a store; a silent one queues no message."""
        return Engine(
            self.world,
            store,
            () if silent else names(self.config),
            sources=[SourceRow(f.source.about, f.source.called, f.source.interval) for f in self.feeds],
            gives=gives(self.feeds, self.world.fleet),
        )

    @property
    def digest(self) -> DigestTime:
        """When the weekly report goes out."""
        when = self.config.digest.every
        days = tuple(range(7)) if when.weekday is None else (when.weekday,)
        return DigestTime(days, when.hour, when.minute)


def set_up(path: Path, environ: Mapping[str, str]) -> Setup:
    """Read and check a configuration whole.

    Raises:
        InputError: something in it is at fault.
    """
    config = load_config(path, environ=environ)
    made = world(config)
    return Setup(config, made, feeds(config, environ))


class Daemon:
    """One running advisor."""

    def __init__(
        self,
        path: Path,
        environ: Mapping[str, str] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.path = path
        self.environ = os.environ if environ is None else environ
        self.now = now
        self.setup = set_up(path, self.environ)
        self.owner = f"{socket.gethostname()}:{path.absolute()}"
        self._polled: asyncio.Queue[Polled | None] = asyncio.Queue()
        self._stop = asyncio.Event()
        self._deliveries: set[asyncio.Task[None]] = set()
        self._courier: Courier[Claim] | None = None
        self._reloading = asyncio.Lock()
        self._caught_up = False

    # -- life ------------------------------------------------------------------------------------------

    async def run(self) -> int:
        """Run until SIGTERM or SIGINT; return the exit code."""
        self._catch_signals()
        config = self.setup.config
        self.store = AsyncStore(
            await asyncio.to_thread(open_store, config.store_url(self.environ), config.folder)
        )
        self.engine = self.setup.engine(self.store)
        if not await self._lead():
            await self.store.close()
            return 0
        await self.engine.load(self.now())
        self._courier = Courier(StoredOutbox(self.store), channels(config, self.environ), self.owner)
        async with client() as http:
            self.poller, self.http = Poller(http), http
            web = await self._serve()
            self.schedule = Schedule()
            self._plan()
            self.schedule.start()
            log.info(
                "running",
                version=__version__,
                sources=len(self.setup.feeds),
                store=self.store.store.place.name,
            )
            absorbing = asyncio.create_task(self._absorb_all())
            clock = asyncio.create_task(self._look_at_clock())
            await self._stop.wait()
            log.info("stopping")
            late = await self.schedule.drain()
            if late:
                log.warning("polls were cut off", sources=late)
            clock.cancel()
            await self._polled.put(None)
            await absorbing
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DELIVERY):
                    await asyncio.gather(*self._deliveries)
                    await self._deliver()
            if web is not None:
                await web.stop()
        await self._let_go()
        await self.store.close()
        log.info("stopped")
        return 0

    def _catch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: self._spawn(self.reload()))

    async def _lead(self) -> bool:
        """Take the lease, or stand by until it is free; False where the end comes first."""
        said = False
        while not self._stop.is_set():
            lease = await self.store.write(
                lambda tx: tx.acquire_lease("daemon", self.owner, self.now(), LEASE)
            )
            if lease is not None:
                self.engine.lease = lease
                return True
            if not said:
                log.info("standing by: another advisor holds this store's lease")
                said = True
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RENEW / 4):
                    await self._stop.wait()
        return False

    async def _renew(self) -> None:
        lease = self.engine.lease
        if lease is None:
            return
        try:
            self.engine.lease = await self.store.write(lambda tx: tx.renew_lease(lease, self.now(), LEASE))
        except StaleFence as error:
            log.error("the lease is lost", why=str(error))  # noqa: TRY400 - the sentence says it all
            self._stop.set()

    async def _let_go(self) -> None:
        lease = self.engine.lease
        if lease is not None:
            with contextlib.suppress(AdvisorError):
                await self.store.write(lambda tx: tx.release_lease(lease, self.now()))

    async def _serve(self) -> "Web | None":
        listen = self.setup.config.web.listen
        if not listen:
            return None
        from advisor.web.app import create_app  # noqa: PLC0415 - only where a page is served
        from advisor.web.metrics import exporter  # noqa: PLC0415
        from advisor.web.server import serve  # noqa: PLC0415

        host, _, port = listen.rpartition(":")
        app = create_app(self.snapshot, digest=self.digest, prometheus=exporter(self.snapshot))
        return await serve(app, host.strip("[]"), int(port))

    # -- what happens when -----------------------------------------------------------------------------

    def _plan(self) -> None:
        """Tell the schedule what starts when."""
        for feed in self.setup.feeds:
            key = feed.source.key
            self.schedule.add_source(key, feed.source.interval, lambda feed=feed: self._poll(feed))  # type: ignore[misc]
        self.schedule.add_source("advisor: minute", MINUTE, self._minute, at_once=False)
        self.schedule.add_source("advisor: lease", RENEW, self._renew, at_once=False)
        self.schedule.add_source("advisor: outbox", RETRY, self._retry, at_once=False)
        self.schedule.add_source("advisor: history", 3600.0, self._tidy, at_once=False)
        zone, when = self.setup.config.digest_timezone, self.setup.digest
        self.schedule.add_cron("advisor: digest", when, zone, lambda: self._digest("weekly"))
        rest = tuple(day for day in range(7) if day not in when.days)
        if rest:
            daily = DigestTime(rest, when.hour, when.minute)
            self.schedule.add_cron("advisor: daily", daily, zone, lambda: self._digest("daily"))

    async def _poll(self, feed: Feed) -> datetime | None:
        source = replace(feed.source, windows=self.engine.watch.program.windows)
        key = (source.about, source.called)
        polled = await self.poller.poll(
            source, self.now(), self.engine.last_success.get(key), self.engine.kept.get(key)
        )
        if polled.error is not None:
            log.warning("poll failed", source=source.key, error=polled.error, retry_at=polled.retry_at)
        await self._polled.put(polled)
        return polled.retry_at

    async def _minute(self) -> None:
        await self._round([])
        await self._beat()
        if not self._caught_up:
            self._caught_up = True
            await self._catch_up()

    async def _retry(self) -> None:
        if self.engine.waits:
            await self._deliver()

    async def _tidy(self) -> None:
        keep = self.setup.config.retention
        zones = {
            subject: stack.timezone
            for stack in self.setup.world.fleet.stacks
            for subject in (stack.key, *(service.subject.key for service in stack.services))
        }
        await self.store.run(
            lambda store: store.prune(self.now(), Retention(keep.raw_days, keep.rollup_days), zones)
        )

    async def _look_at_clock(self) -> None:
        while True:
            await asyncio.sleep(30.0)
            self.schedule.look_at_clock()

    async def _absorb_all(self) -> None:
        """Take in what was polled, all that waits in one round, until the end is put in the queue."""
        while True:
            polled = await self._polled.get()
            waiting = [polled]
            while not self._polled.empty():
                waiting.append(self._polled.get_nowait())
            polls = [one for one in waiting if one is not None]
            if polls:
                await self._round(polls)
            if None in waiting:
                return

    async def _round(self, polls: list[Polled]) -> None:
        try:
            done = await self.engine.absorb(polls, self.now(), self.next_digest())
        except AdvisorError as error:
            log.error("round failed", error=redact(str(error)))  # noqa: TRY400 - one sentence, no traceback
            if isinstance(error, StaleFence):
                self._stop.set()
            return
        if done.messages:
            self._spawn(self._deliver())

    async def _deliver(self) -> None:
        if self._courier is None:
            return
        try:
            report = await self._courier.deliver_due(self.now())
        except AdvisorError as error:
            log.error("delivery failed", error=redact(str(error)))  # noqa: TRY400 - one sentence
            return
        for channel, message, why in report.errors:
            log.warning("not delivered", channel=channel, message=message, error=redact(why))
        if report.sent:
            log.info("delivered", messages=report.sent)
        await self.engine.look_at_outbox()

    async def _digest(self, cadence: str) -> None:
        zone = self.setup.config.digest_timezone
        queued = await self.engine.queue_digest(cadence, self.now(), zone)
        log.info("digest", cadence=cadence, queued=len(queued))
        if queued:
            await self._deliver()

    async def _catch_up(self) -> None:
        """Send the report that was due while no advisor ran; its date makes sure that it goes out once."""
        due = last_moment(self.setup.digest, self.setup.config.digest_timezone, self.now())
        if self.engine.last_success and self.now() - due < CATCH_UP:
            await self._digest("weekly")

    async def _beat(self) -> None:
        """Tell the outside that the advisor is alive."""
        config = self.setup.config
        if config.sentry is not None:
            logs.check_in(config.sentry.monitor, "ok", MINUTE)
        if config.heartbeat is None:
            return
        try:
            answer = await self.http.get(config.heartbeat.reveal(self.environ))
            answer.raise_for_status()
        except (httpx.HTTPError, AdvisorError) as error:
            log.warning("heartbeat failed", kind=type(error).__name__)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._deliveries.add(task)
        task.add_done_callback(self._deliveries.discard)

    # -- reload ----------------------------------------------------------------------------------------

    async def reload(self) -> None:
        """Read the configuration anew; where it is at fault, say so and go on with the old one."""
        async with self._reloading:
            try:
                setup = await asyncio.to_thread(set_up, self.path, self.environ)
                found = channels(setup.config, self.environ)
            except AdvisorError as error:
                log.error("reload refused, the old configuration goes on", error=redact(str(error)))  # noqa: TRY400
                self.engine.note(f"the configuration could not be reloaded: {error}")
                return
            for feed in self.setup.feeds:
                self.schedule.remove(feed.source.key)
                self.poller.forget(feed.source.key)
            self.setup = setup
            engine = setup.engine(self.store)
            engine.lease = self.engine.lease
            await engine.load(self.now())
            self.engine = engine
            self._courier = Courier(StoredOutbox(self.store), found, self.owner)
            self._plan()
            log.info("reloaded", sources=len(setup.feeds))

    # -- what the page asks ----------------------------------------------------------------------------

    def next_digest(self) -> datetime:
        """Return when the next report goes out, daily or weekly."""
        daily = DigestTime(tuple(range(7)), self.setup.digest.hour, self.setup.digest.minute)
        return next_moment(daily, self.setup.config.digest_timezone, self.now())

    def snapshot(self) -> Snapshot:
        """Return the advisor's view now."""
        return self.engine.snapshot(self.now())

    def digest(self) -> Digest:
        """Return the report as it would go out now."""
        return self.engine.digest("weekly", self.now(), self.setup.config.digest_timezone)
