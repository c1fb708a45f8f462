"""Stripe: payments become dollars by day, currencies are never added, subscriptions become a monthly sum."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from advisor.collectors import _revenue as revenue
from advisor.collectors import stripe
from advisor.collectors._revenue import Ledger
from advisor.collectors.stripe import payments, recurring
from advisor.collectors.stripe.api import MOST_PAGES, Seen
from advisor.core.fleet import Account, Service
from advisor.core.model import Quality
from advisor.polling.body import Body
from advisor.polling.client import client
from advisor.polling.contract import Forbidden, Poll, Throttled, TokenRefused, Unexpected
from advisor.testing import ask, samples
from advisor.testing.replay import NOON

SETTINGS = stripe.Settings.model_validate(dict(stripe.ABOUT.example))
ALL = samples(stripe)
GOOD = [sample for sample in ALL.values() if not sample.is_error]
TODAY = datetime(2026, 11, 21, tzinfo=UTC)
DAY = timedelta(days=1)


def row(at: datetime, amount: int, currency: str = "usd", category: str = "charge") -> Body:
    body = {"id": "t", "created": at.timestamp(), "amount": amount, "currency": currency}
    return Body({**body, "reporting_category": category}, "Stripe")


async def test_payments_less_refunds_are_dollars_by_day_and_payouts_are_none() -> None:
    answer = (await ask(stripe, GOOD, SETTINGS)).answer
    days = {r.since: (r.value, r.at) for r in answer.readings}
    assert days[TODAY] == (20.0, NOON)
    assert days[TODAY - DAY] == (10.0, TODAY)
    assert (len(days), days[TODAY - 31 * DAY][0]) == (32, 0.0)
    assert answer.keep["payments"] == {"until": TODAY.isoformat()}
    again = await ask(stripe, GOOD, SETTINGS, previous=answer.keep, now=NOON + DAY / 2 + timedelta(minutes=5))
    queries = [request.url.params for request, _ in again.requests if "created[gte]" in request.url.params]
    assert queries[0]["created[gte]"] == f"{TODAY.timestamp():.0f}"
    assert again.answer.keep["payments"]["until"] == TODAY.isoformat()  # The day is asked for once more.


async def test_subscriptions_are_added_up_by_month_with_discounts_and_tiers() -> None:
    answer = (await ask(stripe, GOOD, SETTINGS)).answer
    (row,) = answer.evidence["Monthly recurring revenue, estimated"]
    assert row == {"USD a month": "21.50", "subscriptions": "3 of 3"}
    chosen = SETTINGS.model_copy(update={"revenue": "recurring"})
    answer = (await ask(stripe, GOOD, chosen)).answer
    (reading,) = answer.readings
    assert (reading.value, reading.quality) == (pytest.approx(21.5 / 30.4375), Quality.ESTIMATED)


def test_a_subscription_without_a_known_price_is_not_guessed() -> None:
    price = {"id": "p", "billing_scheme": "tiered", "recurring": {"interval": "month"}}
    one = {"currency": "usd", "items": {"data": [{"price": price, "quantity": 3}]}}
    assert recurring.monthly(Body(one, "Stripe"), {}, NOON) is None
    volume = {**price, "tiers_mode": "volume"}
    one = {"currency": "jpy", "items": {"data": [{"price": volume, "quantity": 3}]}}
    tiers = {"p": [[2.0, 100.0, 0.0], [None, 80.0, 10.0]]}
    assert recurring.monthly(Body(one, "Stripe"), tiers, NOON) == (250.0, "jpy")  # A yen has no cents.


def test_another_currency_counts_by_its_stated_rate_and_is_else_a_gap_and_no_zero() -> None:
    seen = Seen([row(NOON, 1000, "eur"), row(NOON - DAY, 500)], whole=True)
    ledger = Ledger({})
    readings, _, _ = payments.told(seen, TODAY - DAY, NOON, ledger)
    assert [(r.value, r.since) for r in readings] == [(5.0, TODAY - DAY)]
    assert "rates: {eur: ...}" in ledger.gaps("payments")[0].why
    rated, _, _ = payments.told(seen, TODAY - DAY, NOON, Ledger({"eur": 1.1}))
    assert [(r.value, r.quality) for r in rated][1] == (pytest.approx(11.0), Quality.ESTIMATED)


def test_subscriptions_in_euros_alone_are_no_zero_and_bring_nothing_without_a_rate() -> None:
    answer = revenue.recurring([(10.0, "eur"), None], {}, NOON, {})
    assert (list(answer.readings), dict(answer.evidence), len(answer.gaps)) == ([], {}, 2)
    answer = revenue.recurring([(10.0, "eur"), (0.0, "chf")], {"EUR": 1.1}, NOON, {})
    assert [r.value for r in answer.readings] == [pytest.approx(11 / 30.4375)]
    assert revenue.recurring([], {}, NOON, {}).readings[0].value == 0.0


async def test_a_secret_key_is_said_to_be_too_broad() -> None:
    answer = httpx.MockTransport(lambda _: httpx.Response(200, json={"data": [], "has_more": False}))
    secret = SETTINGS.model_copy(update={"token": stripe.Settings(token="sk_test_example").token})
    async with httpx.AsyncClient(transport=answer) as http:
        poll = Poll(http, Service("shop", "p", "p", "stripe", "a"), Account("a", "stripe"), NOON)
        good, broad = await stripe.verify(poll, SETTINGS), await stripe.verify(poll, secret)
    assert (good.whose, good.broad) == ("a live account", ())
    assert (broad.whose, len(broad.broad)) == ("an account's test data", 1)


def test_a_list_that_was_cut_gives_only_whole_days_and_tells_what_is_left() -> None:
    seen = Seen([row(NOON, 100), row(NOON - DAY, 100)], whole=False)
    readings, left, gaps = payments.told(seen, TODAY - 5 * DAY, NOON, Ledger({}))
    assert [(r.value, r.since) for r in readings] == [(1.0, TODAY)]
    assert (left, gaps) == ((TODAY - 5 * DAY, TODAY), [])
    _, left, gaps = payments.told(Seen([row(NOON, 100)], whole=False), TODAY - DAY, NOON, Ledger({}))
    assert left == (TODAY - DAY, TODAY)
    assert [gap.what for gap in gaps] == ["payments of 2026-11-21"]


async def test_a_test_key_is_said_and_a_missing_right_is_named_as_stripe_names_it() -> None:
    test = SETTINGS.model_copy(update={"token": stripe.Settings(token="rk_test_example").token})
    answer = (await ask(stripe, GOOD, test)).answer
    assert {r.quality for r in answer.readings} == {Quality.ESTIMATED}
    assert "test data" in [gap.what for gap in answer.gaps]
    with pytest.raises(Forbidden, match="lacks `rak_balance_transaction_read`") as caught:
        await ask(stripe, [ALL["error-forbidden"]], SETTINGS.model_copy(update={"mrr": False}))
    assert "rk_live" not in str(caught.value)


def test_an_unexpected_shape_is_named_by_its_path() -> None:
    with pytest.raises(Unexpected, match=r"`reporting_category` is missing"):
        payments.told(Seen([Body({"created": 1}, "Stripe")], whole=True), TODAY, NOON, Ledger({}))


async def test_pages_are_followed_to_their_cap_and_refusals_hold_no_key(httpserver: HTTPServer) -> None:
    path = "/v1/balance_transactions"
    moments = iter(range(200))

    def page(_: Request) -> Response:
        at = next(moments)
        body = row(NOON - timedelta(hours=at), 100).value | {"id": f"t{at}"}
        return Response(json.dumps({"data": [body], "has_more": True}))

    httpserver.expect_oneshot_request(path).respond_with_json({}, 401)
    settings = SETTINGS.model_copy(update={"base_url": httpserver.url_for(""), "mrr": False})
    async with client() as http:
        poll = Poll(http, Service("shop", "p", "p", "stripe", "a"), Account("a", "stripe"), NOON)
        with pytest.raises(TokenRefused) as refused:
            await stripe.collect(poll, settings)
        httpserver.expect_oneshot_request(path).respond_with_json({}, 429, {"Retry-After": "30"})
        with pytest.raises(Throttled) as throttled:
            await stripe.collect(poll, settings)
        httpserver.expect_request(path).respond_with_handler(page)
        answer = await stripe.collect(poll, settings)
    assert "rk_live" not in f"{refused.value}{throttled.value}"
    assert throttled.value.retry_at == NOON + timedelta(seconds=30)
    assert next(moments) == MOST_PAGES
    assert [r.value for r in answer.readings] == [13.0]
    assert answer.keep["payments"]["left"][1] == TODAY.isoformat()
    asked = [request.args.get("starting_after") for request, _ in httpserver.log[2:]]
    assert asked[:3] == [None, "t0", "t1"]
