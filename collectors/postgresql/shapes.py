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
from statistics import NormalDist

__all__ = ["Quantile", "Shape", "quantile"]

_NORMAL = NormalDist()
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

Below = Callable[[float], float]


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


def quantile(shapes: Sequence[Shape], share: float, unseen: float = 0.0) -> Quantile | None:
    """Return the time below which `share` of the calls were; None where nothing ran.

    `unseen` is how many calls ran beside these of which nothing is known: they widen the interval.
    """
    calls = sum(each.calls for each in shapes)
    if not calls:
        return None
    ends = [_end(each) for each in shapes]
    top = max(ends)
    if top <= 0:
        return Quantile(0.0, 0.0, 0.0)
    belows = [_belows(each, end) for each, end in zip(shapes, ends, strict=True)]
    chance = _CHANCE * math.sqrt(share * (1 - share) / calls)
    least = min(each.least for each in shapes)
    # Those that were not seen may all have been faster than the quantile, or all slower.
    lower = (max(share - chance, 0.0) * (calls + unseen) - unseen) / calls
    upper = min(share + chance, 1.0) * (calls + unseen) / calls

    def found(which: int, at: float) -> tuple[float, float]:
        """Return two times close together, below and above that share by the `which`th of `_belows`."""
        if at <= 0:
            return least, least
        if at >= 1:
            return top, top
        low, high = max(least, _LEAST), max(top, _LEAST)
        for _ in range(_STEPS):
            if high <= low * 1.0005:
                break
            middle = math.sqrt(low * high)
            below = sum(each.calls * of[which](middle) for each, of in zip(shapes, belows, strict=True))
            low, high = (middle, high) if below < at * calls else (low, middle)
        return low, min(high, top)

    value = found(0, share)[1]
    low, high = found(2, lower)[0], found(1, upper)[1]
    return Quantile(value, min(low, value), max(high, value))


def _end(shape: Shape) -> float:
    """Return what no call can have taken longer: of n calls none is √(n-1) deviations above the mean."""
    by_calls = shape.mean + shape.deviation * math.sqrt(max(shape.calls - 1, 0.0))
    return max(min(shape.longest, by_calls * (1 + _NO_SPREAD)), shape.mean)


def _belows(shape: Shape, end: float) -> tuple[Below, Below, Below]:
    """Return which part of the calls was below a time: as estimated, at least, at most."""
    mean, spread = shape.mean, shape.deviation
    if mean <= 0 or spread <= _NO_SPREAD * mean:

        def step(time: float) -> float:
            return 1.0 if time >= mean * (1 - _NO_SPREAD) else 0.0

        return step, step, step
    relative = spread / mean
    usual = _log_normal(mean, spread, 0.0)
    above = _log_normal(mean, spread, min(shape.least, 0.99 * mean))
    if relative > _SMOOTH:
        best = above
        return _cut(best, shape.least, end), _at_least(shape, end), _at_most(shape, end)
    gamma = usual if relative < _ALIKE else _gamma(mean, spread)
    best = usual
    if shape.calls > 1:
        # Which shape would have the longest call there?
        rare = 1 - 1 / (shape.calls + 1)
        z = _NORMAL.inv_cdf(rare)
        sigma = math.sqrt(math.log1p(relative * relative))
        expected = mean * math.exp(z * sigma - sigma * sigma / 2)
        lighter = mean * _cube(relative, z)
        if end < math.sqrt(expected * max(lighter, _LEAST)):
            best = gamma
    every = tuple(_cut(one, shape.least, end) for one in (usual, above, gamma))

    def at_least(time: float) -> float:
        return min(one(time / (1 + _OTHER_SHAPES)) for one in every) if time < end else 1.0

    def at_most(time: float) -> float:
        return max(one(time * (1 + _OTHER_SHAPES)) for one in every) if time >= shape.least else 0.0

    return _cut(best, shape.least, end), at_least, at_most


def _cut(below: Below, least: float, end: float) -> Below:
    def cut(time: float) -> float:
        return 0.0 if time < least else 1.0 if time >= end else below(time)

    return cut


def _log_normal(mean: float, deviation: float, start: float) -> Below:
    """Return the share below a time of start + a log-normal with that mean and deviation in all."""
    mean -= start
    relative = deviation / mean
    spread = math.sqrt(math.log1p(relative * relative))
    middle = math.log(mean) - spread * spread / 2

    def below(time: float) -> float:
        return _normal((math.log(time - start) - middle) / spread) if time > start else 0.0

    return below


def _cube(relative: float, z: float) -> float:
    """Return a gamma value by its mean, `z` normal deviations up; `relative` is deviation by mean."""
    # By Wilson and Hilferty: the cube root of a gamma variable is near to normal.
    return float(max(1 - relative * relative / 9 + z * relative / 3, 0.0) ** 3)


def _gamma(mean: float, deviation: float) -> Below:
    relative = deviation / mean

    def below(time: float) -> float:
        return _normal(((time / mean) ** (1 / 3) - 1 + relative * relative / 9) * 3 / relative)

    return below


def _at_least(shape: Shape, end: float) -> Below:
    """Return the least share that may lie below a time, whatever the shape."""
    variance = shape.deviation * shape.deviation

    def below(time: float) -> float:
        if time >= end:
            return 1.0
        over = time - shape.mean
        if over <= 0:
            return 0.0
        above = min(variance / (variance + over * over), (shape.mean - shape.least) / (time - shape.least))
        return 1.0 - above

    return below


def _at_most(shape: Shape, end: float) -> Below:
    """Return the greatest share that may lie below a time, whatever the shape."""
    variance = shape.deviation * shape.deviation

    def below(time: float) -> float:
        if time < shape.least:
            return 0.0
        under = shape.mean - time
        if under <= 0:
            return 1.0
        return min(variance / (variance + under * under), (end - shape.mean) / max(end - time, _LEAST))

    return below


def _normal(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))
