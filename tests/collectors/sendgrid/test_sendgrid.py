"""SendGrid: credits become amounts, free accounts stop, statistics stand in where credits are refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from advisor.collectors import sendgrid
from advisor.core.fleet import Account, Service
from advisor.core.model import Quality
from advisor.polling.body import Body
from advisor.polling.client import client
from advisor.polling.contract import Answer, Poll, Throttled, TokenRefused, Unexpected
from advisor.testing import ask, samples
from advisor.testing.replay import NOON

SETTINGS = sendgrid.Settings.model_validate(dict(sendgrid.ABOUT.example))
ALL = samples(sendgrid)
TODAY = datetime(2026, 11, 21, tzinfo=UTC)
CYCLE = datetime(2026, 11, 5, tzinfo=UTC)


def of(answer: Answer, metric: str) -> list[Any]:
    return [(r.value, r.since, r.at) for r in answer.readings if r.metric == metric]


def balance(**more: Any) -> Body:
    return Body({**ALL["credits"].body, **more}, "SendGrid")


async def test_the_first_poll_gives_the_cycle_so_far_and_its_limit() -> None:
    asked = await ask(sendgrid, ALL, SETTINGS)
    answer = asked.answer
    assert of(answer, "emails") == [(1000.0, CYCLE, NOON)]
    assert of(answer, "restricted") == [(0.0, None, NOON)]
    assert [(r.value, r.of, r.since) for r in answer.readings if r.metric == "error_rate"] == [
        (5.0, 100.0, TODAY - timedelta(days=1))
    ]
    assert [(t.metric, t.part, t.value) for t in answer.terms] == [("emails", "month", 50000.0)]
    assert answer.evidence["Sender's reputation"] == [{"reputation": "97.5 of 100"}]
    assert [gap.why for gap in answer.gaps] == [
        "SendGrid's cycle begins on day 5: write `billing_day: 5` on the account"
    ]


def test_what_is_new_is_the_difference_and_a_new_cycle_starts_from_nothing() -> None:
    last = {"cycle": CYCLE.isoformat(), "at": TODAY.isoformat(), "used": 990.0}
    assert of(sendgrid.used(balance(), last, NOON, 5), "emails") == [(10.0, TODAY, NOON)]
    old = {**last, "cycle": "2026-10-05T00:00:00+00:00"}
    assert of(sendgrid.used(balance(), old, NOON, 5), "emails") == [(1000.0, CYCLE, NOON)]
    assert not sendgrid.used(balance(), None, NOON, 5).gaps


@pytest.mark.parametrize("used", [50000, 50040])
def test_overage_counts_once_whether_or_not_used_holds_it(used: int) -> None:
    answer = sendgrid.used(balance(used=used, remain=0, overage=40), None, NOON, 5)
    assert of(answer, "emails")[0][0] == 50040.0


async def test_a_free_account_without_credits_is_stopped() -> None:
    served = [ALL["error-free-used-up"], ALL["error-free"], ALL["stats"]]
    answer = (await ask(sendgrid, served, SETTINGS)).answer
    assert of(answer, "restricted") == [(1.0, None, NOON)]
    assert [(t.what, t.value, t.part) for t in answer.terms] == [
        ("limit", 100.0, "day"),
        ("plan", "free", ""),
    ]


async def test_without_the_right_to_credits_processed_mails_are_an_estimate() -> None:
    answer = (await ask(sendgrid, [ALL["error-no-right"], ALL["stats"]], SETTINGS)).answer
    assert of(answer, "emails") == [(100.0, TODAY - timedelta(days=1), TODAY), (0.0, TODAY, NOON)]
    assert {r.quality for r in answer.readings} == {Quality.ESTIMATED}
    assert "user.credits.read" in answer.gaps[0].why


def test_a_key_that_may_send_is_told_as_too_broad() -> None:
    verified = sendgrid.rights(["stats.read", "mail.send", "mail.batch.create", "2fa_required"])
    assert (verified.rights, verified.broad) == (("stats.read",), ("mail",))


def test_another_shape_is_named_by_its_path() -> None:
    with pytest.raises(Unexpected, match="`last_reset` is a text, not a time"):
        sendgrid.used(balance(last_reset="soon"), None, NOON, 1)


async def test_the_last_days_are_asked_again_for_a_subuser_and_refusals_are_told(
    httpserver: HTTPServer,
) -> None:
    wanted = {"start_date": "2026-11-18", "end_date": "2026-11-21", "aggregated_by": "day"}
    httpserver.expect_request(
        "/v3/stats", query_string=wanted, headers={"on-behalf-of": "shop"}
    ).respond_with_json(ALL["stats"].body)
    httpserver.expect_oneshot_request("/v3/user/credits").respond_with_json({}, 403)
    settings = SETTINGS.model_copy(update={"base_url": httpserver.url_for(""), "subuser": "shop"})
    async with client() as http:
        service, account = Service("shop", "m", "m", "sendgrid", "a"), Account("a", "sendgrid")
        poll = Poll(http, service, account, NOON, None, {"stats": TODAY.isoformat()})
        answer = await sendgrid.collect(poll, settings)
        assert len(of(answer, "emails")) == 2
        reset = {"X-RateLimit-Reset": str(int(NOON.timestamp()) + 60)}
        httpserver.expect_oneshot_request("/v3/user/credits").respond_with_json({}, 429, headers=reset)
        with pytest.raises(Throttled) as caught:
            await sendgrid.collect(poll, settings)
        httpserver.expect_oneshot_request("/v3/user/credits").respond_with_json({"errors": []}, 401)
        with pytest.raises(TokenRefused) as refused:
            await sendgrid.collect(poll, settings)
    assert caught.value.retry_at == NOON + timedelta(seconds=60)
    assert "SG.example" not in f"{caught.value}{refused.value}"
