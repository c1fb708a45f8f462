"""Auth0: a bare number is the active users, an access token is asked for and kept nowhere."""

from datetime import timedelta

import pytest
from pytest_httpserver import HTTPServer

from advisor.collectors import auth0
from advisor.core.fleet import Account, Service
from advisor.polling.body import Body
from advisor.polling.client import client
from advisor.polling.contract import Forbidden, Poll, Throttled, TokenRefused, Unexpected
from advisor.testing import ask, samples
from advisor.testing.replay import NOON

SETTINGS = auth0.Settings.model_validate(dict(auth0.ABOUT.example))
ALL = samples(auth0)


async def test_active_and_registered_users_are_told_and_no_token_is_kept() -> None:
    asked = await ask(auth0, ALL, SETTINGS)
    assert {r.metric: r.value for r in asked.answer.readings} == {"active_users": 1834.0, "users": 5120.0}
    assert asked.answer.evidence["Logins and sign-ups by day"][0] == {
        "day": "2026-11-20",
        "logins": "312",
        "signups": "9",
    }
    assert "access_example" not in repr(asked.answer)
    assert asked.requests[1][0].headers["authorization"] == "Bearer access_example"


async def test_users_are_not_asked_for_unless_told_to() -> None:
    asked = await ask(auth0, ALL, SETTINGS.model_copy(update={"users": False}))
    assert "/api/v2/users" not in {request.url.path for request, _ in asked.requests}


async def test_a_missing_right_is_named_and_the_others_still_count() -> None:
    served = [
        *(s for s in ALL.values() if s.name in {"token", "users"}),
        ALL["error-forbidden"],
        ALL["daily"],
    ]
    answer = (await ask(auth0, served, SETTINGS)).answer
    assert [r.metric for r in answer.readings] == ["users"]
    assert [(gap.metrics, "`read:stats`" in gap.why) for gap in answer.gaps] == [(("active_users",), True)]


async def test_too_many_requests_wait_for_the_reset_in_unix_seconds() -> None:
    served = [ALL["token"], ALL["error-throttled"]]
    only = SETTINGS.model_copy(update={"users": False})
    late = ALL["error-throttled"].model_copy(update={"request": ALL["daily"].request})
    with pytest.raises(Throttled) as caught:
        await ask(auth0, [*served, late], only)
    assert caught.value.retry_at == NOON + timedelta(minutes=1)


def test_another_shape_is_named_by_its_path() -> None:
    with pytest.raises(Unexpected, match=r"`\[0\].date` is a yes or no, not a time"):
        auth0.daily(Body([{"date": True}], "Auth0"))


async def test_a_wrong_secret_is_refused_without_being_told_and_broad_rights_are(
    httpserver: HTTPServer,
) -> None:
    settings = SETTINGS.model_copy(update={"base_url": httpserver.url_for("")})
    httpserver.expect_oneshot_request("/oauth/token", method="POST").respond_with_json({}, 403)
    httpserver.expect_request("/oauth/token", method="POST").respond_with_json(ALL["token"].body)
    httpserver.expect_oneshot_request("/api/v2/stats/active-users").respond_with_data("1834")
    httpserver.expect_request("/api/v2/stats/active-users").respond_with_json({}, 403)
    async with client() as http:
        poll = Poll(http, Service("shop", "u", "u", "auth0", "a"), Account("a", "auth0"), NOON)
        with pytest.raises(TokenRefused, match="check client id and secret") as refused:
            await auth0.collect(poll, settings)
        verified = await auth0.verify(poll, settings)
        with pytest.raises(Forbidden) as forbidden:
            await auth0.verify(poll, settings)
    assert verified.broad == ("update:users",)
    assert forbidden.value.right == "read:stats"
    assert "auth0_example_secret" not in f"{refused.value}{forbidden.value}"
