"""From the outbox to the channels: at least once, in order, and no channel waits for another.

A message stays in the outbox until its channel took it. What failed is tried again, later each time and
never before the other side allows; meanwhile younger messages of that channel wait behind it, so that
"resolved" does not come before "fired". After some tries it lets them pass, and after a day it is parked
with its error, where people see it.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from advisor.core.message import Message
from advisor.notify.contract import Channel, Refused, TryAgain

#: So many messages are claimed at a time, for so many seconds.
BATCH = 20
LEASE = 90.0

#: So many messages are looked at, once, for channels that are no more.
SWEPT = 500

#: So many seconds before the lease ends nothing more is begun.
_MARGIN = 30.0

#: Seconds of the first wait and of the longest.
FIRST_WAIT = 1.0
LONGEST_WAIT = 900.0

#: A message that failed so often lets younger ones pass: the fault may be its own.
PATIENCE = 5

#: Parked after so many tries, once it is this old.
TRIES = 12
PARKED_AFTER = timedelta(hours=24)


class Claim(Protocol):
    """A message that is ours to send until the lease ends; `attempts` counts this try too."""

    @property
    def message(self) -> Message:
        """What to send."""
        ...

    @property
    def attempts(self) -> int:
        """Which try this is, from 1 on."""
        ...


ClaimT = TypeVar("ClaimT", bound=Claim)


class Outbox(Protocol[ClaimT]):
    """What delivery needs of the store: each call is one transaction.

    The four that end a claim return False where it was lost meanwhile because its lease ended.
    """

    async def claim_due_messages(
        self, now: datetime, owner: str, limit: int, lease_seconds: float, channel: str = ""
    ) -> Sequence[ClaimT]:
        """Claim due messages that nobody holds, of one channel where it is named."""
        ...

    async def mark_sent(self, claim: ClaimT, now: datetime) -> bool:
        """Remember that the channel took it."""
        ...

    async def mark_failed(self, claim: ClaimT, error: str, retry_at: datetime) -> bool:
        """Remember a failed try; the message is due again at `retry_at`."""
        ...

    async def release_claim(self, claim: ClaimT) -> bool:
        """Give it back untried."""
        ...

    async def park(self, claim: ClaimT, error: str) -> bool:
        """Give up on it; people see the error."""
        ...


@dataclass(slots=True)
class DeliveryReport:
    """What one call did. `errors` holds (channel, message id, sentence) of all that failed."""

    sent: int = 0
    failed: int = 0
    parked: int = 0
    errors: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass(slots=True)
class _Lane:
    """One channel's road: who is on it, since when it is free (monotonic seconds), until when closed."""

    busy: bool = False
    asked: datetime | None = None
    free_at: float = 0.0
    closed_until: datetime | None = None


