"""Growth: the last span against the one before."""

from dataclasses import replace

import numpy as np

from advisor.core import windows
from advisor.core.columns import Series
from advisor.core.judgement import Floats
from advisor.core.model import Kind
from advisor.core.quantity.amounts import Amounts
from advisor.core.quantity.distributions import Distributions
from advisor.core.quantity.known import Days, Known
from advisor.core.quantity.levels import Levels
from advisor.core.quantity.shares import Shares
from advisor.core.quantity.sums import Sums
from advisor.core.sentence import Growth, Span


class Growths(Levels, Distributions, Shares, Amounts, Sums):
    """Quantities against what they were."""

    def _growth(self, growth: Growth) -> Known:
        metric = self.columns.metrics[growth.metric]
        series = self.columns.get(metric.name, growth.agg if metric.kind == Kind.DISTRIBUTION else "")
        if series is None:
            return self._nothing(metric.name, growth.agg if metric.kind == Kind.DISTRIBUTION else "")
        if metric.kind == Kind.LEVEL and not growth.agg:
            return self._level_growth(series, growth.span)
        if metric.kind in {Kind.AMOUNT, Kind.SHARE} and growth.span.unit == "month":
            calendars, which = self._calendars(metric, "month")
            bounds = np.array([self.bounds(calendar) for calendar in calendars])[which]
            first, middle, last = bounds[:, 0], bounds[:, 1], bounds[:, 2]
        else:
            anchor = self._anchor(series)
            last = np.full(self.size, anchor) if isinstance(anchor, float) else anchor
            middle = np.asarray(self._shifted(last, growth.span))
            first = np.asarray(self._shifted(middle, growth.span))
        now = self._between(series, growth.agg, middle, last, 1)
        then = self._between(series, growth.agg, first, middle, 2)
        if metric.kind == Kind.AMOUNT:
            now, then = self._with_sums(now, metric), self._with_sums(then, metric)
        return self._ratio(now, then, metric.name)

    def _between(self, series: Series, agg: str, since: Floats, until: Floats, label: int) -> Known:
        """Return the series' value from one moment to another."""
        window = Days(since, until, -label)
        base = self._newest(series)
        span = Span(1, "d")
        match series.metric.kind:
            case Kind.LEVEL:
                known = self._level_over(series, agg, span, window)
            case Kind.DISTRIBUTION:
                known = self._quantiles(series, span, window)
            case Kind.SHARE:
                known = self._share_over(series, span, window)
            case Kind.AMOUNT:
                known = self._amount_of_day(series, None, window)
        if not base.stale.any():
            return known
        return self._masked(known, np.ones(self.size, dtype=np.bool_), None)

    def _level_growth(self, series: Series, span: Span) -> Known:
        base = self._newest(series)
        if series.ring is None:
            known = self._facts_only(series, base, span)
            still = np.where(np.isnan(known.value), np.nan, 0.0)  # A fact does not grow.
            return replace(known, value=still, low=still, high=still)
        then_at = np.asarray(self._shifted(self.now, span)) + np.zeros(self.size)
        value = windows.at_moment(series.ring, self.size, then_at, series.metric.combine, self._wanted)
        then = replace(base, value=value, low=value, high=value, stale=np.zeros(self.size, dtype=np.bool_))
        return self._ratio(
            self._with_sums(base, series.metric), self._with_sums(then, series.metric), series.metric.name
        )

    def _ratio(self, now: Known, then: Known, name: str) -> Known:
        good = then.low > 0
        low = np.where(good, now.low / np.where(good, then.high, 1.0) - 1, np.nan)
        high = np.where(good, now.high / np.where(good, then.low, 1.0) - 1, np.nan)
        value = np.where(good, now.value / np.where(good, then.value, 1.0) - 1, np.nan)

        # What grew by nothing but rounding did not grow.
        value, low, high = (np.asarray(np.round(x, 12), dtype=np.float64) for x in (value, low, high))

        def why(row: int) -> str:
            if np.isnan(now.low[row]):
                return now.why(row) or f"no reading of `{name}` in the span"
            if np.isnan(then.low[row]):
                return f"no readings of `{name}` reach back far enough to compare with"
            if then.low[row] <= 0:
                return then.why(row) or f"`{name}` grew from 0, which is no ratio"
            return now.why(row) or then.why(row)

        return replace(now, value=value, low=low, high=high, why=why)
