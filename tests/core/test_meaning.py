"""The numbered points of the rule language's meaning; `test_<point>_...`."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from advisor.core.concerns import gather
from advisor.core.decide import Ledger, decide
from advisor.core.evaluate import compile_rules
from advisor.core.fleet import Account, Fleet, Service, Stack
from advisor.core.judgement import INACTIVE, TRUE
from advisor.core.model import Limit, Quality
from tests.core.world import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    MemoryLimits,
    World,
    fleet_of,
    quota,
    remembered,
    rule,
    stack,
)

MB = 1e6


# 1. Subject


def test_1_a_role_is_each_service_of_it_and_any_is_each_service() -> None:
    fleet = fleet_of(stack("shop", "database", "email"), stack("blog", "database"))
    program = compile_rules(
        [rule("storage > 1MB", "database", "role"), rule("storage > 1MB", "any", "any")],
        fleet,
        MemoryLimits(),
    )
    assert program.subjects("role") == ("shop/database", "blog/database")
    assert program.subjects("any") == ("shop/database", "shop/email", "blog/database")


def test_1_no_service_is_the_stack_and_with_a_provider_its_account() -> None:
    fleet = fleet_of(stack("shop", "database"))
    program = compile_rules(
        [
            rule("users > 1K", "", "stack"),
            rule("cost per month > $5", "", "account", provider=("acme",)),
            rule("cost per month > $5", "", "other", provider=("else",)),
        ],
        fleet,
        MemoryLimits(),
    )
    assert program.subjects("stack") == ("shop",)
    assert program.subjects("account") == ("@shop-database",)
    assert program.subjects("other") == ()


def test_1_provider_plan_and_pack_choose_the_subjects() -> None:
    fleet = fleet_of(stack("shop", "database", packs=("p",)), stack("blog", "database"))
    rules = [
        rule("storage > 1MB", rule_id="provider", provider=("else",)),
        rule("storage > 1MB", rule_id="plan", plan=("free",)),
        rule("storage > 1MB", rule_id="pro", plan=("pro",)),
        rule("storage > 1MB", rule_id="pack", pack="p"),
    ]
    program = compile_rules(rules, fleet, MemoryLimits())
    found = [program.subjects(r.id) for r in rules]
    assert found == [(), ("shop/database", "blog/database"), (), ("shop/database",)]


def test_1_a_name_is_the_subjects_else_the_stacks() -> None:
    world = World()
    world.say("users", 2000, subject="shop")
    assert world.verdict("users > 1K") == "true"
    world.say("active_users", 5, subject="shop/database")
    world.say("active_users", 5000, subject="shop")
    assert world.verdict("active_users > 1K") == "false"


def test_1_an_accounts_bill_is_the_sum_of_its_services() -> None:
    world = World()
    world.amounts("cost", NOW - 19 * DAY - 12 * HOUR, NOW - 12 * HOUR, 3.0, DAY, "shop/database")
    assert world.verdict(rule("cost per month > $50", "", provider=("acme",)), "") in {"true", "unknown"}
    (judged,) = world.judged(rule("cost per month > $50", "", provider=("acme",)))
    assert judged.value[0] == 57.0


# 2. Level


def test_2_a_level_is_the_newest_reading() -> None:
    world = World()
    world.say("storage", 500 * MB, NOW - HOUR)
    world.say("storage", 300 * MB, NOW)
    assert world.verdict("storage > 400MB") == "false"


def test_2_late_readings_do_not_replace_newer_ones() -> None:
    world = World()
    world.say("storage", 300 * MB, NOW)
    world.say("storage", 500 * MB, NOW - HOUR)
    assert world.verdict("storage > 400MB") == "false"


def test_2_a_mean_over_a_window_weighs_by_time() -> None:
    world = World()
    world.say("cpu", 1.0, NOW - HOUR, fresh=7200)
    world.say("cpu", 0.0, NOW - 15 * MINUTE, fresh=7200)
    assert world.term("avg cpu over 1h > 70%").value == pytest.approx(0.75)


def test_2_lowest_highest_and_quantiles_look_at_the_window_alone() -> None:
    world = World()
    world.say("cpu", 0.9, NOW - 3 * HOUR)
    world.level("cpu", NOW - 2 * HOUR, NOW, 0.5)
    world.say("cpu", 0.7, NOW)
    assert world.term("max cpu over 1h > 80%").value == 0.5
    assert world.term("min cpu over 1h > 80%").value == 0.5
    assert world.term("p95 cpu over 1h > 80%").value == 0.5
    assert world.verdict("max cpu over 6h > 80%") == "true"


# 3. Distribution


def test_3_without_a_window_the_newest_bucket_counts() -> None:
    world = World()
    for minutes, value in ((10, 0.5), (5, 0.1)):
        end = NOW - minutes * MINUTE
        world.say("query_time", value, end, stat="p95", since=end - 5 * MINUTE)
    assert world.verdict("p95 query_time > 100ms") == "false"
    assert world.verdict("p95 query_time >= 100ms") == "true"


def test_3_bucket_quantiles_only_bound_the_windows() -> None:
    world = World()
    for index in range(12):
        end = NOW - (11 - index) * 5 * MINUTE
        world.say("query_time", 0.1 + 0.01 * index, end, stat="p95", since=end - 5 * MINUTE)
    assert world.verdict("p95 query_time over 1h > 50ms") == "true"
    assert world.verdict("p95 query_time over 1h > 1s") == "false"
    assert world.verdict("p95 query_time over 1h > 150ms") == "unknown"
    assert "only bound" in world.why("p95 query_time over 1h > 150ms") or "between" in world.why(
        "p95 query_time over 1h > 150ms"
    )


def test_3_the_highest_of_buckets_is_the_windows_highest() -> None:
    world = World()
    for index in range(12):
        end = NOW - (11 - index) * 5 * MINUTE
        world.say("query_time", 0.1 + 0.01 * index, end, stat="max", since=end - 5 * MINUTE)
    assert world.verdict("max query_time over 1h > 150ms") == "true"


def test_3_quantiles_merge_from_histograms() -> None:
    world = World()
    for index in range(12):
        end = NOW - (11 - index) * 5 * MINUTE
        counts = ((0.1, 90.0), (1.0, 10.0)) if index < 6 else ((0.1, 100.0), (1.0, 0.0))
        world.say("query_time", 0.1, end, since=end - 5 * MINUTE, buckets=counts)
    # 60 of 1,200 are above 100 ms: just the 95th hundredth.
    assert world.verdict("p95 query_time over 1h > 100ms") == "false"
    assert world.verdict("p99 query_time over 1h > 100ms") == "true"
    assert world.verdict("p95 query_time > 100ms") == "false"


def test_3_a_source_asked_for_the_window_gives_its_value() -> None:
    world = World()
    for minutes, value in ((5, 0.2), (0, 0.05)):
        end = NOW - minutes * MINUTE
        world.say("query_time", value, end, stat="p95", since=end - HOUR)
    assert world.verdict("p95 query_time over 1h > 100ms") == "false"


def test_3_another_stat_is_no_answer() -> None:
    world = World()
    world.say("query_time", 0.2, NOW, stat="avg", since=NOW - HOUR)
    assert world.verdict("p95 query_time > 100ms") == "unknown"
    assert world.why("p95 query_time > 100ms") == "the source gives no p95 of `query_time`"


# 4. Share


def test_4_a_share_is_parts_over_wholes_and_no_mean_of_ratios() -> None:
    world = World()
    for index in range(12):
        end = NOW - (11 - index) * 5 * MINUTE
        part, whole = (50.0, 100.0) if index == 0 else (0.0, 10_000.0)
        world.say("error_rate", part, end, "shop/backend", since=end - 5 * MINUTE, of=whole)
    assert world.term("error_rate over 1h > 1%", "backend").value == pytest.approx(50 / 110_100)
    assert world.term("error_rate > 1%", "backend").value == 0.0


def test_4_a_share_of_nothing_is_unknown() -> None:
    world = World()
    world.say("error_rate", 0.0, NOW, "shop/backend", since=NOW - 5 * MINUTE, of=0.0)
    assert world.verdict("error_rate > 1%", "backend") == "unknown"


# 5. Amount


def test_5_per_day_is_the_days_total_in_the_stacks_zone() -> None:
    world = World(fleet_of(stack("shop", "email", timezone="America/New_York")))
    world.amounts("emails", NOW - 2 * DAY, NOW, 10)
    # Midnight in New York is 05:00 UTC: seven hours.
    assert world.term("emails per day > 80", "email").value == 70


def test_5_in_a_span_is_a_rolling_sum() -> None:
    world = World()
    world.amounts("errors", NOW - HOUR, NOW, 3, MINUTE)
    assert world.term("errors in 5m > 10", "email").value == 15
    assert world.verdict("errors in 5m > 10", "email") == "true"


def test_5_a_rate_is_that_of_the_newest_bucket_or_of_a_window() -> None:
    world = World()
    world.amounts("requests", NOW - HOUR, NOW - 5 * MINUTE, 300, 5 * MINUTE, "shop/backend")
    world.amounts("requests", NOW - 5 * MINUTE, NOW, 600, 5 * MINUTE, "shop/backend")
    assert world.term("requests per second > 1", "backend").value == 2
    assert world.term("requests per minute over 1h > 1", "backend").value == pytest.approx(65)


def test_5_bare_of_quota_is_each_quotas_own_period() -> None:
    limits = MemoryLimits(
        {("shop/email", "emails", Limit.QUOTA): [quota(100, reset="day"), quota(3000, reset="month")]}
    )
    world = World(limits=limits)
    world.amounts("emails", NOW - 20 * DAY, NOW, 5)
    # 60 today, 2,340 this month: under four fifths of both.
    assert world.verdict("emails > 80% of quota", "email") == "false"
    world.amounts("emails", NOW, NOW + HOUR, 25)
    assert world.verdict("emails > 80% of quota", "email", NOW + HOUR) == "true"
    assert world.term("emails > 75% of quota", "email").limit == 100
    world.limits.limits["shop/email", "emails", Limit.QUOTA] = [
        quota(1000, reset="day"),
        quota(2500, reset="month"),
    ]
    assert world.verdict("emails > 80% of quota", "email") == "true"


# 6. Period


def test_6_a_bucket_that_ends_at_midnight_belongs_to_the_day_that_is_over() -> None:
    world = World()
    midnight = datetime(2026, 11, 20, tzinfo=UTC)
    world.amounts("emails", midnight - DAY, midnight, 10)
    assert world.term("emails per day > 80", "email", midnight + MINUTE).value == 240
    world.amounts("emails", midnight, midnight + HOUR, 1)
    assert world.term("emails per day > 80", "email", midnight + HOUR).value == 1


def test_6_below_is_judged_on_the_last_complete_period() -> None:
    world = World()
    midnight = datetime(2026, 11, 20, tzinfo=UTC)
    world.amounts("emails", midnight - 2 * DAY, midnight, 1)
    world.amounts("emails", midnight, NOW, 1)
    assert world.term("emails per day < 20", "email").value == 24
    assert world.verdict("emails per day < 20", "email") == "false"


def test_6_a_complete_period_stays_judged_when_later_readings_are_missing() -> None:
    world = World()
    midnight = datetime(2026, 11, 20, tzinfo=UTC)
    world.amounts("emails", midnight - 2 * DAY, midnight, 1, fresh=3600.0)
    assert world.verdict("emails per day < 20", "email") == "false"
    assert world.verdict("emails per day > 20", "email") == "unknown"


def test_6_the_quotas_period_comes_before_the_stacks() -> None:
    limits = MemoryLimits({("shop/email", "emails", Limit.QUOTA): quota(3000, reset="billing")})
    fleet = fleet_of(stack("shop", "email"))
    account = replace(fleet.accounts[0], billing_day=15, timezone="UTC")
    world = World(Fleet(fleet.stacks, (account,)), limits)
    world.amounts("emails", datetime(2026, 11, 1, tzinfo=UTC), NOW, 1)
    # Five and a half days since the fifteenth.
    assert world.term("emails per month > 80", "email").value == 132
    (judged,) = world.judged("emails per month > 80", "email")
    assert judged.period[0] == datetime(2026, 11, 15, tzinfo=UTC).timestamp()
    # A quota a month says nothing about days: those are the stack's.
    assert world.term("emails per day > 80", "email").value == 12


def test_6_a_rolling_day_never_starts_anew() -> None:
    limits = MemoryLimits({("shop/email", "emails", Limit.QUOTA): quota(100, reset="rolling day")})
    world = World(fleet_of(stack("shop", "email")), limits)
    world.amounts("emails", NOW - 3 * DAY, NOW, 1)
    (judged,) = world.judged("emails per day > 80", "email")
    assert judged.value[0] == 24
    assert np.isnan(judged.period[0])


def test_6_days_of_a_quarter_hour_zone_are_exact_with_quarter_hour_buckets() -> None:
    world = World(fleet_of(stack("shop", "email", timezone="Asia/Kathmandu")))
    world.amounts("emails", NOW - 3 * DAY, NOW, 1, 15 * MINUTE)
    # Midnight in Kathmandu is 18:15 UTC.
    assert world.term("emails per day > 1", "email").value == 71
    assert world.term("emails per day < 1", "email").value == 96


# 7. of


def test_7_a_quota_is_the_plans_and_its_source_is_said() -> None:
    world = World(limits=MemoryLimits({("shop/database", "storage", Limit.QUOTA): quota(500 * MB)}))
    world.say("storage", 401 * MB)
    term = world.term("storage > 80% of quota")
    assert (term.verdict, term.value, term.threshold, term.limit, term.limit_source, term.unit) == (
        "true",
        401 * MB,
        400 * MB,
        500 * MB,
        "the plan",
        "bytes",
    )


def test_7_max_is_what_the_service_reports_else_the_quota() -> None:
    limits = {("shop/database", "connections", Limit.QUOTA): quota(20)}
    world = World(limits=MemoryLimits(limits))
    world.say("connections", 17)
    assert world.verdict("connections > 80% of max") == "true"
    world.limits = MemoryLimits({**limits, ("shop/database", "connections", Limit.MAX): quota(100)})
    assert world.verdict("connections > 80% of max") == "false"


def test_7_a_pool_that_nobody_told_is_unknown() -> None:
    world = World(limits=MemoryLimits({("shop/database", "connections", Limit.QUOTA): quota(20)}))
    world.say("connections", 17)
    assert world.verdict("connections > 80% of pool") == "unknown"
    assert world.why("connections > 80% of pool") == "the pool of `connections` is not known"


def test_7_an_account_wide_quota_takes_the_accounts_sum() -> None:
    services = tuple(
        Service("shop", key, "database", "acme", "org", "free") for key in ("one", "two", "three")
    )
    fleet = Fleet((Stack("shop", services=services),), (Account("org", "acme", "free"),))
    limits = {(f"shop/{s.key}", "storage", Limit.QUOTA): quota(1000 * MB, scope="account") for s in services}
    world = World(fleet, MemoryLimits(limits))
    for key in ("one", "two", "three"):
        world.say("storage", 300 * MB, subject=f"shop/{key}")
    term = world.term("storage > 80% of quota", place=1)
    assert (term.verdict, term.value) == ("true", 900 * MB)


def test_7_a_partial_sum_may_prove_more_but_never_less() -> None:
    services = tuple(Service("shop", key, "database", "acme", "org", "free") for key in ("one", "two"))
    fleet = Fleet((Stack("shop", services=services),), (Account("org", "acme", "free"),))
    limits = {(f"shop/{s.key}", "storage", Limit.QUOTA): quota(1000 * MB, scope="account") for s in services}
    world = World(fleet, MemoryLimits(limits))
    world.say("storage", 300 * MB, subject="shop/one")
    world.say("storage", 300 * MB, NOW - 3 * HOUR, subject="shop/two")
    assert world.verdict("storage > 80% of quota") == "unknown"
    assert world.why("storage > 80% of quota").startswith(
        "the sum is partial: 1 service has no fresh reading"
    )
    assert world.verdict("storage > 20% of quota") == "true"


def test_7_budget_is_per_month() -> None:
    world = World(fleet_of(stack("shop", "database", budget=60.0)))
    world.amounts(
        "cost", datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC), 3.0, DAY, "shop"
    )
    term = world.term("cost per month >= 80% of budget", "")
    assert (term.verdict, term.value, term.limit) == ("true", 57.0, 60.0)


def test_7_another_metric_is_held_against_in_the_same_period() -> None:
    world = World()
    october, november = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
    world.amounts("cost", october, november, 10.0, DAY, "shop")
    world.amounts("revenue", october, november, 50.0, DAY, "shop")
    world.amounts("cost", november, NOW - 12 * HOUR, 1.0, DAY, "shop")
    world.amounts("revenue", november, NOW - 12 * HOUR, 50.0, DAY, "shop")
    term = world.term("cost per month > 10% of revenue", "")
    assert (term.verdict, term.value, term.threshold) == ("true", 310.0, 155.0)


def test_7_unlimited_is_false_both_ways() -> None:
    world = World(limits=MemoryLimits({("shop/database", "storage", Limit.QUOTA): quota(None)}))
    world.say("storage", 401 * MB)
    assert world.verdict("storage > 80% of quota") == "false"
    assert world.verdict("storage < 80% of quota") == "false"
    assert world.why("storage > 80% of quota") == "`storage` is unlimited"


# 8. Growth


def test_8_a_level_grows_from_then_to_now() -> None:
    world = World()
    world.level("storage", NOW - 8 * DAY, NOW, 100, DAY / 4, slope=1)
    assert world.term("growth of storage over 7 days > 10%").value == pytest.approx(132 / 104 - 1)


def test_8_an_amount_grows_from_the_span_before_to_the_last() -> None:
    world = World()
    september, october = datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)
    world.amounts("cost", september, october, 2.0, DAY, "shop")
    world.amounts("cost", october, datetime(2026, 11, 1, tzinfo=UTC), 3.0, DAY, "shop")
    world.amounts("cost", datetime(2026, 11, 1, tzinfo=UTC), NOW - 12 * HOUR, 99.0, DAY, "shop")
    assert world.term("growth of cost over 1 month > 50%", "").value == pytest.approx(93 / 60 - 1)
    world.amounts("emails", NOW - 14 * DAY, NOW - 7 * DAY, 1)
    world.amounts("emails", NOW - 7 * DAY, NOW, 2)
    assert world.term("growth of emails over 7 days > 50%", "email").value == pytest.approx(1.0)


def test_8_growth_from_zero_is_unknown() -> None:
    world = World()
    world.amounts("emails", NOW - 14 * DAY, NOW - 7 * DAY, 0)
    world.amounts("emails", NOW - 7 * DAY, NOW, 2)
    assert world.verdict("growth of emails over 7 days > 50%", "email") == "unknown"
    assert "from 0" in world.why("growth of emails over 7 days > 50%", "email")


def test_8_a_fact_does_not_grow() -> None:
    world = World(fleet_of(stack("shop", facts={"users": 800.0})))
    assert world.term("growth of users over 1 month > 10%", "").value == 0


# 9. Forecast


def test_9_a_level_goes_on_along_its_line() -> None:
    world = World()
    world.level("storage", NOW - 20 * DAY, NOW, 100 * MB, DAY / 4, slope=2.5 * MB)
    # 10 MB a day: 300 MB now, 600 MB in 30 days.
    value = world.term("forecast of storage in 30 days > 500MB").value
    assert value == pytest.approx(600 * MB, rel=0.01)


def test_9_nothing_is_forecast_before_a_week_is_learnt() -> None:
    world = World()
    world.level("storage", NOW - 3 * DAY, NOW, 100 * MB, DAY / 4)
    assert world.verdict("forecast of storage in 30 days > 500MB") == "unknown"
    assert world.why("forecast of storage in 30 days > 500MB") == "learning: 3 of 7 days"


def test_9_an_amounts_forecast_is_the_running_periods_end_and_crosses_no_reset() -> None:
    world = World()
    world.amounts("emails", NOW - 20 * DAY, NOW, 1)
    assert world.term("forecast of emails per month > 700", "email").value == pytest.approx(720)
    # A day's quota starts anew at midnight, whatever the span.
    assert world.term("forecast of emails per day > 1", "email").value == pytest.approx(24)


# 10. Time to limit


def test_10_time_to_limit_ends_where_the_path_meets_the_limit() -> None:
    world = World(limits=MemoryLimits({("shop/database", "storage", Limit.QUOTA): quota(500 * MB)}))
    world.level("storage", NOW - 20 * DAY, NOW, 100 * MB, DAY / 4, slope=2.5 * MB)
    term = world.term("time to limit of storage < 30 days")
    assert term.verdict == "true"
    assert term.value == pytest.approx(20 * 86400, rel=0.02)
    assert term.unit == "seconds"


def test_10_it_is_zero_when_over_and_never_when_falling_or_after_the_reset() -> None:
    world = World(limits=MemoryLimits({("shop/database", "storage", Limit.QUOTA): quota(500 * MB)}))
    world.level("storage", NOW - 20 * DAY, NOW, 400 * MB, DAY / 4, slope=-1 * MB)
    assert world.verdict("time to limit of storage < 9000 days") == "false"
    world.say("storage", 501 * MB, NOW)
    assert world.term("time to limit of storage < 14 days").value == 0
    monthly = World(
        limits=MemoryLimits({("shop/email", "emails", Limit.QUOTA): quota(10_000, reset="month")})
    )
    monthly.amounts("emails", NOW - 20 * DAY, NOW, 1)
    assert monthly.verdict("time to limit of emails < 300 days", "email") == "false"


def test_10_it_is_not_applicable_without_a_limit_and_never_when_unlimited() -> None:
    world = World(limits=MemoryLimits(never=frozenset({("storage", Limit.QUOTA)})))
    world.level("storage", NOW - 20 * DAY, NOW, 100 * MB, DAY / 4, slope=2.5 * MB)
    assert world.verdict("time to limit of storage < 30 days") == "not applicable"
    assert world.why("time to limit of storage < 30 days") == "plan free has no limit on `storage`"
    world.limits = MemoryLimits({("shop/database", "storage", Limit.QUOTA): quota(None)})
    assert world.verdict("time to limit of storage < 30 days") == "false"
    world.limits = MemoryLimits()
    assert world.verdict("time to limit of storage < 30 days") == "unknown"


# 11. for


def test_11_for_is_pending_until_it_has_held() -> None:
    world = World()
    world.level("cpu", NOW, NOW + 30 * MINUTE, 0.9)
    moments = [NOW + i * MINUTE for i in range(31)]
    seen = world.over_time("cpu > 70% for 15m", moments)
    assert seen[14] == ("false", True)
    assert seen[15] == ("true", False)
    assert seen[30] == ("true", False)


def test_11_one_reading_that_does_not_hold_starts_it_anew() -> None:
    world = World()
    world.level("cpu", NOW, NOW + 10 * MINUTE, 0.9)
    world.say("cpu", 0.1, NOW + 11 * MINUTE)
    world.level("cpu", NOW + 12 * MINUTE, NOW + 30 * MINUTE, 0.9)
    seen = world.over_time("cpu > 70% sustained", [NOW + i * MINUTE for i in range(31)])
    assert seen[11] == ("false", False)
    assert seen[26] == ("false", True)
    assert seen[27] == ("true", False)


def test_11_a_gap_neither_resets_nor_proves() -> None:
    world = World()
    world.level("cpu", NOW, NOW + 10 * MINUTE, 0.9)
    world.level("cpu", NOW + 20 * MINUTE, NOW + 60 * MINUTE, 0.9)
    seen = world.over_time("cpu > 70% for 15m", [NOW + i * MINUTE for i in range(61)])
    assert seen[15][0] == "unknown"
    # Ten of the twenty minutes were not seen: ten are proved, it takes twelve.
    assert seen[20] == ("false", True)
    assert seen[22] == ("true", False)


def test_11_evaluating_twice_on_the_same_readings_changes_nothing() -> None:
    world = World()
    world.say("cpu", 0.9, NOW, fresh=7200)
    seen = world.over_time("cpu > 70% for 15m", [NOW + i * MINUTE for i in range(61)])
    assert set(seen) == {("false", True)}


def test_11_a_restart_changes_nothing() -> None:
    world = World()
    world.level("cpu", NOW, NOW + 30 * MINUTE, 0.9)
    moments = [NOW + i * MINUTE for i in range(31)]
    through = world.over_time("cpu > 70% for 15m", moments)
    assert world.over_time("cpu > 70% for 15m", moments, restart=NOW + 7 * MINUTE) == through


def test_11_days_follow_the_stacks_calendar() -> None:
    world = World(fleet_of(stack("shop", "database", timezone="America/New_York")))
    start = datetime(2026, 10, 31, 4, tzinfo=UTC)  # The day before the clock goes back.
    world.level("cpu", start, start + 60 * HOUR, 0.9, HOUR)
    moments = [start + i * HOUR for i in range(61)]
    seen = world.over_time("cpu > 70% for 2 days", moments)
    assert seen[48] == ("false", True)
    assert seen[49] == ("true", False)


def test_11_a_group_holds_as_a_whole() -> None:
    world = World()
    world.level("cpu", NOW, NOW + 30 * MINUTE, 0.9)
    world.level("memory", NOW, NOW + 30 * MINUTE, 0, slope=1)
    seen = world.over_time("(cpu > 70% and memory > 9B) for 15m", [NOW + i * MINUTE for i in range(31)])
    assert seen[9] == ("false", False)
    assert seen[24] == ("false", True)
    assert seen[25] == ("true", False)


# 12. on days


def days_of(world: World, hours_high: dict[int, float]) -> None:
    """Query times by day: how many days ago, and the value."""
    midnight = datetime(2026, 11, 20, tzinfo=UTC)
    for back, value in hours_high.items():
        start = midnight - back * DAY
        for hour in range(24):
            end = start + (hour + 1) * HOUR
            world.say("query_time", value, end, stat="p95", since=end - HOUR, fresh=2 * 86400)


def test_12_three_days_in_a_row_are_the_last_complete_ones() -> None:
    world = World()
    days_of(world, {5: 0.01, 4: 0.01, 3: 0.5, 2: 0.5, 1: 0.5})
    assert world.verdict("p95 query_time > 100ms on 3 days in a row") == "true"
    assert world.verdict("p95 query_time > 100ms on 4 days in a row") == "false"
    assert world.verdict("p95 query_time > 100ms on 3 of 5 days") == "true"
    assert world.verdict("p95 query_time > 100ms on 4 of 5 days") == "false"


def test_12_a_day_that_was_not_seen_is_unknown_unless_the_rest_decides() -> None:
    world = World()
    days_of(world, {5: 0.01, 4: 0.01, 3: 0.5, 1: 0.5})
    assert world.verdict("p95 query_time > 100ms on 3 days in a row") == "unknown"
    assert world.verdict("p95 query_time > 100ms on 2 of 5 days") == "true"
    assert world.verdict("p95 query_time > 100ms on 4 of 5 days") == "false"


def test_12_a_day_is_judged_as_a_whole() -> None:
    world = World()
    midnight = datetime(2026, 11, 20, tzinfo=UTC)
    world.level("cpu", midnight - 2 * DAY, NOW, 0.5, 10 * MINUTE)
    world.level("cpu", midnight - 1 * DAY, midnight - 12 * HOUR, 1.0, 10 * MINUTE)
    assert world.term("cpu > 70% on 1 of 2 days").verdict in {"true", "false"}
    assert world.verdict("cpu > 70% on 1 of 2 days") == "true"
    assert world.verdict("cpu > 80% on 1 of 2 days") == "false"
    world.amounts("emails", midnight - 3 * DAY, midnight, 4)
    assert world.verdict("emails per day > 95 on 3 days in a row", "email") == "true"
    assert world.verdict("emails per day > 96 on 3 days in a row", "email") == "false"


# 13. clears


def test_13_once_firing_the_clearing_threshold_counts() -> None:
    world = World(limits=MemoryLimits({("shop/backend", "memory", Limit.AVAILABLE): quota(100.0)}))
    world.say("memory", 78, subject="shop/backend")
    sentence = "memory > 80% of available, clears below 75% of available"
    assert world.verdict(sentence, "backend") == "false"
    assert world.verdict(sentence, "backend", firing=True) == "true"
    world.say("memory", 74, subject="shop/backend")
    assert world.verdict(sentence, "backend", firing=True) == "false"


def test_13_it_works_with_plain_thresholds_and_downwards() -> None:
    world = World()
    world.say("cpu", 0.72)
    assert world.verdict("cpu > 75%, clears below 70%") == "false"
    assert world.verdict("cpu > 75%, clears below 70%", firing=True) == "true"
    world.say("cpu", 0.22)
    assert world.verdict("cpu < 20%, clears above 25%", firing=True) == "true"


# 14. any


def test_14_any_metric_is_a_copy_a_limited_metric() -> None:
    limits = MemoryLimits(
        {
            ("shop/database", "storage", Limit.QUOTA): quota(500 * MB),
            ("shop/email", "emails", Limit.QUOTA): quota(100, reset="day"),
        }
    )
    world = World(limits=limits)
    world.say("storage", 450 * MB)
    world.amounts("emails", NOW - DAY, NOW, 1)
    found = {one.copy: one for one in world.judged("any metric > 80% of quota", "any")}
    assert set(found) == {"storage", "emails"}
    assert [world.fleet.subjects[row] for row in found["storage"].rows] == ["shop/database"]
    assert found["storage"].verdict[0] == TRUE
    assert found["emails"].value[0] == 12


def test_14_any_target_missed_is_a_copy_a_target_with_this_hold() -> None:
    world = World()
    days_of(world, {3: 0.5, 2: 0.5, 1: 0.5})
    target = rule("p95 query_time >= 100ms", "database", "target")
    whole = replace(rule("any target missed on 3 days in a row", "any"), targets=("target",))
    (judged,) = world.judged(whole, rules=(target,))
    assert judged.copy == "target"
    assert judged.verdict[0] == TRUE


# 15. needs


def test_15_needs_is_the_answer_and_unanswered_is_unknown() -> None:
    for needs, verdict in (({"control": True}, "true"), ({"control": False}, "false"), ({}, "unknown")):
        world = World(fleet_of(stack("shop", "database", needs=needs)))
        assert world.verdict("needs control") == verdict
    assert "`control` is not answered" in world.why("needs control")


def test_15_a_question_is_asked_only_when_it_decides() -> None:
    world = World(
        fleet_of(stack("shop", "database", facts={"users": 2e6}), stack("blog", facts={"users": 5}))
    )
    (judged,) = world.judged("users >= 1M and needs control", "")
    assert judged.asks is not None
    assert judged.asks.tolist() == [True, False]


# 16. Unknown


def test_16_a_reading_is_stale_beyond_its_fresh_span_and_facts_never() -> None:
    world = World(fleet_of(stack("shop", "database", facts={"team_size": 3})))
    world.say("storage", 500 * MB, NOW - 3 * HOUR, fresh=45)
    assert world.verdict("storage > 400MB") == "unknown"
    assert world.why("storage > 400MB") == "the newest reading of `storage` is 3 h old; fresh for 45 s"
    (judged,) = world.judged("storage > 400MB")
    assert judged.stale.tolist() == [True]
    assert world.why("connections > 4") == "no reading of `connections` yet"
    assert world.verdict("team_size >= 3", "", NOW + 900 * DAY) == "true"


def test_16_a_window_takes_80_per_cent_covered() -> None:
    world = World()
    world.level("cpu", NOW - 40 * MINUTE, NOW, 0.5)
    assert world.verdict("avg cpu over 1h > 60%") == "unknown"
    assert world.why("avg cpu over 1h > 60%") == "the window of `cpu` is covered to 67 %, it takes 80 %"
    world.level("cpu", NOW - 49 * MINUTE, NOW - 40 * MINUTE, 0.5)
    assert world.verdict("avg cpu over 1h > 60%") == "false"


def test_16_a_gap_that_cannot_change_the_verdict_does_not() -> None:
    world = World()
    world.amounts("emails", NOW - 12 * HOUR, NOW - 11 * HOUR, 500)
    world.amounts("emails", NOW - HOUR, NOW, 1)
    assert world.verdict("emails per day > 80", "email") == "true"
    assert world.verdict("emails per day > 800", "email") == "unknown"
    world.level("cpu", NOW - 40 * MINUTE, NOW, 1.0)
    assert world.verdict("avg cpu over 1h > 50%") == "true"
    assert world.verdict("max cpu over 1h > 50%") == "true"


def test_16_false_wins_and_true_wins_or_and_not_turns() -> None:
    world = World()
    world.say("storage", 500 * MB)
    assert world.verdict("storage > 600MB and connections > 4") == "false"
    assert world.verdict("storage > 400MB and connections > 4") == "unknown"
    assert world.verdict("storage > 400MB or connections > 4") == "true"
    assert world.verdict("storage > 600MB or connections > 4") == "unknown"
    assert world.verdict("not (storage > 600MB)") == "true"
    assert world.verdict("not (connections > 4)") == "unknown"


def test_16_an_uncertain_value_counts_where_both_ends_agree() -> None:
    world = World()
    world.say("query_time", 0.1, NOW, stat="p95", low=0.08, high=0.15, quality=Quality.ESTIMATED)
    assert world.verdict("p95 query_time > 50ms") == "true"
    assert world.verdict("p95 query_time > 120ms") == "unknown"
    assert world.verdict("p95 query_time > 200ms") == "false"
    assert world.term("p95 query_time > 50ms").quality == "estimated"


def test_16_what_is_not_a_number_never_enters() -> None:
    world = World()
    world.say("storage", 500 * MB)
    world.say("storage", float("nan"), NOW)
    world.say("storage", float("inf"), NOW)
    assert world.verdict("storage > 400MB") == "true"


# 17. Not applicable


def test_17_a_plan_without_the_quota_is_not_applicable() -> None:
    world = World(limits=MemoryLimits(never=frozenset({("memory", Limit.QUOTA)})))
    world.say("memory", 500)
    world.say("storage", 500 * MB)
    assert world.verdict("memory > 80% of quota") == "not applicable"
    assert world.why("memory > 80% of quota") == "plan free has no quota on `memory`"
    assert world.verdict("memory > 80% of quota and storage > 400MB") == "not applicable"
    assert world.verdict("memory > 80% of quota or storage > 400MB") == "true"
    assert world.verdict("memory > 80% of quota or storage > 900MB") == "false"
    assert world.verdict("not (memory > 80% of quota)") == "not applicable"


def test_17_a_metric_that_the_role_cannot_have_is_not_applicable() -> None:
    world = World()
    assert world.verdict("cpu > 80%", "email") == "not applicable"
    assert world.why("cpu > 80%", "email") == "`cpu` is not measured for an email"
    world.say("cpu", 0.9, subject="shop/email")  # Unless somebody measures it after all.
    assert world.verdict("cpu > 80%", "email") == "true"


def test_17_what_the_source_cannot_give_is_not_applicable() -> None:
    world = World()
    program = compile_rules(
        [rule("p95 query_time > 1s")], world.fleet, world.limits, gives=lambda _s, _m, stat: stat != "p95"
    )
    from advisor.core.columns import Columns

    (judged,) = program.judge(Columns(world.fleet), NOW, {})
    assert judged.verdict[0] == 3
    assert judged.explain(0)[0].why == "the source cannot give p95 of `query_time`"


# 18. Ladder


def test_18_all_rungs_that_hold_fire_and_the_highest_speaks() -> None:
    world = World(fleet_of(stack("a", facts={"users": 20e3}), stack("b", facts={"users": 2e3})))
    rungs = [replace(rule(f"users >= {n}", "", n), ladder="tiers") for n in ("1K", "10K")]
    program = compile_rules(rungs, world.fleet, world.limits)
    from advisor.core.columns import Columns

    subjects = world.fleet.subjects
    decision = decide(program, Columns(world.fleet), Ledger(program, subjects), subjects, _users_of, NOW)
    firing = [one.verdict == TRUE for one in decision.judged]
    assert [f.tolist() for f in firing] == [[True, True], [True, False]]
    found = gather([t.after for t in decision.transitions], {one.id: one for one in rungs}, _users_of)
    heard = {one.key: (one.speaker.rule, [f.rule for f in one.silent]) for one in found}
    assert heard == {"a#users": (rungs[1].id, [rungs[0].id]), "b#users": (rungs[0].id, [])}


def _users_of(_: object, subject: str, __: str) -> str:
    return f"{subject}#users"


def test_a_state_of_another_shape_is_refused() -> None:
    world = World()
    (judged,) = world.judged("cpu > 70% for 15m")
    wrong = remembered(np.full(7, INACTIVE, dtype=np.int8), judged)
    with pytest.raises(ValueError, match="other subjects"):
        world.judged("cpu > 70% for 15m", states={("r", ""): wrong})
