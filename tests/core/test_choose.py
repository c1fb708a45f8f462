"""The advised option against an oracle that knows nothing but the catalogue's words."""

import math
from datetime import UTC, date, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.core.catalogue import Catalogue, Plan, Product, Provider
from advisor.core.choose import HEADROOM, Demand, cheapest, options
from advisor.core.fleet import Account, Fleet, Service, Stack
from advisor.core.limits import Limits

TODAY = date(2026, 11, 21)
NOW = datetime(2026, 11, 21, tzinfo=UTC)
METRICS = {"storage": "", "egress": "month", "emails": "day", "connections": ""}


def _quota(metric: str, included: int | None, overage: float | None) -> dict[str, Any]:
    period = METRICS[metric]
    unit = "GB" if metric in {"storage", "egress"} else ""
    quota: dict[str, Any] = {
        "metric": metric,
        "included": "unlimited" if included is None else f"{included}{unit}",
        "reset": f"utc {period}" if period else "",
        "measured": "sum" if period else "live",
        "at_end": "blocked",
    }
    if overage is not None and included is not None:
        quota |= {"at_end": "billed", "overage": overage, "overage_per": f"1{unit}"}
    return quota


@st.composite
def products(draw: st.DrawFn) -> Product:
    plans = []
    for number in range(draw(st.integers(1, 5))):
        metrics = draw(st.lists(st.sampled_from(sorted(METRICS)), unique=True))
        quotas = [
            _quota(
                metric,
                draw(st.none() | st.integers(1, 200)),
                draw(st.none() | st.floats(0.01, 5)) if METRICS[metric] != "day" else None,
            )
            for metric in metrics
        ]
        usd = draw(st.none() | st.integers(0, 300))
        plans.append(
            {
                "id": f"p{number}",
                "title": f"P{number}",
                "price": None if usd is None else [{"kind": "fixed", "usd": usd}],
                "spend_cap": draw(st.sampled_from(["none", "on", "off"])),
                "sold": draw(st.booleans()) or number == 0,
                "complete": draw(st.booleans()),
                "quotas": quotas,
            }
        )
    return Provider.model_validate(
        {"provider": "acme", "title": "Acme", "source": "x", "as_of": "2026-10-01", "plans": plans}
    )


@st.composite
def demanded(draw: st.DrawFn) -> list[Demand]:
    metrics = draw(st.lists(st.sampled_from(sorted(METRICS)), unique=True, min_size=1))
    return [
        Demand(
            metric,
            METRICS[metric],
            draw(st.floats(0, 250)) * (1e9 if metric in {"storage", "egress"} else 1),
            draw(st.floats(0, 250)) * (1e9 if metric in {"storage", "egress"} else 1),
        )
        for metric in metrics
    ]


def oracle(product: Product, plan: Plan, demands: list[Demand], own: str, cap: bool) -> float | None:
    """Return what the plan costs where it carries the demand, read from the catalogue's words."""
    if plan.price is None:
        return None
    total = sum(part.usd for part in plan.price if part.kind == "fixed")
    for demand in demands:
        quota = next((q for q in plan.quotas if q.metric == demand.metric), None)
        if quota is None:
            if demand.metric == own and not plan.complete:
                return None
            continue
        if quota.included == "unlimited":
            continue
        scale = 1e9 if quota.included.endswith("GB") else 1.0
        included = float(quota.included.removesuffix("GB")) * scale
        need = max(demand.now, demand.then)
        billed = quota.at_end == "billed" and not cap
        if need * (1 + HEADROOM) > included and not billed:
            return None
        if need > included and billed and quota.overage is not None:
            total += (need - included) / scale * quota.overage
    return round(total, 2)


@settings(max_examples=300, deadline=None)
@given(products(), demanded(), st.sampled_from([None, True, False]), st.data())
def test_the_advised_plan_carries_the_demand_and_no_cheaper_one_does(
    product: Product, demands: list[Demand], spend_cap: bool | None, data: st.DataObject
) -> None:
    assert isinstance(product, Provider)
    plan = product.plans[0]
    own = data.draw(st.sampled_from([demand.metric for demand in demands]))
    account = Account("a", "acme", plan.id, spend_cap=spend_cap)
    service = Service("s", "x", "database", "acme", "a")
    limits = Limits(Fleet((Stack("s", services=(service,)),), (account,)), Catalogue({"acme": product}))
    found = options(
        product, (plan, None), demands, account, lambda p, size: limits.of_plan("s/x", p, size, NOW), TODAY
    )
    able = cheapest(found, demands, own)
    expected = math.inf
    for candidate in product.plans:
        if not candidate.sold and candidate is not plan:
            continue
        caps = {"none": [False]}.get(candidate.spend_cap, [True, False] if spend_cap is None else [spend_cap])
        for cap in caps:
            cost = oracle(product, candidate, demands, own, cap)
            if cost is not None:
                expected = min(expected, cost)
    if not able:
        assert expected == math.inf
        return
    best = able[0]
    assert best.price.monthly is not None
    assert abs(best.price.monthly - expected) <= 0.011
    chosen = oracle(product, best.plan, demands, own, best.capped)
    assert chosen is not None, "the advised plan must carry the demand"
    assert abs(chosen - best.price.monthly) <= 0.011
