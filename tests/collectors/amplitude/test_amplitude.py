"""Amplitude: totals become days of the project's zone, months stand in for 30 days and say how roughly."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pytest_httpserver import HTTPServer

from advisor.collectors import amplitude
from advisor.core.fleet import Account, Service
from advisor.core.model import Quality
from advisor.polling.body import Body
from advisor.polling.client import client
from advisor.polling.contract import Poll, Throttled, TokenRefused, Unexpected
from advisor.testing import ask, samples
from advisor.testing.replay import NOON

SETTINGS = amplitude.Settings.model_validate(dict(amplitude.ABOUT.example))
ALL = samples(amplitude)
TODAY = datetime(2026, 11, 21, tzinfo=UTC)
DAY = timedelta(days=1)


async def test_totals_are_events_by_day_and_the_day_that_runs_ends_now() -> None:
    asked = await ask(amplitude, ALL, SETTINGS)
    events = [r for r in asked.answer.readings if r.metric == "events"]
    assert [(r.value, r.since, r.at) for r in events] == [
        (1200.0, TODAY - 2 * DAY, TODAY - DAY),
        (1310.0, TODAY - DAY, TODAY),
        (405.0, TODAY, NOON),
    ]
    assert asked.requests[0][0].url.params["start"] == "20261022"
    later = await ask(amplitude, ALL, SETTINGS, previous=asked.answer.keep)
    assert later.requests[0][0].url.params["start"] == "20261118"


async def test_the_larger_month_is_the_least_of_active_users_and_both_the_most() -> None:
    answer = (await ask(amplitude, ALL, SETTINGS)).answer
    users = next(r for r in answer.readings if r.metric == "active_users")
    assert (users.value, users.low, users.high, users.quality) == (640.0, 640.0, 860.0, Quality.ESTIMATED)
    nothing = Body({"data": {"series": [], "xValues": []}}, "Amplitude")
    assert amplitude.active(nothing, NOON) is None


async def test_days_are_the_projects_own() -> None:
    asked = await ask(amplitude, ALL, SETTINGS.model_copy(update={"zone": "Asia/Tokyo"}))
    newest = [r for r in asked.answer.readings if r.metric == "events"][-1]
    assert (newest.since, newest.at) == (TODAY - timedelta(hours=9), NOON)


async def test_a_throttled_part_is_a_gap_and_what_came_before_it_stays() -> None:
    answer = (await ask(amplitude, [ALL["events"], ALL["error-throttled"]], SETTINGS)).answer
    assert {r.metric for r in answer.readings} == {"events"}
    assert [gap.metrics for gap in answer.gaps] == [("active_users",)]


def test_another_shape_is_named_by_its_path() -> None:
    with pytest.raises(Unexpected, match=r"`data.series\[0\]` has 2 values for 1 dates"):
        amplitude.series(Body({"data": {"series": [[1, 2]], "xValues": ["2026-11-21"]}}, "Amplitude"))
    with pytest.raises(Unexpected, match=r"`data.xValues\[0\]` is a text, not a time"):
        amplitude.series(Body({"data": {"series": [], "xValues": ["today"]}}, "Amplitude"))


async def test_refusals_and_throttling_hold_no_key(httpserver: HTTPServer) -> None:
    settings = SETTINGS.model_copy(update={"base_url": httpserver.url_for("")})
    path = "/api/2/events/segmentation"
    httpserver.expect_oneshot_request(path).respond_with_data("", 401)
    httpserver.expect_oneshot_request(path).respond_with_json({}, 429, {"Retry-After": "300"})
    httpserver.expect_request(path).respond_with_json(ALL["events"].body)
    httpserver.expect_oneshot_request("/api/2/users").respond_with_data("", 401)
    httpserver.expect_request("/api/2/users").respond_with_json(ALL["users"].body)
    async with client() as http:
        poll = Poll(http, Service("shop", "a", "a", "amplitude", "a"), Account("a", "amplitude"), NOON)
        with pytest.raises(TokenRefused) as refused:
            await amplitude.collect(poll, settings)
        with pytest.raises(Throttled) as throttled:
            await amplitude.collect(poll, settings)
        answer = await amplitude.collect(poll, settings)
    assert throttled.value.retry_at == NOON + timedelta(minutes=5)
    assert "amplitude_example" not in f"{refused.value}{throttled.value}"
    assert len(answer.readings) == 4


async def test_a_credential_is_verified_by_one_call() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(200, json={"data": {"series": [[1]], "xValues": ["2026-11-21"]}})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        poll = Poll(http, Service("shop", "x", "x", "amplitude", "a"), Account("a", "amplitude"), NOON)
        verified = await amplitude.verify(poll, SETTINGS)
    assert (verified.whose, bool(verified.broad), len(asked)) == ("a project", True, 1)
