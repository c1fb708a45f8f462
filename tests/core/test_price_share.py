"""Prices that follow what passes through, and overage whose price changes with volume."""

from datetime import date
from typing import Any

import pytest

from advisor.core.catalogue import Catalogue, Plan, Provider
from advisor.core.catalogue_lint import faults
from advisor.core.fleet import Account
from advisor.core.price import monthly

SHARE = {"kind": "share", "rate": 0.05, "usd": 0.5}
EVENTS = {
    "metric": "events",
    "included": "1M",
    "measured": "sum",
    "reset": "month",
    "at_end": "billed",
    "overage": 3,
    "overage_per": "1M",
    "overage_then": [{"above": "2M", "usd": 2}, {"above": "10M", "usd": 1}],
}


def provider(**plan: Any) -> Provider:
    return Provider.model_validate(
        {
            "provider": "acme",
            "title": "Acme",
            "source": "x",
            "as_of": "2026-10-01",
            "plans": [{"id": "a", "title": "A", **plan}],
        }
    )


def paid(plan: dict[str, Any], usage: dict[str, float], **account: Any) -> float | None:
    made = provider(**plan)
    return monthly(made, made.plans[0], usage, Account("acc", "acme", **account)).monthly


def wrong(**plan: Any) -> list[str]:
    return faults(Catalogue({"acme": provider(**plan)}), date(2026, 11, 1))


@pytest.mark.parametrize(
    ("share", "usage", "expected"),
    [
        (SHARE, {}, 0),
        # 5 % of 2,000 and half a dollar for each of 40.
        (SHARE, {"revenue": 2000.0, "transactions": 40.0}, 100 + 20),
        ({"kind": "share", "rate": 0.029, "usd": 0.3}, {"revenue": 1000.0, "transactions": 10.0}, 29 + 3),
        ({"kind": "share", "rate": 0.05}, {"revenue": 2000.0, "transactions": 40.0}, 100),
        # More was paid back than taken: the sales still cost their cents.
        (SHARE, {"revenue": -300.0, "transactions": 2.0}, 1),
    ],
)
def test_a_share_follows_what_passes_through(
    share: dict[str, Any], usage: dict[str, float], expected: float
) -> None:
    assert paid({"price": [share]}, usage) == pytest.approx(expected)


def test_a_share_stands_beside_a_flat_price_and_under_the_discount() -> None:
    price = [{"kind": "fixed", "usd": 10}, SHARE]
    assert paid({"price": price}, {"revenue": 1000.0}, discount=0.1) == pytest.approx(54)


def test_a_plan_says_what_must_be_measured_to_price_it() -> None:
    usage = {"kind": "usage", "metric": "egress", "tiers": [{"usd": 1, "per": "1GB"}]}
    plan: Plan = provider(price=[SHARE, usage, {"kind": "fixed", "usd": 1}]).plans[0]
    assert plan.metered == {"revenue", "transactions", "egress"}
    assert provider(price=[{"kind": "share", "rate": 0.1}]).plans[0].metered == {"revenue"}
    assert provider(price=None).plans[0].metered == frozenset()


def test_a_share_of_what_is_no_money_is_a_fault() -> None:
    assert wrong(price=[SHARE]) == []
    assert ["share needs a metric in" in fault for fault in wrong(price=[{**SHARE, "metric": "events"}])] == [
        True
    ]
    assert ["`moves`" in fault for fault in wrong(price=[{**SHARE, "count": "moves"}])] == [True]


@pytest.mark.parametrize(
    ("events", "expected"),
    [(0, 0), (1e6, 0), (1.5e6, 1.5), (2e6, 3), (6e6, 3 + 8), (10e6, 3 + 16), (13e6, 3 + 16 + 3)],
)
def test_overage_falls_in_price_where_the_provider_says_so(events: float, expected: float) -> None:
    assert paid({"price": [], "quotas": [EVENTS]}, {"events": events}) == pytest.approx(expected)


def test_whole_packages_are_counted_within_each_price() -> None:
    plan = {"price": [], "quotas": [{**EVENTS, "overage_rounding": "up"}]}
    assert paid(plan, {"events": 2.1e6}) == pytest.approx(3 + 2)


def test_prices_of_overage_that_do_not_rise_or_follow_nothing_are_faults() -> None:
    assert wrong(quotas=[EVENTS]) == []
    falling = {**EVENTS, "overage_then": [{"above": "10M", "usd": 2}, {"above": "2M", "usd": 1}]}
    assert ["must rise" in fault for fault in wrong(quotas=[falling])] == [True]
    bare = {key: value for key, value in EVENTS.items() if key not in {"overage", "overage_per"}}
    assert any("follows no price" in fault for fault in wrong(quotas=[bare]))
    assert any(
        "overage_then" in f for f in wrong(quotas=[{**EVENTS, "overage_then": [{"above": "2GB", "usd": 1}]}])
    )
