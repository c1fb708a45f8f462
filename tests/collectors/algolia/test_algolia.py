"""Algolia: records without virtual replicas, searches as billed or honestly not, pages, other hosts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pytest_httpserver import HTTPServer

from advisor.collectors import algolia
from advisor.collectors.algolia.counted import by_day
from advisor.core.fleet import Account, Service
from advisor.core.model import Quality
from advisor.polling.body import Body
from advisor.polling.client import client
from advisor.polling.contract import Answer, Forbidden, Poll, Throttled, TokenRefused, Unexpected, Unreachable
from advisor.testing import ask, samples
from advisor.testing.replay import NOON

SETTINGS = algolia.Settings.model_validate(dict(algolia.ABOUT.example))
PLAIN = SETTINGS.model_copy(update={"usage_token": None})
ALL = samples(algolia)
TODAY = datetime(2026, 11, 21, tzinfo=UTC)
YESTERDAY = TODAY - timedelta(days=1)


def of(answer: Answer, metric: str) -> list[Any]:
    return [(r.value, r.since, r.at) for r in answer.readings if r.metric == metric]


def poll(http: httpx.AsyncClient) -> Poll:
    return Poll(http, Service("shop", "s", "s", "algolia", "a"), Account("a", "algolia"), NOON)


async def test_virtual_replicas_hold_no_records_and_suggestions_are_not_billed() -> None:
    asked = await ask(algolia, ALL, SETTINGS)
    assert of(asked.answer, "records") == [(2000.0, None, NOON)]
    assert of(asked.answer, "storage") == [(180000.0, None, NOON)]
    assert of(asked.answer, "searches") == [(100.0, YESTERDAY, TODAY), (25.0, TODAY, NOON)]
    keys = {request.url.host: request.headers["x-algolia-api-key"] for request, _ in asked.requests}
    assert keys == {"app1-dsn.algolia.net": "algolia_example_key", "usage.algolia.com": "algolia_usage_key"}


async def test_a_page_that_brings_nothing_new_is_the_last() -> None:
    one = ALL["indexes"]
    request = one.request.model_copy(update={"query": {}})
    whole = one.model_copy(update={"body": one.body | {"nbPages": 100}, "request": request})
    served = [whole, *(one for one in ALL.values() if one.name != "indexes" and not one.is_error)]
    answer = (await ask(algolia, served, SETTINGS)).answer
    assert [r for r in answer.readings if r.metric == "records"]
    assert not answer.gaps


async def test_later_polls_ask_the_last_two_days_again() -> None:
    asked = await ask(algolia, ALL, SETTINGS, previous={"days": TODAY.isoformat()})
    starts = {r.url.params["startDate"] for r, s in asked.requests if s.name.startswith("usage")}
    assert starts == {"2026-11-19T00:00:00Z"}


async def test_a_plan_without_usage_still_gives_records_and_says_why() -> None:
    answer = (await ask(algolia, [ALL["indexes"], ALL["error-usage"]], SETTINGS)).answer
    assert of(answer, "records")
    assert not of(answer, "searches")
    assert "402" in answer.gaps[0].why
    none = (await ask(algolia, ALL, PLAIN)).answer
    assert not of(none, "searches")
    assert "by hand" in none.gaps[0].why


async def test_analytics_is_an_estimate_and_asked_for_primaries_only() -> None:
    asked = await ask(algolia, ALL, PLAIN.model_copy(update={"analytics": "de"}))
    assert of(asked.answer, "searches") == [(10.0, YESTERDAY, TODAY), (5.0, TODAY, NOON)]
    assert {r.quality for r in asked.answer.readings if r.metric == "searches"} == {Quality.ESTIMATED}
    assert [r.url.host for r, s in asked.requests if s.name == "analytics"] == ["analytics.de.algolia.com"]


def test_a_statistic_may_stand_under_its_own_name_and_another_shape_is_named() -> None:
    body = Body({"total_search_requests": [{"t": 1795132800000, "v": 3}]}, "Algolia")
    assert by_day(body, "total_search_requests") == {YESTERDAY: 3.0}
    with pytest.raises(Unexpected, match=r"`statistics\[0\]\.t` is missing"):
        by_day(Body({"statistics": [{"v": 3}]}, "Algolia"), "total_search_requests")


async def test_a_host_that_is_down_is_followed_by_the_next() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        if "dsn" in request.url.host:
            raise httpx.ConnectError("down")
        status = 503 if request.url.host == "app1-1.algolianet.com" else 200
        return httpx.Response(status, json=ALL["indexes"].body)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        assert of(await algolia.collect(poll(http), PLAIN), "records")
    assert asked == ["app1-dsn.algolia.net", "app1-1.algolianet.com", "app1-2.algolianet.com"]
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(500))) as http:
        with pytest.raises(Unreachable):
            await algolia.collect(poll(http), PLAIN)


async def test_a_key_tells_what_it_may_and_when_it_ends() -> None:
    from advisor.testing import client as played

    async with played([ALL["error-own-rights"]]) as http:
        verified = await algolia.verify(poll(http), SETTINGS)
    assert verified.broad == ("addObject",)
    assert verified.expires == NOON + timedelta(hours=1)


async def test_indices_are_read_to_the_last_page_and_refusals_are_told(httpserver: HTTPServer) -> None:
    for page in ("0", "1"):
        body = {"items": [{"name": page, "entries": 10, "fileSize": 1}], "nbPages": 2}
        query = {"page": page, "hitsPerPage": "1000"}
        httpserver.expect_ordered_request("/1/indexes", query_string=query).respond_with_json(body)
    httpserver.expect_ordered_request("/1/indexes").respond_with_json({}, 429, headers={"Retry-After": "5"})
    httpserver.expect_ordered_request("/1/indexes").respond_with_json(ALL["error-key"].body, 403)
    httpserver.expect_ordered_request("/1/indexes").respond_with_json({"message": "Method not allowed"}, 403)
    settings = PLAIN.model_copy(update={"base_url": httpserver.url_for("")})
    async with client() as http:
        assert of(await algolia.collect(poll(http), settings), "records") == [(20.0, None, NOON)]
        with pytest.raises(Throttled) as caught:
            await algolia.collect(poll(http), settings)
        with pytest.raises(TokenRefused, match="`app` or the key is wrong") as refused:
            await algolia.collect(poll(http), settings)
        with pytest.raises(Forbidden, match="listIndexes"):
            await algolia.collect(poll(http), settings)
    assert caught.value.retry_at == NOON + timedelta(seconds=5)
    assert "algolia_example" not in f"{caught.value}{refused.value}"
