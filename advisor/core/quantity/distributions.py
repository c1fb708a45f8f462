"""Distributions: quantiles of the newest bucket, bounds of a window, merged histograms."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from advisor.core import windows
from advisor.core.columns import Histogram, Series
from advisor.core.holds import COVERAGE
from advisor.core.judgement import Floats
from advisor.core.model import Combine, Metric
from advisor.core.quantity.base import Base
from advisor.core.quantity.known import SHARES, Days, Known, length_of
from advisor.core.ring import Ring
from advisor.core.sentence import Measure, Over, Span


class Distributions(Base):
    """Quantities of durations and sizes."""

    def _distribution(self, measure: Measure, metric: Metric, day: Days | None) -> Known:
        stat = measure.agg
        series = self.columns.get(metric.name, stat)
        histograms = self.columns.get(metric.name)
        span = measure.window.span if isinstance(measure.window, Over) else None
        if day is not None and span is None:
            span = Span(1, "d")
        if series is None:
            known = self._nothing(metric.name, stat)
        elif span is None:
            known = self._newest(series)
        else:
            window = span
            known = self._day(
                ("distribution", window), series, day, lambda: self._quantiles(series, window, day)
            )
        if histograms is not None and histograms.histograms:
            known = self._with_histograms(known, histograms, stat, span, day)
        return known

    def _quantiles(self, series: Series, span: Span, day: Days | None) -> Known:
        """Bound a window's quantile by those of its buckets: it lies between the lowest and the highest."""
        base = self._newest(series)
        ring = series.ring
        if ring is None:
            return self._facts_only(series, base, span)
        since, until = self._bounds_of(series, span, day)
        length = length_of(since, until)
        seen = windows.course(ring, self.size, since, until, Combine.MAX, self._wanted, ends=True)
        low, high = across_parts(ring, self.size, since, until, self._wanted, seen)
        covered = seen.covered
        if ring.level:
            # A number without a bucket speaks for the time before it, as far as it stays usable.
            head = windows.first_start(ring, self.size, since, until) - since
            covered = covered + np.where(head <= series.fresh, head, 0.0)
        enough, why = self._covering(base, series.metric.name, covered, length, stale=day is None)
        some = seen.covered > 0
        if series.stat == "max":
            low, high, value = high, np.where(enough, high, np.inf), high
        elif series.stat == "min":
            low, high, value = np.where(enough, low, 0.0), low, low
        else:
            value = np.where(some, seen.integral / np.where(some, seen.covered, 1.0), np.nan)
            value = np.where(low == high, low, value)
            low, high = np.where(enough, low, np.nan), np.where(enough, high, np.nan)
        if day is None and series.since is not None:
            # The source was asked for just this window: its newest answer is the window's.
            own = series.time - series.since
            whole = (np.abs(own - length) <= 0.05 * length) & ~base.stale
            value = np.where(whole, base.value, value)
            low, high = np.where(whole, base.low, low), np.where(whole, base.high, high)
            some = some | whole

        def reason(row: int) -> str:
            return why(row) or "its buckets' values lie on both sides and only bound the window's"

        return self._masked(replace(base, value=value, low=low, high=high, why=reason), some, day)

    def _with_histograms(
        self, known: Known, series: Series, stat: str, span: Span | None, day: Days | None
    ) -> Known:
        """Put in what merged histograms say, for the subjects that send any."""
        base = self._newest(series)
        value, low, high = known.value.copy(), known.low.copy(), known.high.copy()
        as_of, fresh, stale, has = (
            known.as_of.copy(),
            known.fresh.copy(),
            known.stale.copy(),
            known.has.copy(),
        )
        gaps: dict[int, str] = {}
        for row, kept in series.histograms.items():
            if has[row] and as_of[row] >= base.as_of[row]:
                continue
            as_of[row], fresh[row], stale[row], has[row] = (
                base.as_of[row],
                base.fresh[row],
                base.stale[row],
                True,
            )
            value[row] = low[row] = high[row] = np.nan
            if day is None and stale[row]:
                gaps[row] = base.why(row)
                continue
            newest = max(histogram.at for histogram in kept)
            if day is not None:
                start, end = float(day.since[row]), float(day.until[row])
            elif span is None:
                start, end = max(h.since for h in kept if h.at == newest) - 1e-6, newest
            else:
                shifted = self._shifted(np.full(self.size, newest), span)
                start, end = float(np.asarray(shifted)[row]), newest
            within = [
                h for h in kept if start < (h.since + h.at) / 2 <= end or start < h.since <= h.at <= end
            ]
            covered = sum(h.at - h.since for h in within)
            if span is not None and covered < COVERAGE * (end - start):
                part = 100 * covered / (end - start)
                gaps[row] = f"the window of `{series.metric.name}` is covered to {part:.0f} %, it takes 80 %"
                continue
            value[row], low[row], high[row] = merged_stat(within, stat)
            if np.isnan(value[row]):
                gaps[row] = f"nothing was counted in `{series.metric.name}`'s window"

        def why(row: int) -> str:
            return gaps.get(row, "") if row in series.histograms else known.why(row)

        return replace(
            known, value=value, low=low, high=high, as_of=as_of, fresh=fresh, stale=stale, has=has, why=why
        )


