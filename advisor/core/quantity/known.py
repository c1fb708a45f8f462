"""What is known of a quantity, and of whole days from one evaluation to the next."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor.core.columns import Series
from advisor.core.judgement import Floats

DAY = 86400.0
#: The share of values below each quantile of a distribution.
SHARES = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
Why = Callable[[int], str]


@dataclass(slots=True)
class Known:
    """A quantity over `fleet.subjects`.

    `value` is shown; the truth lies in [`low`, `high`] (the same arrays where it is exact). `as_of` is the
    newest reading's time, `fresh` the seconds it stays usable, `stale` where it grew older than that.
    `period` is the start of the period measured in (None: no period). `has` is where the subject itself
    ever had a reading, `why(row)` says why a value is not known.
    """

    value: Floats
    low: Floats
    high: Floats
    as_of: Floats
    fresh: Floats
    stale: NDArray[np.bool_]
    has: NDArray[np.bool_]
    why: Why
    period: Floats | None = None


@dataclass(slots=True)
class Path:
    """Where a quantity is going: now, per second, until `end` (a reset; +inf: none)."""

    now: Floats
    slope: Floats
    end: Floats
    known: Known


@dataclass(frozen=True, slots=True)
class Days:
    """A complete local day of every subject: (since, until], epoch seconds."""

    since: Floats
    until: Floats
    label: int


class DayMemory:
    """What whole days were, kept until a reading within one changes it."""

    def __init__(self) -> None:
        self._kept: dict[object, tuple[int, Known]] = {}
        self._order: list[object] = []

    def get(self, key: object, series: Series, day: Days, make: Callable[[], Known]) -> Known:
        """Return what is kept for a day, or make it anew."""
        signature = self._signature(series, day)
        kept = self._kept.get(key)
        if kept is not None and kept[0] == signature:
            return kept[1]
        known = make()
        if key not in self._kept:
            self._order.append(key)
            if len(self._order) > 512:
                self._kept.pop(self._order.pop(0), None)
        self._kept[key] = (signature, known)
        return known

    @staticmethod
    def _signature(series: Series, day: Days) -> int:
        if series.ring is None or series.ratios is not None:
            return series.revision
        newly = series.reporting
        # A level reaches into a day from as far back as it is fresh; segments are noted by their start.
        reach = (
            2 * DAY
            if not len(series.fresh)
            else float(np.max(series.fresh[np.isfinite(series.fresh)], initial=0))
        )
        first = int((float(np.nanmin(day.since)) - max(reach, 2 * DAY)) // DAY)
        last = int(float(np.nanmax(day.until)) // DAY)
        changes = series.ring.changes
        return hash((newly, *(changes.get(number, 0) for number in range(first, last + 1))))


def length_of(since: Floats | float, until: Floats | float) -> Floats | float:
    """Return the seconds from one moment to another, at least one where they are arrays."""
    length = until - since
    return float(length) if isinstance(length, float) else np.maximum(length, 1.0)


def span_words(seconds: float) -> str:
    """Return a span as people say it: "3 h", "45 s"."""
    if not np.isfinite(seconds):
        return "ever"
    for size, word in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.3g} {word}"
    return f"{seconds:.3g} s"
