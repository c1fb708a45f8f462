from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.core.catalogue import Product, Provider, Size
from advisor.core.fleet import Account
from advisor.core.model import Confidence
from advisor.core.price import monthly

GB = 1e9


def product(**plan: Any) -> Product:
    return Provider.model_validate(
        {
            "provider": "acme",
            "title": "Acme",
            "source": "x",
            "as_of": "2026-10-01",
            "plans": [{"id": "a", "title": "A", **plan}],
        }
    )


def price(plan: dict[str, Any], usage: dict[str, float] | None = None, **account: Any) -> float | None:
    made = product(**plan)
    return monthly(made, made.plans[0], usage or {}, Account("acc", "acme", **account)).monthly


FIXED = {"kind": "fixed", "usd": 25}
BILLED = {
    "metric": "egress",
    "included": "250GB",
    "reset": "billing",
    "at_end": "billed",
    "overage": 0.09,
    "overage_per": "1GB",
}


@pytest.mark.parametrize(
    ("plan", "usage", "account", "expected"),
    [
        ({"price": []}, {}, {}, 0.0),
        ({"price": [FIXED]}, {}, {}, 25.0),
        ({"price": [FIXED, {"kind": "fixed", "usd": 20, "term": "yearly"}]}, {}, {"term": "yearly"}, 20.0),
        ({"price": [FIXED]}, {}, {"term": "yearly"}, 25.0),
        ({"price": [{"kind": "seat", "usd": 10, "included": 1}]}, {}, {"seats": 4}, 30.0),
        ({"price": [{"kind": "seat", "usd": 10, "included": 5}]}, {}, {"seats": 4}, 0.0),
        ({"price": [FIXED], "quotas": [BILLED]}, {"egress": 250 * GB}, {}, 25.0),
        ({"price": [FIXED], "quotas": [BILLED]}, {"egress": 350 * GB}, {}, 34.0),
        (
            {"price": [FIXED], "quotas": [{**BILLED, "overage_rounding": "up"}]},
            {"egress": 250.1 * GB},
            {},
            25.09,
        ),
        ({"price": [FIXED], "quotas": [BILLED], "spend_cap": "on"}, {"egress": 350 * GB}, {}, 25.0),
        (
            {"price": [FIXED], "quotas": [BILLED], "spend_cap": "on"},
            {"egress": 350 * GB},
            {"spend_cap": False},
            34.0,
        ),
        ({"price": [FIXED]}, {}, {"discount": 0.2}, 20.0),
        ({"price": [FIXED]}, {}, {"credits": 10.0}, 15.0),
        ({"price": [FIXED]}, {}, {"credits": 40.0}, 0.0),
        ({"price": [FIXED]}, {}, {"tax": 0.23}, 30.75),
        ({"price": [FIXED]}, {}, {"tax": 0.2, "discount": 0.2, "credits": 10.0}, 12.0),
        ({"price": [{"kind": "commitment", "usd": 100}, FIXED]}, {}, {}, 100.0),
        ({"price": [FIXED, {"kind": "credit", "usd": 10}]}, {}, {}, 15.0),
        ({"price": [{"kind": "fixed", "usd": 5}, {"kind": "credit", "usd": 10}]}, {}, {}, 0.0),
        ({"price": [FIXED, {"kind": "credit", "usd": 10, "of": "usage"}]}, {}, {}, 25.0),
    ],
)
def test_components_add_up(
    plan: dict[str, Any], usage: dict[str, float], account: dict[str, Any], expected: float
) -> None:
    assert price(plan, usage, **account) == pytest.approx(expected)


def test_tiers_are_paid_each_at_its_price() -> None:
    tiers = [{"usd": 0.1, "per": "1GB", "up_to": "10GB"}, {"usd": 0.05, "per": "1GB"}]
    plan = {"price": [{"kind": "usage", "metric": "egress", "included": "5GB", "tiers": tiers}]}
    assert price(plan, {"egress": 5 * GB}) == 0
    assert price(plan, {"egress": 15 * GB}) == pytest.approx(1.0)
    assert price(plan, {"egress": 25 * GB}) == pytest.approx(1.5)


