"""Which readings and terms are fit to be kept. Pure."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from advisor.core.model import Gap, Kind, Metric, Reading, Term
from advisor.core.units import Unit

__all__ = ["FUTURE", "MOST", "sifted", "sound_terms"]

MOST = 10_000  #: Readings of one poll.
FUTURE = timedelta(minutes=5)  #: How far a provider's clock may be ahead.

_ROUNDING = 1 + 1e-6


def sifted(
    readings: Sequence[Reading], metrics: Mapping[str, Metric], now: datetime
) -> tuple[list[Reading], list[Gap]]:
    """Return the readings that can be true, and a gap for each reason why others were refused."""
    kept: list[Reading] = []
    refused: Counter[tuple[str, str]] = Counter()
    for reading in readings[:MOST]:
        why = _fault(reading, metrics, now)
        if why:
            refused[reading.metric, why] += 1
        else:
            kept.append(reading)
    gaps = [
        Gap(name, f"{count} reading{'s' if count > 1 else ''} of `{name}` refused: {why}", (name,))
        for (name, why), count in refused.items()
    ]
    if len(readings) > MOST:
        left = len(readings) - MOST
        gaps.append(Gap("readings", f"{left} readings refused: a poll may bring {MOST}; ask for fewer parts"))
    return kept, gaps


def _fault(reading: Reading, metrics: Mapping[str, Metric], now: datetime) -> str:
    """Return why a reading cannot be true, or nothing."""
    metric = metrics.get(reading.metric)
    if metric is None:
        return "no such metric; `advisor metrics list` prints all"
    return _fault_in_time(reading, now) or _fault_in_kind(reading, metric) or _fault_in_value(reading, metric)


def _fault_in_time(reading: Reading, now: datetime) -> str:
    if reading.at.tzinfo is None or (reading.since is not None and reading.since.tzinfo is None):
        return "its time has no zone"
    if reading.at > now + FUTURE:
        return "it is from the future; compare the clocks here and there"
    if reading.since is not None and reading.since >= reading.at:
        return "what it covers ends before it starts"
    return ""


def _fault_in_kind(reading: Reading, metric: Metric) -> str:
    match metric.kind:
        case Kind.LEVEL if reading.since is not None:
            return "it is a level, a value at a moment, and came with a stretch of time"
        case Kind.AMOUNT | Kind.SHARE if reading.since is None:
            return f"it is of kind {metric.kind} and does not say which time it covers"
        case Kind.SHARE if reading.of is None or not reading.of > 0:
            return "its whole is missing or 0"
        case Kind.DISTRIBUTION if not reading.stat and not reading.buckets:
            return "it is many values and does not say which this is"
    if reading.of is not None and metric.kind is not Kind.SHARE:
        return "it came with a whole, which only a share has"
    if (reading.stat or reading.buckets) and metric.kind is not Kind.DISTRIBUTION:
        return "it came with a quantile, which only a distribution has"
    return ""


def _fault_in_value(reading: Reading, metric: Metric) -> str:
    numbers = [reading.value, reading.of, reading.low, reading.high]
    numbers += [number for bucket in reading.buckets for number in bucket]
    given = [number for number in numbers if number is not None]
    if not all(math.isfinite(number) for number in given):
        return "it is no finite number"
    if metric.unit is not Unit.USD and min(given) < 0:  # Money may come back.
        return "it is negative"
    if reading.of is not None and reading.value > reading.of * _ROUNDING:
        return "the part is more than the whole"
    return ""


def sound_terms(terms: Sequence[Term], metrics: Mapping[str, Metric]) -> tuple[list[Term], list[Gap]]:
    """Return the terms that can be true, and a gap for each that cannot."""
    kept, gaps = [], []
    for term in terms:
        number = term.value if isinstance(term.value, int | float) else 0.0
        if not math.isfinite(number) or number < 0:
            gaps.append(
                Gap(f"{term.what} of {term.metric}", "a reported limit refused: no finite number above 0")
            )
        elif term.what == "limit" and (term.metric not in metrics or term.limit is None):
            gaps.append(Gap(f"limit of {term.metric}", "a reported limit refused: it is of no known metric"))
        else:
            kept.append(term)
    return kept, gaps
