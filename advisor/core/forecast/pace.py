"""Pace: the level of daily values, how weekdays differ, and how far single days lie from it.

The level is a weighted mean in which a day counts the less the older it is; of two speeds of forgetting the
one that would have been nearer to each next day is taken. Days that were not seen do not count. Rows are
series.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from advisor.core.forecast.change import since_change
from advisor.core.forecast.days import Bools, Days
from advisor.core.forecast.normal import Floats

_FIRST = 3  #: Days before the level is worth a comparison.
_SHRINK = 2.0  #: Weekdays count as if so many of each had been like all others.
_WILD = 4.0  #: A day of more than four usual ones tells nothing of its weekday.


class Pace(NamedTuple):
    """What daily values do, by series."""

    level: Floats  #: (series): a usual day now, weekdays taken out.
    weekday: Floats  #: (series × 7): a weekday's factor, 1 in the mean.
    ratio: Floats  #: (series × day): the day over what its level and weekday let expect.
    known: Bools  #: (series × day): where `ratio` is one.


@lru_cache(maxsize=256)
def _weights(forget: float, days: int) -> Floats:
    """Return (day + 1 × day): what the earlier days weigh on each day, and in the last row on tomorrow."""
    age = np.arange(days + 1)[:, None] - 1 - np.arange(days)
    return np.where(age >= 0, (1 - forget) ** np.maximum(age, 0), 0.0)


def pace(days: Days, forget: tuple[float, float]) -> Pace:
    """Return the pace of daily values, at least one day; `forget` are the two speeds to choose from."""
    count = days.values.shape[1]
    weekday = _weekdays(days) if count >= 14 else np.ones((days.values.shape[0], 7))
    calm = days.values / weekday[:, days.weekday]
    valid = days.known & since_change(calm, days.known)
    seen = valid.astype(np.float64)
    after = min(_FIRST, count - 1)
    level, error = _level(calm, seen, forget[0], after)
    other, worse = _level(calm, seen, forget[1], after)
    level = np.where((worse < error)[:, None], other, level)
    base = level[:, :-1]
    # Beside a day that is billions of times as high, a level is nothing: a ratio to it would tell nothing.
    base = np.where(base > 1e-12 * calm.max(axis=1, keepdims=True), base, 0.0)
    known = valid & (base > 0)
    known[:, : min(_FIRST, max(count - 2, 0))] = False
    ratio = np.where(known, calm / np.where(base > 0, base, 1.0), 1.0)
    return Pace(level[:, -1], weekday, ratio, known)


def _level(calm: Floats, seen: Floats, forget: float, after: int) -> tuple[Floats, Floats]:
    weights = _weights(forget, calm.shape[1]).T
    mass = seen @ weights
    level = (calm * seen) @ weights / np.where(mass > 0, mass, 1.0)
    error = (np.abs(calm - level[:, :-1]) * seen)[:, after:].sum(axis=1)
    return level, error


def _weekdays(days: Days) -> Floats:
    """Return each weekday's mean ratio to the seven days round it."""
    count = days.values.shape[1]
    none = np.zeros((days.values.shape[0], 1))
    total = np.concatenate([none, np.cumsum(days.values, axis=1)], axis=1)
    seen = np.concatenate([none, np.cumsum(days.known, axis=1)], axis=1)
    first = np.clip(np.arange(count) - 3, 0, count - 7)
    mean = (total[:, first + 7] - total[:, first]) / np.maximum(seen[:, first + 7] - seen[:, first], 1.0)
    use = (days.known & (mean > 0)).astype(np.float64)
    ratio = np.minimum(days.values / np.where(mean > 0, mean, 1.0), _WILD) * use
    which = (days.weekday[:, None] == np.arange(7)).astype(np.float64)
    factor = (ratio @ which + _SHRINK) / (use @ which + _SHRINK)
    return np.asarray(factor / factor.mean(axis=1, keepdims=True))
