"""The newest readings of a series, and where windows begin and end."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from advisor.core.columns import Columns, Series
from advisor.core.holds import COVERAGE
from advisor.core.judgement import Floats
from advisor.core.model import Kind
from advisor.core.periods import Calendar, Zone
from advisor.core.quantity.known import DAY, DayMemory, Days, Known, Path, Why, span_words
from advisor.core.sentence import AnyMetric, Quantity, Span
from advisor.core.subjects import Subjects
from advisor.core.thresholds import LimitTables


class Base:
    """What every quantity needs: the newest readings, and where windows begin and end."""

    def __init__(
        self, columns: Columns, subjects: Subjects, tables: LimitTables, now: datetime, memory: DayMemory
    ) -> None:
        self.columns = columns
        self.subjects = subjects
        self.tables = tables
        self.now = now.timestamp()
        self.size = columns.size
        self.memory = memory
        self._known: dict[object, Known] = {}
        self._paths: dict[object, Path] = {}
        self._calendar_bounds: dict[tuple[Calendar, bool], tuple[float, float, float, float]] = {}
        self._wanted = np.ones(self.size, dtype=np.bool_)

    def forget(self) -> None:
        """Let go of what was computed; what judgements still need, they hold themselves.

        Quantities and their reasons refer to one another: without this, arrays of megabytes would wait
        for the collector of cycles, which counts objects and not bytes.
        """
        self._known, self._paths = {}, {}

    def _nothing(self, name: str, stat: str = "") -> Known:
        nan = np.full(self.size, np.nan)
        no = np.zeros(self.size, dtype=np.bool_)
        of = f"{stat} of `{name}`" if stat else f"`{name}`"

        def why(row: int) -> str:
            if stat and self.columns.get(name, "") is None and self._other_stats(name, row):
                return f"the source gives no {of}"
            return f"no reading of {of} yet"

        return Known(nan, nan, nan, nan, np.full(self.size, np.inf), no, no, why)

    def _other_stats(self, name: str, row: int) -> bool:
        return any(
            metric == name and not np.isnan(series.time[row])
            for (metric, _), series in self.columns.series.items()
        )

    def _newest(self, series: Series) -> Known:
        key = ("newest", series.metric.name, series.stat)
        known = self._known.get(key)
        if known is not None:
            return known
        age = self.now - series.time
        usable = age <= series.fresh
        has = ~np.isnan(series.time)
        value = np.where(usable, series.value, np.nan)
        low = value if series.low is None else np.where(usable, series.low, np.nan)
        high = value if series.high is None else np.where(usable, series.high, np.nan)
        as_of = np.where(np.isinf(series.time), np.nan, series.time) if series.facts else series.time.copy()
        fresh = series.fresh.astype(np.float64)
        of = f"{series.stat} of `{series.metric.name}`" if series.stat else f"`{series.metric.name}`"

        def why(row: int) -> str:
            if not has[row]:
                if series.stat and self._other_stats(series.metric.name, row):
                    return f"the source gives no {of}"
                return f"no reading of {of} yet"
            if not usable[row]:
                old, span = span_words(float(age[row])), span_words(float(fresh[row]))
                return f"the newest reading of {of} is {old} old; fresh for {span}"
            return ""

        known = Known(value, low, high, as_of, fresh, has & ~usable, has, why)
        self._known[key] = known
        return known

    def _shifted(self, anchor: Floats | float, span: Span) -> Floats | float:
        """Return the start of the window of that span that ends at the anchor."""
        back = replace(span, count=-span.count)
        if span.unit in {"s", "m", "h"} or (self.subjects.plain and span.unit != "month"):
            return anchor + back.seconds
        ends = np.full(self.size, anchor) if isinstance(anchor, float) else anchor
        out = np.full(self.size, np.nan)
        for name, rows in self.subjects.by_zone.items():
            out[rows] = Zone.of(name).shift(ends[rows], back)
        return out

    def _anchor(self, series: Series, span: Span | None = None) -> Floats | float:
        """Return where a window ends: now for levels, the newest bucket's end for what comes in buckets.

        What comes in buckets comes late, by up to three buckets or the window's own length. A window that
        lies further back says nothing of now: then it ends now, and nothing in it is known.
        """
        ring = series.ring or series.ratios
        if ring is None or ring.level:
            return self.now
        anchor = np.where(np.isinf(series.time), self.now, series.time)
        if span is None:
            return anchor
        late = np.full(self.size, 31 * DAY if span.unit == "month" else span.seconds)
        if series.since is not None:
            late = np.fmax(late, 3 * (series.time - series.since))
        return np.where(self.now - anchor > late, self.now, anchor)

    def _bounds_of(
        self, series: Series, span: Span, day: Days | None
    ) -> tuple[Floats | float, Floats | float]:
        if day is not None:
            return day.since, day.until
        anchor = self._anchor(series, span)
        return self._shifted(anchor, span), anchor

    def _day(self, key: object, series: Series, day: Days | None, make: Callable[[], Known]) -> Known:
        """Return what a day was, kept from evaluation to evaluation until a reading of that day changes."""
        if day is None:
            return make()
        return self.memory.get((key, series.metric.name, series.stat, day.label), series, day, make)

    def _covering(
        self, base: Known, name: str, seconds: Floats, length: Floats | float, *, stale: bool = True
    ) -> tuple[NDArray[np.bool_], Why]:
        """Return where readings cover enough of the window, and why elsewhere not."""
        enough = seconds >= COVERAGE * length - 1e-6

        def why(row: int) -> str:
            if stale and (not base.has[row] or base.stale[row]):
                return base.why(row)
            whole = float(length) if isinstance(length, float) else float(length[row])
            part = 100 * float(seconds[row]) / whole if whole else 0.0
            return (
                f"the window of `{name}` is covered to {part:.0f} %, it takes 80 %" if not enough[row] else ""
            )

        return enough, why

    def _with_facts(self, series: Series, base: Known, known: Known) -> Known:
        """A fact is always the same: its mean over any window is itself."""
        if not series.facts:
            return known
        fact = np.isinf(series.time)
        return replace(
            known,
            value=np.where(fact, base.value, known.value),
            low=np.where(fact, base.value, known.low),
            high=np.where(fact, base.value, known.high),
        )

    def _facts_only(self, series: Series, base: Known, span: Span) -> Known:
        fact = np.isinf(series.time)
        value = np.where(fact, series.value, np.nan)
        name = series.metric.name

        def why(row: int) -> str:
            return base.why(row) or f"no history of `{name}` is kept for {span_words(span.seconds)}"

        return replace(base, value=value, low=value, high=value, why=why)

    def _masked(self, known: Known, some: NDArray[np.bool_], day: Days | None) -> Known:
        """Take away what rests on no reading in the window, or on one that grew old."""
        usable = some if day is not None else some & ~known.stale
        if usable.all():
            return known
        same = known.low is known.high
        low = np.where(usable, known.low, np.nan)
        return replace(
            known,
            value=np.where(usable, known.value, np.nan),
            low=low,
            high=low if same else np.where(usable, known.high, np.nan),
        )

    def series_of(self, quantity: Quantity) -> Series | None:
        """Return the series that a quantity's newest reading is in."""
        if isinstance(quantity, AnyMetric):
            return None
        name = quantity.metric
        stat = getattr(quantity, "agg", "")
        if self.columns.metrics[name].kind != Kind.DISTRIBUTION:
            stat = ""
        return self.columns.get(name, stat) or self.columns.get(name)
