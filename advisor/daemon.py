"""The daemon: wires the rooms, starts, reloads, stops.

    schedule ─starts─▶ poller ─polled─▶ queue ─▶ engine ─commits─▶ outbox ─▶ courier ─▶ channels
                                                   └─ snapshot ─▶ page, /metrics

Only the holder of the lease writes; a second daemon over the same store stands by until the lease is free.
"""

import asyncio
import contextlib
import gc
import os
import signal
import traceback
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import httpx

from advisor import __version__, logs, owner
from advisor.channels import StoredOutbox, channels, names
from advisor.config import Config, load_config
from advisor.core.message import Digest
from advisor.core.snapshot import Snapshot, SourceRow
from advisor.engine import Engine
from advisor.errors import AdvisorError, InputError
from advisor.feeds import Feed, feeds, gives
from advisor.notify.contract import Channel
from advisor.notify.delivery import Courier
from advisor.polling.client import client
from advisor.polling.poller import Polled, Poller
from advisor.polling.schedule import Schedule
from advisor.polling.when import DigestTime, last_moment, next_moment
from advisor.secrets import redact
from advisor.store import AsyncStore, Claim, Lease, Retention, StaleFence, Transaction, open_store
from advisor.world import World, world

if TYPE_CHECKING:
    from advisor.web.server import Web

__all__ = ["Daemon", "Setup", "lead", "set_up"]

LEASE, RENEW = 60.0, 20.0  #: Seconds that the lease lasts, and after which it is renewed.
STANDBY = 2.0  #: Who stands by asks for the lease this often.
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


