"""Postmark: days of US Eastern time, every server of an account, nothing sent is none and not missing."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from pytest_httpserver import HTTPServer

from advisor.collectors import postmark
from advisor.core.fleet import Account, Service
from advisor.polling.body import Body
from advisor.polling.client import client
from advisor.polling.contract import Answer, Poll, Throttled, TokenRefused, Unexpected
from advisor.testing import ask, samples
from advisor.testing.replay import NOON

SETTINGS = postmark.Settings.model_validate(dict(postmark.ABOUT.example))
WHOLE = postmark.Settings.model_validate({"account_token": "account-example-token"})
ALL = samples(postmark)
TODAY = datetime(2026, 11, 21, 5, tzinfo=UTC)  # Midnight in New York.
DAY = timedelta(days=1)


def of(answer: Answer, metric: str) -> list[Any]:
    return [(r.value, r.since, r.at) for r in answer.readings if r.metric == metric]


async def test_days_are_eastern_ones_and_a_missing_one_is_none_sent() -> None:
    answer = (await ask(postmark, ALL, SETTINGS)).answer
    assert of(answer, "emails")[-3:] == [
        (100.0, TODAY - 2 * DAY, TODAY - DAY),
        (0.0, TODAY - DAY, TODAY),
        (40.0, TODAY, NOON),
    ]
    assert [(r.value, r.of, r.since) for r in answer.readings if r.metric == "error_rate"] == [
        (2.0, 40.0, TODAY)
    ]


def test_a_day_is_longer_when_clocks_go_back() -> None:
    body = Body({"Days": []}, "Postmark")
    readings = postmark.by_day(body, date(2026, 11, 1), datetime(2026, 11, 2, 12, tzinfo=UTC), "")
    assert readings[0].since is not None
    assert readings[0].at - readings[0].since == timedelta(hours=25)


def test_early_in_the_utc_day_it_is_still_yesterday_there() -> None:
    readings = postmark.by_day(
        Body({"Days": []}, "Postmark"), date(2026, 11, 20), TODAY - timedelta(hours=2), ""
    )
    assert [(r.since, r.at) for r in readings] == [(TODAY - DAY, TODAY - timedelta(hours=2))]


async def test_later_polls_ask_for_the_last_two_days_again() -> None:
    asked = await ask(postmark, ALL, SETTINGS, previous={"sent": {"": "2026-11-21"}})
    sends = next(request for request, sample in asked.requests if sample.name == "sends")
    assert dict(sends.url.params) == {"fromdate": "2026-11-19", "todate": "2026-11-21"}
    assert len(of(asked.answer, "emails")) == 3


async def test_an_account_gives_every_server_by_its_own_token() -> None:
    asked = await ask(postmark, ALL, WHOLE)
    assert {r.part for r in asked.answer.readings if r.metric == "emails"} == {"shop"}
    sends = next(request for request, sample in asked.requests if sample.name == "sends")
    assert sends.headers["x-postmark-server-token"] == "shop-token"
    assert of(asked.answer, "domains") == [(3.0, None, NOON)]
    assert [gap.what for gap in asked.answer.gaps] == ["staging"]


async def test_nothing_sent_has_no_total_and_is_no_bounce_rate() -> None:
    nothing = ALL["overview"].model_copy(update={"body": {"Sent": 0, "Bounced": 0}})
    answer = (await ask(postmark, [ALL["error-nothing-sent"], nothing], SETTINGS)).answer
    assert {value for value, _, _ in of(answer, "emails")} == {0.0}
    assert not of(answer, "error_rate")


def test_another_shape_is_named_by_its_path_and_settings_take_one_token() -> None:
    with pytest.raises(Unexpected, match=r"`Days\[0\]\.Sent` is missing"):
        postmark.by_day(Body({"Days": [{"Date": "2026-11-20"}]}, "Postmark"), date(2026, 11, 20), NOON, "")
    with pytest.raises(ValidationError, match="either a server's"):
        postmark.Settings.model_validate({})


async def test_servers_are_read_to_the_last_page_and_refusals_are_told(httpserver: HTTPServer) -> None:
    def page(name: str, offset: str) -> None:
        body = {"TotalCount": 101, "Servers": [{"Name": name, "ApiTokens": [f"{name}-token"]}]}
        query = {"count": "100", "offset": offset}
        httpserver.expect_request("/servers", query_string=query).respond_with_json(body)

    page("a", "0")
    page("b", "100")
    good = {"X-Postmark-Server-Token": "a-token"}
    httpserver.expect_request("/stats/outbound/sends", headers=good).respond_with_json(ALL["sends"].body)
    httpserver.expect_request("/stats/outbound/sends").respond_with_json(ALL["error-token"].body, 401)
    httpserver.expect_request("/stats/outbound").respond_with_json(ALL["overview"].body)
    httpserver.expect_request("/domains").respond_with_json({}, 429, headers={"Retry-After": "9"})
    base = {"base_url": httpserver.url_for("")}
    async with client() as http:
        poll = Poll(http, Service("shop", "m", "m", "postmark", "a"), Account("a", "postmark"), NOON)
        servers, _ = await postmark._servers(poll, WHOLE.model_copy(update=base))
        assert [server.name for server in servers] == ["a", "b"]
        with pytest.raises(Throttled) as caught:
            await postmark._domains(poll, WHOLE.model_copy(update=base))
        assert caught.value.retry_at == NOON + timedelta(seconds=9)
        with pytest.raises(TokenRefused) as refused:
            await postmark.collect(poll, SETTINGS.model_copy(update=base))
    assert "postmark-example" not in str(refused.value)
