"""Mean and quantiles out of two looks: pure, compared with samples whose truth is known."""

import math
import random
import statistics

import pytest

from advisor.collectors.postgresql.query_time import (
    Counted,
    Look,
    Ran,
    between,
    look,
    mean,
    quantile,
    thrown_out,
)
from advisor.collectors.postgresql.shapes import Shape

HOUR = 3600.0


def counters(times: list[float]) -> Counted:
    """Return what the view would have counted of these milliseconds."""
    return Counted(len(times), sum(times), sum(t * t for t in times), max(times, default=0.0))


def estimate(ran: list[Ran], share: float) -> float:
    found = quantile(ran, share)
    assert found is not None
    assert found.low <= found.value <= found.high
    return found.value


def shaped(calls: int, mean: float, deviation: float, least: float = 0.0, longest: float = math.inf) -> Ran:
    return Ran("a", calls, calls * mean, (Shape(calls, mean, deviation, least, longest),))


def drawn(seed: int, count: int, median: float, sigma: float) -> list[float]:
    chance = random.Random(seed)
    return [chance.lognormvariate(math.log(median), sigma) for _ in range(count)]


def between_looks(before: dict[str, list[float]], after: dict[str, list[float]]) -> list[Ran]:
    first = Look(0.0, {name: counters(times) for name, times in before.items()}, whole=True)
    together = {name: before.get(name, []) + times for name, times in after.items()}
    second = Look(60.0, {name: counters(times) for name, times in together.items()}, whole=True)
    return between(first, second, {name: row(min(times)) for name, times in together.items()})


def row(least: float, since: float | None = None, planned: float = 0.0) -> dict[str, float | None]:
    return {"min_exec_time": least, "max_plan_time": planned, "stats_since": since}


def test_a_log_normal_statement_is_estimated_within_a_few_per_cent() -> None:
    past, now = drawn(1, 50_000, 5, 0.3), drawn(2, 20_000, 20, 0.6)
    ran = between_looks({"a": past}, {"a": now})
    truth = statistics.quantiles(now, n=100)
    assert mean(ran) == pytest.approx(statistics.fmean(now) / 1000)
    assert estimate(ran, 0.95) == pytest.approx(truth[94] / 1000, rel=0.03)
    assert estimate(ran, 0.5) == pytest.approx(truth[49] / 1000, rel=0.03)


def test_a_mixture_is_weighted_by_calls() -> None:
    kinds = {
        "point": drawn(3, 7000, 0.05, 0.3),
        "list": drawn(4, 2500, 20, 0.4),
        "report": drawn(5, 500, 120, 0.5),
    }
    ran = between_looks({}, kinds)
    every = sorted(time for times in kinds.values() for time in times)
    assert estimate(ran, 0.95) == pytest.approx(every[int(0.95 * len(every))] / 1000, rel=0.07)
    assert estimate(ran, 0.5) == pytest.approx(every[int(0.5 * len(every))] / 1000, rel=0.05)


def test_an_estimate_is_never_above_the_longest_call() -> None:
    assert estimate([shaped(100, 0.01, 0.01, longest=0.02)], 0.99) == 0.02


def test_constant_times_are_themselves() -> None:
    assert estimate([shaped(10, 0.01, 0.0)], 0.95) == pytest.approx(0.01)


def test_statements_that_take_no_time_are_no_error() -> None:
    assert estimate([shaped(10, 0.0, 0.0)], 0.95) == 0.0
    assert estimate([shaped(95, 0.0, 0.0), shaped(5, 1.0, 0.0)], 0.5) == pytest.approx(0, abs=1e-6)


def test_nothing_that_ran_has_no_time() -> None:
    assert mean([]) is None
    assert quantile([], 0.95) is None


def test_months_of_counting_leave_a_minute_exact_enough() -> None:
    calls, average = 2_000_000_000, 0.02
    before = Counted(calls, calls * average, calls * (average**2 + 0.01**2), 1000.0)
    minute = drawn(6, 500, 3, 0.5)
    new = counters(minute)
    after = Counted(calls + new.calls, before.time + new.time, before.squares + new.squares, 1000.0)
    [ran] = between(Look(0, {"a": before}, True), Look(60, {"a": after}, True), {"a": row(0.001)})
    assert ran.mean == pytest.approx(statistics.fmean(minute) / 1000, rel=1e-3)
    [shape] = ran.shapes
    assert shape.deviation == pytest.approx(statistics.pstdev(minute) / 1000, rel=0.01)


def counted(calls: int) -> Counted:
    return Counted(calls, calls, calls, 1.0)


@pytest.mark.parametrize(
    ("why", "earlier", "later", "since", "calls"),
    [
        ("it was seen in both", Look(0, {"a": counted(5)}, True), Look(60, {"a": counted(8)}, True), None, 3),
        ("it is new", Look(0, {}, True), Look(60, {"a": counted(8)}, True), None, 8),
        ("it may be old, only not kept", Look(0, {}, False), Look(60, {"a": counted(8)}, True), None, None),
        ("17 says it is new", Look(0, {}, False), Look(60, {"a": counted(8)}, True), 30.0, 8),
        ("17 says it is old", Look(40, {}, False), Look(60, {"a": counted(8)}, True), 30.0, None),
        ("evicted, and back", Look(0, {"a": counted(9)}, True), Look(60, {"a": counted(8)}, True), None, 8),
        (
            "reset in between",
            Look(0, {"a": counted(5)}, True),
            Look(60, {"a": counted(8)}, True, 30.0),
            None,
            8,
        ),
        ("reset before", Look(40, {"a": counted(5)}, True), Look(60, {"a": counted(8)}, True, 30.0), None, 3),
        ("it did not run", Look(0, {"a": counted(8)}, True), Look(60, {"a": counted(8)}, True), None, None),
        ("there is no earlier look", None, Look(60, {"a": counted(8)}, True), None, 8),
    ],
)
def test_a_statement_counts_with_what_it_did_in_between(
    why: str, earlier: Look | None, later: Look, since: float | None, calls: int | None
) -> None:
    ran = between(earlier, later, {"a": row(1.0, since)})
    assert [each.calls for each in ran] == ([] if calls is None else [calls]), why


