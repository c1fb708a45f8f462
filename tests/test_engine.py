"""What the engine tells and keeps over restarts, reloads and clock changes; time is an argument."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from advisor.core.lifecycle import State
from advisor.core.message import Event
from advisor.core.model import Observed, Reading
from advisor.core.snapshot import SourceRow
from advisor.daemon import set_up
from advisor.engine import Engine
from advisor.polling.poller import Polled
from advisor.store import AsyncStore, open_store

NOW = datetime(2026, 11, 4, 12, tzinfo=UTC)
CONFIG = """
rules: {files: [rules.yaml]}
include: [more.d/*.yaml]
notify: {stdout: true}
stacks:
  shop:
    services:
      storage: {provider: acme, role: storage}
      archive: {provider: acme, role: storage}
"""
RULE = """
- {id: own.full, service: storage, when: "storage > 400MB", then: upgrade, severity: critical, says: Full.}
"""
MORE = "stacks: {blog: {services: {storage: {provider: acme, role: storage}}}}\n"

Start = Callable[..., Engine]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Return what makes an engine of these files over one store, as a start or a reload does."""
    store = AsyncStore(open_store("sqlite:///advisor.db", tmp_path))
    (tmp_path / "more.d").mkdir()

    def made(config: str = CONFIG, rules: str = RULE, more: str = MORE) -> Engine:
        (tmp_path / "advisor.yaml").write_text(config)
        (tmp_path / "rules.yaml").write_text(rules)
        (tmp_path / "more.d" / "blog.yaml").write_text(more)
        setup = set_up(tmp_path / "advisor.yaml", {})
        rows = [SourceRow(service.subject.key, "script", 60.0) for service in setup.world.fleet.services]
        return Engine(setup.world, store, ["stdout"], sources=rows)

    yield made
    await store.close()


def poll(subject: str, megabytes: float, at: datetime, error: str | None = None) -> Polled:
    reading = Observed(Reading("storage", megabytes * 1e6, at), subject, "script", at, 180.0)
    return Polled(subject, "script", at, 0.1, () if error else (reading,), error=error)


async def events(engine: Engine, at: datetime, *polls: Polled) -> list[tuple[Event, str, str]]:
    done = await engine.absorb(polls, at, at + timedelta(days=1))
    return [(notice.event, notice.concern, notice.note) for notice in done.notices]


async def test_after_a_start_nothing_is_stale_before_its_source_had_its_turn(start: Start) -> None:
    engine = start()
    told = await events(engine, NOW, poll("shop/storage", 450, NOW), poll("shop/archive", 450, NOW))
    assert [event for event, _, _ in told] == [Event.FIRED] * 2
    later = NOW + timedelta(hours=1)
    engine = start()
    assert await events(engine, later, poll("shop/storage", 450, later)) == []
    assert await events(engine, later, poll("shop/archive", 450, later)) == []
    much_later = later + timedelta(hours=1)
    engine = start()
    assert await events(engine, much_later, poll("shop/storage", 450, much_later)) == []
    failed = poll("shop/archive", 0, much_later, error="it is gone")
    assert await events(engine, much_later, failed) == [(Event.STALE, "shop/archive#storage", "")]


async def test_the_end_of_a_rule_ends_its_findings_and_is_told(start: Start) -> None:
    await events(start(), NOW, poll("shop/storage", 450, NOW))
    engine = start(rules=RULE.replace("own.full", "own.other").replace("400MB", "900MB"))
    told = await events(engine, NOW + timedelta(minutes=1))
    assert told == [(Event.RESOLVED, "shop/storage#storage", "the rule is no longer in force")]
    assert [finding.state for finding in engine.watch.ledger.findings.values()] == [State.RESOLVED]
    assert await events(engine, NOW + timedelta(minutes=2)) == []


async def test_the_end_of_a_service_ends_its_findings_and_is_told(start: Start) -> None:
    await events(start(), NOW, poll("blog/storage", 450, NOW))
    engine = start(more="stacks: {}\n")
    assert await events(engine, NOW) == [(Event.RESOLVED, "blog/storage#storage", "no longer watched")]


async def test_a_file_that_is_set_aside_ends_nothing_and_is_shown(start: Start) -> None:
    await events(start(), NOW, poll("blog/storage", 450, NOW))
    engine = start(more="stacks: {blog: {services: 3}}\n")
    assert await events(engine, NOW) == []
    assert "set aside" in engine.snapshot(NOW).problems[0]
    engine = start()
    assert await events(engine, NOW, poll("blog/storage", 450, NOW)) == []
    assert await events(engine, NOW, poll("blog/storage", 300, NOW)) != []


async def test_a_rule_that_was_renamed_keeps_its_findings(start: Start) -> None:
    await events(start(), NOW, poll("shop/storage", 450, NOW))
    renamed = RULE.replace("own.full,", "own.filled, formerly: [own.full],")
    engine = start(rules=renamed)
    at = NOW + timedelta(minutes=1)
    assert await events(engine, at, poll("shop/storage", 450, at)) == []
    (finding,) = (await engine.store.read(lambda tx: tx.findings()))[:1]
    assert (finding.rule, finding.state, finding.since) == ("own.filled", State.FIRING, NOW)
    assert len(await engine.store.read(lambda tx: tx.flips(NOW))) == 1
    engine = start(rules=renamed)
    assert [event for event, _, _ in await events(engine, at, poll("shop/storage", 300, at))] == [
        Event.RESOLVED
    ]


@pytest.mark.parametrize("hours", [1, 2, 24 * 7 + 1])
async def test_a_digest_is_queued_once_for_a_local_date_also_when_the_clock_goes_back(
    start: Start, hours: int
) -> None:
    """In Lisbon it is 01:30 twice on 25 October 2026: at 00:30 and at 01:30 UTC."""
    engine = start()
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    again = first + timedelta(hours=hours)
    zone = "Europe/Lisbon"
    assert len(await engine.queue_digest("weekly", first, zone)) == 1
    engine = start()  # A restart between the two knows it too.
    assert len(await engine.queue_digest("weekly", again, zone)) == (hours > 24)
    # What was missed bears the date on which it was due, so that late is not twice.
    late = first + timedelta(hours=30)
    assert await engine.queue_digest("weekly", late, zone, due=first) == []
