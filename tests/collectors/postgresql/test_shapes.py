"""Quantiles of mixtures: whatever the shape, the truth lies between low and high."""

import math
import random
import statistics
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.collectors.postgresql.shapes import Shape, quantile

CHANCE = random.Random(11)


def shape(times: Sequence[float]) -> Shape:
    return Shape(len(times), statistics.fmean(times), statistics.pstdev(times), min(times), max(times))


def true(times: Sequence[float], share: float) -> float:
    ordered = sorted(times)
    return ordered[math.ceil(share * len(ordered)) - 1]


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
@pytest.mark.parametrize(
    ("why", "draw"),
    [
        ("log-normal", lambda: CHANCE.lognormvariate(0, 0.5)),
        ("heavy log-normal", lambda: CHANCE.lognormvariate(0, 1.2)),
        ("exponential", lambda: CHANCE.expovariate(1)),
        ("gamma", lambda: CHANCE.gammavariate(4, 1)),
        ("even", lambda: CHANCE.uniform(1, 2)),
        ("Pareto", lambda: CHANCE.paretovariate(2.5)),
        ("a cache that misses one time in fifty", lambda: 5.0 if CHANCE.random() < 0.02 else 0.1),
        ("two speeds, one in ten is slow", lambda: 9.0 if CHANCE.random() < 0.1 else 1.0),
    ],
)
def test_the_truth_lies_between_low_and_high(why: str, draw: Callable[[], float], share: float) -> None:
    times = [draw() for _ in range(4000)]
    found = quantile([shape(times)], share)
    assert found is not None
    assert found.low <= true(times, share) <= found.high, why


TIMES = st.lists(st.floats(0.001, 1000), min_size=1, max_size=30)


@settings(deadline=None, max_examples=60)
@given(st.lists(TIMES, min_size=1, max_size=5), st.sampled_from([0.5, 0.95, 0.99]))
def test_ends_are_in_order_and_within_what_ran(kinds: list[list[float]], share: float) -> None:
    found = quantile([shape(times) for times in kinds], share)
    assert found is not None
    every = [time for times in kinds for time in times]
    assert min(every) * 0.99 <= found.low <= found.value <= found.high <= max(every) * 1.01


@settings(deadline=None, max_examples=40)
@given(TIMES, st.floats(0.01, 100))
def test_another_unit_scales_the_answer(times: list[float], unit: float) -> None:
    one = quantile([shape(times)], 0.95)
    other = quantile([shape([time * unit for time in times])], 0.95)
    assert one is not None
    assert other is not None
    assert other.value == pytest.approx(one.value * unit, rel=0.01)


def test_a_higher_share_is_no_lower() -> None:
    shapes = [Shape(1000, 1.0, 0.4), Shape(50, 20.0, 30.0, 0.5, 300.0)]
    found = [quantile(shapes, share) for share in (0.5, 0.9, 0.95, 0.99)]
    values = [each.value for each in found if each is not None]
    assert values == sorted(values)
    assert len(values) == 4


def test_one_speed_is_known_better_than_a_wide_spread() -> None:
    narrow, wide = quantile([Shape(5000, 1.0, 0.3)], 0.95), quantile([Shape(5000, 1.0, 3.0)], 0.95)
    assert narrow is not None
    assert wide is not None
    assert narrow.high / narrow.low < 1.5
    assert wide.high / wide.low > 5


def test_calls_that_were_not_seen_widen_the_ends_alone() -> None:
    shapes = [Shape(1000, 1.0, 0.3, 0.2, 4.0)]
    alone, beside = quantile(shapes, 0.95), quantile(shapes, 0.95, unseen=100)
    assert alone is not None
    assert beside is not None
    assert beside.value == alone.value
    assert beside.low < alone.low
    assert beside.high > alone.high


def test_few_calls_say_little_of_a_rare_quantile() -> None:
    few, many = quantile([Shape(20, 1.0, 0.3)], 0.99), quantile([Shape(20_000, 1.0, 0.3)], 0.99)
    assert few is not None
    assert many is not None
    assert few.high > many.high


def test_nothing_that_ran_has_no_quantile() -> None:
    assert quantile([], 0.95) is None
