"""One series at a time: when its limit is met and where it goes, in days from its last reading.

Four sorts of meter: a level; an amount that counts up to a period's end; an amount that starts anew each day;
a rate. Times are epoch seconds.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from advisor.core.forecast import days, hours, levels, months, passage, peaks
from advisor.core.forecast.days import DAY, Slots
from advisor.core.forecast.normal import Floats, spread
from advisor.core.forecast.pace import Pace, pace

AHEAD = 365  #: Days beyond which nothing is said.
_NODES = 9


class Meeting(NamedTuple):
    """When a limit is met: days from now, infinite for never; and the chance of it by each of `ends`."""

    middle: float
    early: float
    late: float
    ends: Floats
    chance: Floats

    def within(self, day: float) -> float:
        """Return the chance of meeting the limit within so many days."""
        return float(np.interp(day, self.ends, self.chance))


class Band(NamedTuple):
    """Where a meter goes, with an 80 % band, at `at` days from now."""

    at: Floats
    low: Floats
    middle: Floats
    high: Floats


NEVER = Meeting(np.inf, np.inf, np.inf, np.array([0.0, AHEAD]), np.zeros(2))
NOW = Meeting(0.0, 0.0, 0.0, np.array([0.0, AHEAD]), np.ones(2))


class Level:
    """A level: at least one reading, rising times."""

    def __init__(self, times: Floats, values: Floats) -> None:
        self.last = float(values[-1])
        self.growth, self.step = levels.growth(times, values)

    def meets(self, limit: float) -> Meeting:
        """Return when the level meets the limit."""
        if self.last >= limit:
            return NOW
        if not self.growth.size:
            return NEVER
        found = levels.passage(self.growth[None], self.step, np.array([limit - self.last]))
        middle, early, late = (float(one[0]) for one in passage.by_path(found))
        met = np.sort(found[0][np.isfinite(found[0])])
        if not met.size:
            return NEVER
        ends = np.concatenate([[0.0, met[0]], met])  # Before the first path meets it, there is no chance.
        return Meeting(middle, early, late, ends, np.maximum(np.arange(-1, met.size + 1), 0) / levels.PATHS)

    def band(self, at: Floats) -> Band:
        """Return where the level goes."""
        if not self.growth.size:
            flat = np.full(at.size, self.last)
            return Band(at, flat, flat, flat)
        low, middle, high = self.last + np.quantile(
            levels.scenarios(self.growth, self.step, at), [0.1, 0.5, 0.9], axis=0
        )
        return Band(at, low, middle, high)


class _Amounts:
    """Buckets of amounts: at least one, in order."""

    forget: tuple[float, float]

    def __init__(self, since: Floats, until: Floats, amounts: Floats, now: float, phase: float) -> None:
        self.buckets = since, until, amounts
        self.now, self.edge = now, days.edge_before(now, phase)
        total, known = days.totals(since, until, amounts, self.edge)
        self.days = int(known.sum())
        if not self.days:  # Less than a day: what came, as if it went on all day.
            seen = max(float((until - since).sum()), 1.0)
            total, known = np.array([float(amounts.sum()) / seen * DAY]), np.array([True])
        self.pace: Pace = pace(days.of_totals(total, known), self.forget)

    def slots(self, ahead: float, period_ends: Sequence[float]) -> Slots:
        return days.ahead(self.now, self.edge, ahead, period_ends)


def _meeting(reached: Floats, slots: Slots) -> Meeting:
    middle, early, late = (
        passage.of_one(reached[0], slots.ends, share)
        for share in (passage.MIDDLE, passage.EARLY, passage.LATE)
    )
    return Meeting(middle, early, late, slots.ends, reached[0])


class Counter(_Amounts):
    """An amount that counts up until its period ends: `count` so far, `period_ends` those to come."""

    forget = months.FORGET

    def __init__(
        self,
        since: Floats,
        until: Floats,
        amounts: Floats,
        now: float,
        count: float,
        period_ends: Sequence[float],
    ) -> None:
        super().__init__(since, until, amounts, now, period_ends[0])
        self.count, self.period_ends = count, period_ends

    def meets(self, limit: float, ahead: float) -> Meeting:
        """Return when the count meets the limit, within so many days, resets on the way included."""
        slots = self.slots(ahead, self.period_ends)
        if self.count >= limit and slots.period[0] == 0:
            return NOW
        reached = months.reached(self.pace, np.array([self.count]), np.array([limit]), slots)
        return _meeting(reached, slots)

    def band(self, ahead: float) -> Band:
        """Return where the count goes, at the end of each slot; it falls to nothing at a reset."""
        slots = self.slots(ahead, self.period_ends)
        coming = months.sums(self.pace, slots)
        had = np.where(slots.period == 0, self.count, 0.0)
        low, middle, high = (had + months.band(coming, z)[0] for z in (-1.2816, 0.0, 1.2816))
        return Band(slots.ends[1:], low, middle, high)

    def total(self) -> float:
        """Return what the running period is expected to come to."""
        slots = self.slots(max((self.period_ends[0] - self.now) / DAY, 0.0), self.period_ends[:1])
        running = slots.period == 0
        return self.count + (
            float(months.sums(self.pace, slots).mean[0, running][-1]) if running.any() else 0.0
        )


class Daily(_Amounts):
    """An amount that starts anew each day: `count` is what today has had; `phase` is any day's end."""

    forget = peaks.FORGET

    def __init__(
        self, since: Floats, until: Floats, amounts: Floats, now: float, count: float, phase: float
    ) -> None:
        super().__init__(since, until, amounts, now, phase)
        self.shape = hours.shape(since, until, amounts, self.edge)
        self.gone = float(np.clip((now - self.edge) / DAY, 0.0, 1.0))
        self.count = count if self.gone > 0 else 0.0
        self.left = 1.0 - float(np.interp(self.gone, np.linspace(0, 1, 25), self.shape))

    def meets(self, limit: float, ahead: float) -> Meeting:
        """Return when a day's total meets the limit."""
        if self.count >= limit:
            return NOW
        slots = self.slots(ahead, ())
        today = (np.array([self.count]), np.array([self.left])) if self.gone > 0 else None
        return _meeting(peaks.reached(self.pace, np.array([limit]), slots, today), slots)

    def usual(self) -> Floats:
        """Return a usual day's (low, middle, high) total over its level and weekday."""
        ratio = self.pace.ratio[0][self.pace.known[0]]
        ratio = ratio if ratio.size > 2 else np.array([0.7, 1.0, 1.3])
        doubt = np.exp(spread(_NODES) * peaks.DOUBT)
        return np.asarray(np.quantile(ratio[:, None] * doubt, [0.1, 0.5, 0.9]))

    def band(self, ahead: float) -> Band:
        """Return where the count goes hour by hour; it falls to nothing at each day's end."""
        at = np.arange(1, int(ahead * 24) + 1) / 24
        clock = self.gone + at - 1e-9
        day = np.floor(clock).astype(np.intp)
        done = np.interp(clock - day, np.linspace(0, 1, 25), self.shape)
        expected = self.pace.level[0] * self.pace.weekday[0, day % 7]
        low, middle, high = (
            np.where(day == 0, self.count, 0.0)
            + expected * factor * np.where(day == 0, np.maximum(done - (1 - self.left), 0.0), done)
            for factor in self.usual()
        )
        return Band(at, low, middle, high)

    def total(self) -> float:
        """Return what today is expected to come to."""
        return self.count + float(self.pace.level[0] * self.pace.weekday[0, 0]) * self.left


class Rate:
    """A rate, a latency or a load: no resets, a rhythm, spikes. At least one reading."""

    def __init__(self, times: Floats, values: Floats) -> None:
        self.times, self.values = times, values
        highest = days.peaks(times, values)
        self.highest = highest.values[0][highest.known[0]]  #: Of each 24 hours that were seen.
        self.pace = pace(highest, peaks.FORGET)

    def meets(self, limit: float, ahead: float) -> Meeting:
        """Return when the rate meets the limit."""
        if self.values[-1] >= limit:
            return NOW
        now = float(self.times[-1])
        slots = days.ahead(now, now, ahead)
        return _meeting(peaks.reached(self.pace, np.array([limit]), slots), slots)

    def band(self, at: Floats) -> Band:
        """Return where the rate goes."""
        return Band(at, *hours.usual(self.times, self.values, self.times[-1] + at * DAY))
