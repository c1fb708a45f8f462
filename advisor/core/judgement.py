"""What evaluation returns and lifecycle keeps: verdicts, and the state of one rule over its subjects.

Everything is an array over the rule's subjects, so that one stack and 100,000 take the same code.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from advisor.core.rule import Rule

Floats = NDArray[np.float64]
Codes = NDArray[np.int8]
Rows = NDArray[np.intp]

#: Verdicts. A code is a number because a million of them live in an array.
FALSE, TRUE, UNKNOWN, NOT_APPLICABLE = 0, 1, 2, 3
VERDICTS = ("false", "true", "unknown", "not applicable")

#: States of a finding, in the order of its life.
INACTIVE, PENDING, FIRING, RESOLVED = 0, 1, 2, 3
STATES = ("inactive", "pending", "firing", "resolved")


@dataclass(slots=True)
class Holds:
    """The running clocks of a rule's holds (`for`), one row a hold of the sentence, one column a subject.

    `since` is the reading (epoch seconds) at which the condition began to hold, NaN where it does not;
    `lost` the seconds within it that no reading covered; `last` the newest reading at which it held.
    `since` and `lost` are stored; `last` follows from history.
    """

    since: Floats
    lost: Floats
    last: Floats


@dataclass(slots=True)
class RuleState:
    """What is remembered of one compiled rule (and copy) between evaluations, over its subjects.

    `stale` and `period` are those of the firing findings: said to be stale, and the start of the period
    they fired in (epoch seconds, NaN: none).
    """

    state: Codes
    holds: Holds
    stale: NDArray[np.bool_]
    period: Floats

    @classmethod
    def empty(cls, subjects: int, holds: int) -> "RuleState":
        """Return the state of a rule that nothing is known about yet."""
        nothing = np.full((holds, subjects), np.nan)
        return cls(
            np.zeros(subjects, np.int8),
            Holds(nothing, np.zeros((holds, subjects)), nothing.copy()),
            np.zeros(subjects, np.bool_),
            np.full(subjects, np.nan),
        )


@dataclass(frozen=True, slots=True)
class TermVerdict:
    """How one comparison of a sentence came out for one subject."""

    sentence: str
    verdict: str
    value: float | None = None
    threshold: float | None = None
    limit: float | None = None
    limit_source: str = ""
    unit: str = ""
    why: str = ""
    metric: str = ""
    quality: str = ""
    as_of: float | None = None


@dataclass(slots=True)
class Judged:
    """One rule at one time over all its subjects.

    `rows` are the subjects' places in `fleet.subjects`. `verdict` counts holds as over or not over;
    `bare` is the same sentence with its holds left away, so that bare true and verdict not true is
    "pending". `value`, `threshold` and `limit` are those of the first term that decides, NaN where
    there is none. `as_of` is the newest reading looked at (epoch seconds), `stale` says that the
    verdict is unknown because a reading grew old. `period` is the start of the running period that
    the deciding term is measured in (epoch seconds; NaN: none), which makes the episode.
    `explain(i)` returns the verdict of every term for the subject at `rows[i]`, made only when asked.
    `asks` marks the subjects for whom only an unanswered `needs` leaves the sentence unknown (None: nobody).
    """

    rule: Rule
    copy: str
    rows: Rows
    verdict: Codes
    bare: Codes
    value: Floats
    threshold: Floats
    limit: Floats
    as_of: Floats
    stale: NDArray[np.bool_]
    period: Floats
    holds: Holds
    explain: Callable[[int], list[TermVerdict]] = field(repr=False)
    asks: NDArray[np.bool_] | None = None

    def deciding(self, place: int) -> TermVerdict | None:
        """Return the first term that decides for the subject at `rows[place]`: the one with its figures."""
        figures = (_figure(self.value[place]), _figure(self.threshold[place]))
        terms = [term for term in self.explain(place) if term.metric]
        same = (term for term in terms if (term.value, term.threshold) == figures)
        return next(same, terms[0] if terms else None)


def _figure(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
