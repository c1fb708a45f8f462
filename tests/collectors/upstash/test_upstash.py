"""Upstash's days, limits that are none, Go's times, and no secret in any word."""

from datetime import timedelta
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from advisor.collectors import upstash
from advisor.core.fleet import Account, Service
from advisor.core.model import Quality
from advisor.errors import InputError
from advisor.polling.client import client
from advisor.polling.contract import Poll, Throttled, TokenRefused, Unexpected
from advisor.testing import ask, samples
from advisor.testing.replay import NOON

ALL = samples(upstash)


def settings(**more: Any) -> upstash.Settings:
    return upstash.Settings.model_validate({"email": "ops@example.com", "api_key": "up-secret", **more})


async def test_amounts_are_of_the_utc_day_and_days_before_are_estimates() -> None:
    asked = await ask(upstash, ALL, settings(database="cache"))
    days = {one.since: one for one in asked.answer.readings if one.metric == "commands"}
    midnight = NOON.replace(hour=0)
    today, yesterday = days[midnight], days[midnight - timedelta(days=1)]
    assert (today.value, today.at, today.quality) == (9100, NOON, Quality.MEASURED)
    assert (yesterday.value, yesterday.at, yesterday.quality) == (12000, midnight, Quality.ESTIMATED)
    share = next(one for one in asked.answer.readings if one.metric == "cache_hit_rate")
    assert (share.value, share.of) == (80, 100)
    newest = next(one for one in asked.answer.readings if one.metric == "connections")
    assert (newest.value, newest.at) == (9, NOON.replace(hour=11, minute=59, second=23))


async def test_the_first_poll_takes_the_rest_of_the_month_from_its_total() -> None:
    stats = ALL["stats-1"].model_copy(
        update={
            "body": {**ALL["stats-1"].body, "total_monthly_requests": 121_100, "total_monthly_bandwidth": 1}
        }
    )
    served = [*(one for one in ALL.values() if one.name != "stats-1" and not one.is_error), stats]
    first = await ask(upstash, served, settings(database="cache"))
    commands = [one for one in first.answer.readings if one.metric == "commands"]
    assert sum(one.value for one in commands) == 121_100
    assert min(one.since for one in commands if one.since) == NOON.replace(day=1, hour=0)
    later = await ask(upstash, served, settings(database="cache"), previous=first.answer.keep)
    assert sum(one.value for one in later.answer.readings if one.metric == "commands") == 21_100


async def test_plan_and_limits_are_the_databases_own() -> None:
    told = {}
    for name in ("cache", "id-2"):
        asked = await ask(upstash, ALL, settings(database=name))
        told[name] = {term.metric or "plan": term.value for term in asked.answer.terms}
    assert told["cache"] == {
        "plan": "free",
        "commands": 500_000,
        "storage": 268_435_456,
        "connections": 10_000,
    }
    assert told["id-2"]["commands"] is None
    assert told["id-2"]["plan"] == "payg"


async def test_all_databases_are_parts_and_a_suspended_one_is_restricted() -> None:
    asked = await ask(upstash, ALL, settings())
    held = {one.part: one.value for one in asked.answer.readings if one.metric == "restricted"}
    assert held == {"cache": 0, "queue": 1}
    assert not [one for one in asked.answer.readings if (one.metric, one.part) == ("storage", "queue")]


@pytest.mark.parametrize(
    ("names", "error", "said"),
    [
        (["error-unauthorized"], TokenRefused, "401"),
        (["databases", "error-shape"], Unexpected, r"`connection_count\[0\]\.x` is a text"),
    ],
)
async def test_trouble_is_named_without_the_key(names: list[str], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said) as raised:
        await ask(upstash, [ALL[name] for name in names], settings(database="cache"))
    assert "up-secret" not in str(raised.value)


async def test_an_unknown_name_is_the_users_fault() -> None:
    with pytest.raises(InputError, match="database"):
        await ask(upstash, ALL, settings(database="nowhere"))


async def test_over_a_connection_throttling_ends_the_poll(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/v2/redis/databases").respond_with_json(ALL["databases"].body)
    httpserver.expect_request("/v2/redis/stats/id-1").respond_with_data("slow down", 429)
    async with client() as http:
        poll = Poll(http, Service("s", "i", "i", "upstash", "a"), Account("a", "upstash"), NOON)
        with pytest.raises(Throttled):
            await upstash.collect(poll, settings(base_url=httpserver.url_for("/")))
        assert (await upstash.verify(poll, settings(base_url=httpserver.url_for("/")))).broad