def test_what_is_included_can_grow_with_another_metric() -> None:
    tiers = [{"usd": 0.01, "per": "1GB"}]
    component = {"kind": "usage", "metric": "egress", "included_of": "storage", "included_times": 3}
    plan = {"price": [{**component, "tiers": tiers}]}
    assert price(plan, {"egress": 300 * GB, "storage": 100 * GB}) == 0
    assert price(plan, {"egress": 400 * GB, "storage": 100 * GB}) == pytest.approx(1.0)
    assert price(plan, {"egress": 400 * GB}) == pytest.approx(4.0)


def test_an_overage_price_in_use_speaks_for_the_price_too() -> None:
    made = product(price=[FIXED], quotas=[{**BILLED, "confidence": "unknown", "as_of": "2025-01-01"}])
    account = Account("acc", "acme")
    within, above = (monthly(made, made.plans[0], {"egress": gb * GB}, account) for gb in (250, 251))
    assert (within.confidence, within.as_of) == (Confidence.DOCUMENTED, date(2026, 10, 1))
    assert (above.confidence, above.as_of) == (Confidence.UNKNOWN, date(2025, 1, 1))


def test_an_unknown_price_is_unknown_and_not_zero() -> None:
    made = product(price=None)
    found = monthly(made, made.plans[0], {}, Account("acc", "acme"))
    assert found.monthly is None
    assert "by agreement or not known" in found.unknown[0]
    assert found.confidence is Confidence.UNKNOWN


def test_a_size_without_a_price_makes_the_whole_unknown() -> None:
    made = product(price=[FIXED])
    size = Size(id="s", title="S", source="x", as_of=date(2026, 1, 1), confidence=Confidence.UNKNOWN)
    assert monthly(made, made.plans[0], {}, Account("acc", "acme"), size=size).monthly is None


def test_the_oldest_and_least_sure_figure_speaks_for_the_price() -> None:
    made = product(price=[FIXED])
    size = Size(id="s", title="S", usd=1, source="x", as_of=date(2025, 1, 1), confidence=Confidence.UNKNOWN)
    found = monthly(made, made.plans[0], {}, Account("acc", "acme"), size=size, count=3)
    assert (found.monthly, found.as_of, found.confidence) == (28.0, date(2025, 1, 1), Confidence.UNKNOWN)


def test_each_machine_brings_what_it_includes() -> None:
    size = {"id": "s", "title": "S", "usd": 6, "quotas": [{**BILLED, "included": "1TB", "overage": 0.01}]}
    made = Provider.model_validate(
        {"provider": "acme", "title": "Acme", "source": "x", "as_of": "2026-10-01", "sizes": [size]}
        | {"plans": [{"id": "a", "title": "A", "price": []}]}
    )
    account, usage = Account("acc", "acme"), {"egress": 2500 * GB}
    one = monthly(made, made.plans[0], usage, account, size=made.sizes[0])
    two = monthly(made, made.plans[0], usage, account, size=made.sizes[0], count=2)
    assert (one.monthly, one.overage) == (21.0, 15.0)  # 6, and 1,500 GB at 0.01.
    assert (two.monthly, two.overage) == (17.0, 5.0)  # 12, and 500 GB at 0.01.


def test_a_credit_for_sizes_pays_for_sizes_alone() -> None:
    made = product(price=[FIXED, {"kind": "credit", "usd": 10, "of": "sizes"}])
    size = Size(id="s", title="S", usd=8, source="x", as_of=date(2026, 1, 1), confidence=Confidence.VERIFIED)
    account = Account("acc", "acme")
    assert monthly(made, made.plans[0], {}, account, size=size).monthly == 25
    assert monthly(made, made.plans[0], {}, account, size=size, others=[(size, 1)]).monthly == 31


@given(
    st.floats(0, 1e13),
    st.floats(0, 1e13),
    st.floats(0, 0.9),
    st.floats(0, 0.5),
    st.integers(1, 20),
)
def test_more_usage_never_costs_less(
    first: float, second: float, discount: float, tax: float, seats: int
) -> None:
    plan = {"price": [FIXED, {"kind": "seat", "usd": 3}], "quotas": [BILLED]}
    low, high = sorted((first, second))
    conditions: dict[str, Any] = {"discount": discount, "tax": tax, "seats": seats}
    cheap, dear = price(plan, {"egress": low}, **conditions), price(plan, {"egress": high}, **conditions)
    assert cheap is not None
    assert dear is not None
    assert 0 <= cheap <= dear
