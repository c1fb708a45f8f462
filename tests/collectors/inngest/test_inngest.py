"""Inngest: counters of a day are its amounts, runs are counted where there are none, pages by cursor."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from advisor.collectors import inngest
from advisor.core.fleet import Account, Service
from advisor.core.model import Quality
from advisor.polling.client import client
from advisor.polling.contract import Answer, Poll, Throttled, TokenRefused, Unexpected
from advisor.testing import ask, samples
from advisor.testing.replay import NOON

SETTINGS = inngest.Settings.model_validate(dict(inngest.ABOUT.example))
ALL = samples(inngest)
FREE = [ALL["error-free-plan"], ALL["runs"]]
TODAY = datetime(2026, 11, 21, tzinfo=UTC)


def of(answer: Answer, metric: str) -> list[Any]:
    return [(r.value, r.since, r.at) for r in answer.readings if r.metric == metric]


async def test_counters_of_a_day_are_its_amounts_and_executions_are_an_estimate() -> None:
    answer = (await ask(inngest, ALL, SETTINGS)).answer
    assert of(answer, "invocations") == [(100.0, TODAY - timedelta(days=1), TODAY), (5.0, TODAY, NOON)]
    assert of(answer, "steps") == [(15.0, TODAY, NOON)]
    assert {r.quality for r in answer.readings if r.metric == "steps"} == {Quality.ESTIMATED}
    assert [(r.value, r.of) for r in answer.readings if r.metric == "error_rate"] == [
        (10.0, 100.0),
        (0.0, 5.0),
    ]


def test_no_counters_are_a_gap_and_another_text_is_no_export() -> None:
    empty = inngest.by_day("# TYPE inngest_sdk_req_ended_total counter\n", NOON)
    assert not empty.readings
    assert "not zero" in empty.gaps[0].why
    with pytest.raises(Unexpected, match="no metrics of its own"):
        inngest.by_day("<html>sign in</html>", NOON)


async def test_without_the_export_runs_are_counted_and_steps_only_as_stated() -> None:
    answer = (await ask(inngest, FREE, SETTINGS)).answer
    assert of(answer, "invocations") == [(2.0, TODAY, NOON)]
    assert not of(answer, "steps")
    assert "steps_per_run" in answer.gaps[0].why
    told = (await ask(inngest, FREE, SETTINGS.model_copy(update={"steps_per_run": 3.0}))).answer
    assert of(told, "steps") == [(8.0, TODAY, NOON)]
    assert {r.quality for r in told.readings if r.metric == "steps"} == {Quality.ESTIMATED}


async def test_a_later_poll_counts_from_the_last_one_at_most_a_day_back() -> None:
    last = NOON - timedelta(hours=3, minutes=30)
    asked = await ask(
        inngest, FREE, SETTINGS, previous={"listed": {"env": "production", "at": last.isoformat()}}
    )
    assert of(asked.answer, "invocations") == [(1.0, last, NOON)]
    assert asked.requests[-1][0].url.params["from"] == "2026-11-21T08:30:00.000Z"
    old = {"listed": {"env": "production", "at": (NOON - timedelta(days=5)).isoformat()}}
    answer = (await ask(inngest, FREE, SETTINGS, previous=old)).answer
    assert of(answer, "invocations")[0][1] == NOON - timedelta(days=1)


async def test_runs_are_read_to_the_last_page_and_refusals_are_told(httpserver: HTTPServer) -> None:
    def page(at: str, **more: Any) -> dict[str, Any]:
        return {"data": [{"id": at, "queuedAt": f"2026-11-21T{at}Z"}], "page": more}

    httpserver.expect_oneshot_request("/v1/prom/production").respond_with_json({}, 404)
    httpserver.expect_oneshot_request("/v2/runs").respond_with_json(
        page("11:00:00", hasMore=True, cursor="c")
    )
    httpserver.expect_oneshot_request("/v2/runs").respond_with_json(page("10:00:00", hasMore=False))
    settings = SETTINGS.model_copy(update={"base_url": httpserver.url_for("")})
    async with client() as http:
        poll = Poll(http, Service("shop", "j", "j", "inngest", "a"), Account("a", "inngest"), NOON)
        assert of(await inngest.collect(poll, settings), "invocations") == [(2.0, TODAY, NOON)]
        assert httpserver.log[-1][0].args["cursor"] == "c"
        wait = {"Retry-After": "30"}
        httpserver.expect_oneshot_request("/v1/prom/production").respond_with_json({}, 429, headers=wait)
        with pytest.raises(Throttled) as caught:
            await inngest.collect(poll, settings)
        httpserver.expect_oneshot_request("/v1/prom/production").respond_with_json({"errors": []}, 401)
        with pytest.raises(TokenRefused) as refused:
            await inngest.collect(poll, settings)
    assert caught.value.retry_at == NOON + timedelta(seconds=30)
    assert "signkey" not in f"{caught.value}{refused.value}"
