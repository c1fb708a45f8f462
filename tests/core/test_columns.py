from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.core.columns import Columns
from advisor.core.fleet import Fleet, Stack
from advisor.core.model import Combine, Observed, Reading
from advisor.core.ring import Ring
from advisor.core.windows import course, periodic
from tests.core.world import DAY, HOUR, MINUTE, NOW, World, fleet_of, stack

T0 = NOW.timestamp()
ALL = np.ones(1, dtype=np.bool_)


def level_ring(horizon: float = 6 * 3600.0) -> Ring:
    return Ring(1, horizon, level=True)


def covered(
    points: list[tuple[float, float]], fresh: float, since: float, until: float
) -> tuple[float, float]:
    """The obvious way: every reading holds until the next one, at most as long as it is fresh."""
    points = sorted(dict(points).items())
    ends = [b for (_, _), (b, _) in pairwise(points)] + [float("inf")]
    integral = seconds = 0.0
    for (at, value), end in zip(points, ends, strict=True):
        within = max(0.0, min(end, at + fresh, until) - max(at, since))
        integral += within * value
        seconds += within
    return integral, seconds


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 50)), min_size=1, max_size=40),
    st.integers(1, 120),
    st.integers(0, 200),
    st.integers(1, 200),
)
def test_a_level_holds_until_the_next_reading_in_whatever_order_they_come(
    points: list[tuple[int, int]], fresh: int, since: int, length: int
) -> None:
    ring = level_ring()
    row = ring.row_of(0, "")
    for at, value in points:
        ring.add(row, float(at), float(at + fresh), float(value))
    seen = course(ring, 1, float(since), float(since + length), Combine.SUM, ALL)
    said = [(float(at), float(value)) for at, value in points]
    integral, seconds = covered(said, fresh, since, since + length)
    assert seen.covered[0] == pytest.approx(seconds)
    assert seen.integral[0] == pytest.approx(integral)


@settings(max_examples=200, deadline=None)
@given(st.permutations(range(24)), st.lists(st.tuples(st.integers(0, 23), st.integers(0, 9)), max_size=10))
def test_late_repeated_and_corrected_buckets_replace(
    order: list[int], corrections: list[tuple[int, int]]
) -> None:
    ring = Ring(1, 2 * 86400.0, level=False)
    row = ring.row_of(0, "")
    known = {}
    for hour, value in [*((hour, hour) for hour in order), *corrections]:
        known[hour] = value
        ring.add(row, hour * 900.0, (hour + 1) * 900.0, float(value))
    total = periodic(ring, 1, 0.0, 24 * 900.0, ALL)
    assert total.value[0] == sum(known.values())
    assert total.covered[0] == 24 * 900


def test_of_two_resolutions_the_finer_wins_and_never_both() -> None:
    ring = Ring(1, 3 * 86400.0, level=False)
    row = ring.row_of(0, "")
    for hour in range(24):
        ring.add(row, hour * 3600.0, (hour + 1) * 3600.0, 1.0)
    ring.add(row, -3600.0, 86400.0, 500.0)  # A coarser one over them all.
    assert periodic(ring, 1, 0.0, 86400.0, ALL).value[0] == 24
    ring.add(row, 86400.0, 2 * 86400.0, 500.0)
    ring.add(row, 86400.0 + 3600, 86400.0 + 7200, 7.0)
    assert periodic(ring, 1, 86400.0, 2 * 86400.0, ALL).value[0] == 7


def test_a_bucket_that_grows_replaces_itself() -> None:
    world = World()
    midnight = datetime(2026, 11, 20, tzinfo=UTC)
    for hours in range(1, 13):
        end = midnight + hours * HOUR
        world.say("emails", 10.0 * hours, end, "shop/email", 2 * 86400, since=midnight)
    assert world.term("emails per day > 80", "email").value == 120


def test_a_month_of_hours_is_exact_after_it_was_merged() -> None:
    ring = Ring(1, 31 * 86400.0, level=False)
    row = ring.row_of(0, "")
    random = Random(1)
    values = [random.randrange(1000) for _ in range(31 * 24 * 12)]
    for index, value in enumerate(values):
        ring.add(row, index * 300.0, (index + 1) * 300.0, float(value))
    assert ring.a.shape[1] < 1100
    for day in range(2, 31):
        total = periodic(ring, 1, day * 86400.0, (day + 1) * 86400.0, ALL)
        assert total.value[0] == sum(values[day * 288 : (day + 1) * 288])
        assert total.covered[0] == 86400


def test_a_merged_level_keeps_mean_cover_lowest_and_highest() -> None:
    ring = Ring(1, 10 * 86400.0, level=True)
    row = ring.row_of(0, "")
    for minute in range(9 * 1440):
        ring.add(row, minute * 60.0, minute * 60.0 + 90, float(minute % 60))
    assert ring.a.shape[1] < 900
    seen = course(ring, 1, 86400.0, 8 * 86400.0, Combine.SUM, ALL, ends=True)
    assert seen.integral[0] / seen.covered[0] == pytest.approx(29.5)
    assert seen.covered[0] == pytest.approx(7 * 86400)
    assert (seen.low[0], seen.high[0]) == (0, 59)


