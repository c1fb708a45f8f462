"""`for 3 days`: the clocks that say how long a condition has held, moved on by readings alone.

A clock starts at the first reading at which the condition holds and stands at the newest one. A gap between
two readings that is longer than a reading stays fresh is lost time: it does not stop the clock and proves
nothing. The hold is over when the clock shows the span and at least 80 % of the span was not lost.
Unknown leaves the clock as it is, false sets it back.
"""

import numpy as np
from numpy.typing import NDArray

from advisor.core.judgement import FALSE, NOT_APPLICABLE, TRUE, Codes, Floats

COVERAGE = 0.8  #: The part of a window or a hold that readings must cover.


def advanced(
    since: Floats, lost: Floats, last: Floats, verdict: Codes, as_of: Floats, fresh: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return the clocks after a look at the newest readings; the given ones are not changed.

    `as_of` is the newest reading's time (epoch seconds), `fresh` the seconds it stays usable. Looking
    twice at the same readings changes nothing.
    """
    holds = verdict == TRUE
    ends = (verdict == FALSE) | (verdict == NOT_APPLICABLE)
    running = ~np.isnan(since)
    starts = holds & ~running
    goes_on = holds & running
    gap = as_of - last
    newer = goes_on & (gap > 0)
    new_since = np.where(starts, as_of, np.where(ends, np.nan, since))
    new_lost = np.where(newer & (gap > fresh), lost + gap, lost)
    new_lost[starts | ends] = 0.0
    new_last = np.where(starts | newer, as_of, last)
    new_last[ends] = np.nan
    return new_since, new_lost, new_last


def over(since: Floats, lost: Floats, last: Floats, span: Floats | float) -> NDArray[np.bool_]:
    """Return where the clock shows the span (seconds) and enough of it was seen."""
    shown = last - since
    return np.asarray((shown >= span) & (shown - lost >= COVERAGE * span), dtype=np.bool_)
