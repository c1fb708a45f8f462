"""Every simulated provider, asked by its real collector: the readings are what the story says."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from advisor.core.model import Observed
from advisor.demo import providers as simulated
from advisor.demo.run import START, Demo
from advisor.demo.stories import STORIES
from advisor.demo.world import World
from advisor.polling.client import client
from advisor.polling.poller import Polled, Poller

FIRST, SECOND = (START + timedelta(days=12, hours=hour) for hour in (6, 12))
#: What is counted under another name, or times so much: role and metric to the story's own.
SAME_AS: Mapping[tuple[str, str], tuple[str, float]] = {
    ("neon", "compute_hours"): ("compute_seconds", 1 / 3600),
    ("cloudflare-workers", "compute_hours"): ("cpu_micros", 1e-6 / 3600),
    ("cloudflare-durable-objects", "gb_hours"): ("gb_seconds", 1 / 3600),
    ("inngest", "invocations"): ("runs", 1.0),
    ("inngest", "steps"): ("runs", 4.0),
}
SHARES = {"error_rate": "failures"}
#: Read by an hour that is over, or through the edges of a histogram: near the story's own.
NEAR = {("neon", "storage"): 0.01, ("fly", "response_time"): 0.6, ("supabase", "cpu"): 0.6}


async def polled(stack: str, folder: Path) -> tuple[World, Mapping[str, list[Polled]]]:
    """Return what every source of a stack says at two polls, by its provider."""
    demo = Demo(folder, stack)
    await demo.start()
    found: dict[str, list[Polled]] = {}
    try:
        async with client() as http:
            poller = Poller(http)
            for feed in demo.setup.feeds:
                keep = since = None
                for at in (FIRST, SECOND):
                    demo.clock.now = at
                    said = await poller.poll(feed.source, at, since, keep)
                    keep, since = said.keep, at
                    name = (
                        "own"
                        if feed.written.collector in {"http", "prometheus"}
                        else feed.source.service.provider
                    )
                    found.setdefault(name.removesuffix("-analytics"), []).append(said)
    finally:
        await demo.stop()
    return demo.servers.world, found


@pytest.fixture(scope="module", params=list(STORIES))
def asked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[World, Mapping[str, list[Polled]]]:
    return asyncio.run(polled(request.param, tmp_path_factory.mktemp("demo")))


def test_every_source_answers(asked: tuple[World, Mapping[str, list[Polled]]]) -> None:
    for name, polls in asked[1].items():
        for said in polls:
            assert said.error is None, f"{name}: {said.error}"
            assert said.observed, name


def test_amounts_are_the_storys(asked: tuple[World, Mapping[str, list[Polled]]]) -> None:
    world, answers = asked
    checked = set()
    for name, polls in answers.items():
        for one in polls[-1].observed:
            reading = one.reading
            own, factor = SAME_AS.get((name, reading.metric), (reading.metric, 1.0))
            if reading.since is None or (name, own) not in world.rates or reading.of is not None:
                continue
            whole = world.amount(name, own, reading.since, reading.at) * factor
            assert reading.value == pytest.approx(whole, rel=1e-6, abs=1.01 * factor), (name, reading)
            checked.add((name, own))
    assert {name for name, _ in checked} >= {name for name, _ in world.rates} - {"supabase"}


def test_levels_are_the_storys(asked: tuple[World, Mapping[str, list[Polled]]]) -> None:
    world, answers = asked
    for name, polls in answers.items():
        highest: dict[str, Observed] = {}
        for one in polls[-1].observed:
            before = highest.get(one.reading.metric)
            if one.reading.since is None and (before is None or one.reading.value >= before.reading.value):
                highest[one.reading.metric] = one
        for metric, one in highest.items():
            if (name, metric) in world.levels:
                value = world.level(name, metric, one.reading.at)
                near = NEAR.get((name, metric), 0.02)
                assert one.reading.value == pytest.approx(value, rel=near), (name, metric)


def test_shares_are_the_storys(asked: tuple[World, Mapping[str, list[Polled]]]) -> None:
    world, answers = asked
    for name, polls in answers.items():
        for one in polls[-1].observed:
            reading = one.reading
            own = SHARES.get(reading.metric)
            if reading.of is None or reading.since is None or (name, own) not in world.rates:
                continue
            assert own is not None
            assert reading.value == pytest.approx(
                world.amount(name, own, reading.since, reading.at), rel=1e-6, abs=1.01
            )


def test_every_provider_has_a_story() -> None:
    worlds = [make(START) for make in STORIES.values()]
    told = {provider for world in worlds for provider, _ in (*world.levels, *world.rates)}
    known = {provider.replace("-", "_") for provider in told} | {
        provider.partition("-")[0] for provider in told
    }
    assert set(simulated.providers()) <= known
