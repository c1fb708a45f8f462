"""PostHog: what is billed grows by polls, what is counted comes by hours, a limit in force is told."""

from datetime import UTC, datetime, timedelta

import pytest
from pytest_httpserver import HTTPServer

from advisor.collectors import posthog
from advisor.core.fleet import Account, Service
from advisor.core.model import Limit, Quality
from advisor.polling.body import Body
from advisor.polling.client import client
from advisor.polling.contract import Poll, Throttled, TokenRefused, Unexpected
from advisor.testing import ask, samples
from advisor.testing import client as played
from advisor.testing.replay import NOON

SETTINGS = posthog.Settings.model_validate(dict(posthog.ABOUT.example))
ROWS = SETTINGS.model_copy(update={"events": "rows"})
ALL = samples(posthog)
GOOD = [sample for sample in ALL.values() if not sample.is_error]
PERIOD = datetime(2026, 11, 5, tzinfo=UTC)


def instead(name: str, of: str) -> list[object]:
    return [*(s for s in GOOD if s.name != of), ALL[name]]


async def test_billed_events_are_the_periods_with_todays_and_then_what_is_added() -> None:
    answer = (await ask(posthog, GOOD, SETTINGS)).answer
    assert [(r.value, r.since) for r in answer.readings if r.metric == "events"] == [(812500.0, PERIOD)]
    before = {"billed": {**answer.keep["billed"], "total": 812000.0}}
    later = (await ask(posthog, GOOD, SETTINGS, previous=before, now=NOON + timedelta(hours=1))).answer
    assert [(r.value, r.since) for r in later.readings if r.metric == "events"] == [(500.0, NOON)]


async def test_a_total_that_sinks_at_midnight_adds_nothing_until_it_is_past_its_highest() -> None:
    kept = {"period": PERIOD.isoformat(), "at": (NOON - timedelta(hours=1)).isoformat(), "total": 900000.0}
    answer = (await ask(posthog, GOOD, SETTINGS, previous={"billed": kept})).answer
    assert [r.value for r in answer.readings if r.metric == "events"] == [0.0]
    assert answer.keep["billed"]["total"] == 900000.0


async def test_plan_limit_and_users_are_told() -> None:
    answer = (await ask(posthog, GOOD, SETTINGS)).answer
    assert {(t.what, t.metric, t.limit): t.value for t in answer.terms} == {
        ("limit", "events", Limit.QUOTA): 1e6,
        ("plan", "", None): "free",
    }
    assert [r.value for r in answer.readings if r.metric == "active_users"] == [640.0]


async def test_data_dropped_until_a_time_to_come_is_a_restriction_and_past_times_are_none() -> None:
    answer = (await ask(posthog, instead("error-dropped", "usage"), SETTINGS)).answer
    assert [r.value for r in answer.readings if r.metric == "restricted"] == [1.0]
    assert answer.evidence["Data that is dropped"] == [
        {"what": "events", "dropped until": "2026-12-05 00:00 UTC"}
    ]


async def test_counted_events_are_estimated_and_an_hour_without_a_row_had_none() -> None:
    before = {"counted": {"project": "12345", "until": (NOON - timedelta(hours=1)).isoformat()}}
    asked = await ask(posthog, GOOD, ROWS, previous=before)
    events = [r for r in asked.answer.readings if r.metric == "events"]
    assert [r.value for r in events[-3:]] == [0.0, 30.0, 12.0]
    assert (events[0].since, events[-1].at, len(events)) == (NOON - timedelta(hours=25), NOON, 25)
    assert {r.quality for r in events} == {Quality.ESTIMATED}


async def test_a_key_without_billing_still_counts_users_and_the_gap_names_the_right() -> None:
    answer = (await ask(posthog, instead("error-forbidden", "usage"), SETTINGS)).answer
    (gap,) = answer.gaps
    assert (gap.what, "billing:read" in gap.why) == ("billed usage", True)
    assert "active_users" in {r.metric for r in answer.readings}


async def test_verify_tells_which_of_the_two_rights_a_key_has() -> None:
    refused = ALL["error-forbidden"].model_copy(update={"request": ALL["subscription"].request})
    async with played([refused, ALL["events"]]) as http:
        poll = Poll(http, Service("shop", "p", "p", "posthog", "a"), Account("a", "posthog"), NOON)
        assert (await posthog.verify(poll, SETTINGS)).rights == ("query:read",)


def test_an_unexpected_shape_is_named_by_its_path() -> None:
    with pytest.raises(Unexpected, match=r"`usage_summary\[0\].usage_key` is missing"):
        posthog.limits(Body({"usage_summary": [{}]}, "PostHog"), NOON)
    with pytest.raises(Unexpected, match=r"`results\[0\]` has 1 cells"):
        posthog.hours(Body({"results": [[1]]}, "PostHog"), NOON - timedelta(hours=1), NOON)


async def test_a_throttled_or_refused_key_ends_the_poll_and_stays_out_of_the_words(
    httpserver: HTTPServer,
) -> None:
    path = "/api/organizations/@current/billing"
    httpserver.expect_oneshot_request(f"{path}/usage/").respond_with_json({}, 429, {"Retry-After": "30"})
    httpserver.expect_oneshot_request(f"{path}/subscription/").respond_with_json(
        {}, 429, {"Retry-After": "30"}
    )
    httpserver.expect_request(f"{path}/usage/").respond_with_json({}, 401)
    httpserver.expect_request(f"{path}/subscription/").respond_with_json({}, 401)
    settings = SETTINGS.model_copy(update={"base_url": httpserver.url_for(""), "project": ""})
    async with client() as http:
        poll = Poll(http, Service("shop", "p", "p", "posthog", "a"), Account("a", "posthog"), NOON)
        with pytest.raises(Throttled) as caught:
            await posthog.collect(poll, settings)
        with pytest.raises(TokenRefused) as refused:
            await posthog.collect(poll, settings)
    assert caught.value.retry_at == NOON + timedelta(seconds=30)
    assert "phx_example" not in f"{caught.value}{refused.value}"
