"""The real engine, store and courier over a scripted series, killed on the way. Run by test_kill.py.

It reads lines from its standard input, each "way to die", forks a child for each, and answers with the signal
that the child died of. Forking spares the imports of every life.

    python -m tests.killed_engine CONFIG DELIVERIES
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from advisor import logs, owner
from advisor.channels import StoredOutbox
from advisor.core.answered import Answered, Said, Seen
from advisor.core.message import Message
from advisor.core.model import Observed, Reading
from advisor.daemon import Setup, lead, set_up
from advisor.notify.delivery import Courier
from advisor.polling.poller import Polled
from advisor.store import AsyncStore, Transaction, open_store
from tests.mortal import every_life

START = datetime(2026, 11, 1, tzinfo=UTC)
STEPS = 70
SERVICES = 2
#: Where it may die: within the round's transaction, before and after delivery, within the note of it.
INSIDE = ("add_readings", "save_findings", "enqueue", "set_told", "mark_sent")
POINTS = (*INSIDE, "committed", "sending", "sent")

CONFIG = """
store: sqlite:///advisor.db
web: {listen: false}
rules: {files: [rules.yaml]}
notify: {stdout: true}
stacks:
  shop:
    services:
""" + "".join(f"      s{n}: {{provider: acme, role: storage}}\n" for n in range(SERVICES))

RULES = """
- {id: own.full, service: storage, when: "storage > 400MB, clears below 350MB", then: upgrade,
   severity: critical, says: Nearly full.}
- {id: own.long, service: storage, when: "storage > 300MB for 3m", then: optimise, severity: info,
   notify: immediate, says: Long above.}
"""

#: Rises and falls, and stays between the two thresholds on its way.
WAVE = (200, 320, 420, 450, 380, 360, 320, 320, 310, 250, 200)


#: What is answered in which step of a wave: that is verified, that has not moved, and that speaks again.
ANSWERS = {
    4: ("s0", Said.DONE, timedelta(minutes=9)),
    2: ("s0", Said.DONE, timedelta(minutes=1)),
    9: ("s1", Said.REJECTED, timedelta(minutes=4)),
}


def answered(step: int, now: datetime) -> Answered | None:
    """Return what somebody answers before a step, None where nobody does."""
    if step % len(WAVE) not in ANSWERS or step < len(WAVE):
        return None
    service, said, wait = ANSWERS[step % len(WAVE)]
    seen = Seen(f"shop/{service}", "storage", "quota")
    return Answered(f"shop/{service}#storage", said, "ann", now, until=now + wait, due=now + wait, seen=seen)


def polls(step: int, now: datetime) -> list[Polled]:
    found = []
    for n in range(SERVICES):
        value = WAVE[(step + 3 * n) % len(WAVE)] * 1e6
        seen = Observed(Reading("storage", value, now), f"shop/s{n}", "script", now, 300)
        found.append(Polled(f"shop/s{n}", "script", now, 0.0, (seen,), keep={"step": step}))
    return found


class File:
    """A channel that is a file; what is in it was told."""

    name = "stdout"
    pace = 0.0

    def __init__(self, path: Path, point: Callable[[str], None]) -> None:
        self.path = path
        self.point = point

    async def send(self, message: Message) -> None:
        self.point("sending")
        with self.path.open("a") as file:
            file.write(message.model_dump_json() + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.point("sent")


async def live(setup: Setup, deliveries: Path, point: Callable[[str], None]) -> None:
    """Go on where the last life ended, to the end of the script; then deliver what waits."""
    store = AsyncStore(open_store(setup.config.store_url({}), setup.config.folder))
    engine = setup.engine(store)
    step = await store.read(lambda tx: max((source.keep["step"] + 1 for source in tx.sources()), default=0))
    now = START + timedelta(minutes=step)
    engine.lease = await store.write(lambda tx: lead(tx, now))
    assert engine.lease is not None, "the lease of a process that was killed is not free"
    courier = Courier(StoredOutbox(store), {"stdout": File(deliveries, point)}, owner.me())
    await courier.deliver_due(now)
    for number in range(step, STEPS):
        now = START + timedelta(minutes=number)
        engine.lease = await store.write(lambda tx, now=now: lead(tx, now))
        if said := answered(number, now):
            await store.write(lambda tx, said=said: tx.answer(said))
        await engine.absorb(polls(number, now), now, now + timedelta(days=1))
        point("committed")
        await courier.deliver_due(now)
    await store.close()


def kills(death: str) -> Callable[[str], None]:
    """Return what ends this process at the n-th time of a point (`sent:3`)."""
    name, _, count = death.partition(":")
    left = int(count) if name in POINTS else 0

    def point(reached: str) -> None:
        nonlocal left
        if reached == name:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def watched(name: str) -> Any:
        method = getattr(Transaction, name)

        def call(*arguments: Any, **named: Any) -> Any:
            done = method(*arguments, **named)
            point(name)
            return done

        return call

    for inside in INSIDE:
        setattr(Transaction, inside, watched(inside))
    return point


def main() -> None:
    """Live as often as told."""
    logs.setup("warning")
    setup, deliveries = set_up(Path(sys.argv[1]), {}), Path(sys.argv[2])
    every_life(lambda death: asyncio.run(live(setup, deliveries, kills(death))))


if __name__ == "__main__":
    main()
