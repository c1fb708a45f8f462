"""Sixty simulated days: a stepping clock takes the scheduler's place, all else is the daemon's own."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

from advisor.channels import StoredOutbox, channels
from advisor.core.message import Message
from advisor.core.wording import event, place
from advisor.daemon import Setup, set_up
from advisor.demo.servers import Clock, Servers
from advisor.demo.stories import STORIES
from advisor.demo.world import DAYS
from advisor.engine import Engine
from advisor.feeds import Feed
from advisor.notify.delivery import Courier
from advisor.polling.client import client
from advisor.polling.poller import Polled, Poller
from advisor.polling.when import DigestTime, next_moment
from advisor.store import AsyncStore, Claim, open_store

STEP = timedelta(hours=6)
START = datetime(2026, 1, 5, tzinfo=UTC)  #: A Monday.


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that people were told, and when."""

    at: datetime
    what: str
    place: str
    text: str


@dataclass
class Told:
    """What went out in the 60 days; `lines` are the alerts and the daily digests."""

    lines: list[Line] = field(default_factory=list)
    alerts: int = 0
    digests: int = 0
    daily: int = 0
    polls: int = 0
    failed: int = 0


class Demo:
    """The simulated world and the advisor that watches it."""

    def __init__(self, folder: Path, stack: str = "app-virgin") -> None:
        self.folder = folder
        self.stack = stack
        self.clock = Clock(START)
        self.servers = Servers(STORIES[stack](START), self.clock)
        self.told = Told()
        self.product = ""
        self.setup: Setup
        self.engine: Engine

    async def start(self) -> None:
        """Serve the simulated providers and make the advisor over an empty store."""
        await self.servers.start()
        self._environ = {"DEMO_URL": f"http://127.0.0.1:{self.servers.port}", "DEMO_TOKEN": "simulated-token"}
        path = self.folder / "demo.yaml"
        written = files("advisor").joinpath(f"demo/stacks/{self.stack}.yaml").read_text("utf-8")
        path.write_text(written, "utf-8")
        self.setup = await asyncio.to_thread(set_up, path, self._environ)
        config = self.setup.config
        self.product = next(iter(config.stacks))
        url = config.store_url(self._environ)
        self.store = AsyncStore(await asyncio.to_thread(open_store, url, self.folder))
        self.engine = self.setup.engine(self.store)
        self.engine.simulated = True
        self.engine.estimates.every = timedelta(days=1)  # An hour is the daemon's; here two pass in a second.
        await self.engine.load(self.clock.now)

    async def stop(self) -> None:
        """End what was started."""
        await self.store.close()
        await self.servers.stop()

    async def days(self, progress: Callable[[float], None]) -> None:
        """Let the 60 days pass; `progress` is told how many have."""
        config = self.setup.config
        zone = config.digest_timezone
        # The pace of a channel is for real ones: the simulated Slack takes as many as come.
        found = channels(config, self._environ)
        courier: Courier[Claim] = Courier(StoredOutbox(self.store), found, "demo", sleep=_no_wait)
        times = self.setup.digest
        daily = DigestTime(tuple(range(7)), times.hour, times.minute)
        due = next_moment(daily, zone, self.clock.now)
        async with client() as http:
            poller = Poller(http)
            end = START + timedelta(days=DAYS)
            while self.clock.now < end:
                self.clock.now += STEP
                now = self.clock.now
                polls = await asyncio.gather(*(self._poll(poller, feed) for feed in self._due()))
                done = await self.engine.absorb(polls, now, due)
                self._tell(done.messages)
                if now >= due:
                    await self._digest(due, zone)
                    due = next_moment(daily, zone, now)
                await courier.deliver_due(now)
                progress((now - START) / timedelta(days=1))

    def _tell(self, messages: Sequence[Message]) -> None:
        self.told.alerts += sum(message.digest is None for message in messages)
        for message in messages:
            for notice in message.notices:
                where = place(notice.stack, notice.service)
                self.told.lines.append(Line(self.clock.now, event(notice), where, notice.title))

    async def _digest(self, due: datetime, zone: str) -> None:
        """Queue the week's report on its day, on others a daily one where there is something new."""
        if due.astimezone(ZoneInfo(zone)).weekday() in self.setup.digest.days:
            self.told.digests += len(await self.engine.queue_digest("weekly", self.clock.now, zone))
        else:
            for message in await self.engine.queue_digest("daily", self.clock.now, zone):
                self.told.daily += 1
                found = message.digest.concerns if message.digest is not None else ()
                text = "; ".join(one.title for one in found)
                self.told.lines.append(Line(self.clock.now, "daily digest", self.product, text))

    def _due(self) -> list[Feed]:
        passed = self.clock.now - START
        return [f for f in self.setup.feeds if passed % timedelta(seconds=f.source.interval) == timedelta()]

    async def _poll(self, poller: Poller, feed: Feed) -> Polled:
        source = feed.source
        key = (source.about, source.called)
        polled = await poller.poll(
            source, self.clock.now, self.engine.last_success.get(key), self.engine.kept.get(key)
        )
        self.told.polls += 1
        self.told.failed += polled.error is not None
        return polled


async def _no_wait(_: float) -> None:
    return
