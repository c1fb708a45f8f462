from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.core.advise import down
from advisor.core.ahead import ahead, could_go_down, dated
from advisor.core.catalogue import Catalogue, Provider
from advisor.core.demand import History
from advisor.core.fleet import Account, Fleet, Service, Stack
from advisor.core.limits import Limits
from advisor.core.message import Recommendation
from advisor.core.model import Action
from advisor.core.snapshot import MetricRow

NOW = datetime(2026, 11, 20, tzinfo=UTC)
KEY = "shop/db"
STORAGE = {"metric": "storage", "included": "10GB", "at_end": "blocked"}
EGRESS = {
    "metric": "egress",
    "included": "90GB",
    "reset": "utc month",
    "measured": "sum",
    "at_end": "blocked",
}


def sold(*plans: dict[str, Any], sizes: tuple[dict[str, Any], ...] = ()) -> Catalogue:
    head = {"provider": "acme", "title": "Acme", "source": "x", "as_of": "2026-10-01"}
    return Catalogue({"acme": Provider.model_validate(head | {"plans": list(plans), "sizes": list(sizes)})})


def plan(name: str, usd: int, *quotas: dict[str, Any], **more: Any) -> dict[str, Any]:
    price = [{"kind": "fixed", "usd": usd}]
    return {
        "id": name,
        "title": name.title(),
        "price": price,
        "quotas": list(quotas),
        "complete": True,
        **more,
    }


SMALL = plan("small", 0, STORAGE, EGRESS)
LARGE = plan("large", 25, STORAGE | {"included": "100GB"}, EGRESS | {"included": "900GB"})


def level(value: float, days: float = 61, a_day: float = 0.0) -> History:
    count = int(days)
    times = [(NOW - timedelta(days=days * (count - n) / count)).timestamp() for n in range(count + 1)]
    return History(times, [value + a_day * n for n in range(count + 1)])


def amount(value: float, days: int = 61) -> History:
    ends = [(NOW - timedelta(days=n)).timestamp() for n in reversed(range(days))]
    return History(ends, [value] * days, [end - 86400 for end in ends])


def lower(
    catalogue: Catalogue, now_on: str = "large", size: str = "", /, **histories: History
) -> Recommendation | None:
    service = Service("shop", "db", "database", "acme", "a", size=size)
    fleet = Fleet((Stack("shop", services=(service,)),), (Account("a", "acme", now_on),))
    known = {(KEY, metric): history for metric, history in histories.items()}
    limits = Limits(fleet, catalogue)
    return down(service, fleet=fleet, limits=limits, catalogue=catalogue, histories=known, now=NOW)


def test_what_fitted_for_sixty_days_with_room_may_go_down() -> None:
    found = lower(sold(SMALL, LARGE), storage=level(7e9), egress=amount(2e9))
    assert found is not None
    assert (found.action, found.from_plan, found.to_plan) == (Action.DOWNGRADE, "Large", "Small")
    assert (found.monthly_now, found.monthly_then, found.difference) == (25, 0, -25)
    assert found.headline == (
        "Acme Large → Small, $25/mo less: the last 60 days would have fitted with 30 % to spare"
        " (egress, storage)."
    )
    assert "storage: at most 7 GB in 60 days, Small has 10 GB" in found.evidence[0]


def test_thirty_per_cent_is_the_room() -> None:
    assert lower(sold(SMALL, LARGE), storage=level(7.6e9)) is not None
    assert lower(sold(SMALL, LARGE), storage=level(7.8e9)) is None


def test_one_day_over_within_the_sixty_is_enough_to_stay() -> None:
    peak = level(2e9)
    values = list(peak.values)
    values[10] = 9e9
    assert lower(sold(SMALL, LARGE), storage=History(peak.times, values)) is None


def test_one_busy_month_of_the_two_is_enough_to_stay() -> None:
    calm = amount(1e9)
    busy = [4e9 if 5 <= place < 35 else 0.0 for place in range(61)]
    assert lower(sold(SMALL, LARGE), egress=calm) is not None
    assert lower(sold(SMALL, LARGE), egress=History(calm.times, busy, calm.since)) is None


def test_less_than_sixty_days_of_any_limited_metric_say_nothing() -> None:
    assert lower(sold(SMALL, LARGE), storage=level(1e9, 58)) is None
    assert lower(sold(SMALL, LARGE), storage=level(1e9), egress=amount(1e9, 30)) is None


def test_what_grows_out_of_it_again_does_not_go_down() -> None:
    assert lower(sold(SMALL, LARGE), storage=level(1e9, 61, 0.1e9)) is None


