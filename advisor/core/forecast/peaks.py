"""Peaks: when a day's highest value, or a day's own total, meets the limit.

Each day to come is a draw of its own from how far past days lay from their level, so that chances multiply
and nothing is simulated. Beyond the highest day ever seen, which the next one tops with a chance of one in as
many as were seen, the chance falls as fast as the highest days did, stretched: records are broken by more
than a short history lets expect. Rows are series.
"""

import numpy as np

from advisor.core.forecast.days import Slots
from advisor.core.forecast.normal import Floats, spread
from advisor.core.forecast.pace import Pace

FORGET = (0.1, 0.2)  #: Speeds of forgetting that the level of the days' highest chooses from.
DOUBT = 0.25  #: Standard deviation of the logarithm by which the level may be off today ...
WANDER = 0.001  #: ... and what a day adds to its square.
DRIFT = 0.002  #: Growth of the level a day: what is used grows.
_NODES = 7  #: Values of the level that are tried.
_LAST = 60  #: Days whose distance from the level counts.
_TOP = 0.4  #: Share of them that tells how fast chances fall beyond the highest.
_STRETCH = 2.0  #: How much slower they are taken to fall,
_LEAST = 0.1  #: and the least: a tenth in the logarithm.
_RANK = 0.3  #: Median rank of a record (Benard): the i-th of n has (i - 0.3) / (n + 0.4) below it.
_YOUNG = 20  #: With fewer days known than this,
_SUPPOSED = 8  #: so many more are supposed round their middle,
_CALM = 0.1  #: that scatter by a tenth where nothing else is known.
_CHUNK = 64  #: Series at a time.


def reached(pace: Pace, limit: Floats, slots: Slots, today: tuple[Floats, Floats] | None = None) -> Floats:
    """Return the chance that the limit was met by the end of each slot (series × slot, with a 0 before them).

    `today`, of a day's total: (what it has had already, the share of a usual day that is still to come).
    """
    out = np.empty((limit.size, slots.share.size + 1))
    for first in range(0, limit.size, _CHUNK):
        rows = range(first, min(first + _CHUNK, limit.size))
        out[rows.start : rows.stop] = _reached(pace, limit, slots, today, rows)
    return out


def _reached(
    pace: Pace, limit: Floats, slots: Slots, today: tuple[Floats, Floats] | None, rows: range
) -> Floats:
    part = slice(rows.start, rows.stop)
    tails = [_tail(pace.ratio[row, -_LAST:][pace.known[row, -_LAST:]]) for row in rows]
    scatter = np.array([min(float(log.std()), 1.0) ** 2 / log.size for log, _, _ in tails])
    level = np.maximum(pace.level[part], 1e-300)
    factor = np.maximum(pace.weekday[part], 1e-6)
    room = np.log(np.maximum(limit[part], 1e-300) / level)[:, None] - np.log(factor)[:, slots.weekday]
    room = room - DRIFT * slots.ends[1:]
    if today is not None:
        had, left = today[0][part], np.maximum(today[1][part], 1e-3)
        room[:, 0] = np.log(
            np.maximum(limit[part] - had, 1e-300) / (level * factor[:, slots.weekday[0]] * left)
        )
    doubt = np.sqrt(DOUBT**2 + 0.5 * scatter[:, None] + WANDER * slots.ends[1:])
    need = room[:, :, None] - doubt[:, :, None] * spread(_NODES)  # (series × slot × node)
    chance = np.stack([_above(one, *tail) for one, tail in zip(need, tails, strict=True)])
    share = slots.share.copy()
    if today is not None:
        share[0] = 1.0  # What is left of today is in its own chance.
    spared = np.log1p(-np.minimum(chance, 1 - 1e-9)) * share[:, None]
    left_out = np.exp(np.cumsum(spared, axis=1)).mean(axis=2)
    return np.concatenate([np.zeros((len(rows), 1)), 1.0 - left_out], axis=1)


def _tail(ratio: Floats) -> tuple[Floats, Floats, float]:
    """Return (log ratios rising, log of the chance above each, how much it takes to be e times rarer)."""
    log = np.log(np.maximum(ratio, 1e-3))
    if log.size < _YOUNG:
        seen = float(((log - log.mean()) ** 2).sum()) if log.size else 0.0
        scatter = np.sqrt((seen + _SUPPOSED * _CALM**2) / (log.size + _SUPPOSED))
        middle = float(np.median(log)) if log.size else 0.0
        log = np.concatenate([log, middle + scatter * spread(_SUPPOSED)])
    log = np.sort(log)
    count = log.size
    chance = np.log(1 - (np.arange(1, count + 1) - _RANK) / (count + 1 - 2 * _RANK))
    top = log[-max(2, int(_TOP * count)) :]
    return log, chance, max(_STRETCH * float(top.mean() - top[0]), _LEAST)


def _above(need: Floats, log: Floats, chance: Floats, fall: float) -> Floats:
    inside = np.interp(need, log, chance, left=0.0)
    return np.asarray(np.exp(np.where(need > log[-1], chance[-1] - (need - log[-1]) / fall, inside)))
