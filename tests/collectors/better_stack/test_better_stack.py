"""Better Stack: incidents become uptime and downtime, pages are read to the end, pauses are not watched."""

from datetime import UTC, datetime, timedelta

import pytest
from pytest_httpserver import HTTPServer

from advisor.collectors import _outages, better_stack, betteruptime
from advisor.core.fleet import Account, Service
from advisor.polling.body import Body
from advisor.polling.client import client
from advisor.polling.contract import Poll, Throttled, TokenRefused, Unexpected
from advisor.testing import ask, samples
from advisor.testing.replay import NOON

SETTINGS = better_stack.Settings.model_validate(dict(better_stack.ABOUT.example))
ALL = samples(better_stack)
GOOD = [sample for sample in ALL.values() if not sample.is_error]


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-21T{text}").replace(tzinfo=UTC)


async def test_all_monitors_count_and_only_the_chosen_ones_are_judged() -> None:
    answer = (await ask(better_stack, GOOD, SETTINGS)).answer
    assert [r.value for r in answer.readings if r.metric == "monitors"] == [2.0]
    uptime = [r for r in answer.readings if r.metric == "uptime"]
    # It was made yesterday, so nothing is known from before.
    assert min(r.since for r in uptime if r.since) == datetime(2026, 11, 20, tzinfo=UTC)
    failed = [(r.since, r.at, r.value, r.of) for r in uptime if r.value != r.of]
    assert failed == [(at("11:30"), at("11:35"), 150.0, 300.0)]
    assert sum(r.value for r in answer.readings if r.metric == "downtime") == 150.0


async def test_an_outage_that_runs_lasts_until_now_and_its_beginning_is_kept() -> None:
    served = [*(s for s in GOOD if s.name != "incidents"), ALL["error-open"]]
    first = (await ask(better_stack, served, SETTINGS)).answer
    assert [r.value for r in first.readings if r.metric == "downtime" and r.value] == [120.0]
    later = await ask(better_stack, served, SETTINGS, previous=first.keep, now=NOON + timedelta(days=2))
    queries = [r.url.params for r, s in later.requests if s.name == "error-open"]
    assert [q["from"] for q in queries] == ["2026-11-21"]


async def test_a_later_poll_corrects_the_last_hour_and_no_more() -> None:
    before = {"of": ["shop-api"], "at": at("11:50").isoformat()}
    answer = (await ask(better_stack, GOOD, SETTINGS, previous=before)).answer
    starts = [r.since for r in answer.readings if r.metric == "downtime"]
    assert (starts[0], starts[-1], len(starts)) == (at("10:00"), at("11:55"), 24)


def test_two_monitors_down_at_once_are_one_downtime_and_a_pause_is_neither_up_nor_down() -> None:
    down = (at("11:00"), at("11:10"))
    paused = _outages.Watched(at("00:00"), [down], [(at("11:05"), NOON)])
    other = _outages.Watched(at("00:00"), [down])
    found = _outages.readings([paused, other], at("11:00"), NOON)
    down_for = [r.value for r in found if r.metric == "downtime"]
    assert down_for[:3] == [300.0, 300.0, 0.0]
    assert [(r.value, r.of) for r in found if r.metric == "uptime"][:3] == [(0, 600), (0, 300), (300, 300)]


async def test_a_paused_intake_of_logs_is_a_restriction_and_its_token_is_not_shown() -> None:
    settings = better_stack.Settings.model_validate({"token": "t", "telemetry_token": "u"})
    answer = (await ask(better_stack, GOOD, settings)).answer
    assert [r.value for r in answer.readings if r.metric == "restricted"] == [1.0]
    assert "never-shown" not in repr(answer)


async def test_a_monitor_that_nobody_knows_is_a_gap() -> None:
    settings = better_stack.Settings.model_validate({"token": "t", "monitors": ["gone"]})
    answer = (await ask(better_stack, GOOD, settings)).answer
    assert [gap.metrics for gap in answer.gaps] == [("uptime", "downtime")]


def test_the_older_name_is_read_by_the_same_code() -> None:
    assert (betteruptime.PROVIDER, betteruptime.collect) == ("betteruptime", better_stack.collect)


def test_an_unexpected_shape_is_named_by_its_path() -> None:
    body = Body({"data": [{"attributes": {}, "relationships": {"monitor": {"data": {}}}}]}, "Better Stack")
    with pytest.raises(Unexpected, match=r"`data\[0\].attributes.started_at` is missing"):
        better_stack.incidents(list(body["data"].each()), NOON)


async def test_pages_stay_with_the_host_and_a_429_and_a_401_end_the_poll(httpserver: HTTPServer) -> None:
    pages = "/api/v2/monitors"
    second, first = ALL["monitors-2"].body, ALL["monitors-1"].body
    httpserver.expect_oneshot_request(pages, query_string={"page": "2"}).respond_with_json(second)
    httpserver.expect_oneshot_request(pages).respond_with_json(first)
    httpserver.expect_oneshot_request("/api/v3/incidents").respond_with_json(ALL["incidents"].body)
    httpserver.expect_oneshot_request(pages).respond_with_json({}, 429, {"Retry-After": "7"})
    httpserver.expect_request(pages).respond_with_json({"errors": "Invalid Team API token"}, 401)
    settings = SETTINGS.model_copy(update={"base_url": httpserver.url_for("")})
    async with client() as http:
        poll = Poll(http, Service("shop", "u", "u", "better-stack", "a"), Account("a", "better-stack"), NOON)
        answer = await better_stack.collect(poll, settings)
        with pytest.raises(Throttled) as caught:
            await better_stack.collect(poll, settings)
        with pytest.raises(TokenRefused) as refused:
            await better_stack.collect(poll, settings)
    assert [r.value for r in answer.readings if r.metric == "monitors"] == [2.0]
    assert caught.value.retry_at == NOON + timedelta(seconds=7)
    assert "uptime_example" not in f"{caught.value}{refused.value}"
