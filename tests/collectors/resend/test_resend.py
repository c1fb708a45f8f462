"""Resend: counters become amounts cut at midnight, headers and lists stand in where usage is not given."""

from datetime import UTC, datetime, timedelta

import pytest
from pytest_httpserver import HTTPServer

from advisor.collectors import resend
from advisor.collectors.resend.counted import Counted, amounts, from_usage
from advisor.core.fleet import Account, Service
from advisor.core.model import Quality
from advisor.polling.body import Body
from advisor.polling.client import client
from advisor.polling.contract import Answer, Forbidden, Poll, Throttled, TokenRefused, Unexpected
from advisor.testing import ask, samples
from advisor.testing.replay import NOON

SETTINGS = resend.Settings.model_validate(dict(resend.ABOUT.example))
ALL = samples(resend)
MONTH = datetime(2026, 11, 1, tzinfo=UTC)
TODAY = datetime(2026, 11, 21, tzinfo=UTC)


def emails(answer: Answer) -> list[tuple[float, datetime | None, datetime]]:
    return [(r.value, r.since, r.at) for r in answer.readings if r.metric == "emails"]


async def test_the_first_poll_gives_the_month_before_today_and_today() -> None:
    answer = (await ask(resend, ALL, SETTINGS)).answer
    assert emails(answer) == [(1000.0, MONTH, TODAY), (42.0, TODAY, NOON)]
    limits = {(t.metric, t.part): t.value for t in answer.terms}
    assert limits == {("emails", "day"): 100.0, ("emails", "month"): 3000.0, ("domains", ""): 1.0}
    assert {r.metric: r.value for r in answer.readings if r.metric != "emails"} == {
        "restricted": 0.0,
        "domains": 1.0,
    }


def test_later_polls_give_what_is_new_and_are_cut_at_midnight() -> None:
    first = amounts(Counted(1042, MONTH, 42), {}, NOON)
    five = timedelta(minutes=5)
    second = amounts(Counted(1045, MONTH, 45), first.keep, NOON + five)
    assert emails(second) == [(3.0, NOON, NOON + five)]
    midnight = TODAY + timedelta(days=1)
    third = amounts(Counted(1055, MONTH, 4), second.keep, midnight + five)
    assert emails(third) == [(6.0, NOON + five, midnight), (4.0, midnight, midnight + five)]
    december = datetime(2026, 12, 1, tzinfo=UTC)
    fourth = amounts(Counted(2, december, 2), third.keep, december + five)
    assert emails(fourth) == [(2.0, december, december + five)]


def test_a_count_corrected_downwards_counts_nothing_twice() -> None:
    keep = {"month": MONTH.isoformat(), "at": TODAY.isoformat(), "used": 50.0}
    lower = amounts(Counted(48, MONTH), keep, NOON)
    assert emails(lower) == [(0.0, TODAY, NOON)]
    assert lower.keep["used"] == 50.0


def test_a_month_counted_by_headers_that_lags_is_not_taken_for_a_new_one() -> None:
    december = datetime(2026, 12, 1, tzinfo=UTC)
    keep = {"month": MONTH.isoformat(), "at": (december - timedelta(minutes=1)).isoformat(), "used": 900.0}
    lagging = amounts(Counted(901, december, told=False), keep, december + timedelta(minutes=4))
    assert not lagging.readings
    assert lagging.gaps
    assert lagging.keep == keep


def test_no_daily_limit_is_unlimited_and_a_rolling_day_is_no_day() -> None:
    part = {"used": 5, "limit": None, "resets_at": "2026-11-21T17:30:00Z"}
    month = {"used": 60000, "limit": 50000, "resets_at": "2026-12-01T00:00:00Z"}
    found = from_usage(Body({"emails": {"daily": part, "monthly": month}}, "Resend"), NOON)
    assert [(t.part, t.value) for t in found.terms] == [("day", None), ("month", 50000.0)]
    assert found.counted == Counted(60000, MONTH, None)
    with pytest.raises(Unexpected, match=r"`emails\.daily\.used` is a text"):
        from_usage(Body({"emails": {"daily": {**part, "used": "many"}, "monthly": month}}, "Resend"), NOON)


