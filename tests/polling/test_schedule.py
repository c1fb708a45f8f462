"""Each source starts at its own interval, whatever the others do; the end waits for what is under way."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from advisor.polling.schedule import Every, Schedule
from advisor.polling.when import digest_time

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
SOON = 0.02


def moments(trigger: Every, count: int, late: float = 0.0) -> list[datetime]:
    """Walk a trigger as the scheduler does, each run `late` seconds after its moment."""
    found: list[datetime] = []
    now, previous = NOW, None
    for _ in range(count):
        previous = trigger.get_next_fire_time(previous, now)
        found.append(previous)
        now = previous + timedelta(seconds=late)
    return found


def test_jitter_does_not_stretch_the_interval() -> None:
    late = iter([0.0, 0.9, 0.1, 0.5] * 25)
    found = moments(Every(15, 3, 1.5, lambda: next(late)), 100)
    assert (found[-1] - found[0]).total_seconds() == pytest.approx(99 * 15, abs=1.5)
    steps = [(b - a).total_seconds() for a, b in itertools.pairwise(found)]
    assert min(steps) >= 13.5


def test_moments_keep_the_phase() -> None:
    found = moments(Every(15, 3, 0), 3, late=0.01)
    assert [at.second for at in found] == [3, 18, 33]


def test_a_day_asleep_is_passed_over_in_one_step() -> None:
    trigger = Every(15, 3, 0)
    missed = trigger.get_next_fire_time(None, NOW)
    after = trigger.get_next_fire_time(missed, NOW + timedelta(days=1))
    assert after == NOW + timedelta(days=1, seconds=3)


def test_an_interval_that_is_no_binary_fraction_never_repeats_a_moment() -> None:
    found = moments(Every(0.1, 0.05, 0), 1000)
    assert len(set(found)) == 1000


async def test_one_hanging_source_does_not_delay_nine_others() -> None:
    schedule = Schedule()
    released, all_ran = asyncio.Event(), asyncio.Event()
    runs: dict[str, int] = {}

    async def hang() -> None:
        runs["hanging"] = runs.get("hanging", 0) + 1
        await released.wait()

    def source(key: str):
        async def poll() -> None:
            runs[key] = runs.get(key, 0) + 1
            if all(runs.get(f"s{index}", 0) >= 5 for index in range(9)):
                all_ran.set()

        return poll

    schedule.add_source("hanging", SOON, hang)
    for index in range(9):
        schedule.add_source(f"s{index}", SOON, source(f"s{index}"))
    schedule.start()
    async with asyncio.timeout(5):
        await all_ran.wait()
    assert runs["hanging"] == 1  # Passed over while it is under way, never started twice.
    assert schedule.under_way == ("hanging",)
    released.set()
    assert await schedule.drain() == []


async def test_a_source_that_fails_is_started_again_and_ends_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    schedule = Schedule()
    tries, enough = 0, asyncio.Event()

    async def fail() -> None:
        nonlocal tries
        tries += 1
        if tries == 3:
            enough.set()
        raise RuntimeError("password=hunter2")

    schedule.add_source("a", SOON, fail)
    schedule.start()
    async with asyncio.timeout(5):
        await enough.wait()
    await schedule.drain()
    assert "hunter2" not in "".join(capsys.readouterr())


async def test_a_source_that_asks_for_peace_gets_it() -> None:
    schedule = Schedule()
    until = datetime.now(UTC) + timedelta(minutes=5)
    polled = asyncio.Event()

    async def throttled() -> datetime:
        polled.set()
        return until

    schedule.add_source("a", SOON, throttled)
    schedule.start()
    async with asyncio.timeout(5):
        await polled.wait()
    await asyncio.sleep(0)  # The start returns, and what it returned is taken up.
    assert schedule.next_start("a") == until
    assert await schedule.drain() == []


async def test_draining_waits_for_what_is_under_way() -> None:
    schedule = Schedule()
    began, go_on, ended = asyncio.Event(), asyncio.Event(), False

    async def slow() -> None:
        nonlocal ended
        began.set()
        await go_on.wait()
        ended = True

    schedule.add_source("slow", SOON, slow)
    running = asyncio.create_task(schedule.run())
    async with asyncio.timeout(5):
        await began.wait()
        draining = asyncio.create_task(schedule.drain())
        await asyncio.sleep(0)
        assert not draining.done()
        go_on.set()
        assert await draining == []
        await running
    assert ended


async def test_draining_cancels_what_takes_too_long_and_names_it() -> None:
    schedule = Schedule()
    began, cancelled = asyncio.Event(), False

    async def endless() -> None:
        nonlocal cancelled
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled = True
            raise

    schedule.add_source("endless", SOON, endless)
    schedule.start()
    async with asyncio.timeout(5):
        await began.wait()
        assert await schedule.drain(patience=0.05) == ["endless"]
    assert cancelled
    assert schedule.under_way == ()


async def test_nothing_starts_after_the_end() -> None:
    schedule = Schedule()
    runs = 0

    async def poll() -> None:
        nonlocal runs
        runs += 1

    schedule.add_source("a", SOON, poll)
    schedule.start()
    await schedule.drain()
    before = runs
    await schedule._begin("a", poll)
    assert schedule.under_way == ()
    assert runs == before


async def test_a_removed_source_starts_no_more_and_may_be_removed_twice() -> None:
    schedule = Schedule()

    async def poll() -> None:
        """Nothing."""

    schedule.add_source("a", 60, poll)
    schedule.start()
    schedule.remove("a")
    schedule.remove("a")
    schedule.postpone("a", NOW)  # Its last poll may end after it was removed.
    assert schedule.next_start("a") is None
    await schedule.drain()


async def test_adding_a_key_again_replaces_it() -> None:
    schedule = Schedule()

    async def poll() -> None:
        """Nothing."""

    schedule.start()
    schedule.add_source("a", 60, poll, at_once=False)
    schedule.add_source("a", 3600, poll, at_once=False)
    assert [job.trigger.interval for job in schedule._scheduler.get_jobs()] == [3600]
    await schedule.drain()


async def test_sources_start_spread_over_the_first_seconds() -> None:
    schedule = Schedule(wall=lambda: NOW, chance=lambda: 0.5)

    async def poll() -> None:
        """Nothing."""

    schedule.add_source("a", 60, poll)
    assert schedule.next_start("a") == NOW + timedelta(seconds=1)
    await schedule.drain()


async def test_setting_the_clock_back_does_not_stop_a_source() -> None:
    wall = [datetime.now(UTC)]
    schedule = Schedule(wall=lambda: wall[0], monotonic=lambda: 1000.0)

    async def poll() -> None:
        """Nothing."""

    schedule.start()
    schedule.add_source("a", 600, poll, at_once=False)
    schedule.add_cron("digest", digest_time("daily 09:00"), "UTC", poll)
    before, digest = schedule.next_start("a"), schedule.next_start("digest")
    assert before is not None
    wall[0] -= timedelta(hours=1)
    schedule.look_at_clock()
    assert schedule.next_start("a") == before - timedelta(hours=1)
    assert schedule.next_start("digest") == digest  # The calendar's time is the wall's.
    schedule.look_at_clock()
    assert schedule.next_start("a") == before - timedelta(hours=1)
    await schedule.drain()


@pytest.mark.parametrize(
    ("text", "zone", "hours"),
    [
        ("daily 09:00", "Europe/Lisbon", {9}),
        ("daily 01:30", "Europe/Lisbon", {1, 2}),
        ("monday 09:00", "Asia/Tokyo", {9}),
    ],
)
async def test_a_digest_goes_out_by_the_calendar_of_its_zone(text: str, zone: str, hours: set[int]) -> None:
    schedule = Schedule()

    async def send() -> None:
        """Nothing."""

    schedule.start()
    when = digest_time(text)
    schedule.add_cron("digest", when, zone, send)
    trigger = schedule._scheduler.get_job("digest").trigger
    now, previous, local = datetime(2026, 3, 20, tzinfo=UTC), None, set()
    for _ in range(20):
        previous = trigger.get_next_fire_time(previous, now)
        now = previous.astimezone(UTC) + timedelta(milliseconds=1)
        at = previous.astimezone(UTC).astimezone(ZoneInfo(zone))
        assert at.weekday() in when.days
        local.add(at.hour)
    assert local == hours  # A time within the lost hour of spring comes an hour later, that day.
    await schedule.drain()


async def test_what_is_scheduled_survives_a_busy_loop() -> None:
    schedule = Schedule()

    async def poll() -> None:
        """Nothing."""

    schedule.start()
    schedule.add_source("a", 60, poll)
    job = schedule._scheduler.get_job("a")
    assert (job.misfire_grace_time, job.coalesce, job.max_instances) == (None, True, 1)
    await schedule.drain()
