"""A small advisor that is killed: it decides, commits and sends for ever. Run by test_kill.py.

It reads lines from its standard input, each "run number, way to die", forks a child for each, and answers
with the signal that the child died of. Forking spares the imports of every life.

    python -m tests.store.killed URL FOLDER DELIVERIES
"""

import os
import random
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from advisor.core.lifecycle import Finding, State
from advisor.core.message import Message
from advisor.store import Flip, Store, Transaction, open_store
from tests.mortal import every_life

START = datetime(2026, 11, 1, tzinfo=UTC)
POINTS = ("saved", "queued", "committed", "claimed", "sent", "marked", "noted")
SUBJECTS = [f"shop/service-{n}" for n in range(4)]


def decide(tx: Transaction, now: datetime, point: Callable[[str], None]) -> None:
    """Turn the state of a few subjects, with a message for each change."""
    held = {finding.subject: finding for finding in tx.findings()}
    number = len(tx.flips(START))
    for step, subject in enumerate(random.Random(number).sample(SUBJECTS, 2)):
        before = held.get(subject)
        firing = before is None or before.state is not State.FIRING
        after = Finding(
            "rule", subject, "", State.FIRING if firing else State.RESOLVED, now, value=float(number)
        )
        message = Message(
            id=f"m{number + step}",
            channel="slack",
            kind="alert",
            at=now,
            text=f"{subject} {after.state} {number}",
        )
        tx.save_findings([(before, after)])
        point("saved")
        tx.add_flips([Flip.between(before, after, now, evidence=message.id)])
        tx.enqueue([(message, now)])
        point("queued")


def send(store: Store, now: datetime, deliveries: Path, point: Callable[[str], None], owner: str) -> int:
    """Deliver what is due into a file, as a channel would take it."""
    with store.transaction() as tx:
        claims = tx.claim_due_messages(now, owner, 3, 60)
    point("claimed")
    for claim in claims:
        with deliveries.open("a") as channel:
            channel.write(claim.message.model_dump_json() + "\n")
            channel.flush()
            os.fsync(channel.fileno())
        point("sent")
        with store.transaction() as tx:
            tx.mark_sent(claim, now)
            point("marked")
        point("noted")
    return len(claims)


def live(url: str, folder: Path, deliveries: Path, run: int, death: str) -> None:
    """Go on until killed: at the n-th time of a point (`sent:3`), from outside, or at the end (`drain`)."""
    name, _, count = death.partition(":")
    left = int(count) if name in POINTS else 0

    def point(reached: str) -> None:
        nonlocal left
        if reached == name:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    now = START + timedelta(hours=run)  # The claims of the life before have run out.
    store = open_store(url, folder)
    if death == "drain":
        while send(store, now, deliveries, point, f"run {run}"):
            pass
        return
    while True:
        with store.transaction() as tx:
            decide(tx, now, point)
        point("committed")
        send(store, now, deliveries, point, f"run {run}")


def main() -> None:
    """Live as often as told."""
    url, folder, deliveries = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])

    def one(line: str) -> None:
        run, death = line.split()
        live(url, folder, deliveries, int(run), death)

    every_life(one)


if __name__ == "__main__":
    main()