def test_parts_make_one_value_as_the_metric_says() -> None:
    world = World()
    for part, cpu, memory, storage in (("a", 0.2, 10, 100), ("b", 0.6, 30, 50)):
        world.say("cpu", cpu, subject="shop/backend", part=part)
        world.say("memory", memory, subject="shop/backend", part=part)
        world.say("storage", storage, subject="shop/database", part=part)
    assert world.term("cpu > 1%", "backend").value == pytest.approx(0.4)
    assert world.term("memory > 1B", "backend").value == 30
    assert world.term("storage > 1B").value == 150


def test_a_part_that_fell_silent_is_gone() -> None:
    world = World()
    world.say("storage", 100, NOW - 3 * HOUR, part="old")
    world.say("storage", 50, NOW, part="new")
    assert world.term("storage > 1B").value == 50


def test_parts_of_amounts_add_up_and_corrections_of_one_replace_it_alone() -> None:
    world = World()
    midnight = datetime(2026, 11, 20, tzinfo=UTC)
    for hour in range(12):
        for part in ("eu", "us"):
            end = midnight + (hour + 1) * HOUR
            world.say("emails", 1, end, "shop/email", 86400, since=end - HOUR, part=part)
    world.say("emails", 5, midnight + HOUR, "shop/email", 86400, since=midnight, part="eu")
    assert world.term("emails per day > 1", "email").value == 28


def test_readings_by_table_are_no_value_of_the_whole() -> None:
    world = World()
    world.say("table_size", 100, part="orders")
    assert world.verdict("table_size > 1B") == "unknown"


def test_whole_columns_and_single_readings_come_to_the_same() -> None:
    fleet = Fleet(tuple(Stack(f"s{i}") for i in range(5)))
    random = Random(3)
    one, many = Columns(fleet, {"users": 3600.0}), Columns(fleet, {"users": 3600.0})
    for minute in range(200):
        at = NOW + minute * MINUTE
        values = np.array([float(random.randrange(100)) for _ in range(5)])
        many.set_level("users", np.arange(5), values, at, 90.0)
        one.add(
            Observed(Reading("users", value, at), f"s{i}", "test", at, 90.0) for i, value in enumerate(values)
        )
    a, b = one.get("users"), many.get("users")
    assert a is not None
    assert b is not None
    assert a.ring is not None
    assert b.ring is not None
    for name in ("time", "before", "value", "fresh"):
        assert np.array_equal(getattr(a, name), getattr(b, name), equal_nan=True)
    everyone = np.ones(5, dtype=np.bool_)
    end = (NOW + 199 * MINUTE).timestamp()
    left = course(a.ring, 5, end - 3600, end, Combine.SUM, everyone)
    right = course(b.ring, 5, end - 3600, end, Combine.SUM, everyone)
    assert np.allclose(left.integral, right.integral)
    assert np.allclose(left.covered, 3600)


def test_a_ring_stays_as_wide_as_its_horizon_needs() -> None:
    fleet = Fleet((Stack("s"),))
    columns = Columns(fleet, {"users": 3600.0})
    for minute in range(2000):
        columns.set_level("users", np.array([0]), np.array([1.0]), NOW + minute * MINUTE, 90.0)
    series = columns.get("users")
    assert series is not None
    assert series.ring is not None
    assert series.ring.a.shape[1] <= 90


def test_fifty_stacks_with_a_month_of_hourly_history_fit_in_twenty_mebibytes() -> None:
    fleet = Fleet(tuple(Stack(f"s{i}") for i in range(50)))
    columns = Columns(fleet, {"users": 31 * 86400.0})
    rows = np.arange(50)
    for hour in range(40 * 24):
        columns.set_level("users", rows, np.full(50, 1.0), NOW + hour * HOUR, 7200.0)
    # One metric of twenty.
    assert columns.nbytes < 20 * 2**20 / 20


def test_what_nobody_knows_or_is_no_number_is_left_out() -> None:
    columns = Columns(fleet_of(stack("shop", "database")))
    columns.add(
        [
            Observed(Reading("storage", float("nan"), NOW), "shop/database", "t", NOW, 60),
            Observed(Reading("storage", 5.0, NOW), "elsewhere", "t", NOW, 60),
            Observed(Reading("no_such_metric", 5.0, NOW), "shop/database", "t", NOW, 60),
        ]
    )
    assert columns.get("storage") is None
    columns.set_level("storage", np.array([1]), np.array([np.inf]), NOW, 60)
    assert columns.get("storage") is None


def test_a_metric_without_a_horizon_keeps_the_newest_alone() -> None:
    columns = Columns(fleet_of(stack("shop", "database")))
    for day in range(5):
        at = NOW + timedelta(days=day)
        columns.add([Observed(Reading("storage", 5.0, at), "shop/database", "t", at, 60)])
    series = columns.get("storage")
    assert series is not None
    assert series.ring is None
    assert timedelta(days=1) == DAY
