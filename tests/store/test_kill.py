"""`kill -9` at any point between decide, commit and send loses nothing and repeats only with the same id."""

import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from advisor.core.lifecycle import State
from advisor.core.message import Message
from advisor.store import Delivery, open_store
from tests.store import killed


def test_kills_at_any_point_lose_no_message(url: str, tmp_path: Path) -> None:
    chance = random.Random(20261101)
    sqlite = url.startswith("sqlite")
    points = killed.POINTS * 2 if sqlite else killed.POINTS[1::2]
    deaths = [f"{point}:{chance.randint(3, 9)}" for point in points]
    # From outside: while it opens the store (a server takes its time), within a commit, anywhere.
    longest = 0.2 if sqlite else 0.5
    deaths += [f"after:{chance.uniform(0.005, longest):.3f}" for _ in range(12 if sqlite else 3)]
    chance.shuffle(deaths)

    deliveries = tmp_path / "deliveries.jsonl"
    deliveries.touch()
    lives = [f"{run} {death}" for run, death in enumerate([*deaths, "drain"])]
    done = subprocess.run(
        [sys.executable, "-m", killed.__name__, url, str(tmp_path), str(deliveries)],
        input="\n".join(lives) + "\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.stdout.split() == [str(-signal.SIGKILL)] * len(deaths) + ["0"], done.stderr

    store = open_store(url, tmp_path)
    with store.reading() as tx:
        flips, findings, messages = tx.flips(killed.START), tx.findings(), tx.outbox()
    assert store.integrity_check() == []
    store.close()

    # The changes of every subject form one chain that ends in its finding: nothing is half-written.
    states: dict[str, State] = {}
    for flip in flips:
        assert flip.before is states.get(flip.subject, State.INACTIVE)
        states[flip.subject] = flip.after
    assert states == {finding.subject: finding.state for finding in findings}
    assert len(flips) >= 2 * len(deaths)

    # Every change has its message, and every message reached its channel.
    delivered = [Message.model_validate_json(line) for line in deliveries.read_text().splitlines()]
    assert [flip.evidence for flip in flips] == [f"m{n}" for n in range(len(flips))]
    assert {one.id for one in delivered} == {flip.evidence for flip in flips}
    assert {one.state for one in messages} == {Delivery.SENT}

    # Who was killed between sending and noting sends again: the same message under the same id.
    times = Counter(one.id for one in delivered)
    assert sum(times.values()) - len(times) <= len(deaths)
    assert len({one.model_dump_json() for one in delivered}) == len(times)
