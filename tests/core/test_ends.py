"""An estimate comes with the ends between which it lies: a threshold between them is unknown."""

from datetime import timedelta

import numpy as np
import pytest

from advisor.core.model import Combine
from advisor.core.ring import Ring
from advisor.core.windows import course
from tests.core.world import HOUR, MINUTE, NOW, World, fleet_of, stack

ALL = np.ones(1, dtype=np.bool_)


def world() -> World:
    return World(fleet_of(stack("shop", "database")))


@pytest.mark.parametrize(
    ("sentence", "verdict"),
    [
        ("p95 query_time > 50ms", "true"),
        ("p95 query_time > 90ms", "unknown"),
        ("p95 query_time > 200ms", "unknown"),
        ("p95 query_time > 400ms", "false"),
        ("p95 query_time < 50ms", "false"),
    ],
)
def test_a_threshold_between_the_ends_of_an_estimate_is_unknown(sentence: str, verdict: str) -> None:
    seen = world()
    seen.say("query_time", 0.1, NOW, stat="p95", since=NOW - MINUTE, low=0.08, high=0.3)
    assert seen.verdict(sentence) == verdict
    if verdict == "unknown":
        assert "lies between 0.08 and 0.3" in seen.why(sentence)


@pytest.mark.parametrize(
    ("sentence", "verdict"),
    [
        ("p95 query_time over 1h > 70ms", "true"),
        ("p95 query_time over 1h > 90ms", "unknown"),
        ("p95 query_time over 1h > 250ms", "unknown"),
        ("p95 query_time over 1h > 400ms", "false"),
    ],
)
def test_a_window_lies_between_the_ends_of_what_is_in_it(sentence: str, verdict: str) -> None:
    seen = world()
    for index in range(12):
        end = NOW - 5 * index * MINUTE
        ends = {"low": 0.08, "high": 0.3} if index % 2 else {}
        seen.say("query_time", 0.1, end, stat="p95", since=end - 5 * MINUTE, **ends)
    assert seen.verdict(sentence) == verdict


def test_a_corrected_bucket_has_its_new_ends() -> None:
    seen = world()
    for low, high in ((0.01, 0.9), (0.09, 0.12)):
        seen.say("query_time", 0.1, NOW, stat="p95", since=NOW - HOUR, low=low, high=high)
    assert seen.verdict("p95 query_time over 1h > 80ms") == "true"
    assert seen.verdict("p95 query_time over 1h > 130ms") == "false"


def test_ends_outlive_the_merging_of_hours() -> None:
    ring = Ring(1, timedelta(days=9).total_seconds(), level=False, bounds=True)
    row = ring.row_of(0, "")
    for minute in range(0, 8 * 1440, 5):
        ends = (0.5, 7.0) if minute == 0 else None
        ring.add(row, minute * 60.0, (minute + 5) * 60.0, 1.0, ends=ends)
    assert ring.count[row] < 1000
    seen = course(ring, 1, 0.0, 3600.0, Combine.MAX, ALL, ends=True)
    assert (seen.low[0], seen.high[0]) == (0.5, 7.0)


def test_amounts_have_no_ends_in_their_windows() -> None:
    ring = Ring(1, 86400.0, level=False)
    ring.add(ring.row_of(0, ""), 0.0, 60.0, 5.0, ends=(1.0, 9.0))
    assert ring.low is None
