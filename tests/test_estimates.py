"""The estimate of costs in the engine: rules judge it, what a source reports comes before it."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from advisor.core.message import Event
from advisor.core.model import Observed, Quality, Reading
from advisor.core.snapshot import SourceRow
from advisor.daemon import set_up
from advisor.engine import Engine
from advisor.estimates import AGAIN, EVERY
from advisor.notify.text import digest_text
from advisor.polling.poller import Polled
from advisor.store import AsyncStore, open_store

NOW = datetime(2026, 11, 4, 12, tzinfo=UTC)
CONFIG = """
rules: {files: [rules.yaml]}
notify: {stdout: true}
accounts:
  acme: {provider: supabase, plan: pro}
stacks:
  shop:
    packs: [app-virgin]
    budget: $60/mo
    facts: {users: 800, revenue: 500}
    services:
      database: {account: acme, role: database, size: large}
      users: {provider: http, url: "http://127.0.0.1:1/", metrics: {storage: {path: a}}}
"""
RULE = """
- {id: own.dear, when: cost per month > $50 and users < 1K, then: audit costs, severity: warning,
   notify: immediate, says: Dear.}
- {id: own.share, when: cost per month > 10% of revenue, then: audit costs, severity: warning, says: Share.}
- {id: own.cheap, when: cost per month < $500, then: audit costs, severity: info, says: Cheap.}
- {id: own.service, service: database, when: cost per month > $50, then: investigate, severity: info, says: x}
"""

Start = Callable[..., Engine]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Return what makes an engine of these files over one store, as a start does."""
    store = AsyncStore(open_store("sqlite:///advisor.db", tmp_path))

    def made(config: str = CONFIG) -> Engine:
        (tmp_path / "advisor.yaml").write_text(config)
        (tmp_path / "rules.yaml").write_text(RULE)
        setup = set_up(tmp_path / "advisor.yaml", {})
        return Engine(setup.world, store, ["stdout"], sources=[SourceRow("shop/database", "script", 60.0)])

    yield made
    await store.close()


def poll(at: datetime, *readings: Reading) -> Polled:
    found = tuple(Observed(one, "shop/database", "script", at, 180.0) for one in readings)
    return Polled("shop/database", "script", at, 0.1, found)


async def fired(engine: Engine, at: datetime, *polls: Polled) -> set[str]:
    """Take polls in and return the rules that fire."""
    await engine.absorb(polls, at, at + timedelta(days=1))
    return {f.rule for f in engine.watch.ledger.findings.values() if f.state == "firing"} - {
        rule for rule in engine.watch.rules if not rule.startswith("own.")
    }


async def october(engine: Engine) -> None:
    """Let the last month be seen: what is less than something, or a share, is judged on a whole month."""
    start, end = NOW.replace(month=10, day=1), NOW.replace(month=10, day=30)
    await fired(engine, end, poll(end, Reading("egress", 1e9, end, start)))


def cost(usd: float, day: int, hours: int = 24) -> Reading:
    since = NOW.replace(day=day, hour=0)
    return Reading("cost", usd, since + timedelta(hours=hours), since)


async def test_a_rule_on_cost_fires_where_no_source_reports_any(start: Start) -> None:
    engine = start()
    done = await engine.absorb([poll(NOW)], NOW, NOW + timedelta(days=1))
    assert [(n.event, n.concern) for n in done.notices if n.concern == "shop#cost"] == [
        (Event.FIRED, "shop#cost")
    ]
    assert await fired(engine, NOW) == {"own.dear", "own.service"}
    unknown = {rule: why for rule, _, why in engine.snapshot(NOW).unknown if rule.startswith("own.")}
    assert set(unknown) == {"own.share", "own.cheap"}
    assert set(unknown.values()) == {"none of the services has `cost` for all of that time"}
    kept = await engine.store.read(lambda tx: tx.history("shop/database", "cost", NOW - timedelta(days=40)))
    # Pro and a large machine, less the credit for machines, on the first day; then nothing is added.
    assert [one.reading.value for one in kept] == [125.0, 0.0, 0.0, 0.0]
    assert {(one.source, one.reading.quality) for one in kept} == {("estimate", Quality.ESTIMATED)}


async def test_a_share_of_revenue_is_judged_on_the_last_month(start: Start) -> None:
    engine = start()
    await october(engine)
    assert await fired(engine, NOW, poll(NOW)) == {"own.dear", "own.share", "own.cheap", "own.service"}


