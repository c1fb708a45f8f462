"""Quantiles of a mixture of statements of which calls, mean, deviation, least and longest are known. Pure.

Each statement is taken for log-normal with its mean and deviation; where its longest call is nearer than
that shape would have it, for a gamma distribution (by Wilson and Hilferty's cube root); where it varies
widely, for log-normal above its least call. Then it is cut at the least and the longest call, and a quantile
is that of the mixture, weighted by calls, found by bisection. Where the longest call is known to lie in the
interval it is counted by itself, with the moments of the others: one hiccup else bends the whole shape.

Moments cannot tell a heavy tail from two speeds within one statement. So each quantile comes with `low` and
`high`. A statement that varies little (`_SMOOTH`) is somewhere between these shapes; of one that varies more
only what holds for every shape is used: Cantelli's inequality both ways, and least and longest call.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["Quantile", "Shape", "quantile"]

Floats = NDArray[np.float64]

#: A spread below this part of the mean is rounding.
_NO_SPREAD = 1e-6
#: Up to this deviation by the mean, a statement is taken to have one speed.
_SMOOTH = 0.5
#: Below this deviation by the mean gamma and log-normal are the same for our ends.
_ALIKE = 0.1
#: How many standard errors of a share of calls count as chance.
_CHANCE = 2.0
#: What shapes that we do not try may differ by from those we do, as part of the value.
_OTHER_SHAPES = 0.1
_STEPS = 60
_LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class Shape:
    """What is known of one statement's calls; times in seconds. `longest` may be infinite: not known."""

    calls: float
    mean: float
    deviation: float
    least: float = 0.0
    longest: float = math.inf


@dataclass(frozen=True, slots=True)
class Quantile:
    """An estimate, and between which values it lies, whatever the shapes; seconds. All three are finite."""

    value: float
    low: float
    high: float


def quantile(
    shapes: Sequence[Shape], share: float, unseen: float = 0.0, *, ends: bool = True
) -> Quantile | None:
    """Return the time below which `share` of the calls were; None where nothing ran.

    `unseen` is how many calls ran beside these of which nothing is known: they widen the interval. Without
    `ends`, which take twice the time again, all three are the estimate.
    """
    if not shapes:
        return None
    mixture = _Mixture(shapes)
    if mixture.top <= 0:
        return Quantile(0.0, 0.0, 0.0)
    _, value = mixture.around(mixture.below, share)
    if not ends:
        return Quantile(value, value, value)
    calls = mixture.all
    chance = _CHANCE * math.sqrt(share * (1 - share) / calls)
    # Those that were not seen may all have been faster than the quantile, or all slower.
    lower = (max(share - chance, 0.0) * (calls + unseen) - unseen) / calls
    upper = min(share + chance, 1.0) * (calls + unseen) / calls
    low, _ = mixture.around(mixture.at_most_below, lower)
    _, high = mixture.around(mixture.at_least_below, upper)
    return Quantile(value, min(low, value), max(high, value))


