"""Months (and weeks, and the rest of a day): when what adds up within a period meets the limit.

A count within its period only rises, so the chance that the limit was met by a day is the chance that the
sum until then is above it: no paths are drawn. The sum of the days to come is taken as gamma-distributed,
which is never negative and as skewed as its scatter makes it, with the level itself in doubt. At a period's
end the count begins anew, and no line is drawn across. Rows are series.
"""

from typing import NamedTuple

import numpy as np

from advisor.core.forecast.days import Slots
from advisor.core.forecast.normal import Floats, below, spread
from advisor.core.forecast.pace import Pace

FORGET = (0.05, 0.1)  #: Speeds of forgetting that the level of daily amounts chooses from.
DOUBT = 0.27  #: Standard deviation of the logarithm by which the level may be off.
DRIFT = 0.002  #: Growth of the level a day that periods after the running one are given: what is used grows.
_NODES = 7  #: Values of the level that are tried.
_LAST = 60  #: Days whose scatter counts.
_CAP = 8.0  #: A day of more than eight usual ones counts as eight: it was an import, not the pace.
_GUESS = 0.25  #: The square of a day's scatter where two days or fewer are known.
_CHUNK = 64  #: Series at a time.


class Sums(NamedTuple):
    """What adds up from now, or from a slot's period's start, to the end of each slot (series × slot)."""

    mean: Floats
    variance: Floats  #: That of the days, with the level as it is.
    doubt: Floats  #: (series × 1): standard deviation of the logarithm of the level.


def usual(pace: Pace) -> tuple[Floats, Floats, Floats]:
    """Return (a usual day's amount, the square of a day's scatter over the level, how many days tell it)."""
    ratio, known = np.minimum(pace.ratio[:, -_LAST:], _CAP), pace.known[:, -_LAST:]
    days = known.sum(axis=1)
    some = np.maximum(days, 1)
    mean = (ratio * known).sum(axis=1) / some
    variance = (((ratio - mean[:, None]) ** 2) * known).sum(axis=1) / some
    enough = days > 2
    return pace.level * np.where(enough, mean, 1.0), np.where(enough, variance, _GUESS), some


def sums(pace: Pace, slots: Slots) -> Sums:
    """Return how much comes by the end of each slot since its period began; in the running one, since now."""
    level, variance, days = usual(pace)
    factor = pace.weekday[:, slots.weekday] * _drift(slots)
    begin = slots.period.searchsorted(slots.period)  # Where the period of each slot begins.
    noise = (pace.level**2 * variance)[:, None]
    return Sums(
        level[:, None] * _since(factor * slots.share, begin),
        noise * _since(factor**2 * slots.share, begin),
        np.sqrt(DOUBT**2 + 0.5 / days)[:, None],
    )


def _drift(slots: Slots) -> Floats:
    """Return how much more a day is expected to bring than now: nothing within the running period."""
    middle = (slots.ends[1:] + slots.ends[:-1]) / 2
    return np.where(slots.period > 0, np.exp(DRIFT * middle), 1.0)


def _since(values: Floats, begin: np.typing.NDArray[np.intp]) -> Floats:
    total = np.concatenate([np.zeros((values.shape[0], 1)), np.cumsum(values, axis=1)], axis=1)
    return np.asarray(total[:, 1:] - total[:, begin])


def reached(pace: Pace, count: Floats, limit: Floats, slots: Slots) -> Floats:
    """Return the chance that the limit was met by the end of each slot (series × slot, with a 0 before them).

    `count` is what the running period has had already.
    """
    coming = sums(pace, slots)
    need = limit[:, None] - np.where(slots.period == 0, count[:, None], 0.0)
    out = np.empty((limit.size, slots.share.size + 1))
    for first in range(0, limit.size, _CHUNK):
        part = slice(first, first + _CHUNK)
        out[part] = _reached(Sums(*(one[part] for one in coming)), need[part], slots)
    return out


def _reached(coming: Sums, need: Floats, slots: Slots) -> Floats:
    level = np.exp(spread(_NODES) * coming.doubt)[:, :, None]  # (series × node × 1)
    mean = coming.mean[:, None, :] * level
    some = np.where(mean > 0, mean, 1.0)
    # Wilson and Hilferty: the cube root of a gamma-distributed value is nearly normal.
    ninth = np.maximum(coming.variance[:, None, :] * level**2 / some**2 / 9, 1e-12)
    root = np.cbrt(np.maximum(need, 0.0)[:, None, :] / some)
    spared = np.where(mean > 0, below((root - (1 - ninth)) / np.sqrt(ninth)), 1.0)
    spared = np.where(need[:, None, :] <= 0, 0.0, spared)
    out = np.ones((*spared.shape[:2], spared.shape[2] + 1))
    starts = sorted(set(slots.period.searchsorted(slots.period).tolist()))
    for first, last in zip(starts, [*starts[1:], slots.period.size], strict=True):
        # Within a period the chance never falls; periods are apart, so their chances multiply.
        within = np.minimum.accumulate(spared[:, :, first:last], axis=2)
        out[:, :, first + 1 : last + 1] = out[:, :, first : first + 1] * within
    return np.asarray(1.0 - out.mean(axis=1))


def band(coming: Sums, z: float) -> Floats:
    """Return the sums' value (series × slot) at so many standard deviations: 0 is the middle."""
    some = np.where(coming.mean > 0, coming.mean, 1.0)
    ninth = (coming.variance / some**2 + coming.doubt**2) / 9
    return np.asarray(coming.mean * np.maximum(1 - ninth + z * np.sqrt(ninth), 0.0) ** 3)