def merged_stat(histograms: list[Histogram], stat: str) -> tuple[float, float, float]:
    """Return (value, low, high) of one stat of histograms laid together.

    A quantile is interpolated within the bucket that it falls in, as the usual systems do; the highest
    and lowest value are only known to the bucket. NaN where nothing was counted.
    """
    count = sum(float(h.counts.sum()) for h in histograms)
    if count <= 0:
        return np.nan, np.nan, np.nan
    if stat == "avg":
        weights = [float(h.counts.sum()) / count for h in histograms]
        value, low, high = (
            sum(weight * number for weight, number in zip(weights, numbers, strict=True))
            for numbers in zip(*((h.mean, h.low, h.high) for h in histograms), strict=True)
        )
        return value, low, high
    edges = np.unique(np.concatenate([h.edges for h in histograms]))
    below = np.zeros(edges.size)
    for h in histograms:
        order = np.argsort(h.edges)
        cumulative = np.concatenate([[0.0], np.cumsum(h.counts[order])])
        below += np.interp(edges, np.concatenate([[0.0], h.edges[order]]), cumulative)
    if stat in {"min", "max"}:
        inside = np.flatnonzero(np.diff(np.concatenate([[0.0], below])) > 0)
        place = int(inside[0] if stat == "min" else inside[-1])
        low, high = (float(edges[place - 1]) if place else 0.0), float(edges[place])
        return (low if stat == "min" else high), low, high
    target = SHARES[stat] * count
    place = int(np.searchsorted(below, target))
    place = min(place, edges.size - 1)
    start = float(edges[place - 1]) if place else 0.0
    under = float(below[place - 1]) if place else 0.0
    within = float(below[place]) - under
    end = float(edges[place])
    if not np.isfinite(end):
        return start, start, np.inf  # In the last, open bucket it is only known to be above.
    value = start + (end - start) * ((target - under) / within if within > 0 else 1.0)
    return value, value, value


def across_parts(
    ring: Ring,
    size: int,
    since: Floats | float,
    until: Floats | float,
    wanted: NDArray[np.bool_],
    seen: windows.Course,
) -> tuple[Floats, Floats]:
    """Return the lowest and highest of all parts: quantiles of parts bound the whole's just so."""
    if not ring.parted:
        return seen.low, seen.high
    low, high = np.full(size, np.inf), np.full(size, -np.inf)
    for part in ring.blocks(wanted):
        within = windows.overlap(part, since, until) > 0
        np.minimum.at(low, part.owner, np.where(within, part.low, np.inf).min(axis=1))
        np.maximum.at(high, part.owner, np.where(within, part.high, -np.inf).max(axis=1))
    return np.where(np.isinf(low), np.nan, low), np.where(np.isinf(high), np.nan, high)
