"""Cases found by doubting the engine: each is a claim that once did not hold."""

from datetime import UTC, datetime

import pytest

from advisor.core.catalogue import Catalogue, Reset
from advisor.core.fleet import Account, Fleet, Service, Stack
from advisor.core.lifecycle import State
from advisor.core.model import Limit, LimitInForce, Observed, Reading, Term
from advisor.core.periods import Calendar
from advisor.core.watch import Watch
from advisor.readings import mean_of
from tests.core.world import DAY, HOUR, MINUTE, NOW, MemoryLimits, World, fleet_of, quota, rule, stack


def test_a_window_keeps_its_readings_however_long_they_stay_fresh() -> None:
    world = World()
    for step in range(13):
        world.say("cpu", 0.9, NOW - HOUR + step * 5 * MINUTE, fresh=2 * 86400)
    assert world.verdict("avg cpu over 1h > 70%") == "true"
    assert world.term("avg cpu over 1h > 70%").value == pytest.approx(0.9)


def test_days_stay_exact_where_the_clock_is_changed_by_half_an_hour() -> None:
    world = World(fleet_of(stack("shop", "email", timezone="Australia/Lord_Howe")))
    now = datetime(2026, 4, 5, 22, tzinfo=UTC)
    world.amounts("emails", now - 30 * DAY, now, 1, 15 * MINUTE)
    # Midnight was at 13:00 UTC until the change on the fifth of April, and is at 13:30 from then on.
    assert world.term("emails per day > 1", "email", now).value == 34
    assert world.term("emails per day < 1", "email", now).value == 98


def test_a_period_is_complete_at_its_very_end() -> None:
    world = World()
    september, october, november = (datetime(2026, month, 1, tzinfo=UTC) for month in (9, 10, 11))
    world.amounts("cost", september, october, 2.0, DAY, "shop")
    world.amounts("cost", october, november, 3.1, DAY, "shop")
    world.amounts("revenue", october, november, 30.0, DAY, "shop")
    assert world.term("growth of cost over 1 month > 50%", "", november).value == pytest.approx(0.60166667)
    assert world.verdict("cost per month >= 10% of revenue", "", november) == "true"
    assert world.term("cost per month > $50", "", november).value == pytest.approx(96.1)


def test_days_in_a_row_count_the_day_that_ends_now() -> None:
    world = World()
    midnight = datetime(2026, 11, 20, tzinfo=UTC)
    world.amounts("emails", midnight - 3 * DAY, midnight, 4)
    assert world.verdict("emails per day > 80 on 3 days in a row", "email", midnight) == "true"
    assert world.verdict("emails per day > 80 on 3 days in a row", "email", midnight - HOUR) == "unknown"


def test_a_day_that_a_zone_left_out_has_no_length() -> None:
    calendar = Calendar(Reset.DAY, "Pacific/Apia")  # There was no 30 December 2011.
    jump = datetime(2011, 12, 30, 10, tzinfo=UTC)
    assert calendar.around(jump + HOUR) == (jump, jump + DAY)
    assert calendar.before(jump) == (jump - DAY, jump)


def test_the_figures_are_those_of_the_first_term_that_decides() -> None:
    limits = {
        ("shop/storage", name, Limit.QUOTA): quota(1000.0, reset="month")
        for name in ("class_a_operations", "class_b_operations")
    }
    world = World(fleet_of(stack("shop", "storage")), MemoryLimits(limits))
    for name, value in (("class_a_operations", 10.0), ("class_b_operations", 45.0)):
        world.amounts(name, datetime(2026, 11, 1, tzinfo=UTC), NOW, value, 12 * HOUR, "shop/storage")
    sentence = "class_a_operations > 80% of quota or class_b_operations > 80% of quota"
    (judged,) = world.judged(sentence, "storage")
    term = judged.deciding(0)
    assert term is not None
    assert (term.metric, term.value, term.threshold) == ("class_b_operations", judged.value[0], 800.0)


def test_a_threshold_of_its_own_is_shown_beside_the_quota_in_force() -> None:
    limits: dict[tuple[str, str, Limit], LimitInForce | list[LimitInForce]] = {
        ("shop/database", "storage", Limit.QUOTA): quota(500e6),
        ("shop/email", "emails", Limit.QUOTA): [quota(100, reset="utc day"), quota(3000, reset="utc month")],
    }
    world = World(limits=MemoryLimits(limits))
    world.say("storage", 401e6)
    world.amounts("emails", NOW - 12 * HOUR, NOW, 7)
    assert (world.term("storage > 400MB").limit, world.term("storage > 400MB").limit_source) == (
        5e8,
        "the plan",
    )
    assert world.term("emails per day > 80", "email").limit == 100
    assert world.term("emails per month > 80", "email").limit == 3000
    assert world.term("emails in 1h > 80", "email").limit is None


