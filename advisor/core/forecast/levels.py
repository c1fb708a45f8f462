"""Levels: what grew in the days behind us, drawn again in many ways.

Each of 120 paths strings together blocks of five days' growth, drawn from the last 14, 30, 60 or 90 days; the
mix of windows stands in for finding the day on which the pace changed, and
a change that leaps to the eye cuts off what was before. Each path's growth is multiplied by a
doubt of its own, because the coming months are not a draw from the last ones. The draws are one table, made
once from a fixed seed: the same history always gives the same answer, and a higher limit a later one on every
path. Rows are series; a single one is a batch of one.
"""

from functools import lru_cache
from random import Random
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from advisor.core.forecast.change import since_change
from advisor.core.forecast.normal import Floats, spread

DAY = 86400.0
WINDOWS = (14, 30, 60, 90)  #: Days of history that a path may draw from.
SHARES = (15, 25, 40, 40)  #: How many of the paths draw from each.
PATHS = sum(SHARES)
BLOCK = 5  #: Days drawn together, so that busy days stay beside busy days.
AHEAD = 120  #: Steps drawn; beyond them a path goes on at its own mean pace.
DOUBT = 0.27  #: Standard deviation of the logarithm by which a path's growth may be off.
YOUNG = 5.0  #: Days of history that still add a whole 1 to the doubt; d times as many add one d-th.
_FEW = 10  #: Steps that a history of less than five days is cut into, where it has as many readings.
_CHANGED = (2, 3, 4)  #: Weeks ago that a lasting change of pace may be: one week of growth shows none.
_CHUNK = 32  #: Series at a time: their draws stay in the processor's cache.


class _Draws(NamedTuple):
    starts: NDArray[np.intp]  #: (path × block): where in the growth each block begins.
    z: Floats  #: A standard normal a path.
    block: int


@lru_cache(maxsize=128)
def _draws(steps: int) -> _Draws:
    block = BLOCK if steps >= 2 * BLOCK else min(2, steps)
    length = np.minimum(np.repeat(WINDOWS, SHARES), steps)
    # Python's own generator: NumPy's would stay in the daemon's memory for this alone.
    random = Random(5)  # noqa: S311 - the same draws for everyone, no secret
    # In strata: the paths of a window start once in each equal share of it, so that few paths tell as much.
    share = np.concatenate([_shuffled(random, count, AHEAD // block) for count in SHARES])
    starts = (steps - length)[:, None] + np.floor(share * (length - block + 1)[:, None]).astype(np.intp)
    doubts = [spread(count)[random.sample(range(count), count)] for count in SHARES]
    return _Draws(starts, np.concatenate(doubts), block)


def _shuffled(random: Random, count: int, columns: int) -> Floats:
    middles = (np.arange(count) + 0.5) / count
    return np.stack([middles[random.sample(range(count), count)] for _ in range(columns)], axis=1)


def growth(times: Floats, values: Floats) -> tuple[Floats, float]:
    """Return the growth a step, oldest first, and the step in days: a day, less where history is under five.

    `times` are epoch seconds, rising. What grew over a gap is spread over it evenly. Fewer than two
    readings have no growth.
    """
    span = (times[-1] - times[0]) / DAY if times.size else 0.0
    if span <= 0:
        return np.zeros(0), 1.0
    count = min(int(span + 1e-6), max(WINDOWS)) if span >= 5 else min(_FEW, times.size - 1)
    step = 1.0 if span >= 5 else span / count
    first = max(0, int(np.searchsorted(times, times[-1] - (count * step) * DAY)) - 1)
    at = times[-1] - DAY * step * np.arange(count, -1, -1)
    grown = np.diff(np.interp(at, times[first:], values[first:]))
    if step == 1.0:
        every = np.ones((1, grown.size), dtype=np.bool_)
        grown = grown[since_change(grown[None], every, _CHANGED)[0]]
    return grown, step


def doubts(steps: int, step: float) -> Floats:
    """Return the factor of each path's growth; wider while history is young."""
    return np.asarray(np.exp(_draws(steps).z * np.hypot(DOUBT, YOUNG / max(steps * step, YOUNG))))


def passage(grown: Floats, step: float, room: Floats) -> Floats:
    """Return the days until each path has grown by `room` (series × path); infinity where it never does.

    `grown` is (series × step), as `growth` returns a row of it.
    """
    count, steps = grown.shape
    draws, factor = _draws(steps), doubts(steps, step)
    out = np.empty((count, PATHS))
    for first in range(0, count, _CHUNK):
        part = slice(first, first + _CHUNK)
        out[part] = _passage(grown[part], draws, room[part, None] / factor)
    return out * step


def _passage(grown: Floats, draws: _Draws, need: Floats) -> Floats:
    starts, _, block = draws
    total = np.zeros((grown.shape[0], grown.shape[1] + 1))
    np.cumsum(grown, axis=1, out=total[:, 1:])
    begin = np.arange(grown.shape[1] - block + 1)
    inside = total[:, begin[:, None] + np.arange(1, block + 1)] - total[:, begin, None]
    # `take` without bounds checks is three times as fast as an index; the draws are in range by construction.
    after = np.cumsum(inside[:, :, -1].take(starts, axis=1, mode="clip"), axis=2)
    top = inside.max(axis=2).take(starts, axis=1, mode="clip")
    top[:, :, 1:] += after[:, :, :-1]
    hit = top >= need[:, :, None]
    blocks = hit.argmax(axis=2)
    series, path = np.arange(grown.shape[0])[:, None], np.arange(need.shape[1])
    found = hit[series, path, blocks]
    before = np.where(blocks > 0, after[series, path, np.maximum(blocks - 1, 0)], 0.0)
    # Only the block in which the limit is met is looked at step by step.
    level = before[:, :, None] + inside[series, starts[path, blocks]]
    place = (level >= need[:, :, None]).argmax(axis=2)
    low = np.where(place > 0, level[series, path, np.maximum(place - 1, 0)], before)
    rise = level[series, path, place] - low
    share = np.clip((need - low) / np.where(rise > 0, rise, 1.0), 0.0, 1.0)
    end = after[:, :, -1]
    with np.errstate(divide="ignore", over="ignore"):
        later = AHEAD * np.maximum(need / np.where(end > 0, end, 1.0), 1.0)
    return np.where(found, blocks * block + place + share, np.where(end > 0, later, np.inf))


def scenarios(grown: Floats, step: float, days: Floats) -> Floats:
    """Return what one series has grown by after so many `days` (path × day)."""
    starts, _, block = _draws(grown.size)
    draws = grown[(starts[:, :, None] + np.arange(block)).reshape(PATHS, -1)]
    total = np.cumsum(draws, axis=1) * doubts(grown.size, step)[:, None]
    total = np.concatenate([np.zeros((PATHS, 1)), total], axis=1)
    at = np.maximum(days, 0.0) / step
    last = total.shape[1] - 1
    low = np.minimum(np.floor(at).astype(np.intp), last - 1)
    inside = np.minimum(at, last)
    value = total[:, low] + (inside - low) * (total[:, low + 1] - total[:, low])
    return np.asarray(value * np.maximum(at / last, 1.0))
