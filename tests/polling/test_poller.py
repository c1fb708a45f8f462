"""A poll never raises: what a collector does, well or ill, becomes one value."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from advisor.core.fleet import Account, Service
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Gap, Kind, Metric, Reading, Term
from advisor.core.units import Unit
from advisor.errors import InputError
from advisor.polling.contract import (
    About,
    Access,
    Answer,
    CollectError,
    Poll,
    Throttled,
    Tier,
    TokenRefused,
    Unexpected,
    Unreachable,
)
from advisor.polling.poller import KEEP, Poller, Source

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
SERVICE = Service("shop", "database", "database", "acme", "acme-account")
ACCOUNT = Account("acme-account", "acme")
STORAGE = Reading("storage", 4e8, NOW)


class Settings(BaseModel):
    """The fake collector needs none."""


class Fake:
    """A collector that does what it is told."""

    PROVIDER = "acme"
    METRICS = (VOCABULARY["storage"], Metric("widgets", Unit.COUNT, Kind.LEVEL, "Widgets.", fresh=7200))
    SCOPES = ("read",)
    INTERVAL = 60.0
    ABOUT = About("Acme", (Access(Tier.READ, "read", "everything"),))
    Settings = Settings

    def __init__(self, does: Callable[[Poll], Awaitable[Answer]] | Exception | Answer) -> None:
        self.does = does

    async def collect(self, poll: Poll, _: Any) -> Answer:
        if isinstance(self.does, Exception):
            raise self.does
        return self.does if isinstance(self.does, Answer) else await self.does(poll)


def source(does: Any, **more: Any) -> Source:
    return Source(SERVICE, ACCOUNT, Fake(does), more.pop("settings", Settings), 60.0, **more)


@pytest.fixture
def poller() -> Poller:
    return Poller(
        httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200))), chance=lambda: 0.5
    )


async def test_a_reading_gets_subject_source_and_how_long_it_stays_fresh(poller: Poller) -> None:
    answer = Answer([STORAGE, Reading("widgets", 3, NOW)], evidence={"Largest tables": [{"table": "a"}]})
    polled = await poller.poll(source(answer), NOW)
    assert polled.error is None
    assert [(o.reading.metric, o.subject, o.source, o.seen_at, o.fresh) for o in polled.observed] == [
        ("storage", "shop/database", "acme", NOW, 180.0),
        ("widgets", "shop/database", "acme", NOW, 7200),
    ]
    assert polled.evidence == {"Largest tables": [{"table": "a"}]}
    assert polled.retry_at is None
    assert polled.duration >= 0


async def test_facts_of_the_stack_are_about_the_stack(poller: Poller) -> None:
    users = source(Answer([Reading("users", 800, NOW)]), subject="shop", name="users-sql")
    polled = await poller.poll(users, NOW)
    assert (polled.observed[0].subject, polled.observed[0].source) == ("shop", "users-sql")
    assert users.key == "shop:users-sql"


async def test_a_bad_reading_is_a_gap_and_the_rest_is_kept(poller: Poller) -> None:
    answer = Answer([Reading("storage", math.nan, NOW), STORAGE], gaps=[Gap("x", "why")])
    polled = await poller.poll(source(answer), NOW)
    assert [o.reading for o in polled.observed] == [STORAGE]
    assert [gap.what for gap in polled.gaps] == ["x", "storage"]


async def test_a_bad_limit_is_a_gap(poller: Poller) -> None:
    polled = await poller.poll(source(Answer(terms=[Term("limit", math.nan, "x", NOW, "storage")])), NOW)
    assert polled.terms == ()
    assert len(polled.gaps) == 1


async def test_the_last_poll_and_what_it_kept_are_handed_in(poller: Poller) -> None:
    seen: list[Poll] = []

    async def look(poll: Poll) -> Answer:
        seen.append(poll)
        return Answer(keep={"n": 2})

    windows = (("response_time", "p95", 3600.0),)
    polled = await poller.poll(source(look, windows=windows), NOW, NOW - timedelta(minutes=1), {"n": 1})
    assert (seen[0].previous, seen[0].since) == ({"n": 1}, NOW - timedelta(minutes=1))
    assert (seen[0].service, seen[0].account, seen[0].now, seen[0].windows) == (
        SERVICE,
        ACCOUNT,
        NOW,
        windows,
    )
    assert polled.keep == {"n": 2}


@pytest.mark.parametrize(
    ("keep", "why"),
    [
        ({"a": "x" * KEEP}, "more than 1048576"),
        ({"a": NOW}, "no JSON"),
        ({"a": math.nan}, "no JSON"),
    ],
)
async def test_what_cannot_be_kept_is_refused_and_the_readings_stay(
    poller: Poller, keep: dict[str, Any], why: str
) -> None:
    polled = await poller.poll(source(Answer([STORAGE], keep=keep)), NOW)
    assert polled.keep is None
    assert len(polled.observed) == 1
    assert why in polled.gaps[0].why


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (TokenRefused("acme: refused"), False),
        (Unexpected("acme: odd"), False),
        (Unreachable("acme: down"), True),
        (Throttled("acme: slow down"), True),
    ],
)
async def test_a_failed_poll_is_a_fact_and_no_reading(
    poller: Poller, error: CollectError, again: bool
) -> None:
    polled = await poller.poll(source(error), NOW)
    assert polled.observed == ()
    assert polled.keep is None
    assert (polled.error, polled.again) == (str(error), again)
    assert polled.retry_at is not None


async def test_throttled_is_obeyed(poller: Poller) -> None:
    at = NOW + timedelta(hours=3)
    polled = await poller.poll(source(Throttled("slow down", at)), NOW)
    assert polled.retry_at == at


async def test_failures_space_polls_out_until_one_succeeds(poller: Poller) -> None:
    down, up = source(Unreachable("down")), source(Answer([STORAGE]))
    waits = []
    for _ in range(3):
        at = (await poller.poll(down, NOW)).retry_at
        assert at is not None
        waits.append((at - NOW).total_seconds())
    assert waits == [60, 120, 240]
    assert (await poller.poll(up, NOW)).retry_at is None
    assert (await poller.poll(down, NOW)).retry_at == NOW + timedelta(seconds=60)
    poller.forget(down.key)
    assert (await poller.poll(down, NOW)).retry_at == NOW + timedelta(seconds=60)


async def test_a_collector_that_hangs_is_left_in_time() -> None:
    async def hang(_: Poll) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError

    poller = Poller(httpx.AsyncClient(), patience=0.05)
    polled = await poller.poll(source(hang), NOW)
    assert polled.error == "shop/database: acme did not finish in 0.05 s; it is asked again"
    assert polled.again


async def test_a_fault_in_a_collector_is_one_sentence_and_the_log_has_no_secret(
    poller: Poller, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    async def stumble(_: Poll) -> Answer:
        token = "s3cr3t-t0k3n"
        raise KeyError(token)

    polled = await poller.poll(source(stumble), NOW)
    assert polled.error == "shop/database: a fault in the collector `acme` (KeyError); the log has the place"
    # Where it goes depends on whether logging was set up before in this process.
    printed = "".join((*capsys.readouterr(), caplog.text))
    assert "test_poller.py" in printed
    assert "raise KeyError(token)" in printed
    assert "s3cr3t-t0k3n" not in printed.replace('token = "s3cr3t-t0k3n"', "")


async def test_settings_that_cannot_be_made_are_said(poller: Poller) -> None:
    def unresolved() -> BaseModel:
        raise InputError("environment variable ACME_TOKEN is not set; set it", file="advisor.yaml", line=7)

    polled = await poller.poll(source(Answer(), settings=unresolved), NOW)
    assert polled.error == "advisor.yaml:7: environment variable ACME_TOKEN is not set; set it"
    assert not polled.again


async def test_a_cancelled_poll_ends_as_cancelled(poller: Poller) -> None:
    began = asyncio.Event()

    async def hang(_: Poll) -> Answer:
        began.set()
        await asyncio.Event().wait()
        raise AssertionError

    task = asyncio.create_task(poller.poll(source(hang), NOW))
    async with asyncio.timeout(5):
        await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