class Courier(Generic[ClaimT]):
    """Delivers what is due. It remembers each channel's pace and trouble between calls.

    Calls may overlap: start one as a task after every commit and every few seconds, and a channel that
    hangs delays no other. `monotonic`, `sleep` and `chance` (0..1) are for tests.
    """

    def __init__(
        self,
        outbox: Outbox[ClaimT],
        channels: Mapping[str, Channel],
        owner: str,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._outbox = outbox
        self._channels = channels
        self._owner = owner
        self._monotonic = monotonic
        self._sleep = sleep
        self._chance = chance
        self._lanes = {name: _Lane() for name in channels}
        self._swept = False

    async def deliver_due(self, now: datetime) -> DeliveryReport:
        """Send what is due at `now` or becomes due meanwhile, and return what became of it.

        Raises what the outbox raises, after every channel has had its turn; what was claimed and not
        marked is claimed again when its lease ends.
        """
        report = DeliveryReport()
        results = await asyncio.gather(
            *(
                self._drive(channel, self._lanes[name], now, report)
                for name, channel in self._channels.items()
            ),
            return_exceptions=True,
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result
        if not self._swept:
            await self._sweep(now, report)
            self._swept = True
        return report

    async def _sweep(self, now: datetime, report: DeliveryReport) -> None:
        """Park, once, what waits for channels that are configured no more."""
        for claim in await self._outbox.claim_due_messages(now, self._owner, SWEPT, LEASE):
            name = claim.message.channel
            if name in self._channels:
                await self._outbox.release_claim(claim)
            else:
                error = f"there is no channel `{name}` under `notify:` any more; add it and try again"
                await self._park(claim, error, report)

    async def _drive(self, channel: Channel, lane: _Lane, now: datetime, report: DeliveryReport) -> None:
        """Send one channel's messages in order, unless another call is at it: then it is asked to go on."""
        if lane.busy:
            lane.asked = now
            return
        lane.busy = True
        start = self._monotonic()
        try:
            while True:
                clock = now + timedelta(seconds=self._monotonic() - start)
                if lane.asked is not None:
                    clock, lane.asked = max(clock, lane.asked), None
                if lane.closed_until is not None and clock < lane.closed_until:
                    return
                claims = await self._outbox.claim_due_messages(clock, self._owner, BATCH, LEASE, channel.name)
                again = await self._batch(channel, lane, claims, clock, report)
                if not again and lane.asked is None:
                    return
        finally:
            lane.busy = False

    async def _batch(
        self, channel: Channel, lane: _Lane, claims: Sequence[ClaimT], now: datetime, report: DeliveryReport
    ) -> bool:
        """Send a batch, oldest first, and return whether there may be more to send now."""
        start = self._monotonic()
        ordered = sorted(claims, key=lambda claim: (claim.message.at, claim.message.id))
        for index, claim in enumerate(ordered):
            wait = max(0.0, lane.free_at - self._monotonic())
            # Shortly before the lease ends nothing is begun: another owner may claim it in the middle.
            late = self._monotonic() - start + wait > LEASE - _MARGIN
            if not late:
                if wait:
                    await self._sleep(wait)
                clock = now + timedelta(seconds=self._monotonic() - start)
                if await self._send(channel, lane, claim, clock, report):
                    continue
            for rest in ordered[index if late else index + 1 :]:
                await self._outbox.release_claim(rest)
            return late and index > 0
        return len(ordered) == BATCH

    async def _send(
        self, channel: Channel, lane: _Lane, claim: ClaimT, now: datetime, report: DeliveryReport
    ) -> bool:
        """Try one message; False where the younger ones have to wait."""
        try:
            await channel.send(claim.message)
        except Refused as error:
            await self._park(claim, str(error), report)
        except TryAgain as error:
            return await self._fail(lane, claim, now, error, report)
        except Exception as error:  # noqa: BLE001  # A channel's fault must not stop the others.
            sentence = f"sending to `{channel.name}` failed unexpectedly ({type(error).__name__})"
            return await self._fail(lane, claim, now, TryAgain(sentence), report)
        else:
            lane.closed_until = None
            await self._outbox.mark_sent(claim, now)
            report.sent += 1
        finally:
            lane.free_at = self._monotonic() + channel.pace
        return True

    async def _fail(
        self, lane: _Lane, claim: ClaimT, now: datetime, error: TryAgain, report: DeliveryReport
    ) -> bool:
        tries = claim.attempts
        if tries >= TRIES and now - claim.message.at >= PARKED_AFTER:
            await self._park(claim, f"{error}; given up after {tries} tries", report)
            return True
        retry_at = now + timedelta(seconds=wait_before(tries, error.after, self._chance()))
        report.failed += 1
        report.errors.append((claim.message.channel, claim.message.id, str(error)))
        await self._outbox.mark_failed(claim, str(error), retry_at)
        if tries >= PATIENCE and error.after is None:
            return True
        lane.closed_until = retry_at
        return False

    async def _park(self, claim: ClaimT, error: str, report: DeliveryReport) -> None:
        report.parked += 1
        report.errors.append((claim.message.channel, claim.message.id, error))
        await self._outbox.park(claim, error)


def wait_before(attempt: int, after: float | None, chance: float) -> float:
    """Return the seconds until the next try: twice as long each time, spread by `chance` (0..1).

    `after` is what the other side asks for; it is obeyed, and never shortened by the spread.
    """
    longest = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(attempt - 1, 20))
    own = longest * (0.5 + chance / 2)
    return own if after is None else after + own * 0.1
