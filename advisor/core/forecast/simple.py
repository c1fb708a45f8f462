"""When a limit is met: simple forecasts, and marked so.

A level follows the least-squares line through its last 30 days; an amount goes on at its pace (run rate)
within its running period. Intervals are 80 %, from the scatter around line or pace. Nothing is forecast
before there are seven days of history, beyond a year, or across a reset.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from advisor.core import trend
from advisor.core.units import Unit, show

Floats = NDArray[np.float64]

DAY = 86400.0
WINDOW = trend.LINE_DAYS  #: Days of history that count.
LEARNT = trend.LEARNING_DAYS  #: Days of history before anything is said.
HORIZON = 365  #: Days beyond which the answer is "never".
_Z80 = 1.2816  #: Half the width of a normal's middle 80 %, in standard deviations.

#: What `state` may say, beside "learning: 3 of 7 days".
OVER, NEVER, NO_LIMIT, NO_DATA = "over", "never", "no limit", "no data"


@dataclass(frozen=True, slots=True)
class Forecast:
    """When a limit is met, with an 80 % interval, and how that was found.

    `when` is None where it is not met within a year or before the reset, or nothing can be said (`state`
    tells which; it is empty where there is a date). `low` and `high` are the early and the late end;
    `high` None with a `when`: perhaps never. `at_end_of_period` is an amount's total when its period ends.
    """

    when: datetime | None = None
    low: datetime | None = None
    high: datetime | None = None
    at_end_of_period: float | None = None
    how: str = ""
    state: str = ""
    path: Callable[[float], float] | None = field(default=None, repr=False, compare=False)

    @property
    def learning(self) -> bool:
        """True where history is too short."""
        return self.state.startswith("learning") or self.state == NO_DATA

    def value_in(self, days: float) -> float | None:
        """Return the value forecast `days` from now, None where nothing can be said."""
        return None if self.path is None else self.path(days)


def of_level(
    times: Sequence[float], values: Sequence[float], limit: float | None, now: datetime, unit: Unit
) -> Forecast:
    """Return the forecast of a level: a line through the last 30 days.

    `times` are epoch seconds. A limit of None (unknown or unlimited) is never met, and the path is given
    all the same.
    """
    x, y = _history(times, values, now)
    if not x.size:
        return Forecast(state=NO_DATA)
    if limit is not None and y[-1] >= limit:
        return Forecast(when=now, low=now, high=now, how="over the limit now", state=OVER)
    span = -float(x[0])
    if span < LEARNT or x.size < 3:
        return Forecast(state=f"learning: {min(math.floor(span), LEARNT - 1)} of {LEARNT} days")
    start, slope = _line(x, y)
    residual = y - (start + slope * x)
    scatter = math.sqrt(float(residual @ residual) / (x.size - 2))
    middle = float(x.mean())
    spread = float(((x - middle) ** 2).sum())

    def path(days: float) -> float:
        return start + slope * days

    days = f"the last {min(WINDOW, round(span))} days"
    how = f"at {days}' pace of {show(slope, unit)} a day (simple line)"
    if slope <= 0:
        fell = f"fell by {show(-slope, unit)} a day" if slope < 0 else "did not grow"
        how = f"{fell} over {days} (simple line)"
    if limit is None:
        return Forecast(how=how, state=NO_LIMIT, path=path)

    def half_width(days: Floats) -> Floats:
        return np.asarray(_Z80 * scatter * np.sqrt(1 + 1 / x.size + (days - middle) ** 2 / spread))

    return _crossing(limit, start, slope, half_width, HORIZON, now, how, path)


def of_amount(
    since: Sequence[float],
    until: Sequence[float],
    values: Sequence[float],
    limit: float | None,
    period: tuple[datetime, datetime],
    now: datetime,
    unit: Unit,
) -> Forecast:
    """Return the forecast of an amount's total within its running period: its pace so far goes on.

    Buckets are from `since` to `until` (epoch seconds). While less than a tenth of the period is over, the
    pace is that of the last 30 days. A crossing after the period's end is none: the quota starts anew.
    """
    begin, end = period[0].timestamp(), period[1].timestamp()
    start, stop, amount = _buckets(since, until, values, now)
    if not amount.size:
        return Forecast(state=NO_DATA)
    in_period = (start >= begin) & (stop <= end)
    total = float(amount[in_period].sum())
    at = now.timestamp()
    left = max(0.0, end - at) / DAY
    if limit is not None and total >= limit:
        return Forecast(
            when=now, low=now, high=now, at_end_of_period=total, how="over the limit now", state=OVER
        )
    span = (float(stop.max()) - float(start.min())) / DAY
    if span < LEARNT:
        return Forecast(state=f"learning: {math.floor(span)} of {LEARNT} days")
    seen = (float(stop[in_period].max()) - begin) / DAY if in_period.any() else 0.0
    if seen * DAY >= (end - begin) / 10 and total > 0:
        rate, whose = total / seen, "this period's pace"
        daily = _daily(start[in_period], stop[in_period], amount[in_period])
    else:
        recent = start >= at - WINDOW * DAY
        covered = max((float(stop.max()) - float(start[recent].min())) / DAY, 1.0) if recent.any() else 1.0
        rate, whose = (
            float(amount[recent].sum()) / covered,
            f"the last {min(WINDOW, round(covered))} days' pace",
        )
        daily = _daily(start[recent], stop[recent], amount[recent])
    scatter = float(np.std(daily, ddof=1)) if daily.size > 1 else 0.0
    # What passed since the newest bucket went on at the same pace.
    total += rate * max(0.0, (at - float(stop.max())) / DAY) if seen else 0.0

    def path(days: float) -> float:
        return total + rate * min(max(days, 0.0), left)

    def half_width(days: Floats) -> Floats:
        return np.asarray(_Z80 * scatter * np.sqrt(days + days**2 / max(daily.size, 1)))

    how = f"at {whose} of {show(rate, unit)} a day (simple run rate)"
    if limit is None:
        return Forecast(how=how, state=NO_LIMIT, at_end_of_period=path(left), path=path)
    found = _crossing(limit, total, rate, half_width, left, now, how, path)
    return Forecast(found.when, found.low, found.high, path(left), found.how, found.state, path)


def course(times: Sequence[float], values: Sequence[float], now: datetime) -> tuple[float, float] | None:
    """Return (value now, change a day) of the line through the last 30 days; None while learning."""
    x, y = _history(times, values, now)
    if x.size < 3 or -float(x[0]) < LEARNT:
        return None
    return _line(x, y)


def daily_totals(
    since: Sequence[float], until: Sequence[float], values: Sequence[float], now: datetime
) -> tuple[list[float], list[float]]:
    """Return the ends of the last 30 days' UTC days (epoch seconds) and what began in each."""
    start, stop, amount = _buckets(since, until, values, now)
    recent = start >= now.timestamp() - WINDOW * DAY
    days, inverse = np.unique(np.floor(start[recent] / DAY), return_inverse=True)
    totals = np.zeros(days.size)
    np.add.at(totals, inverse, amount[recent])
    # A bucket longer than a day is spread over its days, as far as its mean goes.
    longest = float((stop[recent] - start[recent]).max()) / DAY if recent.any() else 1.0
    if longest > 1.5:
        totals = totals / longest
    return [float(day + 1) * DAY for day in days], [float(total) for total in totals]


