"""Mixpanel: queries count days of the project's zone, old ones again, and all of it is an estimate."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pydantic import ValidationError
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from advisor.collectors import mixpanel
from advisor.core.fleet import Account, Service
from advisor.core.model import Quality
from advisor.polling.body import Body
from advisor.polling.client import client
from advisor.polling.contract import Forbidden, Poll, Throttled, TokenRefused, Unexpected
from advisor.testing import ask, samples
from advisor.testing.replay import NOON

SETTINGS = mixpanel.Settings.model_validate(dict(mixpanel.ABOUT.example))
ALL = samples(mixpanel)
TODAY = datetime(2026, 11, 21, tzinfo=UTC)
DAY = timedelta(days=1)


async def test_events_of_all_names_are_summed_by_day_and_a_day_without_any_had_none() -> None:
    asked = await ask(mixpanel, ALL, SETTINGS)
    events = [r for r in asked.answer.readings if r.metric == "events"]
    assert [(r.value, r.since, r.at) for r in events] == [
        (0.0, TODAY - 2 * DAY, TODAY - DAY),
        (7.0, TODAY - DAY, TODAY),
        (4.0, TODAY, NOON),
    ]
    assert [r.value for r in asked.answer.readings if r.metric == "active_users"] == [640.0]
    assert {r.quality for r in asked.answer.readings} == {Quality.ESTIMATED}
    query = asked.requests[1][0].url.params
    assert json.loads(query["event"]) == ["Opened", 'Bought, "new"']
    assert query["from_date"] == "2026-10-21"
    assert asked.answer.keep == {"until": "2026-11-21"}


async def test_later_polls_ask_the_last_days_again_in_the_projects_zone() -> None:
    settings = SETTINGS.model_copy(update={"zone": "America/New_York", "events": ("Opened",)})
    asked = await ask(mixpanel, ALL, settings, previous={"until": "2026-11-21"})
    assert asked.requests[0][0].url.params["from_date"] == "2026-11-16"
    newest = max(asked.answer.readings, key=lambda r: (r.metric == "events", r.at))
    assert (newest.since, newest.at) == (TODAY + timedelta(hours=5), NOON)
    with pytest.raises(ValidationError, match="no time zone"):
        mixpanel.Settings.model_validate({**mixpanel.ABOUT.example, "zone": "Lisbon"})


async def test_a_plan_without_the_api_is_told_and_active_users_need_an_event() -> None:
    with pytest.raises(Forbidden, match="state readings by hand"):
        await ask(mixpanel, [ALL["error-payment"]], SETTINGS.model_copy(update={"active_event": ""}))
    answer = (await ask(mixpanel, ALL, SETTINGS.model_copy(update={"active_event": ""}))).answer
    assert [gap.metrics for gap in answer.gaps] == [("active_users",)]


def test_no_bucket_is_no_zero_and_another_shape_is_named_by_its_path() -> None:
    assert mixpanel.active(Body({"data": {"values": {"Opened": {}}}}, "Mixpanel")) is None
    with pytest.raises(Unexpected, match=r"`data.values.Opened` is a number, not an object"):
        mixpanel.counted(Body({"data": {"series": [], "values": {"Opened": 3}}}, "Mixpanel"))


async def test_many_names_are_asked_in_turn_and_refusals_hold_no_secret(httpserver: HTTPServer) -> None:
    seen: list[int] = []

    def count(request: Request) -> Response:
        names = json.loads(request.args["event"])
        seen.append(len(names))
        values = {name: {"2026-11-21": 1} for name in names}
        return Response(json.dumps({"data": {"series": ["2026-11-21"], "values": values}}))

    path = "/api/query/events/names"
    httpserver.expect_oneshot_request(path).respond_with_json({}, 401)
    httpserver.expect_oneshot_request(path).respond_with_json(ALL["error-throttled"].body, 429)
    httpserver.expect_request(path).respond_with_json([f"event {n}" for n in range(255)])
    httpserver.expect_request("/api/query/events").respond_with_handler(count)
    settings = SETTINGS.model_copy(update={"base_url": httpserver.url_for(""), "active_event": ""})
    async with client() as http:
        poll = Poll(http, Service("shop", "a", "a", "mixpanel", "a"), Account("a", "mixpanel"), NOON)
        with pytest.raises(TokenRefused) as refused:
            await mixpanel.collect(poll, settings)
        with pytest.raises(Throttled) as throttled:
            await mixpanel.collect(poll, settings)
        answer = await mixpanel.collect(poll, settings)
    assert "mixpanel_example" not in f"{refused.value}{throttled.value}"
    assert (seen, [r.value for r in answer.readings]) == ([50, 50, 50, 50, 50, 5], [255.0])
    assert "rarer events" in [gap.what for gap in answer.gaps]


async def test_a_credential_is_verified_by_one_call() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(200, json=["Opened"])

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        poll = Poll(http, Service("shop", "x", "x", "mixpanel", "a"), Account("a", "mixpanel"), NOON)
        verified = await mixpanel.verify(poll, SETTINGS)
    assert (verified.whose, bool(verified.broad), len(asked)) == ("project 12345", False, 1)
