"""UptimeRobot: logs become uptime and downtime, ratios the past; failures come with 200."""

from datetime import UTC, datetime, timedelta

import pytest
from pytest_httpserver import HTTPServer

from advisor.collectors import uptimerobot
from advisor.collectors.uptimerobot.monitors import open_since, past, watched
from advisor.core.fleet import Account, Service
from advisor.polling.body import Body
from advisor.polling.client import client
from advisor.polling.contract import Poll, Throttled, TokenRefused, Unexpected
from advisor.testing import ask, samples
from advisor.testing.replay import NOON

SETTINGS = uptimerobot.Settings.model_validate(dict(uptimerobot.ABOUT.example))
ALL = samples(uptimerobot)
GOOD = [sample for sample in ALL.values() if not sample.is_error]
BOUNDARY = NOON - timedelta(hours=23)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-21T{text}").replace(tzinfo=UTC)


async def test_logs_tell_the_last_day_and_ratios_the_days_before() -> None:
    answer = (await ask(uptimerobot, GOOD, SETTINGS)).answer
    uptime = [r for r in answer.readings if r.metric == "uptime"]
    days = [(r.since, r.value, r.of) for r in uptime if r.at <= BOUNDARY]
    # It was made 71 hours ago, so that of thirty ratios the last two are of days that it saw.
    assert days == [
        (BOUNDARY - timedelta(days=2), pytest.approx(0.99 * 86400), 86400.0),
        (BOUNDARY - timedelta(days=1), 86400.0, 86400.0),
    ]
    failed = [(r.since, r.value, r.of) for r in uptime if r.at > BOUNDARY and r.value != r.of]
    assert failed == [(at("11:30"), 150.0, 300.0)]
    assert sum(r.value for r in answer.readings if r.metric == "downtime") == 150.0


async def test_response_times_are_seconds_in_a_histogram_by_the_hour() -> None:
    answer = (await ask(uptimerobot, GOOD, SETTINGS)).answer
    (one,) = [r for r in answer.readings if r.metric == "latency"]
    assert (one.since, one.value) == (at("11:00"), pytest.approx(0.15))
    assert {edge: count for edge, count in one.buckets if count} == {0.15: 1.0, 0.2: 1.0}


async def test_the_account_tells_plan_and_limit_and_no_secret_comes_along() -> None:
    answer = (await ask(uptimerobot, GOOD, SETTINGS)).answer
    assert {(t.what, t.metric): t.value for t in answer.terms} == {
        ("limit", "monitors"): 50.0,
        ("plan", ""): "team",
    }
    assert [r.value for r in answer.readings if r.metric == "monitors"] == [2.0]
    assert "never-shown" not in repr(answer)
    assert "someone@" not in repr(answer)


async def test_a_later_poll_asks_for_no_past_and_corrects_the_last_hour() -> None:
    before = {"of": ["shop-api"], "at": at("11:50").isoformat(), "open": at("09:00").isoformat()}
    asked = await ask(uptimerobot, GOOD, SETTINGS, previous=before)
    forms = [request.content.decode() for request, s in asked.requests if s.name == "monitors-1"]
    assert f"logs_start_date={at('09:00').timestamp():.0f}" in forms[0]
    assert "custom_uptime_ranges" not in forms[0]
    assert min(r.since for r in asked.answer.readings if r.since) == at("10:00")


def test_silence_longer_than_the_logs_is_filled_with_ratios_from_the_last_poll_on() -> None:
    last = BOUNDARY - timedelta(hours=30)
    middle = BOUNDARY - timedelta(days=1)
    assert uptimerobot._days(last, BOUNDARY) == [(last, middle), (middle, BOUNDARY)]
    assert uptimerobot._days(NOON, BOUNDARY) == []
    assert len(uptimerobot._days(None, BOUNDARY)) == 30


def test_what_is_down_lasts_until_now_and_an_old_pause_is_not_watched() -> None:
    log = {"type": 1, "datetime": at("11:40").timestamp(), "duration": 60}
    down = Body({"friendly_name": "a", "status": 9, "logs": [log]}, "U")
    assert watched(down, NOON).down == [(at("11:40"), NOON)]
    assert open_since([down], NOON) == at("11:40")
    paused = Body({"friendly_name": "b", "status": 0, "logs": []}, "U")
    assert [end for _, end in watched(paused, NOON).unwatched] == [NOON]


def test_too_few_ratios_are_named_by_their_path() -> None:
    body = Body({"custom_uptime_ranges": "99.9"}, "UptimeRobot", "monitors[0]")
    ranges = [(at("10:00"), at("11:00")), (at("11:00"), NOON)]
    with pytest.raises(Unexpected, match=r"`monitors\[0\].custom_uptime_ranges`"):
        past([body], ranges)


async def test_a_wrong_key_comes_with_200_and_stays_out_of_the_words() -> None:
    account = next(s for s in GOOD if s.name == "account")
    answer = (await ask(uptimerobot, [account, ALL["error-key"]], SETTINGS)).answer
    (gap,) = answer.gaps
    assert "the key is wrong" in gap.why
    assert "ur123456" not in gap.why


async def test_pages_are_read_to_the_total_and_429_and_401_end_the_poll(httpserver: HTTPServer) -> None:
    path = "/v2/getMonitors"
    for name in ("monitors-1", "monitors-2"):
        httpserver.expect_oneshot_request(path, method="POST").respond_with_json(ALL[name].body)
    httpserver.expect_oneshot_request("/v3/user/me").respond_with_json(ALL["account"].body)
    reset = {"X-RateLimit-Reset": str(int(NOON.timestamp()) + 60)}
    httpserver.expect_oneshot_request(path).respond_with_json({"message": "slow down"}, 429, reset)
    httpserver.expect_oneshot_request("/v3/user/me").respond_with_json({}, 429, reset)
    httpserver.expect_request(path).respond_with_json({}, 401)
    httpserver.expect_request("/v3/user/me").respond_with_json({}, 401)
    settings = SETTINGS.model_copy(update={"base_url": httpserver.url_for(""), "monitors": ()})
    async with client() as http:
        poll = Poll(http, Service("shop", "u", "u", "uptimerobot", "a"), Account("a", "uptimerobot"), NOON)
        answer = await uptimerobot.collect(poll, settings)
        with pytest.raises(Throttled) as caught:
            await uptimerobot.collect(poll, settings)
        with pytest.raises(TokenRefused) as refused:
            await uptimerobot.collect(poll, settings)
    assert answer.evidence["Monitors"] == [
        {"monitor": "shop-api", "state": "up", "uptime of 30 days": "99.942 %"},
        {"monitor": "old", "state": "paused", "uptime of 30 days": "unknown"},
    ]
    assert caught.value.retry_at == NOON + timedelta(seconds=60)
    assert "ur123456" not in f"{caught.value}{refused.value}"