def lead(tx: Transaction, now: datetime) -> Lease | None:
    """Take the right to write this store, None where another advisor has it.

    Of a process of this machine that was killed it is taken at once, with what that was about to deliver.
    """
    name, held = owner.me(), tx.lease("daemon")
    before = held.owner if held is not None else ""
    lease = tx.acquire_lease("daemon", name, now, LEASE, before if owner.gone(before) else "")
    if lease is not None and before not in {"", name}:
        tx.release_claims(before)
    return lease


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
        self.schedule = Schedule()
        self._polled: asyncio.Queue[tuple[Polled, asyncio.Event] | None] = asyncio.Queue()
        self._stop = asyncio.Event()
        self._code = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._courier: Courier[Claim] | None = None
        self._web: Web | None = None
        self._leads = False
        self._reloading = asyncio.Lock()
        self._rounds = asyncio.Lock()
        self._held: list[Polled] = []
        self._trouble: dict[str, str] = {}
        self._began = self.now()
        self._digested: datetime | None = None

    # -- life ------------------------------------------------------------------------------------------

    async def run(self) -> int:
        """Run until SIGTERM or SIGINT; return the exit code."""
        self._catch_signals()
        config = self.setup.config
        self.store = AsyncStore(
            await asyncio.to_thread(open_store, config.store_url(self.environ), config.folder)
        )
        self.engine = self.setup.engine(self.store)
        try:
            found = channels(config, self.environ)
            async with client() as http:
                self.poller, self.http = Poller(http), http
                try:
                    if await self._lead():
                        await self._live(found)
                finally:
                    if self._web is not None:
                        await self._web.stop()
        finally:
            await self._let_go()
            await self.store.close()
        log.info("stopped")
        return self._code

    async def _live(self, found: Mapping[str, Channel]) -> None:
        """Poll, judge and tell until the end is asked for, then finish what is under way."""
        await self.engine.load(self.now())
        self._began = min(self.engine.last_success.values(), default=self._began)
        self._courier = Courier(StoredOutbox(self.store), found, owner.me())
        if self._web is None:
            self._web = await self._serve()
        self._leads = True
        self._plan()
        self.schedule.start()
        log.info(
            "running",
            version=__version__,
            sources=len(self.setup.feeds),
            store=self.store.store.place.name,
            web=self.setup.config.web.listen,
        )
        # What is there now stays: from here on the garbage of rounds is looked for, and nothing else.
        gc.freeze()
        gc.set_threshold(700, 10, 10)
        absorbing = asyncio.create_task(self._absorb_all())
        clock = asyncio.create_task(self._look_at_clock())
        self._spawn(self._beat())
        self._spawn(self._deliver())
        await self._stop.wait()
        log.info("stopping")
        await self._renew()
        late = await self.schedule.drain()
        if late:
            log.warning("polls were cut off", sources=late)
        clock.cancel()
        await self._polled.put(None)
        await absorbing
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DELIVERY):
                await asyncio.gather(*self._tasks, return_exceptions=True)
                await self._deliver()

    def _catch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: self._spawn(self.reload()))

    async def _lead(self) -> bool:
        """Take the lease, or stand by until it is free; False where the end comes first."""
        if await self._take_lease():
            return True
        log.info("standing by: another advisor holds this store's lease")
        self.engine.waits_for = "standing by: another advisor holds this store's lease"
        await self.engine.load(self.now())
        try:
            self._web = await self._serve()
        except AdvisorError as error:  # On one machine the other one may have the address too.
            log.info("standing by without a page", why=str(error))
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STANDBY):
                    await self._stop.wait()
                    return False
            try:
                if await self._take_lease():
                    log.info("taking over")
                    self.engine.waits_for = ""
                    return True
            except AdvisorError as error:
                self._complain("lease", "the lease cannot be asked for", error)
        return False

    async def _take_lease(self) -> bool:
        """Take the lease or hold it for longer; False where somebody else has it."""
        before = self.engine.lease
        lease = await self.store.write(lambda tx: lead(tx, self.now()))
        self.engine.lease = lease
        if before is not None and lease is not None and lease.fence != before.fence:
            self.engine.doubt()  # It had run out, and somebody may have written meanwhile.
        return lease is not None

    async def _renew(self) -> None:
        try:
            held = await self._take_lease()
        except AdvisorError as error:
            self._complain("lease", "the lease cannot be renewed", error)
            return
        if not held:
            log.error("another advisor has taken over this store; this one ends")
            self._code = 1
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
        from advisor.web.app import create_app  # Only where a page is served.
        from advisor.web.metrics import exporter
        from advisor.web.server import serve

        host, _, port = listen.rpartition(":")
        app = create_app(self.snapshot, digest=self.digest, prometheus=exporter(self.snapshot))
        return await serve(app, host.strip("[]"), int(port))

    # -- what happens when -----------------------------------------------------------------------------

    def _plan(self) -> None:
        """Tell the schedule what starts when."""
        for feed in self.setup.feeds:
            self.schedule.add_source(feed.source.key, feed.source.interval, partial(self._poll, feed))
        self.schedule.add_source("advisor: minute", MINUTE, self._minute, at_once=False)
        self.schedule.add_source("advisor: lease", RENEW, self._renew, at_once=False)
        self.schedule.add_source("advisor: outbox", RETRY, self._retry, at_once=False)
        self.schedule.add_source("advisor: history", 3600.0, self._tidy, at_once=False)
        zone, when = self.setup.config.digest_timezone, self.setup.digest
        self.schedule.add_cron(
            "advisor: digest", DigestTime(tuple(range(7)), when.hour, when.minute), zone, self._digests
        )

    async def _poll(self, feed: Feed) -> datetime | None:
        source = replace(feed.source, windows=self.engine.watch.program.windows)
        key = (source.about, source.called)
        polled = await self.poller.poll(
            source, self.now(), self.engine.last_success.get(key), self.engine.kept.get(key)
        )
        if polled.error is not None:
            until = polled.retry_at.isoformat(timespec="seconds") if polled.retry_at else None
            log.warning("poll failed", source=source.key, error=polled.error, retry_at=until)
        # The next poll goes on from what this one kept, so it waits until that is taken in.
        absorbed = asyncio.Event()
        await self._polled.put((polled, absorbed))
        await absorbed.wait()
        return polled.retry_at

    async def _minute(self) -> None:
        went_well = await self._round([])
        if went_well:
            await self._digests()
            await self.engine.look_ahead(self.now())
            await self._beat()

    async def _retry(self) -> None:
        if self._held:
            await self._round([])
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
            waiting = [await self._polled.get()]
            while not self._polled.empty():
                waiting.append(self._polled.get_nowait())
            arrived = [one for one in waiting if one is not None]
            if arrived or self._held:
                await self._round([polled for polled, _ in arrived])
            for _, absorbed in arrived:
                absorbed.set()
            if None in waiting:
                return

    async def _round(self, polls: list[Polled]) -> bool:
        """Judge and commit; what cannot be written now is held and written with the next round."""
        async with self._rounds:
            polls, self._held = [*self._held, *polls], []
            try:
                done = await self.engine.absorb(polls, self.now(), self.next_digest())
            except InputError as error:
                self._complain("round", "round failed", error)
                return False
            except AdvisorError as error:
                self._held = list(_newest(polls))
                self._complain("round", "round failed", error)
                if isinstance(error, StaleFence):
                    await self._renew()
                return False
            except Exception as error:  # noqa: BLE001 - a fault of ours must not stop polls and deliveries
                # Its text may hold secrets: places alone are logged.
                frames = "".join(traceback.format_tb(error.__traceback__))
                log.error("round failed", kind=type(error).__name__, frames=frames)
                return False
            self._recovered("round", "rounds succeed again")
        if done.messages:
            self._spawn(self._deliver())
        return True

    async def _deliver(self) -> None:
        if self._courier is None:
            return
        try:
            report = await self._courier.deliver_due(self.now())
        except AdvisorError as error:
            self._complain("delivery", "delivery failed", error)
            return
        self._recovered("delivery", "deliveries succeed again")
        for channel, message, why in report.errors:
            log.warning("not delivered", channel=channel, message=message, error=redact(why))
        if report.sent:
            log.info("delivered", messages=report.sent)
        with contextlib.suppress(AdvisorError):  # It is looked at again after the next one.
            await self.engine.look_at_outbox()

    def _complain(self, what: str, event: str, error: AdvisorError) -> None:
        """Log a fault once, not at each try."""
        said = redact(str(error))
        if self._trouble.get(what) != said:
            self._trouble[what] = said
            log.error(event, error=said)

    def _recovered(self, what: str, event: str) -> None:
        if self._trouble.pop(what, None) is not None:
            log.info(event)

    async def _digests(self) -> None:
        """Queue the report that was due last, unless that is done; its date makes sure that it is so once."""
        zone, when, now = self.setup.config.digest_timezone, self.setup.digest, self.now()
        due = last_moment(DigestTime(tuple(range(7)), when.hour, when.minute), zone, now)
        if due == self._digested or due < self._began or now - due >= CATCH_UP:
            return
        weekly = due.astimezone(ZoneInfo(zone)).weekday() in when.days
        try:
            queued = await self.engine.queue_digest("weekly" if weekly else "daily", now, zone, due)
        except AdvisorError as error:
            self._complain("digest", "the digest cannot be queued", error)
            return
        self._recovered("digest", "the digest is queued")
        self._digested = due
        log.info("digest", cadence="weekly" if weekly else "daily", queued=len(queued))
        if queued:
            await self._deliver()

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

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- reload ----------------------------------------------------------------------------------------

    async def reload(self) -> None:
        """Read the configuration anew; where it is at fault, say so and go on with the old one."""
        async with self._reloading:
            old = self.setup
            try:
                setup = await asyncio.to_thread(set_up, self.path, self.environ)
                found = channels(setup.config, self.environ)
                async with self._rounds:
                    engine = setup.engine(self.store)
                    engine.waits_for = self.engine.waits_for
                    engine.go_on_from(self.engine)
                    await engine.load(self.now())
                    self.setup, self.engine = setup, engine
            except AdvisorError as error:
                said = redact(str(error))
                log.error("reload refused, the old configuration goes on", error=said)
                self.engine.note(f"the configuration could not be reloaded, the old one goes on: {said}")
                return
            logs.level(setup.config.log.level)
            if self._leads:
                for feed in old.feeds:
                    self.schedule.remove(feed.source.key)
                    self.poller.forget(feed.source.key)
                self._plan()
            self._courier = Courier(StoredOutbox(self.store), found, owner.me())
            log.info("reloaded", sources=len(setup.feeds))
            if keys := [key for key in ("store", "web", "sentry") if _differs(old, setup, key)]:
                log.warning("these keys take effect after a restart", keys=keys)
            if self._leads:
                await self._round([])

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


def _newest(polls: Iterable[Polled]) -> Iterable[Polled]:
    """Yield of each source the last answer, and the failure after it.

    An answer covers all since the last one that was taken in, so an older one adds nothing.
    """
    found: dict[tuple[str, str, bool], Polled] = {}
    for polled in polls:
        key = (polled.subject, polled.provider)
        if polled.error is None:
            found.pop((*key, True), None)
        found.pop((*key, polled.error is not None), None)
        found[*key, polled.error is not None] = polled
    return found.values()


def _differs(old: Setup, new: Setup, key: str) -> bool:
    return bool(getattr(old.config.written, key) != getattr(new.config.written, key))
