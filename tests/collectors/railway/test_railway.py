"""Railway: live values, pages, answers by step, restrictions and errors with status 200."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from advisor.collectors import railway
from advisor.collectors.railway import bill, live
from advisor.core.fleet import Account, Service
from advisor.core.model import Limit
from advisor.polling.body import Body
from advisor.polling.client import client
from advisor.polling.contract import Poll, Throttled, TokenRefused, Unexpected
from advisor.testing import ask, samples
from advisor.testing.replay import NOON

SETTINGS = railway.Settings.model_validate(dict(railway.ABOUT.example))
GOOD = {name: sample for name, sample in samples(railway).items() if not sample.is_error}
BEGUN = datetime(2026, 11, 12, tzinfo=UTC)


def with_error(name: str) -> list[Any]:
    """Return the samples, one of them replaced by an error answer to the same request."""
    error = samples(railway)[name]
    return [error, *(s for s in GOOD.values() if s.request != error.request)]


async def test_pages_are_read_to_the_end_and_only_running_replicas_of_the_service_count() -> None:
    asked = await ask(railway, GOOD, SETTINGS)
    assert [s.name for _, s in asked.requests if s.name.startswith("env")] == [
        "environment-1",
        "environment-2",
    ]
    found = {(r.metric, r.part): r.value for r in asked.answer.readings}
    assert found["instances", "s1"] == 2
    assert found["disk_used", "v1"] == 120.5e6
    assert ("disk_used", "v2") not in found  # Another service's.
    limits = {(t.metric, t.limit): t.value for t in asked.answer.terms}
    assert limits["disk_used", Limit.QUOTA] == 5e9
    assert limits["memory", Limit.AVAILABLE] == 8e9


def test_durations_are_milliseconds_and_the_running_step_is_left_out() -> None:
    data = Body(GOOD["answers"].body["data"], "Railway")
    found = {(r.metric, r.stat): (r.value, r.of) for r in live.answers(data, NOON).readings}
    assert found["response_time", "p95"] == (0.12, None)
    assert found["error_rate", ""] == (2, 100)
    assert len([r for r in live.answers(data, NOON).readings if r.stat == "p95"]) == 1


def test_use_without_a_limit_is_no_share() -> None:
    series = {
        "measurement": "CPU_USAGE",
        "tags": {"serviceId": "s1"},
        "values": [{"ts": 1, "value": 1}],
    }
    answer = live.metrics(Body({"metrics": [series]}, "Railway"))
    assert answer.readings == []
    assert answer.gaps[0].metrics == ("cpu",)


def test_rows_of_another_project_or_service_do_not_count() -> None:
    rows = [
        {"measurement": "NETWORK_TX_GB", "value": 1, "tags": {"projectId": project, "serviceId": "s1"}}
        for project in ("p1", "p2")
    ]
    assert bill.usage(Body({"usage": rows}, "Railway"), "p1", "s1", "e1") == {"NETWORK_TX_GB": 1}
    series = [
        {"measurement": name, "tags": {"serviceId": one}, "values": [{"ts": 1, "value": 2}]}
        for name in ("CPU_USAGE", "CPU_LIMIT")
        for one in ("s1", "s2")
    ]
    answer = live.metrics(Body({"metrics": series}, "Railway"), "s1")
    assert [(r.part, r.value) for r in answer.readings] == [("s1", 1)]


async def test_over_its_hard_limit_a_workspace_is_restricted() -> None:
    answer = (await ask(railway, with_error("error-over-limit"), SETTINGS)).answer
    assert [r.value for r in answer.readings if r.metric == "restricted"] == [1]
    assert [t.value for t in answer.terms if t.what == "plan"] == ["pro"]


async def test_a_token_that_may_not_see_the_workspace_still_measures_its_project() -> None:
    answer = (await ask(railway, with_error("error-not-authorized"), SETTINGS, previous={
        "usage": {"period": BEGUN.timestamp(), "at": NOON.timestamp() - 600, "used": {"CPU_USAGE": 540.0}},
    })).answer  # fmt: skip
    assert [r.value for r in answer.readings if r.metric == "compute_hours"] == [1.0]
    assert "Not Authorized" in answer.gaps[-1].why
    whole = railway.Settings.model_validate({"token": "t0ken", "workspace": "w1"})
    with pytest.raises(TokenRefused) as caught:
        await ask(railway, with_error("error-not-authorized"), whole)
    assert "t0ken" not in str(caught.value)


def test_an_unexpected_shape_is_named_by_its_path() -> None:
    with pytest.raises(Unexpected, match=r"`workspace\.customer` is null"):
        bill.workspace(
            Body({"workspace": {"plan": "PRO", "customer": None}}, "Railway"),
            NOON,
            {},
            whole=True,
        )


async def test_a_project_token_has_its_own_header_and_too_many_requests_say_when_to_come_back(
    httpserver: HTTPServer,
) -> None:
    sent: list[str] = []

    def slow_down(request: Request) -> Response:
        sent.append(request.headers["Project-Access-Token"])
        return Response("{}", 429, {"Retry-After": "120"})

    httpserver.expect_request("/graphql/v2", method="POST").respond_with_handler(slow_down)
    settings = railway.Settings.model_validate(
        {
            "token": "t",
            "credential": "project",
            "project": "p1",
            "base_url": httpserver.url_for(""),
        }
    )
    async with client() as http:
        now = datetime.now(UTC)
        poll = Poll(
            http,
            Service("shop", "b", "b", "railway", "a"),
            Account("a", "railway"),
            now,
        )
        with pytest.raises(Throttled) as caught:
            await railway.collect(poll, settings)
    assert sent == ["t"]
    assert caught.value.retry_at == now + timedelta(minutes=2)
