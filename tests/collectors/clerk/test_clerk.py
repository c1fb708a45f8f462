"""Clerk: billed users are the platform's, counted ones are estimated, messages become amounts."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError
from pytest_httpserver import HTTPServer

from advisor.collectors import clerk
from advisor.core.fleet import Account, Service
from advisor.core.model import Quality
from advisor.polling.client import client
from advisor.polling.contract import Answer, Poll, Throttled, TokenRefused, Unexpected
from advisor.testing import ask, samples
from advisor.testing.replay import NOON

SETTINGS = clerk.Settings.model_validate(dict(clerk.ABOUT.example))
COUNTED = clerk.Settings.model_validate({"token": "sk_live_example"})
ALL = samples(clerk)
CYCLE = datetime(2026, 11, 5, tzinfo=UTC)


def values(answer: Answer) -> dict[str, float]:
    return {r.metric: r.value for r in answer.readings}


async def test_billed_users_are_told_and_messages_are_what_was_added() -> None:
    answer = (await ask(clerk, ALL, SETTINGS)).answer
    assert values(answer) == {"users": 4200.0, "active_users": 640.0, "messages": 25.0, "domains": 1.0}
    assert [r.since for r in answer.readings if r.metric == "messages"] == [CYCLE]
    before = {"sms": {**answer.keep["sms"], "total": 20.0}}
    later = await ask(clerk, ALL, SETTINGS, previous=before, now=NOON + timedelta(hours=1))
    assert [(r.value, r.since) for r in later.answer.readings if r.metric == "messages"] == [(5.0, NOON)]


async def test_a_secret_key_counts_who_was_active_in_30_days_in_milliseconds_as_an_estimate() -> None:
    asked = await ask(clerk, ALL, COUNTED)
    active = next(r for r in asked.answer.readings if r.metric == "active_users")
    assert (active.value, active.quality) == (810.0, Quality.ESTIMATED)
    since = f"{(NOON - timedelta(days=30)).timestamp() * 1000:.0f}"
    assert since in [request.url.params.get("last_active_at_after") for request, _ in asked.requests]


async def test_a_token_without_its_right_is_a_gap_that_names_it_and_users_are_still_counted() -> None:
    served = [ALL["error-forbidden"], ALL["users"], ALL["active"]]
    answer = (await ask(clerk, served, SETTINGS)).answer
    assert values(answer) == {"users": 4200.0}
    assert ["application_usage:read" in gap.why for gap in answer.gaps] == [True]


def test_half_a_credential_is_refused_with_what_is_lacking() -> None:
    with pytest.raises(ValidationError, match="belong together"):
        clerk.Settings.model_validate({"platform_token": "x"})
    with pytest.raises(ValidationError, match="is needed"):
        clerk.Settings.model_validate({})


async def test_refusals_throttling_and_other_shapes_are_told_without_the_key(httpserver: HTTPServer) -> None:
    path = "/v1/users/count"
    settings = COUNTED.model_copy(update={"base_url": httpserver.url_for("")})
    async with client() as http:
        poll = Poll(http, Service("shop", "u", "u", "clerk", "a"), Account("a", "clerk"), NOON)
        httpserver.expect_request(path).respond_with_json(ALL["error-unauthorised"].body, 401)
        with pytest.raises(TokenRefused) as refused:
            await clerk.collect(poll, settings)
        httpserver.clear()
        httpserver.expect_request(path).respond_with_json({}, 429, {"Retry-After": "10"})
        with pytest.raises(Throttled) as throttled:
            await clerk.collect(poll, settings)
        httpserver.clear()
        httpserver.expect_request(path).respond_with_json({"object": "total_count"})
        with pytest.raises(Unexpected, match="`total_count` is missing") as odd:
            await clerk.collect(poll, settings)
        httpserver.expect_request("/v1/instance").respond_with_json({"environment_type": "production"})
        verified = await clerk.verify(poll, settings)
    assert throttled.value.retry_at == NOON + timedelta(seconds=10)
    assert "sk_live" not in f"{refused.value}{throttled.value}{odd.value}"
    assert (verified.whose, bool(verified.broad)) == ("a production instance", True)
