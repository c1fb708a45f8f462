"""`kill -9` at any point of the engine's rounds: everything is told that an untroubled life tells, once."""

import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from advisor.core.lifecycle import State
from advisor.core.message import Event, Message
from advisor.store import Delivery, Flip, open_store
from tests import killed_engine


def _lives(folder: Path, deaths: list[str]) -> tuple[list[int], list[Message], list[Flip], set[Delivery]]:
    """Live as often, then to the end; return what each life died of, what was told, and what is stored."""
    folder.mkdir()
    config, deliveries = folder / "advisor.yaml", folder / "deliveries.jsonl"
    config.write_text(killed_engine.CONFIG)
    (folder / "rules.yaml").write_text(killed_engine.RULES)
    deliveries.touch()
    done = subprocess.run(
        [sys.executable, "-m", killed_engine.__name__, str(config), str(deliveries)],
        input="".join(f"{death}\n" for death in [*deaths, "never"]),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env={"PYTHONPATH": str(Path(__file__).parents[1])},
    )
    codes = [int(code) for code in done.stdout.split()]
    assert codes[-1] == 0, done.stderr
    store = open_store("sqlite:///advisor.db", folder)
    with store.reading() as tx:
        flips, states = tx.flips(killed_engine.START), {one.state for one in tx.outbox()}
        stored = {finding.identity: finding.state for finding in tx.findings()}
    assert store.integrity_check() == []
    store.close()
    chains: dict[tuple[str, str, str], State] = {}
    for flip in flips:
        identity = (flip.rule, flip.subject, flip.copy)
        assert flip.before is chains.get(identity, State.INACTIVE)
        chains[identity] = flip.after
    assert {one: state for one, state in chains.items() if state is not State.INACTIVE} == stored
    told = [Message.model_validate_json(line) for line in deliveries.read_text().splitlines()]
    return codes[:-1], told, flips, states


def test_a_life_of_kills_tells_what_an_untroubled_life_tells(tmp_path: Path) -> None:
    chance = random.Random(20261101)
    deaths = [f"{point}:{chance.randint(1, 3)}" for point in killed_engine.POINTS * 2]
    deaths += [f"after:{chance.uniform(0.05, 0.25):.3f}" for _ in range(4)]
    chance.shuffle(deaths)
    _, expected, flips, _ = _lives(tmp_path / "untroubled", [])
    codes, told, flips_of_kills, states = _lives(tmp_path / "killed", deaths)

    assert codes == [-signal.SIGKILL] * len(deaths)
    assert len(deaths) >= 20
    assert flips_of_kills == flips
    assert len(expected) > len(deaths) / 2
    assert {Event.VERIFIED, Event.NOT_MOVED} <= {n.event for m in expected for n in m.notices}
    assert any("ann rejected this" in n.note for m in expected for n in m.notices)
    assert {message.id: message.text for message in told} == {m.id: m.text for m in expected}
    assert len({message.id for message in expected}) == len(expected)
    assert states == {Delivery.SENT}
    # A repeat is the same message, under the same id, and there is one a kill at most.
    times = Counter(message.id for message in told)
    assert sum(times.values()) - len(times) <= len(deaths)
    assert len({message.model_dump_json() for message in told}) == len(times)
