"""Subscriptions become what they bring in a month. Pure."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from advisor.collectors._revenue import major, per_month
from advisor.collectors.stripe.api import flag
from advisor.polling.body import Body

__all__ = ["STATUSES", "monthly", "tiered_prices", "tiers_of"]

STATUSES = ("active", "past_due")  #: A trial pays nothing yet, an unpaid one no more.

Tiers = Mapping[str, Any]


def tiered_prices(subscriptions: list[Body]) -> list[str]:
    """Return the ids of the prices whose tiers must be asked for: a list of subscriptions leaves them out."""
    found = {
        item["price"].text("id"): None
        for one in subscriptions
        for item in one["items"]["data"].each()
        if flag(item["price"], "billing_scheme") == "tiered"
    }
    return list(found)


def tiers_of(price: Body) -> list[list[float | None]]:
    """Return a price's tiers as [up to (None: the last), each, flat], in minor units."""
    return [
        [tier.number("up_to"), _decimal(tier, "unit_amount") or 0.0, _decimal(tier, "flat_amount") or 0.0]
        for tier in price["tiers"].each()
    ]


def monthly(subscription: Body, tiers: Tiers, now: datetime) -> tuple[float, str] | None:
    """Return what a subscription brings in a month, in its currency; None where a part is not known.

    Metered prices are not in it, a paused subscription brings nothing.
    """
    currency = subscription.text("currency")
    if subscription.get("pause_collection") is not None:
        return 0.0, currency
    total, months = 0.0, 1.0
    for item in subscription["items"]["data"].each():
        price = item["price"]
        interval = price.get("recurring")
        if interval is None or flag(interval, "usage_type") == "metered":
            continue
        count = interval.number("interval_count") or 1.0
        amount = _amount(price, _quantity(price, item.number("quantity")), tiers)
        value = None if amount is None else per_month(amount, interval.text("interval"), count)
        if value is None or amount is None:
            return None
        total += value
        months = amount / value if value else months
    if flag(subscription, "items", "has_more") is True:
        return None
    return major(_discounted(total, months, subscription, now), currency), currency


def _quantity(price: Body, quantity: float | None) -> float:
    many = 1.0 if quantity is None else quantity
    packed = price.get("transform_quantity")
    if packed is None:
        return many
    packs = many / (packed.number("divide_by") or 1.0)
    return math.floor(packs) if flag(packed, "round") == "down" else math.ceil(packs)


def _amount(price: Body, quantity: float, tiers: Tiers) -> float | None:
    if flag(price, "billing_scheme") != "tiered":
        each = _decimal(price, "unit_amount")
        return None if each is None else each * quantity
    known = tiers.get(price.text("id"))
    if known is None:
        return None
    total, below = 0.0, 0.0
    for upto, each, flat in known:
        top = math.inf if upto is None else upto
        if flag(price, "tiers_mode") == "volume":
            if quantity <= top:
                return float(quantity * each + flat)
        elif quantity > below or (quantity == below == 0.0):
            total += (min(quantity, top) - below) * each + flat
        below = top
    return total


def _decimal(body: Body, key: str) -> float | None:
    exact = body.number(f"{key}_decimal")
    return body.number(key) if exact is None else exact


def _discounted(total: float, months: float, subscription: Body, now: datetime) -> float:
    discounts = subscription.get("discounts")
    for one in discounts.each() if discounts is not None else ():
        if not isinstance(one.value, dict):
            continue  # An id: not expanded.
        coupon = one.get("coupon") or one.get("source", "coupon")
        if coupon is None or not isinstance(coupon.value, dict) or flag(coupon, "duration") == "once":
            continue
        end = one.get("end")
        if end is not None and end.time() <= now:
            continue
        percent, off = coupon.number("percent_off"), coupon.number("amount_off")
        total = total * (1 - percent / 100) if percent is not None else total - (off or 0.0) / months
    return max(0.0, total)