class _Mixture:
    """Statements as arrays. What shares of a statement's calls lie below a time is asked of all at once."""

    def __init__(self, shapes: Sequence[Shape]) -> None:
        rows = [(each.calls, each.mean, each.deviation, each.least, each.longest) for each in shapes]
        self.calls, mean, deviation, least, longest = np.array(rows, np.float64).T
        self.all = float(self.calls.sum())
        # Of n calls none is more than √(n-1) deviations above the mean.
        by_calls = mean + deviation * np.sqrt(np.maximum(self.calls - 1, 0.0)) * (1 + _NO_SPREAD)
        self.mean, self.least = mean, np.minimum(least, mean)
        self.end = np.maximum(np.minimum(longest, by_calls), mean)
        self.top = float(self.end.max())
        self.bottom = float(self.least.min())
        self.constant = (mean <= 0) | (deviation <= _NO_SPREAD * mean)
        # A constant time has a shape only so that no number is divided by zero.
        some = np.where(self.constant, 1.0, mean)
        spread = np.where(self.constant, 1.0, deviation)
        self.variance = spread * spread
        self.relative = spread / some
        self.smooth = self.relative <= _SMOOTH
        self.some = some
        self.usual = _log_normal(some, spread)
        self.start = np.where(self.constant, 0.0, np.minimum(self.least, 0.99 * some))
        self.above = _log_normal(some - self.start, spread)
        self.lighter = self.smooth & (self.relative >= _ALIKE) & self._nearer_to_gamma()

    def _nearer_to_gamma(self) -> NDArray[np.bool_]:
        """Return where the longest call is where a gamma distribution, not a log-normal, would have it."""
        z = _deviations(1 - 1 / (self.calls + 1))
        middle, spread = self.usual
        usual = middle + z * spread
        root = 1 - self.relative**2 / 9 + z * self.relative / 3
        gamma = np.log(self.some) + 3 * np.log(np.maximum(root, 1e-3))
        return np.asarray((self.calls > 1) & (np.log(np.maximum(self.end, _LEAST)) < (usual + gamma) / 2))

    def around(self, below: "_Below", share: float) -> tuple[float, float]:
        """Return two times close together, of which that share of the calls lies between."""
        if share <= 0:
            return self.bottom, self.bottom
        if share >= 1:
            return self.top, self.top
        low, high = max(self.bottom, _LEAST), max(self.top, _LEAST)
        for _ in range(_STEPS):
            if high <= low * 1.0005:
                break
            middle = math.sqrt(low * high)
            count = float(self.calls @ below(middle))
            low, high = (middle, high) if count < share * self.all else (low, middle)
        return low, min(high, self.top)

    def below(self, time: float) -> Floats:
        """Return the shares below a time, as estimated."""
        best = np.where(
            self.smooth,
            np.where(self.lighter, self._gamma(time), self._usual(time)),
            self._above(time),
        )
        return self._cut(best, time)

    def at_least_below(self, time: float) -> Floats:
        """Return the least shares that may lie below a time."""
        near = time / (1 + _OTHER_SHAPES)
        smooth = np.minimum(np.minimum(self._usual(near), self._above(near)), self._gamma(near))
        smooth = np.where(near >= self.least, smooth, 0.0)
        over = np.maximum(time - self.mean, 0.0)
        beyond = np.maximum(time - self.least, _LEAST)
        above = np.minimum(self.variance / (self.variance + over**2), (self.mean - self.least) / beyond)
        rough = np.where(over > 0, 1 - above, 0.0)
        return self._cut(np.where(self.smooth, smooth, rough), time)

    def at_most_below(self, time: float) -> Floats:
        """Return the greatest shares that may lie below a time."""
        far = time * (1 + _OTHER_SHAPES)
        smooth = np.maximum(np.maximum(self._usual(far), self._above(far)), self._gamma(far))
        smooth = np.where(far >= self.end, 1.0, smooth)
        under = np.maximum(self.mean - time, 0.0)
        left = np.maximum(self.end - time, _LEAST)
        rough = np.minimum(self.variance / (self.variance + under**2), (self.end - self.mean) / left)
        rough = np.where(under > 0, rough, 1.0)
        return self._cut(np.where(self.smooth, smooth, rough), time, whole=False)

    def _cut(self, shares: Floats, time: float, *, whole: bool = True) -> Floats:
        """Cut shares at the least and (`whole`) the longest call; a constant time is a step."""
        shares = np.where(time < self.least, 0.0, shares)
        if whole:
            shares = np.where(time >= self.end, 1.0, shares)
        return np.where(self.constant, time >= self.mean * (1 - _NO_SPREAD), shares)

    def _usual(self, time: float) -> Floats:
        middle, spread = self.usual
        return _normal((math.log(time) - middle) / spread)

    def _above(self, time: float) -> Floats:
        middle, spread = self.above
        return _normal((np.log(np.maximum(time - self.start, _LEAST * 1e-6)) - middle) / spread)

    def _gamma(self, time: float) -> Floats:
        # By Wilson and Hilferty: the cube root of a gamma variable is near to normal.
        root = np.cbrt(time / self.some)
        z = (root - 1 + self.relative**2 / 9) * 3 / self.relative
        return np.where(self.relative < _ALIKE, self._usual(time), _normal(z))


_Below = Callable[[float], Floats]


def _log_normal(mean: Floats, deviation: Floats) -> tuple[Floats, Floats]:
    """Return the mean and deviation of the logarithm."""
    spread = np.sqrt(np.log1p((deviation / mean) ** 2))
    return np.log(mean) - spread**2 / 2, spread


@cache
def _table() -> tuple[Floats, Floats]:
    """Return places and the normal distribution there; between them it is read off to 5 digits."""
    places = np.linspace(-8.0, 8.0, 3201)
    return places, np.array([0.5 * math.erfc(-z / math.sqrt(2)) for z in places])


def _normal(z: Floats) -> Floats:
    # The places are even, so that the one to the left need not be searched for, as np.interp would.
    places, shares = _table()
    step = (np.minimum(np.maximum(z, places[0]), places[-1]) - places[0]) * 200.0
    left = np.minimum(step.astype(np.intp), places.size - 2)
    here = shares[left]
    return np.asarray(here + (step - left) * (shares[left + 1] - here))


def _deviations(share: Floats) -> Floats:
    """Return how many deviations above the mean a normal distribution has that share."""
    places, shares = _table()
    return np.asarray(np.interp(share, shares, places))