async def test_nothing_is_estimated_before_the_sources_had_their_turn(start: Start) -> None:
    engine = start()
    assert await fired(engine, NOW) == set()
    assert "own.dear" in await fired(engine, NOW + EVERY, poll(NOW + EVERY))


async def test_what_a_source_reports_comes_before_the_estimate(start: Start) -> None:
    engine = start()
    reported = [cost(2.0, day) for day in (1, 2, 3)]
    assert await fired(engine, NOW, poll(NOW, *reported)) == set()
    (found,) = engine.snapshot(NOW).costs
    assert (found.so_far, found.estimated) == (6.0, True)  # The endpoint's nothing is an estimate.
    assert engine.estimates.of["shop/database"].estimated is False


async def test_what_is_reported_later_takes_the_place_of_the_estimate_also_after_a_start(
    start: Start,
) -> None:
    engine = start()
    assert "own.dear" in await fired(engine, NOW, poll(NOW))
    later = NOW + EVERY
    reported = [cost(2.0, day) for day in (1, 2, 3)]
    await engine.absorb([poll(later, *reported)], later, later + timedelta(days=1))
    last = later + timedelta(minutes=1)
    assert await fired(engine, last) == set()
    assert await fired(start(), last, poll(last)) == set()


async def test_an_unknown_price_makes_the_sum_partial_and_never_resolves(start: Start) -> None:
    config = CONFIG + "      search: {provider: nobody}\n"
    engine = start(config)
    await october(engine)
    # More than the known part it may be: what is above $50 is true, what is below $500 is not known.
    assert await fired(engine, NOW, poll(NOW)) == {"own.dear", "own.share", "own.service"}
    unknown = {rule: why for rule, _, why in engine.snapshot(NOW).unknown if rule.startswith("own.")}
    assert unknown == {"own.cheap": "the sum is partial: 1 service has no fresh reading of `cost`"}
    (found,) = engine.snapshot(NOW).costs
    assert found.unknown == ("search: what nobody costs is not in the catalogue",)


async def test_a_price_known_in_part_counts_as_the_least(start: Start) -> None:
    config = CONFIG + "      edge: {provider: fly, plan: payg, role: backend}\n"
    engine = start(config)
    await october(engine)
    assert "own.cheap" not in await fired(engine, NOW, poll(NOW))
    unknown = {rule: why for rule, _, why in engine.snapshot(NOW).unknown if rule.startswith("own.")}
    assert unknown == {"own.cheap": "the sum is partial: 1 service is known only in part"}
    (found,) = engine.snapshot(NOW).costs
    assert found.so_far == 125.0 + 2.32


async def test_an_estimate_that_says_the_same_is_written_once(start: Start) -> None:
    engine = start()
    await fired(engine, NOW, poll(NOW))
    await fired(engine, NOW + EVERY)
    kept = await engine.store.read(lambda tx: tx.history("shop/database", "cost", NOW - timedelta(days=40)))
    assert kept[-1].reading.at == NOW
    tomorrow = NOW + timedelta(hours=13)
    await fired(engine, tomorrow)
    kept = await engine.store.read(lambda tx: tx.history("shop/database", "cost", NOW - timedelta(days=40)))
    assert (len(kept), kept[-1].reading.at) == (5, tomorrow)
    assert await engine.store.read(lambda tx: tx.revisions("shop/database", "cost", NOW - AGAIN * 9)) == []


async def test_the_digest_and_the_page_say_what_the_stack_costs_beside_the_documents_range(
    start: Start,
) -> None:
    engine = start()
    await fired(engine, NOW, poll(NOW))
    digest = engine.digest("weekly", NOW, "UTC")
    text = " ".join(digest_text(digest).split())
    assert "shop: $125 so far this month, $125 by its end (estimated)" in text
    assert "app-virgin line" in text
    assert "this is above" in text
    assert "208 % of the budget of $60" in text
    assert "25 % of a revenue of $500 a month" in text
    row = next(
        row for row in engine.snapshot(NOW).metrics if (row.service, row.metric) == ("database", "cost")
    )
    assert (row.value, row.quality) == (125.0, "estimated")


async def test_a_report_without_a_round_knows_the_costs_and_writes_nothing(start: Start) -> None:
    engine = start()
    await engine.load(NOW)
    await engine.advise_all(NOW)
    assert engine.snapshot(NOW).costs[0].so_far == 125.0
    assert await engine.store.read(lambda tx: tx.newest()) == []
