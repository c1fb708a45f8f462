"""What cannot be true is refused with its reason; the rest is kept."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from advisor.core.metrics import VOCABULARY
from advisor.core.model import Limit, Reading, Term
from advisor.polling.validity import MOST, sifted, sound_terms

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

LEVEL = Reading("storage", 4e8, NOW)
AMOUNT = Reading("emails", 81, NOW, NOW - HOUR)
SHARE = Reading("error_rate", 12, NOW, NOW - HOUR, of=1000)
QUANTILE = Reading("response_time", 0.24, NOW, stat="p95")
HISTOGRAM = Reading("response_time", 0.24, NOW, NOW - HOUR, buckets=((0.1, 5), (1, 2)))


@pytest.mark.parametrize("reading", [LEVEL, AMOUNT, SHARE, QUANTILE, HISTOGRAM])
def test_a_reading_of_each_kind_is_kept(reading: Reading) -> None:
    assert sifted([reading], VOCABULARY, NOW) == ([reading], [])


@pytest.mark.parametrize(
    ("reading", "why"),
    [
        (replace(LEVEL, value=math.nan), "no finite number"),
        (replace(LEVEL, value=math.inf), "no finite number"),
        (replace(SHARE, of=math.inf), "no finite number"),
        (replace(LEVEL, low=-math.inf), "no finite number"),
        (replace(HISTOGRAM, buckets=((0.1, 5), (math.inf, 2))), "no finite number"),
        (replace(LEVEL, value=-1), "negative"),
        (replace(AMOUNT, value=-1), "negative"),
        (replace(QUANTILE, value=-0.1), "negative"),
        (replace(LEVEL, at=NOW + timedelta(minutes=6)), "from the future"),
        (replace(LEVEL, at=NOW.replace(tzinfo=None)), "no zone"),
        (replace(AMOUNT, since=datetime(2026, 1, 1)), "no zone"),  # noqa: DTZ001 - that is the point
        (replace(AMOUNT, since=NOW), "ends before it starts"),
        (replace(AMOUNT, since=NOW + HOUR), "ends before it starts"),
        (replace(AMOUNT, since=None), "which time it covers"),
        (replace(SHARE, since=None), "which time it covers"),
        (replace(SHARE, of=None), "whole is missing or 0"),
        (replace(SHARE, of=0), "whole is missing or 0"),
        (replace(SHARE, of=math.nan), "whole is missing or 0"),
        (replace(SHARE, value=1001), "more than the whole"),
        (replace(LEVEL, since=NOW - HOUR), "a value at a moment"),
        (replace(LEVEL, of=3), "only a share"),
        (replace(LEVEL, stat="p95"), "only a distribution"),
        (replace(QUANTILE, stat=""), "which this is"),
        (replace(LEVEL, metric="bandwidth"), "no such metric"),
    ],
)
def test_what_cannot_be_true_is_refused_with_its_reason(reading: Reading, why: str) -> None:
    kept, gaps = sifted([reading, LEVEL], VOCABULARY, NOW)
    assert kept == [LEVEL]
    assert [gap.metrics for gap in gaps] == [(reading.metric,)]
    assert why in gaps[0].why
    assert "1 reading of" in gaps[0].why


def test_a_clock_that_is_a_little_ahead_is_borne() -> None:
    ahead = replace(LEVEL, at=NOW + timedelta(minutes=4))
    assert sifted([ahead], VOCABULARY, NOW) == ([ahead], [])


def test_money_may_come_back() -> None:
    refund = Reading("cost", -5, NOW, NOW - HOUR)
    assert sifted([refund], VOCABULARY, NOW) == ([refund], [])


def test_many_refusals_make_one_sentence() -> None:
    _, gaps = sifted([replace(LEVEL, part=str(n), value=-n) for n in range(1, 100)], VOCABULARY, NOW)
    assert [gap.why for gap in gaps] == ["99 readings of `storage` refused: it is negative"]


def test_a_flood_of_readings_is_cut_and_said() -> None:
    kept, gaps = sifted([replace(LEVEL, part=str(n)) for n in range(MOST + 7)], VOCABULARY, NOW)
    assert len(kept) == MOST
    assert "7 readings refused" in gaps[0].why


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0])
def test_a_limit_that_is_no_number_is_refused(value: float) -> None:
    term = Term("limit", value, "x", NOW, "storage", Limit.QUOTA)
    kept, gaps = sound_terms([term, replace(term, value=None), replace(term, value=1.0)], VOCABULARY)
    assert [term.value for term in kept] == [None, 1.0]  # None is unlimited.
    assert len(gaps) == 1


def test_a_limit_of_nothing_known_is_refused() -> None:
    terms = [Term("limit", 1.0, "x", NOW, "bandwidth", Limit.QUOTA), Term("plan", "pro", "x", NOW)]
    kept, gaps = sound_terms(terms, VOCABULARY)
    assert [term.what for term in kept] == ["plan"]
    assert "no known metric" in gaps[0].why
