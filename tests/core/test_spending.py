"""What services cost by day: the days add up to the price of the period's usage, and nothing is invented."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.core.catalogue import Catalogue, Provider
from advisor.core.demand import History
from advisor.core.fleet import Account, Fleet, Service, Stack
from advisor.core.limits import Limits
from advisor.core.model import Term
from advisor.core.price import monthly
from advisor.core.spending import estimate, groups
from advisor.core.spent import Day, Spent, of_days

GB = 1e9
START = datetime(2026, 11, 1, tzinfo=UTC)
END = datetime(2026, 12, 1, tzinfo=UTC)
DAY = timedelta(days=1)

FIXED = {"kind": "fixed", "usd": 25}
EGRESS = {
    "metric": "egress",
    "included": "250GB",
    "scope": "account",
    "reset": "billing",
    "measured": "sum",
    "at_end": "billed",
    "overage": 0.09,
    "overage_per": "1GB",
}
STORAGE = {
    "metric": "storage",
    "included": "8GB",
    "measured": "live",
    "at_end": "billed",
    "overage": 0.125,
    "overage_per": "1GB",
}
SIZES = [{"id": "small", "title": "Small", "usd": 15}, {"id": "secret", "title": "Secret"}]


def catalogue(*plans: Mapping[str, Any]) -> Catalogue:
    made = {
        "provider": "acme",
        "title": "Acme",
        "source": "x",
        "as_of": "2026-10-01",
        "sizes": SIZES,
        "plans": [{"id": f"p{n}", "title": f"P{n}", **plan} for n, plan in enumerate(plans)],
    }
    return Catalogue({"acme": Provider.model_validate(made)})


def amounts(values: Sequence[float], start: datetime = START, every: timedelta = DAY) -> History:
    since = [(start + every * n).timestamp() for n in range(len(values))]
    return History([at + every.total_seconds() for at in since], list(values), since)


def level(values: Sequence[float], start: datetime = START, every: timedelta = DAY) -> History:
    return History([(start + every * n).timestamp() for n in range(len(values))], list(values))


def spent(
    known: Catalogue,
    histories: Mapping[tuple[str, str], History] | None = None,
    now: datetime = END - timedelta(seconds=1),
    *,
    services: Sequence[Service] = (Service("shop", "database", "database", "acme", "acc", "p0"),),
    zone: str = "UTC",
    facts: Mapping[str, float] | None = None,
    **account: Any,
) -> list[Spent]:
    stack = Stack("shop", timezone=zone, services=tuple(services), facts=facts or {})
    fleet = Fleet((stack,), (Account("acc", services[0].provider, **account),))
    group = next(iter(groups(fleet).values()))
    limits = Limits(fleet, known)
    return estimate(group, fleet=fleet, limits=limits, catalogue=known, histories=histories or {}, now=now)


def by_date(one: Spent) -> dict[str, float]:
    return {f"{day.since:%m-%d}": round(day.usd, 2) for day in one.days if day.usd}


def month(one: Spent) -> float:
    """Return what November came to."""
    return round(sum(day.usd for day in one.days), 2)


PLANS: list[Mapping[str, Any]] = [
    {"price": [FIXED], "quotas": [EGRESS, STORAGE]},
    {"price": [FIXED, {"kind": "credit", "usd": 10, "of": "usage"}], "quotas": [EGRESS]},
    {"price": [{"kind": "seat", "usd": 10, "included": 1}, FIXED], "quotas": [EGRESS, STORAGE]},
    {"price": [FIXED], "quotas": [EGRESS], "spend_cap": "on"},
    {"price": [{"kind": "commitment", "usd": 20}, {"kind": "usage", "metric": "egress",
     "tiers": [{"usd": 0.1, "per": "1GB", "up_to": "100GB"}, {"usd": 0.05, "per": "1GB"}]}]},
    {"price": [{"kind": "usage", "metric": "storage", "included": "10GB", "rounding": "up",
     "tiers": [{"usd": 0.5, "per": "1GB"}]}]},
    {"price": [FIXED], "sizes": ["small"], "default_size": "small"},
]  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(
    plan=st.sampled_from(PLANS),
    egress=st.lists(st.floats(0, 60 * GB), min_size=30, max_size=30),
    storage=st.floats(0, 90 * GB),
    seats=st.integers(1, 6),
    conditions=st.fixed_dictionaries(
        {"tax": st.sampled_from([0.0, 0.23]), "discount": st.sampled_from([0.0, 0.1])}
    ),
    given_back=st.sampled_from([0.0, 30.0]),
)
def test_the_days_of_a_month_add_up_to_the_price_of_its_usage(
    plan: Mapping[str, Any],
    egress: list[float],
    storage: float,
    seats: int,
    conditions: Mapping[str, float],
    given_back: float,
) -> None:
    known = catalogue(plan)
    histories = {
        ("shop/database", "egress"): amounts(egress),
        ("shop/database", "storage"): level([storage]),
    }
    (one,) = spent(known, histories, END, seats=seats, credits=given_back, **conditions)
    product = known.offers["acme"]
    account = Account("acc", "acme", seats=seats, credits=given_back, **conditions)
    usage = {"egress": sum(egress), "storage": storage}
    whole = monthly(
        product, product.plans[0], usage, account, size=product.size(product.plans[0].default_size)
    )
    assert whole.monthly is not None
    assert len(one.days) == 30
    assert sum(day.usd for day in one.days) == pytest.approx(whole.monthly, abs=0.02)
    assert all(day.usd >= 0 for day in one.days)
    assert one.unknown == ()


def test_a_flat_price_falls_on_the_first_day_and_usage_on_its_own() -> None:
    values = [0.0] * 30
    values[9], values[19] = 200 * GB, 150 * GB
    (one,) = spent(catalogue(PLANS[0]), {("shop/database", "egress"): amounts(values)})
    assert by_date(one) == {"11-01": 25.0, "11-20": 9.0}
    assert len(one.days) == 30
    assert one.unmeasured == ("storage",)


def test_a_billing_period_begins_on_the_accounts_day() -> None:
    histories = {("shop/database", "egress"): amounts([10 * GB] * 60, START - 31 * DAY)}
    now = START + timedelta(days=20)
    (one,) = spent(catalogue(PLANS[0]), histories, now, billing_day=12)
    # From 12 October on 250 GB last 25 days: until 5 November; the six days left cost 90 cents each.
    late = {f"11-{day:02d}": 0.9 for day in range(6, 12)}
    assert by_date(one) == {"10-12": 25.0, **late, "11-12": 25.0}
    assert one.so_far == 30.4


def test_what_comes_late_corrects_the_day_it_falls_on() -> None:
    early, now = [300 * GB, 0.0], START + 2 * DAY
    (before,) = spent(catalogue(PLANS[0]), {("shop/database", "egress"): amounts(early)}, now)
    late = [300 * GB, 10 * GB]
    (after,) = spent(catalogue(PLANS[0]), {("shop/database", "egress"): amounts(late)}, now)
    assert (by_date(before), by_date(after)) == ({"11-01": 29.5}, {"11-01": 29.5, "11-02": 0.9})


def test_the_day_that_runs_ends_now_and_the_month_is_foreseen_at_the_pace_of_usage() -> None:
    now = START + timedelta(days=10, hours=12)
    histories = {("shop/database", "egress"): amounts([30 * GB] * 10)}
    (one,) = spent(catalogue(PLANS[0]), histories, now)
    assert one.days[-1] == Day(START + timedelta(days=10), now, 0.0)
    assert one.so_far == 25 + round(50 * 0.09, 2)
    # 300 GB in ten and a half days: 857 GB in the month.
    assert one.expected == pytest.approx(25 + (300 * 30 / 10.5 - 250) * 0.09, abs=0.1)


def test_days_are_those_of_the_stack_also_where_the_clock_changes() -> None:
    now = datetime(2026, 10, 31, 12, tzinfo=UTC)
    (one,) = spent(catalogue(PLANS[0]), now=now, zone="Europe/Lisbon")
    assert len(one.days) == 31
    assert {day.until - day.since for day in one.days[:-1]} == {DAY, timedelta(hours=25)}
    assert by_date(one) == {"09-30": 25.0}  # 1 October begins at 23:00 UTC.


def test_the_last_month_is_looked_at_where_something_was_seen_of_it() -> None:
    now = START + 2 * DAY
    (new,) = spent(catalogue(PLANS[0]), {("shop/database", "egress"): amounts([1.0, 1.0])}, now)
    seen = {("shop/database", "egress"): amounts([1.0] * 5, START - 3 * DAY)}
    (known,) = spent(catalogue(PLANS[0]), seen, now)
    assert (len(new.days), len(known.days)) == (2, 33)
    assert by_date(known) == {"10-01": 25.0, "11-01": 25.0}


def service(key: str, size: str = "", plan: str = "p0", provider: str = "acme") -> Service:
    return Service("shop", key, key, provider, "acc", plan, size)


def test_an_account_pays_its_plan_once_and_every_service_its_own() -> None:
    known = catalogue(
        {"price": [FIXED, {"kind": "credit", "usd": 10, "of": "sizes"}], "quotas": [EGRESS, STORAGE],
         "sizes": ["small"]}
    )  # fmt: skip
    histories = {
        ("shop/a", "egress"): amounts([5 * GB] * 30),
        ("shop/b", "egress"): amounts([5 * GB] * 30),
        ("shop/b", "storage"): level([16 * GB]),
    }
    services = [service(key, "small") for key in ("b", "c", "a")]
    found = {one.subject: month(one) for one in spent(known, histories, END, services=services)}
    # The credit pays the first one's size but for 5; with 300 GB together, b's traffic is 50 above.
    assert found == {"shop/a": 25 + 5, "shop/b": 15 + 4.5 + 1.0, "shop/c": 15.0}


def test_what_the_account_reports_counts_once() -> None:
    services = [service("a"), service("b")]
    histories = {("@acc", "egress"): amounts([10 * GB] * 30), ("shop/b", "egress"): amounts([10 * GB] * 30)}
    first, second = spent(catalogue(PLANS[0]), histories, END, services=services)
    assert (month(first), month(second)) == (29.5, 0.0)


@pytest.mark.parametrize(
    ("plan", "of", "why"),
    [
        ({"price": None}, service("a"), "the price of Acme P0 is by agreement or not known"),
        (PLANS[0], service("a", plan=""), "which plan of Acme it is on is not said"),
        (PLANS[0], service("a", plan="gold"), "the plan `gold` of Acme is not known"),
        (PLANS[6], service("a", "huge"), "the size `huge` is not known (Acme P0)"),
        (PLANS[0], service("a", provider="nobody"), "what nobody costs is not in the catalogue"),
        (PLANS[5], service("a"), "Acme bills storage too, which nothing measures"),
    ],
)
def test_an_unknown_price_is_named_and_no_reading(plan: Mapping[str, Any], of: Service, why: str) -> None:
    (one,) = spent(catalogue(plan), services=[of])
    assert one.unknown == (why,)
    if plan is not PLANS[5]:
        assert one.days == ()


def test_of_a_price_that_is_known_in_part_that_part_counts() -> None:
    known = catalogue({**PLANS[6], "sizes": ["secret"], "default_size": "secret"})
    (one,) = spent(known)
    assert (one.so_far, one.unknown) == (25.0, ("the price of size Secret is not known",))


def test_a_reader_of_what_others_sell_costs_nothing() -> None:
    (one,) = spent(catalogue(PLANS[0]), services=[service("users", provider="http")])
    assert (one.so_far, one.unknown, len(one.days)) == (0.0, (), 30)


def test_machines_are_paid_for_the_time_they_run() -> None:
    histories = {("shop/database", "instances"): level([1.0, 3.0], every=15 * DAY)}
    (one,) = spent(catalogue(PLANS[6]), histories, END - timedelta(microseconds=1))
    assert one.so_far == 25 + 2 * 15


def test_a_level_that_is_counted_over_the_period_begins_anew() -> None:
    users = {"metric": "active_users", "included": "100", "measured": "sum", "at_end": "billed", "overage": 1}
    known = catalogue({"price": [], "quotas": [{**users, "overage_per": "1"}]})
    histories = {("shop/database", "active_users"): level([150.0, 90.0, 120.0], START - 12 * DAY, 12 * DAY)}
    (one,) = spent(known, histories)
    assert one.so_far == 20.0


def test_a_plan_that_changes_costs_what_is_more_from_that_day_on() -> None:
    known = catalogue({"price": [FIXED]}, {"price": [{"kind": "fixed", "usd": 60}]})
    one = service("database")
    stack = Stack("shop", services=(one,))
    fleet = Fleet((stack,), (Account("acc", "acme"),))
    changed = [("shop/database", Term("plan", "p1", "api", START + timedelta(days=9, hours=5)))]
    limits = Limits(fleet, known, changed)
    (found,) = estimate(
        [one], fleet=fleet, limits=limits, catalogue=known, histories={}, now=START + 20 * DAY
    )
    assert by_date(found) == {"11-01": 25.0, "11-10": 35.0}


def test_a_stated_revenue_is_charged_its_share_day_by_day() -> None:
    known = catalogue({"price": [{"kind": "share", "rate": 0.05}]})
    (one,) = spent(known, facts={"revenue": 3043.75}, now=START + 10 * DAY)
    assert one.so_far == pytest.approx(50.0, abs=0.05)


def test_what_a_source_reports_goes_on_at_its_middle_days_pace() -> None:
    days = [Day(START + DAY * n, START + DAY * (n + 1), 30.0 if n == 0 else 2.0) for n in range(10)]
    one = of_days("shop/database", days, "UTC", START + 10 * DAY)
    assert (one.so_far, one.expected, one.estimated) == (48.0, 48.0 + 2.0 * 20, False)


def test_too_many_services_of_one_account_are_not_estimated() -> None:
    services = [service(f"s{n}") for n in range(201)]
    found = spent(catalogue(PLANS[0]), services=services)
    assert {one.days for one in found} == {()}
    assert "more than 200" in found[0].unknown[0]
