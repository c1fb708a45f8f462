"""What starts when: each source at its own interval, each digest by the calendar.

The scheduler's jobs only start tasks in a group of our own, so that a slow or dead source delays no other,
and the end can wait for what is under way (the scheduler's own shutdown would cancel it). A source whose last
poll is still under way is passed over once.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger

from advisor.logs import get_logger
from advisor.polling.when import DigestTime

__all__ = ["DRAIN", "Every", "Schedule", "Start"]

DRAIN = 30.0  #: Seconds that the end waits for what is under way.

_JITTER = 0.1  # Of the interval.
_LOOK_AT_CLOCK = 30.0
_CLOCK_MOVED = 1.0

#: Starts a poll; returns the earliest next one, or None for the usual interval.
Start = Callable[[], Awaitable[datetime | None]]

log = get_logger()


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Every(BaseTrigger):  # type: ignore[misc] # APScheduler has no types
    """Moments on a grid of `interval` seconds shifted by `phase`, each late by up to `jitter` seconds.

    The grid does not move with the jitter, so the interval holds on average, and moments that were missed
    are passed over at once, however many they are. (The library's own trigger adds its jitter to the
    interval each time, and counts every missed moment.)
    """

    def __init__(
        self, interval: float, phase: float, jitter: float, chance: Callable[[], float] = random.random
    ) -> None:
        self.interval = interval
        self.phase = phase % interval
        self.jitter = min(jitter, interval / 2)
        self.chance = chance

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """Return the next moment after both; the names are the library's."""
        after = now.timestamp()
        if previous_fire_time is not None:
            after = max(after, previous_fire_time.timestamp())
        slot = (after - self.phase) // self.interval * self.interval + self.phase
        while slot <= after:  # Twice at most, where rounding ate the step.
            slot += self.interval
        return datetime.fromtimestamp(slot + self.jitter * self.chance(), UTC)


class Schedule:
    """Starts polls and digests until it is drained. Keys are unique; adding one again replaces it.

    `wall` and `monotonic` are the clocks, `chance` gives phases and jitter in 0..1. Use it in one event loop.
    """

    def __init__(
        self,
        *,
        wall: Callable[[], datetime] = _utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._chance = chance
        self._scheduler: Any = AsyncIOScheduler(
            timezone=UTC,
            # The library's defaults drop runs when the loop is busy for a second.
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._drained = asyncio.Event()
        self._offset = self._clock_offset()

    @property
    def under_way(self) -> tuple[str, ...]:
        """The keys of what was started and has not ended."""
        return tuple(self._under_way)

    def add_source(self, key: str, interval: float, start: Start, *, at_once: bool = True) -> None:
        """Start a source every `interval` seconds, first within a moment (or its random phase).

        With `at_once`, sources start spread over the first seconds, so that a daemon soon knows all, yet does
        not ask all in the same instant. Where `start` returns a time, the source is left alone until then.
        """
        trigger = Every(interval, self._chance() * interval, interval * _JITTER, self._chance)
        first: dict[str, Any] = {}
        if at_once:
            first["next_run_time"] = self._wall() + timedelta(seconds=min(interval, 2.0) * self._chance())
        self._scheduler.add_job(
            self._begin, trigger, args=(key, start), id=key, replace_existing=True, **first
        )

    def add_cron(
        self, key: str, when: DigestTime, timezone: str, callback: Callable[[], Awaitable[None]]
    ) -> None:
        """Call back at a time of day in an IANA zone.

        When the clock goes back, a time within that hour comes twice: whoever sends must know what was sent
        for which local date. When it goes forward, a time within the lost hour comes an hour later.
        """

        async def start() -> None:
            await callback()

        trigger = CronTrigger(
            day_of_week=",".join(str(day) for day in when.days),
            hour=when.hour,
            minute=when.minute,
            timezone=ZoneInfo(timezone),
        )
        self._scheduler.add_job(self._begin, trigger, args=(key, start), id=key, replace_existing=True)

    def remove(self, key: str) -> None:
        """Start this no more; what is under way goes on."""
        with contextlib.suppress(JobLookupError):
            self._scheduler.remove_job(key)

    def postpone(self, key: str, until: datetime) -> None:
        """Leave a source alone until a time; afterwards it is back at its interval."""
        with contextlib.suppress(JobLookupError):  # It was removed meanwhile.
            self._scheduler.modify_job(key, next_run_time=until)

    def next_start(self, key: str) -> datetime | None:
        """Return when this starts next, None where it does not."""
        job = self._scheduler.get_job(key)
        return getattr(job, "next_run_time", None) if job is not None else None

    def start(self) -> None:
        """Begin, in the running event loop."""
        self._scheduler.start()

    async def run(self) -> None:
        """Begin, and return when it was drained."""
        self.start()
        while not self._drained.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_AT_CLOCK):
                    await self._drained.wait()
            self.look_at_clock()

    async def drain(self, patience: float = DRAIN) -> list[str]:
        """Start nothing more, wait `patience` seconds for what is under way, and cancel what takes longer.

        Returns the keys of what was cancelled.
        """
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        self._drained.set()
        late: list[str] = []
        if self._under_way:
            await asyncio.wait(self._under_way.values(), timeout=patience)
        for key, task in tuple(self._under_way.items()):
            late.append(key)
            task.cancel()
        if self._under_way:
            await asyncio.wait(self._under_way.values(), timeout=1.0)
        return late

    def look_at_clock(self) -> None:
        """Put sources right after the wall clock was set: one set back an hour would stop them so long."""
        offset = self._clock_offset()
        moved, self._offset = offset - self._offset, offset
        if abs(moved) < _CLOCK_MOVED:
            return
        log.warning("clock was set", seconds=round(moved, 1))
        for job in self._scheduler.get_jobs():
            if isinstance(job.trigger, Every):
                job.modify(next_run_time=job.next_run_time + timedelta(seconds=moved))
        if self._scheduler.running:
            self._scheduler.wakeup()

    def _clock_offset(self) -> float:
        return self._wall().timestamp() - self._monotonic()

    async def _begin(self, key: str, start: Start) -> None:
        """Start a task, and be done: this is all that the scheduler waits for."""
        if self._drained.is_set():
            return
        if key in self._under_way:
            log.info("still under way, passed over", source=key)
            return
        task = asyncio.create_task(self._run(key, start), name=key)
        self._under_way[key] = task

    async def _run(self, key: str, start: Start) -> None:
        try:
            until = await start()
            if until is not None:
                self.postpone(key, until)
        except Exception as error:  # noqa: BLE001 - one source's fault must not end the others
            log.error("a start failed", source=key, kind=type(error).__name__)
        finally:
            del self._under_way[key]