def _history(times: Sequence[float], values: Sequence[float], now: datetime) -> tuple[Floats, Floats]:
    """Return the last 30 days' finite points in order: days before now (0 and below), and values."""
    x = (np.asarray(times, dtype=np.float64) - now.timestamp()) / DAY
    y = np.asarray(values, dtype=np.float64)
    good = np.isfinite(x) & np.isfinite(y) & (x <= 0) & (x >= -WINDOW)
    x, y = x[good], y[good]
    order = np.argsort(x, kind="stable")
    return x[order], y[order]


def _buckets(
    since: Sequence[float], until: Sequence[float], values: Sequence[float], now: datetime
) -> tuple[Floats, Floats, Floats]:
    start = np.asarray(since, dtype=np.float64)
    stop = np.asarray(until, dtype=np.float64)
    amount = np.asarray(values, dtype=np.float64)
    good = np.isfinite(start) & np.isfinite(stop) & np.isfinite(amount) & (start <= now.timestamp())
    good &= start < stop
    # A bucket that is still running counts with what it has, up to now.
    return start[good], np.minimum(stop[good], now.timestamp()), amount[good]


def _line(x: Floats, y: Floats) -> tuple[float, float]:
    """Return the least-squares line's value now and its change a day; a constant series does not change."""
    slopes, starts = trend.line(x[None, :], y[None, :], np.ones((1, x.size)))
    slope, start = float(slopes[0]), float(starts[0])
    # Rounding alone must not make a constant series grow.
    if abs(slope) * WINDOW <= 1e-9 * float(np.abs(y).max()):
        return float(y.mean()), 0.0
    return start, slope


def _daily(start: Floats, stop: Floats, amount: Floats) -> Floats:
    """Return totals by whole days, the day that is still running left out."""
    days, inverse = np.unique(np.floor(start / DAY), return_inverse=True)
    totals = np.zeros(days.size)
    np.add.at(totals, inverse, amount)
    return totals[days + 1 <= float(stop.max()) / DAY] if days.size else totals


def _crossing(
    limit: float,
    start: float,
    slope: float,
    half_width: Callable[[Floats], Floats],
    horizon: float,
    now: datetime,
    how: str,
    path: Callable[[float], float],
) -> Forecast:
    """Return when start + slope × days meets the limit within the horizon, with the band's crossings."""
    if slope <= 0 or not math.isfinite(slope):
        return Forecast(how=how, state=NEVER, path=path)
    days = max(0.0, (limit - start) / slope)
    if days > horizon:
        return Forecast(how=how, state=NEVER, path=path)
    grid = np.linspace(0.0, horizon, 4 * max(int(horizon), 1) + 1)
    middle, half = start + slope * grid, half_width(grid)
    low = min(_first(grid, middle + half - limit), days)
    high = max(_first(grid, middle - half - limit), days)
    return Forecast(
        when=_in(now, days),
        low=_in(now, low),
        high=_in(now, high) if math.isfinite(high) else None,
        how=how,
        path=path,
    )


def _first(grid: Floats, above: Floats) -> float:
    """Return where a path first reaches zero, infinity where it does not."""
    reached = np.flatnonzero(above >= 0)
    if not reached.size:
        return math.inf
    place = int(reached[0])
    if place == 0:
        return 0.0
    before, after = float(above[place - 1]), float(above[place])
    share = before / (before - after)
    return float(grid[place - 1] + share * (grid[place] - grid[place - 1]))


def _in(now: datetime, days: float) -> datetime:
    return datetime.fromtimestamp(now.timestamp() + days * DAY, UTC)
