"""How a part of a sentence came out over a rule's subjects, and how parts make a whole."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.core.judgement import Codes, Floats
from advisor.core.kleene import both, either, turned


@dataclass(slots=True)
class Outcome:
    """Verdicts with the figures that decide them.

    `bare` is the verdict with holds left away, the same array where there is none. `as_of` is the newest
    reading looked at (epoch seconds, NaN: none), `before` the newest before that, `fresh` the seconds in
    which another one is due. `period` is the start of the period measured in.
    """

    verdict: Codes
    bare: Codes
    value: Floats
    threshold: Floats
    limit: Floats
    as_of: Floats
    before: Floats
    fresh: Floats
    stale: NDArray[np.bool_]
    period: Floats

    def negated(self) -> "Outcome":
        """Return `not` of it; the figures stay."""
        verdict = turned(self.verdict)
        bare = verdict if self.bare is self.verdict else turned(self.bare)
        return Outcome(
            verdict,
            bare,
            self.value,
            self.threshold,
            self.limit,
            self.as_of,
            self.before,
            self.fresh,
            self.stale,
            self.period,
        )


def joined(outcomes: Sequence[Outcome], *, every: bool) -> Outcome:
    """Return `and` (`every`) or `or` of outcomes; the figures are those of the first term that decides."""
    join = both if every else either
    first, *rest = outcomes
    verdict, bare = first.verdict, first.bare
    held = first.bare is not first.verdict
    as_of, fresh, before, stale = first.as_of, first.fresh, first.before, first.stale
    for one in rest:
        held = held or one.bare is not one.verdict
    for one in rest:
        verdict = join(verdict, one.verdict)
        bare = join(bare, one.bare) if held else verdict
        as_of = np.fmax(as_of, one.as_of)
        before = np.fmax(before, one.before)
        fresh = np.fmin(fresh, one.fresh)
        stale = stale | one.stale
    value, threshold, limit, period = first.value, first.threshold, first.limit, first.period
    undecided = first.verdict != verdict
    for one in rest:
        if not undecided.any():
            break
        here = undecided & (one.verdict == verdict)
        value = np.where(here, one.value, value)
        threshold = np.where(here, one.threshold, threshold)
        if one.limit is not limit:
            limit = np.where(here, one.limit, limit)
        if one.period is not period:
            period = np.where(here, one.period, period)
        undecided = undecided & ~here
    return Outcome(verdict, bare, value, threshold, limit, as_of, before, fresh, stale, period)