@pytest.mark.parametrize(("capped", "want"), [(None, []), (True, [1.0]), (False, [0.0])])
def test_a_paid_volume_that_is_used_up_stops_only_where_the_account_is_capped(
    capped: bool | None, want: list[float]
) -> None:
    month = {"used": 60000, "limit": 50000, "resets_at": "2026-12-01T00:00:00Z"}
    daily = {"used": 5, "limit": None, "resets_at": None}
    found = from_usage(Body({"emails": {"daily": daily, "monthly": month}}, "Resend"), NOON, capped)
    assert [r.value for r in found.readings] == want
    assert [gap.what for gap in found.gaps] == ([] if want else ["overage"])


@pytest.mark.parametrize("error", ["error-no-usage", "error-sending-only"])
async def test_headers_are_what_is_used_where_there_is_no_usage(error: str) -> None:
    answer = (await ask(resend, [ALL[error], ALL["domains"]], SETTINGS)).answer
    assert emails(answer) == [(1000.0, MONTH, TODAY), (42.0, TODAY, NOON)]
    assert [r.value for r in answer.readings if r.metric == "domains"] == [1.0]
    assert not answer.terms


async def test_mails_are_counted_by_recipient_and_day_where_nothing_else_is_told() -> None:
    served = [ALL[name] for name in ("error-no-usage", "error-no-headers", "emails", "receiving")]
    answer = (await ask(resend, served, SETTINGS)).answer
    assert emails(answer)[-2:] == [(1.0, TODAY - timedelta(days=1), TODAY), (3.0, TODAY, NOON)]
    assert {r.quality for r in answer.readings if r.metric == "emails"} == {Quality.ESTIMATED}
    assert len(emails(answer)) == 21


async def test_a_used_up_quota_is_a_restriction() -> None:
    answer = (await ask(resend, [ALL["error-quota"]], SETTINGS)).answer
    assert [(r.metric, r.value) for r in answer.readings] == [("restricted", 1.0)]


async def test_lists_are_read_to_the_last_page_and_refusals_are_told(httpserver: HTTPServer) -> None:
    httpserver.expect_oneshot_request("/usage").respond_with_json({"name": "not_found"}, 404)
    none = {"object": "list", "has_more": False, "data": []}

    def page(more: bool, *times: str) -> dict[str, object]:
        rows = [{"id": f"m-{at}", "to": ["a@example.com"], "created_at": f"2026-11-{at}+00"} for at in times]
        return {"object": "list", "has_more": more, "data": rows}

    second = {"limit": "100", "after": "m-21 01:00:00"}
    httpserver.expect_request("/emails", query_string=second).respond_with_json(page(False, "20 01:00:00"))
    httpserver.expect_request("/emails").respond_with_json(page(True, "21 01:00:00"))
    httpserver.expect_request("/emails/receiving").respond_with_json(none)
    httpserver.expect_oneshot_request("/domains").respond_with_json(none)
    restricted = {"statusCode": 401, "name": "restricted_api_key", "message": "no"}
    httpserver.expect_request("/domains").respond_with_json(restricted, 401)
    settings = SETTINGS.model_copy(update={"base_url": httpserver.url_for("")})
    async with client() as http:
        poll = Poll(http, Service("shop", "m", "m", "resend", "a"), Account("a", "resend"), NOON)
        answer = await resend.collect(poll, settings)
        assert sum(value for value, _, _ in emails(answer)) == 2.0
        with pytest.raises(Forbidden, match="sending only"):
            await resend.verify(poll, settings)
        httpserver.expect_oneshot_request("/usage").respond_with_json({}, 429, headers={"retry-after": "2"})
        with pytest.raises(Throttled) as caught:
            await resend.collect(poll, settings)
        httpserver.expect_oneshot_request("/usage").respond_with_json({"name": "invalid_api_key"}, 403)
        with pytest.raises(TokenRefused) as refused:
            await resend.collect(poll, settings)
    assert caught.value.retry_at == NOON + timedelta(seconds=2)
    assert "re_example" not in f"{caught.value}{refused.value}"
