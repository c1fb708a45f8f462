"""Sentry: hours become amounts between polls, drops are a restriction, projects are paged by Link."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from advisor.collectors import sentry
from advisor.collectors.sentry.counted import Counts, amounts, counts
from advisor.core.fleet import Account, Service
from advisor.polling.body import Body
from advisor.polling.client import client
from advisor.polling.contract import Forbidden, Poll, Throttled, Unexpected
from advisor.testing import ask, samples
from advisor.testing import client as played
from advisor.testing.replay import NOON

SETTINGS = sentry.Settings.model_validate(dict(sentry.ABOUT.example))
ALL = samples(sentry)
GOOD = [sample for sample in ALL.values() if not sample.is_error]


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-21T{text}").replace(tzinfo=UTC)


async def test_the_first_poll_takes_whole_days_and_then_the_hours_of_today() -> None:
    answer = (await ask(sentry, GOOD, SETTINGS)).answer
    errors = [(r.value, r.since, r.at) for r in answer.readings if r.metric == "errors"]
    midnight = at("00:00")
    assert errors[:2] == [
        (90.0, midnight - timedelta(days=2), midnight - timedelta(days=1)),
        (99.0, midnight - timedelta(days=1), midnight),
    ]
    assert errors[2:] == [(2.0, at("10:00"), at("11:00")), (7.0, at("11:00"), NOON)]
    assert [r.value for r in answer.readings if r.metric == "restricted"] == [0.0]


async def test_a_later_poll_gives_what_is_new_and_asks_for_days_and_projects_no_more() -> None:
    first = (await ask(sentry, GOOD, SETTINGS)).answer.keep
    before = {**first, "at": at("11:50").isoformat(), "hours": {"errors": {at("11:00").isoformat(): 4.0}}}
    asked = await ask(sentry, GOOD, SETTINGS, previous=before)
    errors = [(r.value, r.since, r.at) for r in asked.answer.readings if r.metric == "errors"]
    assert errors == [(3.0, at("11:50"), NOON)]
    assert [sample.name for _, sample in asked.requests] == ["stats-by-hour"]
    assert asked.requests[0][0].url.params["start"] == "2026-11-21T08:00:00Z"


@pytest.mark.parametrize(
    ("now", "values", "want"),
    [
        ("11:55", [5, 7], [(3.0, "11:50", "11:55")]),
        ("11:55", [6, 7], [(4.0, "11:50", "11:55")]),  # One was late for the hour before.
        ("12:05", [5, 9, 2], [(5.0, "11:50", "12:00"), (2.0, "12:00", "12:05")]),
        ("11:55", [5, 3], [(0.0, "11:50", "11:55")]),  # Counted down: nothing is less than none.
    ],
)
def test_what_is_new_is_cut_at_full_hours(now: str, values: list[float], want: list[Any]) -> None:
    starts = [at("10:00"), at("11:00"), at("12:00")][: len(values)]
    found = Counts(starts, {"errors": dict(zip(starts, values, strict=True))})
    before = {"errors": {at("10:00").isoformat(): 5.0, at("11:00").isoformat(): 4.0}}
    got = amounts(found, before, at("11:50"), at(now))
    assert [(r.value, r.since, r.at) for r in got] == [(v, at(a), at(b)) for v, a, b in want]


async def test_events_dropped_for_the_quota_are_a_restriction_and_ones_own_limits_are_none() -> None:
    served = [*(s for s in GOOD if s.name != "stats-by-hour"), ALL["error-over-quota"]]
    answer = (await ask(sentry, served, SETTINGS)).answer
    assert [r.value for r in answer.readings if r.metric == "restricted"] == [1.0]
    assert answer.evidence["Dropped events"] == [
        {"category": "error", "dropped since": "11:00 UTC", "events": "40"}
    ]


async def test_a_wrong_region_is_told_as_such() -> None:
    with pytest.raises(Unexpected, match=r"us\.sentry\.io knows no organisation `acme`.*region:"):
        await ask(sentry, [ALL["error-not-found"]], SETTINGS)


def test_the_region_is_the_host() -> None:
    assert sentry._base(SETTINGS) == "https://us.sentry.io"
    for region in ("de", "eu"):
        assert sentry._base(SETTINGS.model_copy(update={"region": region})) == "https://de.sentry.io"


async def test_a_token_that_may_write_is_too_broad() -> None:
    async with played([ALL["organization"]]) as http:
        poll = Poll(http, Service("shop", "e", "e", "sentry", "a"), Account("a", "sentry"), NOON)
        found = await sentry.verify(poll, SETTINGS)
    assert (found.whose, found.broad) == ("Acme", ("project:write",))


def test_a_series_of_another_length_is_named_by_its_path() -> None:
    group = {"by": {"category": "error", "outcome": "accepted"}, "series": {"sum(quantity)": [1, 2]}}
    body = {"intervals": ["2026-11-21T10:00:00Z"], "groups": [group]}
    with pytest.raises(Unexpected, match=r"`groups\[0\]\.series\.sum\(quantity\)` has 2 values"):
        counts(Body(body, "Sentry"))


def test_the_plan_of_sentrys_own_pages_may_be_unlimited() -> None:
    body = {"planDetails": {"name": "Team"}, "categories": {"errors": {"reserved": -1}}}
    plan, errors = sentry.terms(Body(body, "Sentry"), NOON)
    assert (plan.value, errors.value, errors.part) == ("team", None, "month")


async def test_projects_are_read_to_the_last_page_and_a_429_says_until_when(httpserver: HTTPServer) -> None:
    path = "/api/0/organizations/acme"
    link = '<http://x/>; rel="next"; results="{}"; cursor="0:100:0"'
    pages = f"{path}/projects/"
    httpserver.expect_request(pages, query_string={"cursor": "0:100:0"}).respond_with_json(
        [{"slug": "shop-api", "id": "7"}], headers={"Link": link.format("false")}
    )
    httpserver.expect_request(pages).respond_with_json(
        [{"slug": "other", "id": "1"}], headers={"Link": link.format("true")}
    )
    httpserver.expect_oneshot_request(f"{path}/stats_v2/").respond_with_json({"detail": "no scope"}, 403)
    reset = {"X-Sentry-Rate-Limit-Reset": str(int(NOON.timestamp()) + 30)}
    httpserver.expect_oneshot_request(f"{path}/stats_v2/").respond_with_json({}, 429, headers=reset)
    settings = SETTINGS.model_copy(update={"base_url": httpserver.url_for("")})
    async with client() as http:
        poll = Poll(http, Service("shop", "e", "e", "sentry", "a"), Account("a", "sentry"), NOON)
        assert await sentry._project(poll, settings) == "7"
        with pytest.raises(Forbidden, match="org:read") as refused:
            await sentry.collect(poll, settings)
        with pytest.raises(Throttled) as caught:
            await sentry.collect(poll, settings)
    assert caught.value.retry_at == NOON + timedelta(seconds=30)
    assert "sntrys_example" not in f"{refused.value}{caught.value}"
