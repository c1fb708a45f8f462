"""Mean and quantiles out of two looks: pure, compared with samples whose truth is known."""

import math
import random
import statistics

import pytest

from advisor.collectors.postgresql.query_time import Look, Ran, between, look, mean, quantile

HOUR = 3600.0


def counters(times: list[float]) -> tuple[int, float, float]:
    """Return what the view would have counted of these milliseconds."""
    return len(times), sum(times), sum(t * t for t in times)


def drawn(seed: int, count: int, median: float, sigma: float) -> list[float]:
    chance = random.Random(seed)
    return [chance.lognormvariate(math.log(median), sigma) for _ in range(count)]


def between_looks(before: dict[str, list[float]], after: dict[str, list[float]]) -> list[Ran]:
    first = Look(0.0, {name: counters(times) for name, times in before.items()}, whole=True)
    together = {name: before.get(name, []) + times for name, times in after.items()}
    second = Look(60.0, {name: counters(times) for name, times in together.items()}, whole=True)
    return between(first, second, {name: row(max(times)) for name, times in together.items()})


def row(longest: float, since: float | None = None) -> dict[str, float | None]:
    return {"max_exec_time": longest, "stats_since": since}


def test_a_log_normal_statement_is_estimated_within_a_few_per_cent() -> None:
    past, now = drawn(1, 50_000, 5, 0.3), drawn(2, 20_000, 20, 0.6)
    ran = between_looks({"a": past}, {"a": now})
    truth = statistics.quantiles(now, n=100)
    assert mean(ran) == pytest.approx(statistics.fmean(now) / 1000)
    assert quantile(ran, 0.95) == pytest.approx(truth[94] / 1000, rel=0.03)
    assert quantile(ran, 0.5) == pytest.approx(truth[49] / 1000, rel=0.03)


def test_a_mixture_is_weighted_by_calls() -> None:
    kinds = {
        "point": drawn(3, 7000, 0.05, 0.3),
        "list": drawn(4, 2500, 20, 0.4),
        "report": drawn(5, 500, 120, 0.5),
    }
    ran = between_looks({}, kinds)
    every = sorted(time for times in kinds.values() for time in times)
    assert quantile(ran, 0.95) == pytest.approx(every[int(0.95 * len(every))] / 1000, rel=0.05)
    assert quantile(ran, 0.5) == pytest.approx(every[int(0.5 * len(every))] / 1000, rel=0.05)


def test_an_estimate_is_never_above_the_longest_call() -> None:
    ran = [Ran("a", 100, 1.0, 1.0, longest=0.02)]
    assert quantile(ran, 0.99) == 0.02


def test_constant_times_are_themselves() -> None:
    assert quantile([Ran("a", 10, 0.1, 0.0, 0.01)], 0.95) == pytest.approx(0.01)


def test_statements_that_take_no_time_are_no_error() -> None:
    assert quantile([Ran("a", 10, 0.0, 0.0, 0.0)], 0.95) == 0.0
    assert quantile([Ran("a", 95, 0.0, 0.0, 0.0), Ran("b", 5, 5.0, 0.0, 1.0)], 0.5) == pytest.approx(
        0, abs=1e-6
    )


def test_nothing_that_ran_has_no_time() -> None:
    assert mean([]) is None
    assert quantile([], 0.95) is None


def test_months_of_counting_leave_a_minute_exact_enough() -> None:
    calls, average = 2_000_000_000, 0.02
    before = (calls, calls * average, calls * (average**2 + 0.01**2))
    minute = drawn(6, 500, 3, 0.5)
    count, total, squares = counters(minute)
    after = (before[0] + count, before[1] + total, before[2] + squares)
    [ran] = between(Look(0, {"a": before}, True), Look(60, {"a": after}, True), {"a": row(max(minute))})
    assert ran.mean == pytest.approx(statistics.fmean(minute) / 1000, rel=1e-3)
    assert ran.deviation == pytest.approx(statistics.pstdev(minute) / 1000, rel=0.01)


@pytest.mark.parametrize(
    ("why", "earlier", "later", "since", "calls"),
    [
        ("it was seen in both", Look(0, {"a": (5, 5, 5)}, True), Look(60, {"a": (8, 8, 8)}, True), None, 3),
        ("it is new", Look(0, {}, True), Look(60, {"a": (8, 8, 8)}, True), None, 8),
        ("it may be old, only not kept", Look(0, {}, False), Look(60, {"a": (8, 8, 8)}, True), None, None),
        ("17 says it is new", Look(0, {}, False), Look(60, {"a": (8, 8, 8)}, True), 30.0, 8),
        ("17 says it is old", Look(40, {}, False), Look(60, {"a": (8, 8, 8)}, True), 30.0, None),
        ("evicted, and back", Look(0, {"a": (9, 9, 9)}, True), Look(60, {"a": (8, 8, 8)}, True), None, 8),
        (
            "reset in between",
            Look(0, {"a": (5, 5, 5)}, True),
            Look(60, {"a": (8, 8, 8)}, True, 30.0),
            None,
            8,
        ),
        ("reset before", Look(40, {"a": (5, 5, 5)}, True), Look(60, {"a": (8, 8, 8)}, True, 30.0), None, 3),
        ("it did not run", Look(0, {"a": (8, 8, 8)}, True), Look(60, {"a": (8, 8, 8)}, True), None, None),
        ("there is no earlier look", None, Look(60, {"a": (8, 8, 8)}, True), None, 8),
    ],
)
def test_a_statement_counts_with_what_it_did_in_between(
    why: str, earlier: Look | None, later: Look, since: float | None, calls: int | None
) -> None:
    ran = between(earlier, later, {"a": row(1.0, since)})
    assert [each.calls for each in ran] == ([] if calls is None else [calls]), why


def test_a_look_survives_being_kept() -> None:
    plain = {
        "key": "-5:10", "queryid": -5, "userid": 10,
        "calls": 4, "total_exec_time": 8.0, "mean_exec_time": 2.0,
        "stddev_exec_time": 1.0, "all_statements": 3,
    }  # fmt: skip
    mine = {**plain, "queryid": 7}
    hidden = {**plain, "queryid": None}
    seen = look([plain, mine, hidden], 60.0, None, own=[7])
    assert seen.rows == {"-5:10": (4, 8.0, 20.0)}
    assert seen.whole
    assert Look.of(seen.kept()) == seen


@pytest.mark.parametrize(
    "kept", [{}, {"rows": []}, {"rows": {"a": [1]}, "at": 1, "whole": True}, {"at": "x", "rows": {}}]
)
def test_what_another_version_kept_is_left_aside(kept: dict[str, object]) -> None:
    assert Look.of(kept) is None
