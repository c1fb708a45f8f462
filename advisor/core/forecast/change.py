"""A lasting change: a launch, a customer who left, a job switched off. What was before tells nothing."""

from collections.abc import Sequence

import numpy as np

from advisor.core.forecast.days import Bools
from advisor.core.forecast.normal import Floats

WEEKS = (1, 2, 3, 4)  #: How long ago a change may be.
_BEFORE = 28  #: Days before it that are compared.
_BY = 1.3  #: How many times as much, or as little, it takes.
_SEEN = 0.8  #: Share of the days that must be known.


def since_change(values: Floats, known: Bools, weeks: Sequence[int] = WEEKS) -> Bools:
    """Return which days count (series × day): all of them, or those since a lasting change.

    A change is lasting where, for so many weeks, three days in four were well beyond nine in ten of the
    days before. The longest such time is taken, from the first day that was beyond.
    """
    count = values.shape[1]
    keep = np.ones(known.shape, dtype=np.bool_)
    full = bool(known.all())
    for last in (7 * ago for ago in weeks):
        if count < 2 * last:
            break
        before = slice(max(0, count - last - _BEFORE), count - last)
        old, new = np.sort(values[:, before], axis=1), np.sort(values[:, -last:], axis=1)
        old_low, old_high = _of(old, 0.1), _of(old, 0.9)
        more = _of(new, 0.25) > old_high + (_BY - 1) * np.abs(old_high)
        less = _of(new, 0.75) < old_low - (1 - 1 / _BY) * np.abs(old_low)
        changed = more | less
        if not changed.any():
            continue
        if not full:
            changed &= known[:, -last:].mean(axis=1) > _SEEN
            changed &= known[:, before].mean(axis=1) > _SEEN
        recent = values[:, -last:]
        beyond = np.where(more[:, None], recent > old_high[:, None], recent < old_low[:, None])
        begin = count - last + beyond.argmax(axis=1)
        keep[changed] = np.arange(count) >= begin[changed, None]
    return keep


def _of(ordered: Floats, share: float) -> Floats:
    return np.asarray(ordered[:, round(share * (ordered.shape[1] - 1))])
