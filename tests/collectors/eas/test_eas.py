"""Expo EAS: counters of a period, overage, bytes or GiB, what is left out, and whose the token is."""

import copy
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from advisor.collectors import eas
from advisor.collectors.eas.usage import parse
from advisor.core.fleet import Account, Service
from advisor.core.model import Limit
from advisor.polling.body import Body
from advisor.polling.client import client
from advisor.polling.contract import Poll, Throttled, TokenRefused, Unexpected
from advisor.testing import ask, samples
from advisor.testing.replay import NOON

SETTINGS = eas.Settings.model_validate(dict(eas.ABOUT.example))
ALL = samples(eas)
BEGUN = datetime(2026, 11, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def account(name: str = "usage") -> dict[str, Any]:
    found: dict[str, Any] = copy.deepcopy(ALL[name].body["data"]["account"]["byName"])
    return found


def test_the_period_so_far_becomes_amounts_between_two_polls() -> None:
    first = parse(Body(account(), "Expo"), NOON - HOUR, {})
    builds = [(r.value, r.since, r.at) for r in first.readings if r.metric == "builds"]
    assert builds == [(12, BEGUN, NOON - HOUR)]
    later = account()
    later["usageMetrics"]["byBillingPeriod"]["planMetrics"][0]["value"] = 14
    second = parse(Body(later, "Expo"), NOON, first.keep)
    builds = [(r.value, r.since, r.at) for r in second.readings if r.metric == "builds"]
    assert builds == [(2, NOON - HOUR, NOON)]


def test_a_cancelled_build_that_comes_off_is_not_counted_twice() -> None:
    kept = {"period": BEGUN.timestamp(), "at": (NOON - HOUR).timestamp(), "used": {"builds": 13.0}}
    answer = parse(Body(account(), "Expo"), NOON, kept)
    assert [r.value for r in answer.readings if r.metric == "builds"] == [0]
    assert answer.keep["used"]["builds"] == 13


def test_limits_plan_users_and_flat_price_come_along() -> None:
    answer = parse(Body(account(), "Expo"), NOON, {})
    limits = {(t.metric, t.limit): t.value for t in answer.terms if t.what == "limit"}
    assert limits["builds", Limit.QUOTA] == 45
    assert limits["egress", Limit.QUOTA] == 100 * 2**30
    assert [t.value for t in answer.terms if t.what == "plan"] == ["starter"]
    assert [r.value for r in answer.readings if r.metric == "active_users"] == [800]
    flat = [(r.value, r.since) for r in answer.readings if r.part == "subscription"]
    assert flat == [(19.0, BEGUN)]


def test_bandwidth_is_bytes_and_where_its_limit_cannot_be_it_is_gib() -> None:
    answer = parse(Body(account(), "Expo"), NOON, {})
    assert [r.value for r in answer.readings if r.metric == "egress"] == [5 * 2**30]
    old = account()
    old["usageMetrics"]["byBillingPeriod"]["planMetrics"][2] |= {"value": 2.5, "limit": 100}
    answer = parse(Body(old, "Expo"), NOON, {})
    assert [r.value for r in answer.readings if r.metric == "egress"] == [2.5 * 2**30]


def test_overage_is_added_where_the_value_stops_at_its_limit_and_cents_are_dollars() -> None:
    answer = parse(Body(account("error-overage"), "Expo"), NOON, {})
    found = {(r.metric, r.part): r.value for r in answer.readings}
    assert found["builds", ""] == 48
    assert found["cost", "overage"] == 3.0
    assert found["restricted", ""] == 1
    whole = account("error-overage")
    whole["usageMetrics"]["byBillingPeriod"]["planMetrics"][0]["value"] = 48
    answer = parse(Body(whole, "Expo"), NOON, {})
    assert [r.value for r in answer.readings if r.metric == "builds"] == [48]


def test_what_is_missing_or_could_not_be_had_is_said_and_is_no_zero() -> None:
    answer = parse(Body(account("error-overage"), "Expo"), NOON, {})
    assert {gap.what for gap in answer.gaps} == {"egress", "active_users"}
    assert "egress" not in {r.metric for r in answer.readings}
    assert [gap.what for gap in parse(Body(account(), "Expo"), NOON, {}).gaps] == ["OBSERVE"]


def test_an_unexpected_shape_is_named_by_its_path() -> None:
    with pytest.raises(Unexpected, match=r"`usageMetrics` is missing"):
        parse(Body({"isDisabled": False}, "Expo"), NOON, {})


async def test_a_refused_token_is_told_without_it() -> None:
    with pytest.raises(TokenRefused) as caught:
        await ask(eas, [ALL["error-token"]], SETTINGS)
    assert "expo_example_token" not in str(caught.value)


async def test_an_ended_period_is_asked_for_once_more_and_a_person_is_too_broad(
    httpserver: HTTPServer,
) -> None:
    asked: list[str] = []

    def serve(request: Request) -> Response:
        sent = json.loads(request.data)
        if "meActor" in sent["query"]:
            me = {"__typename": "User", "displayName": "Ada", "accounts": [{"name": "acme"}, {"name": "ada"}]}
            return Response(json.dumps({"data": {"meActor": me}}), content_type="application/json")
        if len(asked) == 2:
            return Response("{}", 429, {"Retry-After": "60"})
        asked.append(sent["variables"]["now"])
        body = account()
        if len(asked) == 2:
            body["usageMetrics"]["byBillingPeriod"] |= {
                "billingPeriod": {"start": "2026-10-12T00:00:00Z", "end": "2026-11-12T00:00:00Z"}
            }
        return Response(json.dumps({"data": {"account": {"byName": body}}}), content_type="application/json")

    httpserver.expect_request("/graphql", method="POST").respond_with_handler(serve)
    settings = SETTINGS.model_copy(update={"base_url": httpserver.url_for("")})
    old = datetime(2026, 10, 12, tzinfo=UTC).timestamp()
    kept = {"period": old, "at": (BEGUN - HOUR).timestamp(), "used": {"builds": 10.0}}
    async with client() as http:
        service = Service("shop", "app", "mobile", "eas", "a")
        poll = Poll(http, service, Account("a", "eas"), NOON, NOON - HOUR, kept)
        answer = await eas.collect(poll, settings)
        broad = (await eas.verify(poll, settings)).broad
        with pytest.raises(Throttled):
            await eas.collect(poll, settings)
    builds = [(r.value, r.since, r.at) for r in answer.readings if r.metric == "builds"]
    assert builds == [(2, BEGUN - HOUR, BEGUN), (12, BEGUN, NOON)]
    assert asked == ["2026-11-21T12:00:00.000Z", "2026-11-11T23:00:00.000Z"]
    assert broad == ("all rights of a person", "account ada")
