"""Render: units as each series names them, hours of bandwidth, limits by instance, pages of services."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from advisor.collectors import render
from advisor.collectors.render import series
from advisor.core.fleet import Account, Service
from advisor.core.model import Limit
from advisor.polling.body import Body
from advisor.polling.client import client
from advisor.polling.contract import Poll, Throttled, TokenRefused, Unexpected
from advisor.testing import ask, samples
from advisor.testing.replay import NOON

SETTINGS = render.Settings.model_validate(dict(render.ABOUT.example))
GOOD = {name: sample for name, sample in samples(render).items() if not sample.is_error}
CPU = series.LEVELS[0]


def with_error(name: str) -> list[Any]:
    """Return the samples, one of them replaced by an error answer to the same request."""
    error = samples(render)[name]
    return [error, *(s for s in GOOD.values() if s.request != error.request)]


def points(unit: str, value: float, at: str = "2026-11-21T11:55:00Z", **labels: str) -> dict[str, Any]:
    named = [{"field": key, "value": text} for key, text in labels.items()]
    return {"labels": named, "unit": unit, "values": [{"timestamp": at, "value": value}]}


async def test_bandwidth_is_what_its_unit_says_by_hours_that_are_over() -> None:
    answer = (await ask(render, GOOD, SETTINGS)).answer
    egress = [(r.since, r.value) for r in answer.readings if r.metric == "egress"]
    assert egress == [(NOON - timedelta(hours=2), 12.5e6), (NOON - timedelta(hours=1), 0.0)]


@pytest.mark.parametrize(("unit", "value"), [("GB", 1e9), ("bytes", 1.0), ("MiB", 2.0**20)])
def test_a_unit_is_read_and_never_assumed(unit: str, value: float) -> None:
    answer = series.bandwidth(Body([points(unit, 1)], "Render"), 300.0, NOON)
    assert [r.value for r in answer.readings] == [value]


def test_a_unit_that_nobody_knows_is_a_gap() -> None:
    answer = series.bandwidth(Body([points("furlong", 1)], "Render"), 300.0, NOON)
    assert answer.readings == []
    assert "`furlong`" in answer.gaps[0].why


def test_cpu_is_held_against_the_limit_of_its_own_instance() -> None:
    used = [points("cpu", 0.5, instance="a", resource="s"), points("cpu", 0.5, instance="b", resource="s")]
    most = [points("cpu", 1.0, instance="a", resource="s"), points("cpu", 2.0, instance="b", resource="s")]
    answer = series.level(CPU, Body(used, "Render"), Body(most, "Render"))
    assert {r.part: r.value for r in answer.readings} == {"a": 0.5, "b": 0.25}
    bare = series.level(CPU, Body(used, "Render"), Body([], "Render"))
    assert (bare.readings, len(bare.gaps)) == ([], 2)


async def test_levels_are_the_newest_and_limits_come_with_them() -> None:
    answer = (await ask(render, GOOD, SETTINGS)).answer
    found = {r.metric: r.value for r in answer.readings if r.since is None}
    assert found["cpu"] == pytest.approx(0.8)
    assert (found["memory"], found["instances"], found["connections"]) == (3e8, 2, 17)
    limits = {(t.metric, t.limit): t.value for t in answer.terms}
    assert limits["memory", Limit.AVAILABLE] == 512 * 2**20
    assert limits["disk_used", Limit.QUOTA] == 15e9
    assert "replication_lag" not in found  # An empty list is no zero.


async def test_durations_are_milliseconds_and_failures_are_5xx() -> None:
    answer = (await ask(render, GOOD, SETTINGS)).answer
    assert {r.stat: r.value for r in answer.readings if r.stat} == {"p50": 0.04, "p95": 0.12, "p99": 0.4}
    assert [(r.value, r.of) for r in answer.readings if r.metric == "error_rate"] == [(2, 100)]


async def test_what_people_suspended_themselves_is_no_restriction_and_billing_is_one() -> None:
    answer = (await ask(render, with_error("error-suspended"), SETTINGS)).answer
    assert [r.value for r in answer.readings if r.metric == "restricted" and r.part == "srv-1"] == [1]


async def test_one_failing_series_is_a_gap_and_a_refused_key_alone_leaves_the_rest() -> None:
    answer = (await ask(render, with_error("error-too-fine"), SETTINGS)).answer
    assert [gap.what for gap in answer.gaps] == ["cpu"]
    answer = (await ask(render, with_error("error-key"), SETTINGS)).answer
    assert [gap.what for gap in answer.gaps] == ["standing"]
    assert "rnd_example_token" not in answer.gaps[0].why


async def test_steps_go_on_where_the_last_poll_ended() -> None:
    before = {"covered": {"bandwidth": NOON.timestamp() - 3600}}
    asked = await ask(render, GOOD, SETTINGS, previous=before)
    starts = {r.url.path: r.url.params["startTime"] for r, _ in asked.requests if "metrics" in r.url.path}
    assert starts["/v1/metrics/bandwidth"] == "2026-11-21T09:00:00Z"
    assert asked.answer.keep["covered"]["bandwidth"] == NOON.timestamp()


def test_an_unexpected_shape_is_named_by_its_path_and_a_wrong_id_where_it_is_written() -> None:
    with pytest.raises(Unexpected, match=r"`\[0\]\.labels` is missing"):
        series.bandwidth(Body([{"unit": "MB", "values": []}], "Render"), 3600.0, NOON)
    with pytest.raises(ValidationError, match="resource"):
        render.Settings.model_validate({"token": "t", "resource": "my-api"})


async def test_services_are_listed_to_the_last_page_and_429_says_when(httpserver: HTTPServer) -> None:
    cursors: list[str] = []

    def page(request: Request) -> Response:
        cursors.append(request.args.get("cursor", ""))
        many = 100 if len(cursors) == 1 else 1
        one = {"cursor": f"c{len(cursors)}", "service": {"id": "srv-1", "suspenders": []}}
        return Response(json.dumps([one] * many), content_type="application/json")

    httpserver.expect_request("/v1/services").respond_with_handler(page)
    httpserver.expect_request("/v1/owners").respond_with_data("{}", 401)
    httpserver.expect_request("/v1/metrics/cpu").respond_with_data("{}", 429, {"Retry-After": "60"})
    settings = render.Settings.model_validate(
        {"token": "t", "owner": "tea-1", "base_url": httpserver.url_for("")}
    )
    async with client() as http:
        now = datetime.now(UTC)
        poll = Poll(http, Service("shop", "b", "b", "render", "a"), Account("a", "render"), now)
        answer = await render.collect(poll, settings)
        with pytest.raises(TokenRefused):
            await render.verify(poll, settings)
        with pytest.raises(Throttled) as caught:
            await render._level(poll, settings, CPU, ["srv-1"])
    assert cursors == ["", "c1"]
    assert any("51 services are left out" in gap.why for gap in answer.gaps)
    assert caught.value.retry_at == now + timedelta(minutes=1)
