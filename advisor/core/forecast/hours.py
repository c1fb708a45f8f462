"""Hours: how a day's amount usually comes over the day, and what a rate usually is at an hour."""

import numpy as np

from advisor.core.forecast.days import DAY, Bools
from advisor.core.forecast.normal import Floats

WINDOW = 28  #: Days whose rhythm counts.
_COARSE = 6 * 3600.0  #: Buckets longer than this tell nothing of hours.
_HOURS = 24
_MOVED = 0.4  #: How much of the last days' shift from the usual is carried on.
_RECENT = 3  #: The last days.
_WIDER = (
    1.6  #: A band twice as far from the middle as past days lay would be too wide, once as far too narrow.
)
_LEAST = 4  #: Values at an hour that make its quantiles.


def shape(since: Floats, until: Floats, amounts: Floats, edge: float) -> Floats:
    """Return the share of a day's amount that has come by each hour, 0 to 24; `edge` is any day's end."""
    even = np.linspace(0.0, 1.0, _HOURS + 1)
    recent = (until > edge - WINDOW * DAY) & (until <= edge)
    if not recent.any() or float(np.median((until - since)[recent])) > _COARSE:
        return even
    hour = np.floor(((since + until)[recent] / 2 - edge) / 3600.0).astype(np.intp) % _HOURS
    total = np.bincount(hour, amounts[recent], _HOURS)
    whole = float(total.sum())
    return np.concatenate([[0.0], np.cumsum(total) / whole]) if whole > 0 else even


def usual(times: Floats, values: Floats, at: Floats) -> tuple[Floats, Floats, Floats]:
    """Return a rate's (low, middle, high) at coming moments: what the same hours of the last four weeks had.

    The weekday counts once two weeks are known, hours only where readings come more than once a day. The
    middle moves by part of what the last three days lay off the usual.
    """
    recent = times > times[-1] - WINDOW * DAY
    t, v = times[recent], values[recent]
    fine = t.size > 1 and float(np.median(np.diff(t))) < DAY / 2
    rest = _rest_days(t, v) if t[-1] - t[0] >= 14 * DAY else None
    here, there = _class(t, rest, fine), _class(at, rest, fine)
    spread_all = _quantiles(v)
    table: dict[int, Floats] = {}
    for key in np.unique(np.concatenate([here, there])):
        same = v[here == key]
        table[int(key)] = _quantiles(same) if same.size >= _LEAST else spread_all
    keys = np.array(sorted(table))
    rows = np.stack([table[int(key)] for key in keys])
    newest = t > t[-1] - _RECENT * DAY
    shift = _MOVED * float(np.median(v[newest] - rows[np.searchsorted(keys, here[newest]), 1]))
    low, middle, high = rows[np.searchsorted(keys, there)].T
    return (
        middle + shift - _WIDER * (middle - low),
        middle + shift,
        middle + shift + _WIDER * (high - middle),
    )


def _quantiles(values: Floats) -> Floats:
    """Return the 10 %, 50 % and 90 % quantiles; NumPy's own take ten times as long for a few values."""
    place = np.array([0.1, 0.5, 0.9]) * (values.size - 1)
    return np.asarray(np.interp(place, np.arange(values.size), np.sort(values)))


def _class(times: Floats, rest: Bools | None, fine: bool) -> np.typing.NDArray[np.intp]:
    hour = np.floor(times / 3600.0).astype(np.intp) % _HOURS if fine else np.zeros(times.size, dtype=np.intp)
    if rest is None:
        return hour
    day = np.floor(times / DAY).astype(np.intp) % 7
    return hour + _HOURS * rest[day].astype(np.intp)


def _rest_days(times: Floats, values: Floats) -> Bools:
    """Return which of the seven days are the rest days: the two lowest, if they are neighbours."""
    day = np.floor(times / DAY).astype(np.intp) % 7
    mean = np.array([values[day == one].mean() if (day == one).any() else np.nan for one in range(7)])
    rest = np.zeros(7, dtype=np.bool_)
    low = np.argsort(mean)[:2]
    if np.isfinite(mean).all() and abs(int(low[0]) - int(low[1])) in {1, 6}:
        rest[low] = True
    return rest
