"""Shares: parts over wholes, never a mean of ratios."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from advisor.core import windows
from advisor.core.columns import Series
from advisor.core.model import Combine, Metric
from advisor.core.quantity.base import Base
from advisor.core.quantity.distributions import across_parts
from advisor.core.quantity.known import Days, Known, length_of
from advisor.core.sentence import Measure, Over, Span


class Shares(Base):
    """Quantities of shares."""

    def _share(self, measure: Measure, metric: Metric, day: Days | None) -> Known:
        series = self.columns.get(metric.name)
        if series is None:
            return self._nothing(metric.name)
        if day is None and not isinstance(measure.window, Over):
            return self._newest_share(series)
        span = measure.window.span if isinstance(measure.window, Over) else Span(1, "d")
        return self._day(("share", span), series, day, lambda: self._share_over(series, span, day))

    def _newest_share(self, series: Series) -> Known:
        base = self._newest(series)
        if series.of is None:
            return base
        plain = np.isnan(series.of)
        divisor = np.where(series.of > 0, series.of, np.nan)
        value = np.where(plain, base.value, base.value / divisor)
        nothing = series.of == 0

        def why(row: int) -> str:
            if nothing[row] and not base.stale[row]:
                return f"nothing was counted in the newest bucket of `{series.metric.name}`"
            return base.why(row)

        low = high = value
        if series.low is not None and series.high is not None:
            # Ratios whose whole nobody said may be uncertain, as all values.
            low, high = np.where(plain, base.low, value), np.where(plain, base.high, value)
        return replace(base, value=value, low=low, high=high, why=why)

    def _share_over(self, series: Series, span: Span, day: Days | None) -> Known:
        base = self._newest(series)
        ring = series.ring
        if ring is None:
            return self._bounded(series, span, day)
        since, until = self._bounds_of(series, span, day)
        length = length_of(since, until)
        total = windows.periodic(ring, self.size, since, until, self._wanted)
        enough, why = self._covering(base, series.metric.name, total.covered, length, stale=day is None)
        some = (total.covered > 0) & (total.whole > 0)
        value = np.where(some, total.value / np.where(some, total.whole, 1.0), np.nan)
        low = np.where(enough, value, np.nan)

        def reason(row: int) -> str:
            return why(row) or f"nothing was counted in the window of `{series.metric.name}`"

        known = self._masked(replace(base, value=value, low=low, high=low, why=reason), some, day)
        if series.ratios is None or bool((total.covered > 0).all()):
            return known
        return _filled(known, self._bounded(series, span, day), total.covered > 0)

    def _bounded(self, series: Series, span: Span, day: Days | None) -> Known:
        """Bound a window's ratio by those of its buckets, where nobody said of how many they are."""
        base = self._newest(series)
        if series.ratios is None:
            return self._facts_only(series, base, span)
        since, until = self._bounds_of(series, span, day)
        seen = windows.course(series.ratios, self.size, since, until, Combine.MAX, self._wanted, ends=True)
        length = length_of(since, until)
        enough, why = self._covering(base, series.metric.name, seen.covered, length, stale=day is None)
        some = seen.covered > 0
        value = np.where(some, seen.integral / np.where(some, seen.covered, 1.0), np.nan)
        low, high = across_parts(series.ratios, self.size, since, until, self._wanted, seen)
        low, high = np.where(enough, low, np.nan), np.where(enough, high, np.nan)

        def reason(row: int) -> str:
            return why(row) or "its buckets' ratios lie on both sides, and nobody said of how many they are"

        return self._masked(replace(base, value=value, low=low, high=high, why=reason), some, day)


def _filled(known: Known, bounded: Known, counted: NDArray[np.bool_]) -> Known:
    """Return what was counted and, where nothing was, what the ratios bound."""

    def why(row: int) -> str:
        return known.why(row) if counted[row] else bounded.why(row)

    return replace(
        known,
        value=np.where(counted, known.value, bounded.value),
        low=np.where(counted, known.low, bounded.low),
        high=np.where(counted, known.high, bounded.high),
        why=why,
    )
