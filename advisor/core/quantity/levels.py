"""Levels: the newest reading, or the course of a window weighed by time."""

from dataclasses import replace

import numpy as np

from advisor.core import windows
from advisor.core.columns import Series
from advisor.core.model import Metric
from advisor.core.quantity.base import Base
from advisor.core.quantity.known import SHARES, Days, Known, length_of
from advisor.core.sentence import Measure, Over, Span
from advisor.core.units import Unit


class Levels(Base):
    """Quantities of levels."""

    def _level(self, measure: Measure, metric: Metric, day: Days | None) -> Known:
        series = self.columns.get(metric.name)
        if series is None:
            return self._nothing(metric.name)
        if day is None and not isinstance(measure.window, Over):
            return self._newest(series)
        span = measure.window.span if isinstance(measure.window, Over) else Span(1, "d")
        return self._day(
            ("level", measure.agg, span),
            series,
            day,
            lambda: self._level_over(series, measure.agg, span, day),
        )

    def _level_over(self, series: Series, agg: str, span: Span, day: Days | None) -> Known:
        base = self._newest(series)
        ring = series.ring
        if ring is None:
            return self._facts_only(series, base, span)
        since, until = self._bounds_of(series, span, day)
        length = length_of(since, until)
        metric = series.metric
        seen = windows.course(
            ring, self.size, since, until, metric.combine, self._wanted, ends=agg in {"min", "max"}
        )
        enough, why = self._covering(base, metric.name, seen.covered, length, stale=day is None)
        some = seen.covered > 0
        mean = np.where(some, seen.integral / np.where(some, seen.covered, 1.0), np.nan)
        # What a gap may have held: nothing below zero (money may), nothing above a ratio's one.
        floor = -np.inf if metric.unit == Unit.USD else 0.0
        ceiling = 1.0 if metric.unit == Unit.RATIO else np.inf
        gap = np.maximum(length - seen.covered, 0.0)
        if agg == "min":
            value, low, high = seen.low, np.where(enough, seen.low, floor), seen.low
        elif agg == "max":
            value, low, high = seen.high, seen.high, np.where(enough, seen.high, ceiling)
        elif agg in SHARES:
            value = windows.quantile(ring, self.size, since, until, SHARES[agg], self._wanted)
            low = high = np.where(enough, value, np.nan)
        else:
            value = mean
            if enough.all():
                low = high = mean
            else:
                least = (seen.integral + np.where(gap > 0, floor * gap, 0.0)) / length
                most = (seen.integral + np.where(gap > 0, ceiling * gap, 0.0)) / length
                low, high = np.where(enough, mean, least), np.where(enough, mean, most)
        known = self._masked(replace(base, value=value, low=low, high=high, why=why), some, day)
        return self._with_facts(series, base, known)
