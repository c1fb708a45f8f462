"""`advisor forecast`: when is a limit met, with an interval; of a CSV for people, of JSON lines for programs."""

from typing import Any

import numpy as np

from advisor.core.forecast import meters
from advisor.core.forecast.days import DAY
from advisor.core.forecast.meters import Band, Counter, Daily, Level, Meeting, Rate
from advisor.core.forecast.normal import Floats

AHEAD = 120  #: Days that a program is told of; a date beyond them is none.
_CLOSE = 60.0  #: A counter read at 23:59:59 was read at the day's end.


def meter(times: Floats, values: Floats, kind: str) -> Level | Counter | Daily | Rate:
    """Return the meter that a kind of the line protocol names: here and nowhere else they become ours."""
    match kind:
        case "gauge":
            return Level(times, values)
        case "rate":
            return Rate(times, values)
        case "counter_month":
            starts = _month_starts(times)
            ends = _months_after(float(times[-1]) + _CLOSE)
            return Counter(*_buckets(times, values, starts), float(times[-1]), float(values[-1]), ends)
        case "counter_day":
            starts = np.floor(times / DAY) * DAY
            return Daily(*_buckets(times, values, starts), float(times[-1]), float(values[-1]), 0.0)
        case _:
            raise ValueError(kind)


def _month_starts(times: Floats) -> Floats:
    months = times.astype("datetime64[s]").astype("datetime64[M]")
    return months.astype("datetime64[s]").astype(np.float64)


def _months_after(at: float) -> list[float]:
    """Return the ends of the month that the last reading is in, and of those that follow it for a year."""
    month = np.datetime64(int(at - _CLOSE), "s").astype("datetime64[M]")
    return [float(end) for end in (month + np.arange(1, 14)).astype("datetime64[s]").astype(np.float64)]


def _buckets(times: Floats, values: Floats, starts: Floats) -> tuple[Floats, Floats, Floats]:
    """Return a counter's readings as amounts by bucket: after a reset the reading itself is the amount."""
    amounts = np.diff(values, prepend=0.0)
    since = np.concatenate([starts[:1], times[:-1]])
    anew = amounts < 0
    anew[1:] |= starts[1:] > times[:-1]
    amounts = np.where(anew, values, amounts)
    since = np.where(anew, np.maximum(since, starts), since)
    good = since < times
    return since[good], times[good], amounts[good]


def time_to_limit(
    timestamps: Any, values: Any, limit: float, kind: str
) -> tuple[float | None, float | None, float | None]:
    """Return (seconds from the last reading until the limit is met, early, late); None for never."""
    found = meter(np.asarray(timestamps, dtype=float), np.asarray(values, dtype=float), kind)
    met = found.meets(limit) if isinstance(found, Level) else found.meets(limit, AHEAD)
    return _seconds(met.middle), _seconds(met.early), _seconds(met.late)


def _seconds(days: float) -> float | None:
    return days * DAY if np.isfinite(days) else None


def forecast(timestamps: Any, values: Any, horizon_s: float, kind: str) -> tuple[Any, Any, Any, Any]:
    """Return (times, middle, low, high) of the path after the last reading."""
    times = np.asarray(timestamps, dtype=float)
    found = meter(times, np.asarray(values, dtype=float), kind)
    ahead = horizon_s / DAY
    if isinstance(found, Level):
        band = found.band(np.arange(0.0, ahead + 1))
    elif isinstance(found, Rate):
        step = max(float(np.median(np.diff(times[-200:]))) / DAY if times.size > 1 else 1.0, 1 / 96)
        band = found.band(step * np.arange(1, int(ahead / step + 1e-6) + 1))
    elif isinstance(found, Counter):
        band = found.band(ahead + 1)
    else:
        band = found.band(ahead)
    return times[-1] + band.at * DAY, band.middle, band.low, band.high
