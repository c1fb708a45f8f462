"""Logic over arrays of verdicts: false wins `and`, true wins `or`, not applicable spoils or drops out."""

import numpy as np
from numpy.typing import NDArray

from advisor.core.judgement import FALSE, NOT_APPLICABLE, TRUE, UNKNOWN, Codes, Floats
from advisor.core.sentence import Compare

#: Sums and shares of a limit are off by the last of sixteen digits: what agrees in thirteen is the same.
SAME = 1e-13
_F, _T, _U, _N = FALSE, TRUE, UNKNOWN, NOT_APPLICABLE
#: Indexed by 4 * left + right.
_AND = np.array([_F, _F, _F, _N, _F, _T, _U, _N, _F, _U, _U, _N, _N, _N, _N, _N], dtype=np.int8)
_OR = np.array([_F, _T, _U, _F, _T, _T, _T, _T, _U, _T, _U, _U, _F, _T, _U, _N], dtype=np.int8)
_NOT = np.array([_T, _F, _U, _N], dtype=np.int8)


def both(left: Codes, right: Codes) -> Codes:
    """Return left `and` right. Not applicable spoils it, even where the other is false."""
    return np.asarray(_AND.take((left << 2) | right), dtype=np.int8)


def either(left: Codes, right: Codes) -> Codes:
    """Return left `or` right. Not applicable drops out."""
    return np.asarray(_OR.take((left << 2) | right), dtype=np.int8)


def turned(codes: Codes) -> Codes:
    """Return `not` of verdicts; unknown and not applicable stay."""
    return np.asarray(_NOT.take(codes), dtype=np.int8)


def coded(true: NDArray[np.bool_], false: NDArray[np.bool_]) -> Codes:
    """Return TRUE where `true`, FALSE where `false`, else UNKNOWN; they never hold together."""
    return np.asarray(np.int8(2) - true.view(np.int8) - (false.view(np.int8) << 1), dtype=np.int8)


def _moved(threshold: Floats, step: float) -> Floats:
    """Return the threshold moved up (`step` above 0) or down by that part of itself."""
    return np.asarray(threshold * (1 + np.copysign(step, threshold * step)), dtype=np.float64)


def compared(low: Floats, high: Floats, compare: Compare, least: Floats, most: Floats) -> Codes:
    """Hold values that lie in [low, high] against thresholds that lie in [least, most].

    The verdict is true or false only where every value against every threshold agrees. NaN agrees with
    nothing, so what is not known is unknown. Figures that differ by rounding alone are equal.
    """
    step = SAME if compare in {Compare.ABOVE, Compare.AT_MOST} else -SAME
    least, most = (_moved(least, step),) * 2 if least is most else (_moved(least, step), _moved(most, step))
    match compare:
        case Compare.ABOVE:
            return coded(low > most, high <= least)
        case Compare.AT_LEAST:
            return coded(low >= most, high < least)
        case Compare.BELOW:
            return coded(high < least, low >= most)
        case Compare.AT_MOST:
            return coded(high <= least, low > most)
