"""Lemon Squeezy: cents become dollars by day, an order and its first invoice are one payment."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from advisor.collectors import lemon_squeezy
from advisor.collectors.lemon_squeezy import parsing
from advisor.core.fleet import Account, Service
from advisor.core.model import Quality
from advisor.polling.body import Body
from advisor.polling.client import client
from advisor.polling.contract import Poll, Throttled, TokenRefused, Unexpected
from advisor.testing import ask, samples
from advisor.testing.replay import NOON

SETTINGS = lemon_squeezy.Settings.model_validate(dict(lemon_squeezy.ABOUT.example))
ALL = samples(lemon_squeezy)
TODAY = datetime(2026, 11, 21, tzinfo=UTC)
DAY = timedelta(days=1)


def order(**more: object) -> Body:
    paid = {"status": "paid", "total_usd": 1000, "tax_usd": 100, "created_at": "2026-11-21T09:00:00Z"}
    return Body({"id": "1", "attributes": {**paid, **more}}, "Lemon Squeezy")


async def test_sales_without_tax_and_refunds_are_dollars_by_day_and_first_invoices_are_none() -> None:
    asked = await ask(lemon_squeezy, ALL, SETTINGS)
    days = {r.since: (r.value, r.at) for r in asked.answer.readings}
    assert days[TODAY] == (10.0 + 9.0, NOON)
    assert days[TODAY - DAY] == (15.0, TODAY)
    assert (len(days), days[TODAY - 31 * DAY][0], asked.answer.gaps) == (32, 0.0, [])
    lists = [request.url.params.get("filter[store_id]") for request, _ in asked.requests]
    assert lists.count("1") == 5  # Two pages of orders, invoices, subscriptions of two kinds.


def test_a_refund_takes_its_share_and_what_was_not_paid_is_nothing() -> None:
    assert parsing.payment(order(refunded_amount_usd=500)).value == 4.5
    assert parsing.payment(order(status="refunded", refunded_amount_usd=1000)).value == 0.0
    assert parsing.payment(order(status="fraudulent")).value is None
    with pytest.raises(Unexpected, match=r"`attributes.total_usd` is null, not a number"):
        parsing.payment(order(total_usd=None))


async def test_subscriptions_are_added_up_by_month_in_the_stores_currency() -> None:
    answer = (await ask(lemon_squeezy, ALL, SETTINGS)).answer
    (row,) = answer.evidence["Monthly recurring revenue, estimated"]
    assert row == {"USD a month": "16.50", "subscriptions": "2 of 2"}
    (row,) = answer.evidence["The last 30 days by the store's own count"]
    assert row == {"store": "Shop", "USD": "41.00", "sales": "3"}
    chosen = SETTINGS.model_copy(update={"revenue": "recurring"})
    (reading,) = (await ask(lemon_squeezy, ALL, chosen)).answer.readings
    assert (reading.value, reading.quality) == (pytest.approx(16.5 / 30.4375), Quality.ESTIMATED)


def test_packages_and_tiers_are_priced_and_an_unknown_price_is_not_guessed() -> None:
    item = {"price_id": 1, "quantity": 15, "is_usage_based": False}
    one = Body({"attributes": {"first_subscription_item": item}}, "Lemon Squeezy")
    month = {"renewal_interval_unit": "month", "renewal_interval_quantity": 1}
    package = Body({**month, "scheme": "package", "unit_price": 500, "package_size": 10}, "")
    assert parsing.monthly(one, {"1": package}) == 10.0
    tiers = [{"last_unit": 10, "unit_price": 100, "fixed_fee": 0}, {"last_unit": "inf", "unit_price": 50}]
    assert parsing.monthly(one, {"1": Body({**month, "scheme": "graduated", "tiers": tiers}, "")}) == 12.5
    assert parsing.monthly(one, {"1": Body({**month, "scheme": "volume", "tiers": tiers}, "")}) == 7.5
    assert parsing.monthly(one, {}) is None


async def test_pages_are_followed_until_they_are_old_or_many_and_refusals_hold_no_key(
    httpserver: HTTPServer,
) -> None:
    def orders(request: Request) -> Response:
        number = int(request.args["page[number]"])
        made = (NOON - timedelta(hours=2 * number)).isoformat()
        row = {**order(created_at=made, test_mode=True).value, "type": "orders"}
        return Response(json.dumps({"meta": {"page": {"lastPage": 99}}, "data": [row]}))

    settings = SETTINGS.model_copy(update={"base_url": httpserver.url_for(""), "mrr": False})
    httpserver.expect_oneshot_request("/v1/orders").respond_with_json({}, 401)
    httpserver.expect_oneshot_request("/v1/orders").respond_with_json({}, 429, {"Retry-After": "30"})
    httpserver.expect_request("/v1/orders").respond_with_handler(orders)
    httpserver.expect_request("/v1/subscription-invoices").respond_with_json(
        ALL["subscriptions-past-due"].body
    )
    async with client() as http:
        poll = Poll(
            http, Service("shop", "p", "p", "lemon-squeezy", "a"), Account("a", "lemon-squeezy"), NOON
        )
        with pytest.raises(TokenRefused) as refused:
            await lemon_squeezy.collect(poll, settings)
        with pytest.raises(Throttled) as throttled:
            await lemon_squeezy.collect(poll, settings)
        answer = await lemon_squeezy.collect(poll, settings)
    assert "lemon_example" not in f"{refused.value}{throttled.value}"
    assert throttled.value.retry_at == NOON + timedelta(seconds=30)
    assert [(r.value, r.since) for r in answer.readings] == [(9.0 * 12, TODAY - DAY), (9.0 * 6, TODAY)]
    assert {r.quality for r in answer.readings} == {Quality.ESTIMATED}
    assert [gap.what for gap in answer.gaps] == ["older payments", "test data"]


async def test_a_credential_is_verified_by_one_call() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(
            200, json={"meta": {"test_mode": True}, "data": {"attributes": {"name": "Ada"}}}
        )

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        poll = Poll(
            http, Service("shop", "x", "x", "lemon-squeezy", "a"), Account("a", "lemon-squeezy"), NOON
        )
        verified = await lemon_squeezy.verify(poll, SETTINGS)
    assert (verified.whose, bool(verified.broad), len(asked)) == ("Ada (test data alone)", True, 1)
