"""The arithmetic of simple forecasts: a line through daily points, a run rate through a period.

One place for it, so that a rule's `forecast of x` and the forecast that people are shown agree.
"""

import numpy as np
from numpy.typing import NDArray

from advisor.core.judgement import Floats

LEARNING_DAYS = 7  #: Nothing is said before there is so much history.
LINE_DAYS = 30  #: A line and the usual pace look back so far.
OWN_PACE = 0.1  #: Once so much of the period is over, its own pace counts; until then the usual one.


def line(
    t: NDArray[np.float64], v: NDArray[np.float64], valid: NDArray[np.bool_] | NDArray[np.float64]
) -> tuple[Floats, Floats]:
    """Fit one line a row by least squares and return (slope per unit of t, value at t = 0).

    `t` and `v` are (row × point), `t` counted from now, so that the second result is the value now;
    points where `valid` is false do not count. Rows with fewer than two different times are NaN.
    """
    weight = np.asarray(valid, dtype=np.float64)
    count = weight.sum(axis=1)
    some = np.where(count > 0, count, 1.0)
    mean_t = (t * weight).sum(axis=1) / some
    mean_v = (v * weight).sum(axis=1) / some
    dt = (t - mean_t[:, None]) * weight
    spread = (dt * dt).sum(axis=1)
    slope = np.where(spread > 0, (dt * v).sum(axis=1) / np.where(spread > 0, spread, 1.0), np.nan)
    return slope, mean_v - slope * mean_t


def run_rate(total: Floats, seen: Floats, length: Floats, usual: Floats, usual_seconds: Floats) -> Floats:
    """Return an amount's pace (per second): that of the running period, early in it that of the last 30 days.

    `total` came in the `seen` seconds since the period began, of `length`; `usual` in the `usual_seconds`
    that buckets of the last 30 days cover.
    """
    own = (seen >= OWN_PACE * length) & (total > 0)
    before = np.where(usual_seconds > 0, usual / np.where(usual_seconds > 0, usual_seconds, 1.0), np.nan)
    return np.where(own, total / np.where(seen > 0, seen, 1.0), before)
