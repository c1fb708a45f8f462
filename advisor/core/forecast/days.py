"""Days: amounts as whole days' totals, a rate as the highest value of each 24 hours, and the days to come."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from advisor.core.forecast.normal import Floats

DAY = 86400.0
DAYS = 120  #: Days of history that count.
_COVERED = 0.5  #: A day of which less was seen is a gap.
_CLOSE = 60.0  #: Seconds before a day's end that count as its end: meters read at 23:59:59.

Ints = NDArray[np.intp]
Bools = NDArray[np.bool_]


class Days(NamedTuple):
    """Daily values of series side by side, oldest first; the last day ended at the edge before now."""

    values: Floats  #: (series × day), zero where not known.
    known: Bools  #: (series × day).
    weekday: Ints  #: (day), 0 to 6: which weekday is 0 is nobody's concern.


class Slots(NamedTuple):
    """The days to come, cut where a period ends."""

    share: Floats  #: How much of a day each has.
    weekday: Ints
    period: Ints  #: 0 for the running period.
    ends: Floats  #: Days from now at which each ends, with a 0 before them.


def sane(values: Floats) -> tuple[Floats, Bools]:
    """Return values in which what is next to nothing is nothing, and which of them are numbers at all.

    Beyond 1e100, and between 0 and 1e-90, no meter measures, and squares would leave the range of floats.
    """
    size = np.abs(values)
    return np.where(size < 1e-90, 0.0, values), size < 1e100


def edge_before(now: float, phase: float) -> float:
    """Return the last end of a day at or before `now`; `phase` is any end of a day. Epoch seconds."""
    return phase + math.floor((now + _CLOSE - phase) / DAY) * DAY


def totals(since: Floats, until: Floats, amounts: Floats, edge: float) -> tuple[Floats, Bools]:
    """Return the totals of the whole days before `edge`, oldest first, and which of them were seen.

    A bucket that spans days is shared out evenly. At most 120 days, none before the first bucket.
    """
    first = float(since.min()) if since.size else edge
    count = int(min(DAYS, max(0.0, np.ceil((edge - first - _CLOSE) / DAY))))
    if not count:
        return np.zeros(0), np.zeros(0, dtype=np.bool_)
    low = np.floor((since - edge + _CLOSE) / DAY).astype(np.intp) + count
    high = np.ceil((until - edge - _CLOSE) / DAY).astype(np.intp) + count - 1
    inside = (low >= high) & (low >= 0) & (low < count)
    total = np.bincount(low[inside], amounts[inside], count)
    seen = np.bincount(low[inside], (until - since)[inside], count)
    wide = (low < high) & (high >= 0) & (low < count)
    if wide.any():
        start, stop, amount = since[wide], until[wide], amounts[wide]
        ends = edge + DAY * np.arange(1 - count, 1)
        # (bucket × day): rare, so no care is taken of the space.
        overlap = np.minimum(stop[:, None], ends) - np.maximum(start[:, None], ends - DAY)
        overlap = np.clip(overlap, 0.0, None)
        total = total + (amount / (stop - start)) @ overlap
        seen = seen + overlap.sum(axis=0)
    known = seen >= _COVERED * DAY
    return np.where(known, total, 0.0), known


def of_totals(total: Floats, known: Bools) -> Days:
    """Return one series' daily totals as days."""
    return Days(total[None], known[None], np.arange(-total.size, 0) % 7)


def peaks(times: Floats, values: Floats) -> Days:
    """Return the highest value of each 24 hours, counted back from the last reading."""
    back = np.floor((times[-1] - times) / DAY + 1e-9).astype(np.intp)
    count = int(min(DAYS, back[0] + 1))
    if 1 < count <= back[0] + 1 and times[-1] - times[0] < (count - 0.5) * DAY:
        count -= 1  # The first day has less than half its readings: its highest would be too low.
    inside = back < count
    top = np.full(count, -np.inf)
    np.maximum.at(top, count - 1 - back[inside], values[inside])
    known = np.isfinite(top)
    return Days(np.where(known, top, 0.0)[None], known[None], np.arange(-count, 0) % 7)


def ahead(now: float, edge: float, days: float, period_ends: Sequence[float] = ()) -> Slots:
    """Return the slots from `now` until so many days on; `edge` is what `edge_before` returns."""
    now = max(now, edge)
    next_edge = edge + DAY
    until = now + days * DAY
    ends = next_edge + DAY * np.arange(int(np.ceil(max(0.0, until - next_edge) / DAY)) + 1)
    resets = np.asarray(period_ends, dtype=np.float64)
    cuts = resets[(resets > now + _CLOSE) & (resets < ends[-1])]
    if cuts.size:
        ends = np.sort(np.concatenate([ends, cuts]))
        ends = ends[np.concatenate([np.diff(ends) > _CLOSE, [True]])]
    starts = np.concatenate([[now], ends[:-1]])
    middle = (starts + ends) / 2
    return Slots(
        (ends - starts) / DAY,
        np.floor((middle - edge) / DAY).astype(np.intp) % 7,
        np.searchsorted(resets, middle),
        np.concatenate([[0.0], (ends - now) / DAY]),
    )