def test_what_agrees_but_for_rounding_is_equal() -> None:
    world = World(fleet_of(stack("shop", "backend", "email", "database")))
    world.say("error_rate", 1.0, NOW, "shop/backend", since=NOW - HOUR, of=1000.0)
    assert world.verdict("error_rate >= 0.1%", "backend") == "true"
    assert world.verdict("error_rate > 0.1%", "backend") == "false"
    october, november = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
    world.amounts("cost", october, november, 0.1, HOUR, "shop")  # 744 times ten cents is not quite $74.40.
    world.amounts("revenue", october, november, 24.0, DAY, "shop")
    assert world.verdict("cost per month > 10% of revenue", "", november) == "false"
    assert world.verdict("cost per month >= 10% of revenue", "", november) == "true"
    assert world.verdict("cost per month > $74.40", "", november) == "false"
    assert world.verdict("cost per month >= $74.40", "", november) == "true"
    for size in (3.0, 70.0, 190.0):
        world.limits = MemoryLimits({("shop/database", "connections", Limit.MAX): quota(size)})
        world.say("connections", size * 7 / 10)
        assert world.verdict("connections >= 70% of max") == "true"
        assert world.verdict("connections > 70% of max") == "false"


def test_the_limit_is_the_subjects_own_where_the_name_is_the_stacks() -> None:
    world = World(limits=MemoryLimits({("shop/database", "active_users", Limit.QUOTA): quota(50_000)}))
    world.say("active_users", 45_000, subject="shop")
    term = world.term("active_users > 80% of quota")
    assert (term.verdict, term.value, term.limit, term.limit_source) == ("true", 45_000, 50_000, "the plan")


def test_the_mean_of_a_histogram_without_one_is_bounded_by_its_edges() -> None:
    world = World()
    counts = ((0.1, 50.0), (0.3, 50.0))
    low, value, high = mean_of(counts)
    world.say("query_time", value, NOW, since=NOW - HOUR, buckets=counts, low=low, high=high)
    assert (low, value, high) == pytest.approx((0.05, 0.125, 0.2))
    assert world.verdict("avg query_time > 40ms") == "true"
    assert world.verdict("avg query_time > 100ms") == "unknown"
    assert world.verdict("p95 query_time >= 100ms") == "true"


def test_a_rolling_window_that_has_passed_says_nothing_of_now() -> None:
    world = World()
    world.amounts("errors", NOW - HOUR, NOW, 3, MINUTE)
    assert world.verdict("errors in 5m > 10", "email", NOW + 4 * MINUTE) == "true"
    assert world.verdict("errors in 5m > 10", "email", NOW + HOUR) == "unknown"
    assert world.why("errors in 5m > 10", "email", NOW + HOUR).startswith("the window of `errors` is covered")
    assert world.verdict("errors in 1d > 10", "email", NOW + 6 * HOUR) == "true"


def test_a_bill_is_forecast_as_the_sum_of_its_services() -> None:
    world = World(fleet_of(stack("shop", "database", "backend", budget=60.0)))
    for service, value in (("database", 1.0), ("backend", 2.0)):
        world.amounts("cost", NOW - 19 * DAY - 12 * HOUR, NOW, value / 24, HOUR, f"shop/{service}")
    assert world.term("forecast of cost per month > $60", "").value == pytest.approx(90)
    assert world.verdict("forecast of cost per month > 100% of budget", "") == "true"
    term = world.term("time to limit of cost < 3 days", "")
    assert term.value == pytest.approx(0.5 * 86400)


def test_storage_of_an_account_is_forecast_as_the_sum_of_its_services() -> None:
    services = tuple(Service("shop", key, "database", "acme", "org", "free") for key in ("one", "two"))
    world = World(Fleet((Stack("shop", services=services),), (Account("org", "acme", "free"),)))
    for key in ("one", "two"):
        world.level("storage", NOW - 20 * DAY, NOW, 100e6, DAY / 4, f"shop/{key}", slope=2.5e6)
    value = world.term(rule("forecast of storage in 30 days > 1GB", "", provider=("acme",))).value
    assert value == pytest.approx(1200e6, rel=0.01)


def test_a_quota_that_is_learnt_later_has_its_period_kept_from_then_on() -> None:
    fleet = fleet_of(stack("shop", "email"))
    whole = rule("any metric > 80% of quota", "any")
    watch = Watch(fleet, [whole], Catalogue({}))
    watch.learn([("shop/email", Term("limit", 100.0, "API", NOW - HOUR, "emails", Limit.QUOTA))])
    watch.apply(watch.decide(NOW - HOUR))
    for hours in (0, 1):
        at = NOW + hours * HOUR
        reading = Reading("emails", 45.0, at, since=at - HOUR)
        watch.observe([Observed(reading, "shop/email", "test", at, 86400.0)])
        watch.apply(watch.decide(at))
    (finding,) = watch.ledger.findings.values()
    assert (finding.copy, finding.state, finding.value) == ("emails", State.FIRING, 90.0)


