import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

from advisor.core.message import Message
from advisor.notify.contract import Channel, Refused, TryAgain
from advisor.notify.delivery import BATCH, LONGEST_WAIT, PATIENCE, TRIES, Courier, wait_before

NOW = datetime(2026, 11, 9, 9, 0, tzinfo=UTC)


@dataclass
class Row:
    message: Message
    attempts: int = 0
    due: datetime = NOW
    holder: str = ""
    state: str = "waiting"
    error: str = ""


class Memory:
    """An outbox in memory; like the store's, it counts a try when it is claimed."""

    def __init__(self, *messages: Message) -> None:
        self.rows: dict[str, Row] = {}
        self.add(*messages)

    def add(self, *messages: Message) -> None:
        for message in messages:
            self.rows[message.id] = Row(message, due=message.at)

    async def claim_due_messages(
        self, now: datetime, owner: str, limit: int, _lease: float, channel: str = ""
    ) -> list[Row]:
        free = [
            row
            for row in self.rows.values()
            if row.state == "waiting" and row.due <= now and not row.holder
            if channel in {"", row.message.channel}
        ]
        claimed = sorted(free, key=lambda row: row.due)[:limit]
        for row in claimed:
            row.holder, row.attempts = owner, row.attempts + 1
        return claimed

    async def mark_sent(self, claim: Row, _now: datetime) -> bool:
        return self._end(claim, state="sent")

    async def mark_failed(self, claim: Row, error: str, retry_at: datetime) -> bool:
        return self._end(claim, due=retry_at, error=error)

    async def release_claim(self, claim: Row) -> bool:
        return self._end(claim, attempts=claim.attempts - 1)

    async def park(self, claim: Row, error: str) -> bool:
        return self._end(claim, state="parked", error=error)

    def _end(self, row: Row, **changes: object) -> bool:
        assert row.holder == "me"
        for name, value in ({"holder": ""} | changes).items():
            setattr(row, name, value)
        return True

    def states(self) -> list[str]:
        return [row.state for row in self.rows.values()]


@dataclass
class Fake:
    """A channel that fails with what it is given, in order, and then works."""

    name: str
    fails: list[Exception] = field(default_factory=list)
    pace: float = 0.0
    got: list[str] = field(default_factory=list)

    async def send(self, message: Message) -> None:
        if self.fails:
            raise self.fails.pop(0)
        self.got.append(message.id)


@dataclass
class Clock:
    """A clock that moves when somebody sleeps."""

    at: float = 1000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds


def a_message(number: int, channel: str = "slack", at: datetime = NOW) -> Message:
    return Message(
        id=f"m{number}", channel=channel, kind="alert", at=at + timedelta(milliseconds=number), text="x"
    )


def some(count: int, channel: str = "slack") -> list[Message]:
    return [a_message(n, channel, NOW - timedelta(seconds=1)) for n in range(count)]


def courier(outbox: Memory, channels: Sequence[Channel], clock: Clock | None = None) -> Courier[Row]:
    clock = clock or Clock()
    by_name = {channel.name: channel for channel in channels}
    return Courier(outbox, by_name, "me", monotonic=clock, sleep=clock.sleep, chance=lambda: 1.0)


async def test_what_is_due_is_sent_once_and_in_order():
    outbox, slack = Memory(*some(3)), Fake("slack")
    runs = courier(outbox, [slack])
    report = await runs.deliver_due(NOW)
    again = await runs.deliver_due(NOW)
    assert slack.got == ["m0", "m1", "m2"]
    assert (report.sent, again.sent) == (3, 0)


async def test_more_than_a_batch_goes_out_in_one_call():
    outbox, slack = Memory(*some(BATCH * 2 + 3)), Fake("slack")
    report = await courier(outbox, [slack]).deliver_due(NOW)
    assert report.sent == BATCH * 2 + 3


async def test_a_channel_with_a_pace_gets_one_message_a_second():
    clock = Clock()
    outbox, slack = Memory(*some(3)), Fake("slack", pace=1.0)
    await courier(outbox, [slack], clock).deliver_due(NOW)
    assert clock.slept == [1.0, 1.0]


async def test_a_channel_that_hangs_delays_no_other():
    release = asyncio.Event()

    class Hanging(Fake):
        async def send(self, message: Message) -> None:
            await release.wait()
            await super().send(message)

    class Telling(Fake):
        async def send(self, message: Message) -> None:
            await super().send(message)
            told.set()

    told = asyncio.Event()
    slack, mail = Hanging("slack"), Telling("email")
    outbox = Memory(a_message(1, "slack"), a_message(2, "email"))
    runs = courier(outbox, [slack, mail])
    first = asyncio.create_task(runs.deliver_due(NOW + timedelta(seconds=1)))
    await told.wait()
    later = a_message(3, "email")
    outbox.add(later)
    await runs.deliver_due(NOW + timedelta(seconds=1))
    assert (mail.got, slack.got) == (["m2", "m3"], [])
    newer = a_message(4, "slack")
    outbox.add(newer)
    await runs.deliver_due(NOW + timedelta(seconds=1))  # Asks the call that is at it to go on.
    release.set()
    await first
    assert slack.got == ["m1", "m4"]


