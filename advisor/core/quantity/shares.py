"""Shares: parts over wholes, never a mean of ratios."""

from dataclasses import replace

import numpy as np

from advisor.core import windows
from advisor.core.columns import Series
from advisor.core.model import Metric
from advisor.core.quantity.base import Base
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

        return replace(base, value=value, low=value, high=value, why=why)

    def _share_over(self, series: Series, span: Span, day: Days | None) -> Known:
        base = self._newest(series)
        ring = series.ring
        if ring is None:
            return self._facts_only(series, base, span)
        since, until = self._bounds_of(series, span, day)
        length = length_of(since, until)
        total = windows.periodic(ring, self.size, since, until, self._wanted)
        enough, why = self._covering(base, series.metric.name, total.covered, length, stale=day is None)
        some = (total.covered > 0) & (total.whole > 0)
        value = np.where(some, total.value / np.where(some, total.whole, 1.0), np.nan)
        low = np.where(enough, value, np.nan)

        def reason(row: int) -> str:
            return why(row) or f"nothing was counted in the window of `{series.metric.name}`"

        return self._masked(replace(base, value=value, low=low, high=low, why=reason), some, day)