def test_ratios_without_a_whole_bound_the_windows_ratio() -> None:
    world = World()
    for day in range(30):
        at = NOW - day * DAY
        world.say("uptime", 1.0 if day else 0.999, at, "shop/backend", 2 * 86400, since=at - DAY)
    assert world.verdict("uptime over 30 days < 99.8%", "backend") == "false"
    assert world.verdict("uptime over 30 days > 99.8%", "backend") == "true"
    assert world.verdict("uptime over 30 days < 99.95%", "backend") == "unknown"
    assert "nobody said of how many" in world.why("uptime over 30 days < 99.95%", "backend")
    world.say("cache_hit_rate", 0.99, NOW, "shop/backend", 2 * 86400, since=NOW - DAY)
    assert world.verdict("cache_hit_rate over 1d < 99.5%", "backend") == "true"
    assert world.verdict("cache_hit_rate over 1d < 98.5%", "backend") == "false"


def test_ratios_of_parts_are_never_added_up() -> None:
    world = World()
    world.say("error_rate", 0.6, NOW, "shop/backend", part="a")
    world.say("error_rate", 0.7, NOW, "shop/backend", part="b")
    assert world.verdict("error_rate > 50%", "backend") == "true"
    assert world.verdict("error_rate > 65%", "backend") == "unknown"
    assert world.verdict("error_rate > 80%", "backend") == "false"


def test_a_gap_proves_no_hold_where_no_poll_interval_is_known() -> None:
    world = World()
    minutes = (0, 5, 10, 60, 65, 70)
    for minute in minutes:
        world.say("cpu", 0.9, NOW + minute * MINUTE, fresh=2 * 86400)
    seen = world.over_time("cpu > 70% sustained", [NOW + minute * MINUTE for minute in minutes])
    assert [verdict for verdict, _ in seen] == ["false"] * 4 + ["true"] * 2
    missed = World()
    for minute in (0, 5, 15):
        missed.say("cpu", 0.9, NOW + minute * MINUTE, fresh=2 * 86400)
    assert missed.over_time("cpu > 70% sustained", [NOW + m * MINUTE for m in (0, 5, 15)])[-1][0] == "true"


def test_a_hold_of_days_is_reached_with_daily_readings() -> None:
    world = World()
    for day in range(4):
        world.say("storage", 2e9, NOW + day * DAY, fresh=2 * 86400)
    seen = world.over_time("storage > 1GB for 3 days", [NOW + day * DAY for day in range(4)])
    assert [verdict for verdict, _ in seen] == ["false", "false", "false", "true"]


def test_one_quantile_a_day_speaks_for_its_day() -> None:
    world = World()
    midnight = datetime(2026, 11, 20, tzinfo=UTC)
    for back in (3, 2, 1):
        at = midnight - back * DAY + 12 * HOUR
        world.say("query_time", 0.2, at, stat="p95", fresh=2 * 86400)
    assert world.verdict("p95 query_time > 100ms on 3 days in a row", now=midnight) == "true"
    (judged,) = world.judged("p95 query_time > 100ms on 4 days in a row", now=midnight)
    assert [term.why for term in judged.explain(0) if term.why] == [
        "the window of `query_time` is covered to 0 %, it takes 80 %"
    ]


def test_a_project_that_never_reported_makes_the_accounts_sum_partial_for_all() -> None:
    services = tuple(Service("shop", key, "database", "acme", "org", "free") for key in ("one", "two"))
    other = Service("shop", "mail", "email", "acme", "org", "free")
    fleet = Fleet((Stack("shop", services=(*services, other)),), (Account("org", "acme", "free"),))
    limits = {(f"shop/{s.key}", "egress", Limit.QUOTA): quota(100.0, "account", "billing") for s in services}
    world = World(fleet, MemoryLimits(limits))
    world.amounts("egress", datetime(2026, 11, 1, tzinfo=UTC), NOW, 1.0, 12 * HOUR, "shop/one")
    for place in (0, 1):
        term = world.term("egress > 80% of quota", place=place)
        assert (term.verdict, term.why) == (
            "unknown",
            "the sum is partial: 1 service has no fresh reading of `egress`",
        )
    assert world.verdict("egress > 20% of quota") == "true"
    world.amounts("egress", datetime(2026, 11, 1, tzinfo=UTC), NOW, 0.5, 12 * HOUR, "shop/two")
    assert world.verdict("egress > 80% of quota") == "false"