async def test_after_a_failure_the_younger_wait_so_that_the_order_is_kept():
    outbox, slack = Memory(*some(3)), Fake("slack", [TryAgain("Slack is busy")])
    runs = courier(outbox, [slack])
    report = await runs.deliver_due(NOW)
    assert (slack.got, report.failed) == ([], 1)
    assert [row.attempts for row in outbox.rows.values()] == [1, 0, 0]
    assert report.errors == [("slack", "m0", "Slack is busy")]
    await runs.deliver_due(NOW + timedelta(seconds=2))
    assert slack.got == ["m0", "m1", "m2"]


async def test_retry_after_is_obeyed_by_everything_on_the_channel():
    outbox, slack = Memory(*some(1)), Fake("slack", [TryAgain("Slack is busy", after=30)])
    runs = courier(outbox, [slack])
    await runs.deliver_due(NOW)
    late = a_message(9, at=NOW)
    outbox.add(late)
    await runs.deliver_due(NOW + timedelta(seconds=29))
    assert slack.got == []
    await runs.deliver_due(NOW + timedelta(seconds=31))
    assert slack.got == ["m0", "m9"]


async def test_what_is_refused_is_parked_with_its_error_and_the_next_goes_out():
    outbox, slack = Memory(*some(2)), Fake("slack", [Refused("the webhook was removed")])
    report = await courier(outbox, [slack]).deliver_due(NOW)
    assert outbox.states() == ["parked", "sent"]
    assert outbox.rows["m0"].error == "the webhook was removed"
    assert (report.parked, report.sent) == (1, 1)


async def test_a_message_that_fails_again_and_again_lets_the_others_pass():
    outbox, slack = Memory(*some(2)), Fake("slack", [TryAgain("500")])
    outbox.rows["m0"].attempts = PATIENCE - 1
    await courier(outbox, [slack]).deliver_due(NOW)
    assert outbox.states() == ["waiting", "sent"]


@pytest.mark.parametrize(
    ("attempts", "age", "state"),
    [
        (TRIES - 1, timedelta(hours=25), "parked"),
        (TRIES - 2, timedelta(hours=25), "waiting"),
        (TRIES - 1, timedelta(hours=23), "waiting"),
        (0, timedelta(days=9), "waiting"),  # The daemon itself was down; it has not been tried yet.
    ],
)
async def test_a_message_is_given_up_after_a_day_and_enough_tries(attempts: int, age: timedelta, state: str):
    outbox, slack = Memory(a_message(0, at=NOW - age)), Fake("slack", [TryAgain("no answer")])
    outbox.rows["m0"].attempts = attempts
    await courier(outbox, [slack]).deliver_due(NOW)
    assert outbox.states() == [state]
    assert "no answer" in outbox.rows["m0"].error


async def test_a_channel_that_is_configured_no_more_parks_its_messages():
    outbox = Memory(*some(1, "teams"))
    await courier(outbox, []).deliver_due(NOW)
    assert outbox.states() == ["parked"]
    assert "there is no channel `teams` under `notify:` any more" in outbox.rows["m0"].error


async def test_a_fault_of_a_channel_is_a_failure_without_its_text():
    outbox, slack, mail = Memory(*some(1)), Fake("slack", [KeyError("s3cr3t")]), Fake("email")
    late = a_message(5, "email", NOW - timedelta(seconds=1))
    outbox.add(late)
    report = await courier(outbox, [slack, mail]).deliver_due(NOW)
    assert mail.got == ["m5"]
    assert report.errors == [("slack", "m0", "sending to `slack` failed unexpectedly (KeyError)")]


async def test_nothing_is_begun_shortly_before_the_lease_ends():
    clock = Clock()

    class Slow(Fake):
        async def send(self, message: Message) -> None:
            clock.at += 25
            await super().send(message)

    class Counting(Memory):
        claims: ClassVar[list[int]] = []

        async def claim_due_messages(
            self, now: datetime, owner: str, limit: int, _lease: float, channel: str = ""
        ) -> list[Row]:
            claimed = await super().claim_due_messages(now, owner, limit, _lease, channel)
            if claimed:
                self.claims.append(len(claimed))
            return claimed

    outbox, slack = Counting(*some(4)), Slow("slack")
    report = await courier(outbox, [slack], clock).deliver_due(NOW)
    assert slack.got == ["m0", "m1", "m2", "m3"]
    assert outbox.claims == [4, 1]
    assert outbox.rows["m3"].attempts == 1  # Released and claimed anew.
    assert report.sent == 4


async def test_a_store_that_fails_is_heard_after_the_other_channels_had_their_turn():
    class Full(Memory):
        async def mark_sent(self, claim: Row, _now: datetime) -> bool:
            if claim.message.id == "m0":
                raise OSError("disk full")
            return await super().mark_sent(claim, _now)

    outbox = Full(a_message(0, "slack"), a_message(1, "email"))
    slack, mail = Fake("slack"), Fake("email")
    with pytest.raises(OSError, match="disk full"):
        await courier(outbox, [slack, mail]).deliver_due(NOW + timedelta(seconds=1))
    assert mail.got == ["m1"]
    assert outbox.rows["m1"].state == "sent"


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_the_wait_doubles_up_to_a_quarter_of_an_hour_and_is_spread(chance: float):
    waits = [wait_before(attempt, None, chance) for attempt in range(1, 40)]
    assert waits == sorted(waits)
    assert 0.5 <= waits[0] <= 1.0
    assert LONGEST_WAIT / 2 <= waits[-1] <= LONGEST_WAIT


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_the_wait_is_never_shorter_than_they_ask(chance: float):
    assert all(wait_before(attempt, 30.0, chance) >= 30 for attempt in range(1, 40))
