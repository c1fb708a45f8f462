"""Forecasts of what has a value at each moment: levels, rates, and averages over a cycle."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from advisor.core import trend
from advisor.core.forecast import words
from advisor.core.forecast.days import DAY, DAYS, sane
from advisor.core.forecast.meters import AHEAD, Level, Rate
from advisor.core.forecast.normal import Floats
from advisor.core.forecast.result import (
    LEARNT,
    LIKELY,
    LOST,
    NEAR,
    NEVER,
    NO_DATA,
    NO_LIMIT,
    OVER,
    UNLIKELY,
    Forecast,
    chances,
    learning,
    moment,
)
from advisor.core.units import Unit

WINDOW = trend.LINE_DAYS  #: Days of history that the pace in words, and `course`, look back.
_RHYTHM = 28  #: Days of which it is told how often a rate came near its limit.


def of_level(
    times: Sequence[float], values: Sequence[float], limit: float | None, now: datetime, unit: Unit
) -> Forecast:
    """Return the forecast of a level: its growth drawn again, from the last value.

    `times` are epoch seconds. A limit of None (unknown or unlimited) is never met, and the path is given
    all the same.
    """
    t, v = _history(times, values, now, DAYS)
    if not t.size:
        return Forecast(state=NO_DATA)
    if limit is not None and v[-1] >= limit:
        return _over(now)
    meter = Level(t, v)
    late = (now.timestamp() - float(t[-1])) / DAY
    span = (float(t[-1]) - float(t[0])) / DAY + late
    start = float(t[-1])
    if span < LEARNT or t.size < 3:
        if limit is None or not meter.growth.size:
            return Forecast(state=learning(span))
        met = meter.meets(limit)
        return Forecast(
            low=moment(start, met.early, now), high=moment(start, met.late, now), state=learning(span)
        )

    def band(days: float) -> tuple[float, float, float]:
        found = meter.band(np.array([max(days, 0.0) + late]))
        return float(found.low[0]), float(found.middle[0]), float(found.high[0])

    def path(days: float) -> float:
        return band(days)[1]

    back = min(float(WINDOW), span - late)
    change = (float(v[-1]) - float(np.interp(start - back * DAY, t, v))) / back
    # Rounding alone must not make a constant series grow.
    if abs(change) * back <= 1e-9 * float(np.abs(v).max()):
        change = 0.0
    how = words.of_level(change, back, unit)
    if limit is None:
        return Forecast(how=how, state=NO_LIMIT, path=path, band=band)
    met = meter.meets(limit)
    when = moment(start, met.middle, now)
    return Forecast(
        when=when,
        low=moment(start, met.early, now),
        high=None if when is None else moment(start, met.late, now),
        how=how,
        state="" if when is not None else NEVER,
        near=moment(start, meter.meets(NEAR * limit).middle, now) if limit > 0 else None,
        within=chances(met, late),
        path=path,
        band=band,
    )


def of_rate(times: Sequence[float], values: Sequence[float], limit: float, now: datetime) -> Forecast:
    """Return the forecast of a rate, a latency or a load: whether its limit is likely met, and no date.

    A date for a spike is worth little: what is told is the chance, the range, and how often it came near.
    """
    t, v = _history(times, values, now, DAYS)
    if not t.size:
        return Forecast(state=NO_DATA)
    if v[-1] >= limit:
        return _over(now)
    start, late = float(t[-1]), (now.timestamp() - float(t[-1])) / DAY
    span = (start - float(t[0])) / DAY + late
    if span < LEARNT:
        return Forecast(state=learning(span))
    meter = Rate(t, v)
    met = meter.meets(limit, AHEAD)
    within = chances(met, late)
    chance = dict(within)[14]
    top = meter.highest[-_RHYTHM:]

    def band(days: float) -> tuple[float, float, float]:
        found = meter.band(np.array([max(days, 0.0) + late]))
        return float(found.low[0]), float(found.middle[0]), float(found.high[0])

    return Forecast(
        low=moment(start, met.early, now),
        high=moment(start, met.late, now),
        how=words.of_rate(chance, int((top >= NEAR * limit).sum()), int(top.size)),
        state=LIKELY if chance >= 0.5 else UNLIKELY,
        within=within,
        path=lambda days: band(days)[1],
        band=band,
    )


def of_average(
    times: Sequence[float],
    values: Sequence[float],
    limit: float,
    period: tuple[datetime, datetime],
    now: datetime,
    unit: Unit,
) -> Forecast:
    """Return the forecast of a level's mean over a running cycle, in which each moment weighs the same.

    `at_end_of_period` is the mean expected at the cycle's end. Where even a level of zero from now on would
    leave it above the limit, the state says that it cannot be avoided any more.
    """
    t, v = _history(times, values, now, DAYS)
    begin, end, at = period[0].timestamp(), period[1].timestamp(), now.timestamp()
    inside = t >= begin
    if not inside.any():
        return Forecast(state=NO_DATA)
    # A value holds until the next one; the first one back to the cycle's start.
    edges = np.concatenate([[begin], t[inside][1:], [at]])
    used = float((np.diff(edges) * v[inside]).sum())
    left = max(end - at, 0.0)
    mean = used / max(at - begin, 1.0)
    possible = (limit * (end - begin) - used) / left if left else np.inf
    ahead = Level(t, v).band(np.linspace(0.0, left / DAY, 9)[1::2])
    low, middle, high = (
        (used + left * float(one.mean())) / (end - begin) for one in (ahead.low, ahead.middle, ahead.high)
    )
    how = words.of_average(mean, float(possible), limit, unit)
    if possible < 0 or (not left and mean >= limit):
        return Forecast(at_end_of_period=middle, how=how, state=LOST, before_end=1.0)
    chance = 0.5 if high <= low else float(np.clip((high - limit) / (high - low), 0.0, 1.0))
    if high <= low:
        chance = float(middle >= limit)
    return Forecast(
        at_end_of_period=middle, how=how, state=LIKELY if middle >= limit else UNLIKELY, before_end=chance
    )


def course(times: Sequence[float], values: Sequence[float], now: datetime) -> tuple[float, float] | None:
    """Return (value now, change a day) of the line through the last 30 days; None while learning."""
    t, v = _history(times, values, now, WINDOW)
    if t.size < 3 or now.timestamp() - float(t[0]) < LEARNT * DAY:
        return None
    x = (t - now.timestamp()) / DAY
    slopes, starts = trend.line(x[None, :], v[None, :], np.ones((1, x.size)))
    slope, start = float(slopes[0]), float(starts[0])
    # Rounding alone must not make a constant series grow.
    if abs(slope) * WINDOW <= 1e-9 * float(np.abs(v).max()):
        return float(v.mean()), 0.0
    return start, slope


def _over(now: datetime) -> Forecast:
    return Forecast(
        when=now, low=now, high=now, how="over the limit now", state=OVER, near=now, within=_CERTAIN
    )


_CERTAIN = ((7, 1.0), (14, 1.0), (30, 1.0))


def _history(
    times: Sequence[float], values: Sequence[float], now: datetime, days: float
) -> tuple[Floats, Floats]:
    """Return the last days' finite readings in order, at most one a moment: the last that was given."""
    t = np.asarray(times, dtype=np.float64)
    v = np.asarray(values, dtype=np.float64)
    at = now.timestamp()
    v, good = sane(v)
    good &= np.isfinite(t) & (t <= at) & (t >= at - days * DAY)
    t, v = t[good], v[good]
    if t.size > 1 and not (np.diff(t) > 0).all():
        order = np.argsort(t, kind="stable")
        t, v = t[order], v[order]
        last = np.append(np.diff(t) > 0, True)
        t, v = t[last], v[last]
    return t, v
