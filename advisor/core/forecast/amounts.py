"""Forecasts of amounts: what adds up until its period ends, and starts anew."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from advisor.core.forecast import months, words
from advisor.core.forecast.days import DAY, DAYS, sane
from advisor.core.forecast.meters import AHEAD, Counter, Daily, Meeting
from advisor.core.forecast.normal import Floats
from advisor.core.forecast.result import (
    LEARNT,
    NEAR,
    NEVER,
    NO_DATA,
    NO_LIMIT,
    OVER,
    WITHIN,
    Forecast,
    chances,
    learning,
    moment,
)
from advisor.core.trend import LINE_DAYS
from advisor.core.units import Unit

_SHORT = 1.5 * DAY  #: A period no longer than this is a day.
_LATER = 13  #: Periods after the running one whose chances are told.


def of_amount(
    since: Sequence[float],
    until: Sequence[float],
    values: Sequence[float],
    limit: float | None,
    period: tuple[datetime, datetime],
    now: datetime,
    unit: Unit,
) -> Forecast:
    """Return the forecast of an amount's total within its running period: its pace goes on.

    Buckets are from `since` to `until` (epoch seconds). A crossing after the period's end is none: the quota
    starts anew. `within` alone looks beyond: the chance that this period or a later one meets the limit.
    """
    begin, end, at = period[0].timestamp(), period[1].timestamp(), now.timestamp()
    start, stop, amount = _buckets(since, until, values, at)
    if not amount.size:
        return Forecast(state=NO_DATA)
    inside = (start >= begin) & (stop <= end)
    total = float(amount[inside].sum())
    if limit is not None and total >= limit:
        return Forecast(
            when=now,
            low=now,
            high=now,
            at_end_of_period=total,
            how="over the limit now",
            state=OVER,
            near=now,
            within=tuple((days, 1.0) for days in WITHIN),
            before_end=1.0,
        )
    newest = float(stop.max())
    span = (newest - float(start.min())) / DAY
    # What the newest bucket does not tell yet is to come; the path starts where the readings end.
    read = min(max(newest, begin), end)
    short = end - begin <= _SHORT
    ends = [end + (end - begin) * later for later in range(_LATER)]
    recent = stop > at - DAYS * DAY
    counter = Counter(start[recent], stop[recent], amount[recent], read, total, ends)
    at_end = counter.total()
    pace = float(months.usual(counter.pace)[0][0])
    how = words.of_amount(pace, counter.days, at_end, limit, unit)
    if span < LEARNT:
        return Forecast(at_end_of_period=at_end, how=how, state=learning(span))
    left = max(end - read, 0.0) / DAY
    shown = counter.band(left) if left > 0 else None
    if shown is None:
        x = np.array([0.0])
        lines = np.full((3, 1), total)
    else:
        running = shown.at <= left + 1e-9
        x = np.concatenate([[0.0], shown.at[running]])
        lines = np.stack(
            [np.concatenate([[total], one[running]]) for one in (shown.low, shown.middle, shown.high)]
        )
        lines[1] += (at_end - lines[1, -1]) * x / max(x[-1], 1e-9)  # The path ends at the total that is told.
    late = (at - read) / DAY

    def band(days: float) -> tuple[float, float, float]:
        low, middle, high = (float(np.interp(max(days, 0.0) + late, x, one)) for one in lines)
        return min(low, middle), middle, max(high, middle)

    def path(days: float) -> float:
        return band(days)[1]

    if limit is None:
        return Forecast(how=how, state=NO_LIMIT, at_end_of_period=at_end, path=path, band=band)
    met = counter.meets(limit, AHEAD)
    beyond = (
        Daily(start[recent], stop[recent], amount[recent], read, total, end).meets(limit, AHEAD)
        if short
        else met
    )
    when = _before(met.middle, left, read, now)
    early = _before(met.early, left, read, now)
    lately = _before(met.late, left, read, now)
    return Forecast(
        when=when,
        low=early,
        high=None if when is None else lately,
        at_end_of_period=at_end,
        how=how,
        state="" if when is not None else NEVER,
        near=_near(counter, NEAR * limit, total, left, read, now),
        within=chances(beyond, late),
        before_end=_chance(met, left),
        path=path,
        band=band,
    )


def _before(days: float, left: float, read: float, now: datetime) -> datetime | None:
    return moment(read, days, now) if days <= left else None


def _near(
    counter: Counter, level: float, total: float, left: float, read: float, now: datetime
) -> datetime | None:
    return now if total >= level else _before(counter.meets(level, left).middle, left, read, now)


def _chance(met: Meeting, left: float) -> float:
    return met.within(left) if left > 0 else 0.0


def daily_totals(
    since: Sequence[float], until: Sequence[float], values: Sequence[float], now: datetime
) -> tuple[list[float], list[float]]:
    """Return the ends of the last 30 days' UTC days (epoch seconds) and what began in each."""
    start, stop, amount = _buckets(since, until, values, now.timestamp())
    recent = start >= now.timestamp() - LINE_DAYS * DAY
    days, inverse = np.unique(np.floor(start[recent] / DAY), return_inverse=True)
    totals = np.zeros(days.size)
    np.add.at(totals, inverse, amount[recent])
    # A bucket longer than a day is spread over its days, as far as its mean goes.
    longest = float((stop[recent] - start[recent]).max()) / DAY if recent.any() else 1.0
    if longest > 1.5:
        totals = totals / longest
    return [float(day + 1) * DAY for day in days], [float(total) for total in totals]


def _buckets(
    since: Sequence[float], until: Sequence[float], values: Sequence[float], at: float
) -> tuple[Floats, Floats, Floats]:
    start = np.asarray(since, dtype=np.float64)
    stop = np.asarray(until, dtype=np.float64)
    amount = np.asarray(values, dtype=np.float64)
    amount, good = sane(amount)
    good &= np.isfinite(start) & np.isfinite(stop) & (start < at) & (start < stop)
    # A bucket that is still running counts with what it has, up to now.
    return start[good], np.minimum(stop[good], at), amount[good]
