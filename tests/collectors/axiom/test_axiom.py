"""Axiom: columns become hours by data set, allowances are binary GB, what is partial is asked again."""

from datetime import UTC, datetime, timedelta

import pytest
from pytest_httpserver import HTTPServer

from advisor.collectors import axiom
from advisor.core.fleet import Account, Service
from advisor.core.model import Limit
from advisor.polling.body import Body
from advisor.polling.client import client
from advisor.polling.contract import Poll, Throttled, TokenRefused, Unexpected
from advisor.testing import ask, samples
from advisor.testing.replay import NOON

SETTINGS = axiom.Settings.model_validate(dict(axiom.ABOUT.example))
ALL = samples(axiom)
GOOD = [sample for sample in ALL.values() if not sample.is_error]
PERIOD = datetime(2026, 11, 5, tzinfo=UTC)


async def test_columns_are_read_across_into_hours_by_data_set() -> None:
    answer = (await ask(axiom, GOOD, SETTINGS)).answer
    logs = [(r.part, r.value, r.since, r.at) for r in answer.readings if r.metric == "logs"]
    ten, eleven = NOON - timedelta(hours=2), NOON - timedelta(hours=1)
    assert logs == [("api", 1e6, ten, eleven), ("api", 2e6, eleven, NOON), ("web", 500.0, eleven, NOON)]


async def test_query_compute_is_gb_hours_since_the_billing_period_began_and_then_what_is_added() -> None:
    answer = (await ask(axiom, GOOD, SETTINGS)).answer
    found = [(r.value, r.since) for r in answer.readings if r.metric == "gb_hours"]
    assert found == [(pytest.approx(1e6 / 3.6e6), PERIOD)]
    again = await ask(axiom, GOOD, SETTINGS, previous=answer.keep, now=NOON + timedelta(hours=1))
    assert [(r.value, r.since) for r in again.answer.readings if r.metric == "gb_hours"] == [(0.0, NOON)]


async def test_allowances_are_binary_gigabytes_and_the_plan_is_told() -> None:
    answer = (await ask(axiom, GOOD, SETTINGS)).answer
    limits = {(t.metric, t.limit, t.part): t.value for t in answer.terms}
    assert limits["logs", Limit.QUOTA, "month"] == 500 * 2**30
    assert limits["gb_hours", Limit.QUOTA, "month"] == 10
    assert limits["", None, ""] == "personal"
    assert [r.value for r in answer.readings if r.metric == "restricted"] == [0.0]


async def test_a_blocked_payment_is_a_restriction() -> None:
    body = [{**ALL["orgs"].body[0], "paymentStatus": "blocked"}]
    answer, period = axiom.org(Body(body, "Axiom"), "", NOON)
    assert ([r.value for r in answer.readings], period) == ([1.0], PERIOD)


@pytest.mark.parametrize("begun", [None, "0001-01-01T00:00:00Z"])
async def test_a_period_without_a_beginning_costs_only_the_query_compute(begun: str | None) -> None:
    body = dict(ALL["orgs"].body[0])
    body["license"] = body["license"] | {"billingPeriodStart": begun}
    orgs = ALL["orgs"].model_copy(update={"body": [body]})
    answer = (await ask(axiom, [orgs, *(s for s in GOOD if s.name != "orgs")], SETTINGS)).answer
    assert {r.metric for r in answer.readings} == {"logs", "monitors", "restricted"}


async def test_a_partial_answer_is_kept_and_asked_again() -> None:
    served = [*(s for s in GOOD if s.name != "usage"), ALL["error-partial"]]
    before = {"covered": (NOON - timedelta(hours=1)).isoformat()}
    answer = (await ask(axiom, served, SETTINGS, previous=before)).answer
    assert [r.value for r in answer.readings if r.metric == "logs"] == [7.0]
    assert answer.keep["covered"] == before["covered"]
    assert any("partial" in gap.why for gap in answer.gaps)


async def test_silence_beyond_what_the_audit_log_keeps_is_said() -> None:
    before = {"covered": (NOON - timedelta(days=5)).isoformat()}
    answer = (await ask(axiom, GOOD, SETTINGS, previous=before)).answer
    assert any("is lost" in gap.why for gap in answer.gaps)


async def test_a_right_that_is_missing_is_named_and_the_rest_kept() -> None:
    served = [*(s for s in GOOD if s.name != "usage"), ALL["error-forbidden"]]
    answer = (await ask(axiom, served, SETTINGS)).answer
    (gap,) = answer.gaps
    assert (gap.what, "query axiom-audit" in gap.why) == ("usage", True)
    assert {r.metric for r in answer.readings} == {"monitors", "restricted"}


async def test_an_api_token_is_not_asked_for_the_plan_and_that_is_said() -> None:
    settings = SETTINGS.model_validate({"token": "xaat-example"})
    asked = await ask(axiom, GOOD, settings)
    assert "orgs" not in [sample.name for _, sample in asked.requests]
    assert [gap.what for gap in asked.answer.gaps] == ["plan"]


def test_an_unexpected_shape_is_named_by_its_path() -> None:
    body = {"tables": [{"name": "0", "fields": [{"name": "_time"}], "columns": [["x"]]}]}
    with pytest.raises(Unexpected, match=r"`tables\[0\].fields` has no `dataset`"):
        axiom.loaded(Body(body, "Axiom"), "", NOON)


async def test_being_asked_too_often_says_until_when_and_a_bad_token_ends_the_poll(
    httpserver: HTTPServer,
) -> None:
    reset = {"X-RateLimit-Reset": str(int(NOON.timestamp()) + 60)}
    limited = {"message": "rate limit exceeded"}
    httpserver.expect_oneshot_request("/v2/orgs").respond_with_json(ALL["orgs"].body)
    httpserver.expect_oneshot_request("/v2/monitors").respond_with_json(limited, 429, headers=reset)
    httpserver.expect_oneshot_request("/v1/datasets/_apl", method="POST").respond_with_json(
        limited, 429, headers=reset
    )
    httpserver.expect_request("/v2/orgs").respond_with_json({"code": "401"}, 401)
    settings = SETTINGS.model_copy(update={"base_url": httpserver.url_for("")})
    async with client() as http:
        poll = Poll(http, Service("shop", "l", "l", "axiom", "a"), Account("a", "axiom"), NOON)
        with pytest.raises(Throttled) as caught:
            await axiom.collect(poll, settings)
        with pytest.raises(TokenRefused) as refused:
            await axiom.collect(poll, settings)
    assert caught.value.retry_at == NOON + timedelta(seconds=60)
    assert "xapt-example" not in f"{caught.value}{refused.value}"
