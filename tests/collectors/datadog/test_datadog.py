"""Datadog: hosts are told hour by hour and not added up over time, null is no zero, late hours come twice."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pytest_httpserver import HTTPServer

from advisor.collectors import datadog
from advisor.core.fleet import Account, Service
from advisor.polling.body import Body
from advisor.polling.client import client
from advisor.polling.contract import Forbidden, Poll, Throttled, Unexpected
from advisor.testing import ask, samples
from advisor.testing.replay import NOON

SETTINGS = datadog.Settings.model_validate(dict(datadog.ABOUT.example))
ALL = samples(datadog)
TEN = datetime(2026, 11, 20, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
HEADERS = {"x-ratelimit-reset": "42"}


def row(org: str, hosts: float | None) -> dict[str, object]:
    measured = [{"usage_type": "host_count", "value": hosts}]
    told = {"org_name": org, "product_family": "infra_hosts", "timestamp": TEN.isoformat()}
    return {"attributes": {**told, "measurements": measured}}


async def test_hosts_are_levels_and_logs_are_amounts_of_each_hour_and_null_is_neither() -> None:
    asked = await ask(datadog, ALL, SETTINGS)
    assert [(r.metric, r.value, r.since, r.at) for r in asked.answer.readings] == [
        ("instances", 7.0, None, TEN + HOUR),
        ("logs", 1.5e6, TEN, TEN + HOUR),
        ("logs", 8e5, TEN + HOUR, TEN + 2 * HOUR),
    ]
    assert asked.requests[0][0].url.params["filter[timestamp][start]"] == "2026-10-21T12"
    assert asked.requests[0][0].headers["dd-application-key"] == "datadog_example_app_key"


async def test_the_last_72_hours_are_asked_again_and_time_that_was_missed_as_well() -> None:
    before = {"until": (NOON - timedelta(days=2)).isoformat()}
    asked = await ask(datadog, ALL, SETTINGS, previous=before)
    assert asked.requests[0][0].url.params["filter[timestamp][start]"] == "2026-11-16T12"


def test_organisations_add_up_in_an_hour_and_a_null_of_one_is_left_out() -> None:
    hours: dict[datetime, datadog.Hour] = {}
    body = Body({"data": [row("a", 3), row("b", 4), row("c", None)]}, "Datadog")
    datadog.add(body, hours)
    answer = datadog.readings(hours, NOON)
    assert [r.value for r in answer.readings] == [7.0]
    assert [gap.metrics for gap in answer.gaps] == [("logs",)]
    with pytest.raises(Unexpected, match=r"`data\[0\].attributes.measurements` is missing"):
        datadog.add(Body({"data": [{"attributes": {}}]}, "Datadog"), hours)


async def test_a_missing_right_is_named_and_a_child_is_told_what_to_leave_out() -> None:
    with pytest.raises(Forbidden, match="usage_read"):
        await ask(datadog, [ALL["error-forbidden"]], SETTINGS)
    with pytest.raises(Unexpected, match="leave `children` out"):
        await ask(datadog, [ALL["error-child"]], SETTINGS.model_copy(update={"children": True}))


async def test_a_day_at_a_time_is_asked_of_several_organisations_and_the_reset_is_obeyed(
    httpserver: HTTPServer,
) -> None:
    path = "/api/v2/usage/hourly_usage"
    httpserver.expect_oneshot_request(path).respond_with_json({"errors": []}, 429, HEADERS)
    httpserver.expect_oneshot_request(path).respond_with_json(
        {"data": [row("a", 3)], "meta": {"pagination": {"next_record_id": "r"}}}
    )
    httpserver.expect_request(path).respond_with_json({"data": [], "meta": {"pagination": {}}})
    settings = SETTINGS.model_copy(update={"base_url": httpserver.url_for(""), "children": True})
    async with client() as http:
        poll = Poll(http, Service("shop", "d", "d", "datadog", "a"), Account("a", "datadog"), NOON)
        with pytest.raises(Throttled) as throttled:
            await datadog.collect(poll, settings)
        answer = await datadog.collect(poll, settings)
    assert throttled.value.retry_at == NOON + timedelta(seconds=42)
    assert "datadog_example" not in str(throttled.value)
    assert [r.value for r in answer.readings] == [3.0]
    asked = [request.args for request, _ in httpserver.log[1:]]
    assert [one.get("page[next_record_id]") for one in asked] == [None, "r", None, None, None]
    assert [one["filter[timestamp][start]"][8:10] for one in asked] == ["17", "17", "18", "19", "20"]


async def test_a_credential_is_verified_by_one_call() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(200, json={"data": [{"attributes": {"org_name": "Acme"}}]})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        poll = Poll(http, Service("shop", "x", "x", "datadog", "a"), Account("a", "datadog"), NOON)
        verified = await datadog.verify(poll, SETTINGS)
    assert (verified.whose, bool(verified.broad), len(asked)) == ("Acme", False, 1)
