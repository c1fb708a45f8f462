"""Orders, invoices and subscriptions become money. Pure."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from advisor.collectors._revenue import major, per_month
from advisor.polling.body import Body

__all__ = ["Payment", "monthly", "own_count", "payment", "price_of", "store_of"]

_PAID = {"paid", "refunded", "partial_refund"}


@dataclass(frozen=True, slots=True)
class Payment:
    """When, how many dollars without tax and refunds (None: none came in), and whether only as a test."""

    at: datetime
    value: float | None
    test: bool = False


def payment(row: Body) -> Payment:
    """Return what an order or a subscription's invoice brought in.

    A first invoice brings nothing: its order is the same payment.
    """
    at, attributes = row["attributes"].time("created_at"), row["attributes"]
    test = _value(attributes, "test_mode") is True
    total = attributes.number("total_usd")
    if attributes.text("status") not in _PAID or _value(attributes, "billing_reason") == "initial":
        return Payment(at, None, test)
    if total is None:
        raise attributes["total_usd"].unexpected("a number")
    return Payment(at, (total - (attributes.number("tax_usd") or 0.0)) * _kept(attributes, total) / 100, test)


def _kept(attributes: Body, total: float) -> float:
    """Return the share that was not refunded."""
    back = attributes.number("refunded_amount_usd")
    if attributes.text("status") == "refunded" or (back is None and _value(attributes, "refunded") is True):
        return 0.0
    return 1.0 if not back or total <= 0 else max(0.0, 1 - back / total)


def _value(body: Body, *keys: str) -> Any:
    found = body.get(*keys)
    return None if found is None else found.value


def price_of(subscription: Body) -> str:
    """Return the id of the price of a subscription's first item, "" where it has none."""
    price = _value(subscription, "attributes", "first_subscription_item", "price_id")
    return "" if price is None else f"{price}"


def store_of(subscription: Body) -> str:
    """Return the id of a subscription's store."""
    return f"{subscription['attributes']['store_id'].value}"


def own_count(store: Body) -> dict[str, str]:
    """Return what a store says of its last 30 days, for people: whether less fees and refunds is not told."""
    cents, sales = store.number("thirty_day_revenue"), store.number("thirty_day_sales")
    row = {"store": store.text("name")}
    if cents is not None:
        row["USD"] = f"{cents / 100:,.2f}"
    return row if sales is None else row | {"sales": f"{sales:.0f}"}


def monthly(subscription: Body, prices: Mapping[str, Body]) -> float | None:
    """Return what a subscription brings in a month, in its store's currency; None where that is not known.

    Paused ones and prices by use bring nothing here.
    """
    attributes = subscription["attributes"]
    if _value(attributes, "first_subscription_item", "is_usage_based") is True or attributes.get("pause"):
        return 0.0
    price = prices.get(price_of(subscription))
    if price is None:
        return None
    quantity = attributes.number("first_subscription_item", "quantity")
    amount = _amount(price, 1.0 if quantity is None else quantity)
    unit, count = _value(price, "renewal_interval_unit"), price.number("renewal_interval_quantity")
    if amount is None or not isinstance(unit, str):
        return None
    value = per_month(amount, unit, count or 1.0)
    # Here every currency is told in hundredths, those without cents as well.
    return None if value is None else major(value, "usd")


def _amount(price: Body, quantity: float) -> float | None:
    scheme, each = _value(price, "scheme") or "standard", _each(price)
    if scheme == "standard":
        return None if each is None else each * quantity
    if scheme == "package":
        return None if each is None else each * math.ceil(quantity / (price.number("package_size") or 1.0))
    tiers = price.get("tiers")
    if tiers is None:
        return None
    total, below = 0.0, 0.0
    for tier in tiers.each():
        last = tier.get("last_unit")
        top = math.inf if last is None or last.value == "inf" else last.number() or 0.0
        cost, flat = _each(tier) or 0.0, tier.number("fixed_fee") or 0.0
        if scheme == "volume" and quantity <= top:
            return quantity * cost + flat
        if scheme == "graduated" and quantity > below:
            total += (min(quantity, top) - below) * cost + flat
        below = top
    return total if scheme == "graduated" else None


def _each(body: Body) -> float | None:
    cents = body.number("unit_price")
    return body.number("unit_price_decimal") if cents is None else cents