def test_an_unknown_limit_refuses() -> None:
    vague = SMALL | {"quotas": [STORAGE], "complete": False}
    assert lower(sold(vague, LARGE), storage=level(1e9), egress=amount(1e9)) is None


def test_a_plan_of_unknown_price_or_no_longer_sold_is_no_way_down() -> None:
    assert lower(sold(SMALL | {"price": None}, LARGE), storage=level(1e9)) is None
    assert lower(sold(SMALL | {"sold": False}, LARGE), storage=level(1e9)) is None


def test_what_nobody_measures_is_named() -> None:
    found = lower(sold(SMALL, LARGE), storage=level(1e9))
    assert found is not None
    assert "not measured, so look first: egress" in found.states


def test_a_smaller_size_needs_processors_that_keep_up() -> None:
    memory = {"metric": "memory", "included": "4GB"}
    sizes = (
        {"id": "one", "title": "One", "usd": 5, "cpus": 1, "quotas": [memory]},
        {"id": "four", "title": "Four", "usd": 40, "cpus": 4, "quotas": [memory | {"included": "16GB"}]},
    )
    catalogue = sold(plan("large", 25, sizes=["one", "four"], default_size="one"), sizes=sizes)
    found = lower(catalogue, "large", "four", memory=level(2e9), cpu=level(0.1))
    assert found is not None
    assert (found.from_plan, found.to_plan, found.difference) == ("Four", "One", -35)
    assert lower(catalogue, "large", "four", memory=level(2e9), cpu=level(0.5)) is None
    assert lower(catalogue, "large", "four", memory=level(2e9)) is None


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.floats(0, 120), min_size=61, max_size=61),
    st.lists(st.integers(1, 150), min_size=1, max_size=4),
    st.lists(st.integers(0, 60), min_size=4, max_size=4),
)
def test_what_is_named_would_have_carried_every_day_and_nothing_cheaper_would(
    used: list[float], included: list[int], prices: list[int]
) -> None:
    plans = [
        plan(f"p{n}", usd, STORAGE | {"included": f"{most}GB"})
        for n, (most, usd) in enumerate(zip(included, prices, strict=False))
    ]
    dear = plan("dear", 70, STORAGE | {"included": "unlimited"})
    flat = level(0)
    # The last day is the highest, and the month before it flat: the forecast asks for no more than the past.
    history = History(flat.times, [*(value * 1e9 for value in used), max(used) * 1e9])
    steady = History(flat.times, [max(used) * 1e9] * len(flat.times))
    found = lower(sold(*plans, dear), "dear", storage=steady)
    fitting = [usd for most, usd in zip(included, prices, strict=False) if max(used) * 1.3 <= most]
    if not fitting:
        assert found is None
    else:
        assert found is not None
        assert found.monthly_then == min(fitting)
    moving = lower(sold(*plans, dear), "dear", storage=history)
    if moving is not None:
        assert moving.monthly_then is not None
        assert moving.monthly_then in fitting


# -- what a report and the page show of it ---------------------------------------------------------------


def test_each_limit_has_its_date_and_a_service_that_could_go_down_is_listed() -> None:
    service = Service("shop", "db", "database", "acme", "a")
    fleet = Fleet((Stack("shop", services=(service,)),), (Account("a", "acme", "large"),))
    catalogue = sold(SMALL, LARGE)
    known = {(KEY, "storage"): level(90e9, 61, 0.1e9), (KEY, "egress"): amount(1e9)}
    limits = Limits(fleet, catalogue)
    foreseen = ahead(service, fleet=fleet, limits=limits, catalogue=catalogue, histories=known, now=NOW)
    assert foreseen.down is None
    row = MetricRow("shop", "db", "a", "acme", "storage", "bytes", 96.1e9, NOW, limit=100e9)
    (shown,) = dated([row], [foreseen])
    assert shown.full_at is not None
    assert abs(shown.full_at - (NOW + timedelta(days=39))) < timedelta(days=1)
    (other,) = dated(
        [MetricRow("shop", "db", "a", "acme", "storage", "bytes", 1.0, NOW, limit=5e9)], [foreseen]
    )
    assert other.full_at is None  # The date is of another limit.
    calm = {(KEY, "storage"): level(1e9), (KEY, "egress"): amount(1e9)}
    quiet = ahead(service, fleet=fleet, limits=limits, catalogue=catalogue, histories=calm, now=NOW)
    (line,) = could_go_down({KEY: quiet}, fleet)
    assert (line.concern, line.service) == ("shop/db#down", "db")
    assert could_go_down({KEY: quiet}, fleet, ["shop/db#down"]) == ()