def test_one_hiccup_that_is_the_longest_call_bends_no_quantile() -> None:
    now = drawn(7, 2000, 0.05, 0.2)
    [ran] = between_looks({"a": drawn(8, 500, 0.05, 0.2)}, {"a": [*now, 80.0]})
    assert [shape.calls for shape in ran.shapes] == [1, 2000]
    assert ran.mean == pytest.approx(statistics.fmean([*now, 80.0]) / 1000)
    assert estimate([ran], 0.95) == pytest.approx(statistics.quantiles(now, n=100)[94] / 1000, rel=0.05)


def test_a_longest_call_of_the_past_is_none_of_the_interval() -> None:
    [ran] = between_looks({"a": [80.0, 1.0]}, {"a": [1.0, 2.0, 1.5]})
    assert [shape.calls for shape in ran.shapes] == [3]
    found = quantile([ran], 0.99)
    assert found is not None
    assert found.high < 0.01


def test_planning_is_part_of_the_time_where_it_is_tracked() -> None:
    before = Counted(10, 20.0, 40.0, 2.0, 5.0, 5.0)
    after = Counted(110, 220.0, 440.0, 2.0, 305.0, 1205.0)
    looks = Look(0, {"a": before}, True), Look(60, {"a": after}, True)
    [ran] = between(*looks, {"a": row(2.0, planned=9.0)})
    assert ran.mean == pytest.approx(0.002 + 0.003)
    [shape] = ran.shapes
    assert shape.deviation == pytest.approx(math.sqrt(12 - 9) / 1000)
    assert (shape.least, shape.longest) == (0.002, 0.011)


def test_ends_that_were_reset_alone_bound_nothing() -> None:
    looks = (
        Look(0, {"a": Counted(5, 50.0, 600.0, 20.0)}, True),
        Look(60, {"a": Counted(9, 90.0, 1100.0, 1.0)}, True),
    )
    [ran] = between(*looks, {"a": row(1.0)})
    assert [(shape.least, shape.longest) for shape in ran.shapes] == [(0.0, math.inf)]
    assert estimate([ran], 0.5) == pytest.approx(0.01, rel=0.2)


@pytest.mark.parametrize(
    ("why", "earlier", "later", "times", "calls"),
    [
        ("no earlier look: nothing is known of the past", None, 7, 0, 0),
        ("it was not full", 3, 3, 0, 0),
        ("a twentieth of 5,000 each time", 3, 5, 2, 500),
        ("reset in between", 5, 1, 1, 250),
    ],
)
def test_what_a_full_view_threw_out_is_counted(
    why: str, earlier: int | None, later: int, times: int, calls: float
) -> None:
    first = None if earlier is None else Look(0, {}, True, thrown=earlier)
    assert thrown_out(first, Look(60, {}, True, thrown=later), 5000) == (times, calls), why


def test_a_statement_that_came_back_after_it_was_thrown_out_is_not_mixed_with_its_past() -> None:
    looks = Look(10, {"a": counted(5)}, True), Look(60, {"a": counted(8)}, True)
    assert [ran.calls for ran in between(*looks, {"a": row(1.0, since=20.0)})] == [8]


def test_a_look_of_before_longest_calls_were_kept_still_counts() -> None:
    old = Look.of({"at": 0, "whole": True, "rows": {"a": [5, 5.0, 5.0]}})
    assert old is not None
    [ran] = between(old, Look(60, {"a": Counted(8, 8.0, 8.0, 1.0)}, True), {"a": row(1.0)})
    assert [shape.calls for shape in ran.shapes] == [3]


def test_a_look_survives_being_kept() -> None:
    plain = {
        "key": "-5:10", "queryid": -5, "userid": 10,
        "calls": 4, "total_exec_time": 8.0, "mean_exec_time": 2.0,
        "stddev_exec_time": 1.0, "max_exec_time": 3.0, "all_statements": 3,
        "plans": 2, "total_plan_time": 2.0, "mean_plan_time": 1.0, "stddev_plan_time": 0.0,
    }  # fmt: skip
    mine = {**plain, "queryid": 7}
    hidden = {**plain, "queryid": None}
    seen = look([plain, mine, hidden], 60.0, None, own=[7])
    assert seen.rows == {"-5:10": Counted(4, 8.0, 20.0, 3.0, 2.0, 2.0)}
    assert seen.whole
    assert Look.of(seen.kept()) == seen


@pytest.mark.parametrize(
    "kept", [{}, {"rows": []}, {"rows": {"a": [1]}, "at": 1, "whole": True}, {"at": "x", "rows": {}}]
)
def test_what_another_version_kept_is_left_aside(kept: dict[str, object]) -> None:
    assert Look.of(kept) is None
