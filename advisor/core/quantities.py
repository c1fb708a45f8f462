"""What a sentence's quantity is now, for all subjects at once.

Every quantity is a value with the range it surely lies in: [low, high]. The range is one number where the
readings say so; it is wider where quantiles only bound a window, where a provider calls its value
uncertain, or where a part is missing (an amount so far may only grow). NaN is not known. A comparison is
true or false only where the whole range agrees, so that a gap that cannot change the verdict does not.

A quantity is computed once an evaluation, whatever number of rules asks for it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from advisor.core import windows
from advisor.core.columns import Columns, Histogram, Series
from advisor.core.holds import COVERAGE
from advisor.core.judgement import Floats, Rows
from advisor.core.model import Combine, Kind, Limit, Metric
from advisor.core.periods import Calendar, Zone
from advisor.core.ring import Ring
from advisor.core.sentence import (
    AnyMetric,
    Forecast,
    Growth,
    In,
    Measure,
    Over,
    Per,
    Quantity,
    Rate,
    Span,
    TimeToLimit,
)
from advisor.core.sentence import Calendar as Word
from advisor.core.subjects import Subjects
from advisor.core.thresholds import LimitTable, LimitTables
from advisor.core.trend import LEARNING_DAYS, LINE_DAYS, line, run_rate
from advisor.core.units import Unit

DAY = 86400.0
YEAR = 365 * DAY
#: What each stat of a distribution is called in a sentence; the share of values below it.
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
class _Path:
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


class Quantities:
    """The quantities of one evaluation: columns as they are, at `now`.

    `wanted` marks the subjects that rules look at, so that windows leave the others out.
    """

    def __init__(
        self, columns: Columns, subjects: Subjects, tables: LimitTables, now: datetime, memory: "DayMemory"
    ) -> None:
        self.columns = columns
        self.subjects = subjects
        self.tables = tables
        self.now = now.timestamp()
        self.size = columns.size
        self.memory = memory
        self._known: dict[object, Known] = {}
        self._paths: dict[object, _Path] = {}
        self._calendar_bounds: dict[Calendar, tuple[float, float, float, float]] = {}
        self._wanted = np.ones(self.size, dtype=np.bool_)

    # -- what rules ask --------------------------------------------------------------------------------

    def get(
        self,
        quantity: Quantity,
        *,
        complete: bool = False,
        limit: Limit | None = None,
        day: Days | None = None,
        period: str = "",
    ) -> Known:
        """Return a quantity.

        `complete` asks for the last complete period instead of the newest; `limit` is what the quantity is
        held against; `day` asks for the quantity of that whole day; `period` is the kind of the quota's
        period where a bare amount is held against it.
        """
        key = (quantity, complete, limit, None if day is None else day.label, period)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._get(
                quantity, complete=complete, limit=limit, day=day, period=period
            )
        return known

    def account_sum(self, known: Known, metric: Metric, key: object) -> Known:
        """Return the quantity with, for services, the sum over their account's services that report it.

        What the account itself reports comes first. Where a service that should report has nothing fresh,
        the sum is partial: it may only be more.
        """
        cached = self._known.get(("account", key))
        if cached is None:
            cached = self._known["account", key] = self._account_sum(known, metric)
        return cached

    def _get(
        self, quantity: Quantity, *, complete: bool, limit: Limit | None, day: Days | None, period: str
    ) -> Known:
        match quantity:
            case Measure():
                metric = self.columns.metrics[quantity.metric]
                known = self._measure(quantity, metric, complete=complete, day=day, period=period)
                return self._with_sums(known, metric)
            case Growth():
                return self._growth(quantity)
            case Forecast():
                return self._forecast(quantity, account=limit is not None)
            case TimeToLimit():
                return self._time_to_limit(quantity)
            case AnyMetric():
                raise AssertionError("compiled into copies")

    def _measure(
        self, measure: Measure, metric: Metric, *, complete: bool, day: Days | None, period: str
    ) -> Known:
        match metric.kind:
            case Kind.LEVEL:
                return self._level(measure, metric, day)
            case Kind.DISTRIBUTION:
                return self._distribution(measure, metric, day)
            case Kind.SHARE:
                return self._share(measure, metric, day)
            case Kind.AMOUNT:
                return self._amount(measure, metric, complete=complete, day=day, period=period)

    # -- the newest reading ----------------------------------------------------------------------------

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
                old, span = _span_words(float(age[row])), _span_words(float(fresh[row]))
                return f"the newest reading of {of} is {old} old; fresh for {span}"
            return ""

        known = Known(value, low, high, as_of, fresh, has & ~usable, has, why)
        self._known[key] = known
        return known

    # -- windows ---------------------------------------------------------------------------------------

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

    def _anchor(self, series: Series) -> Floats | float:
        """Return where a window ends: now for levels, the newest bucket's end for what comes in buckets."""
        if series.ring is None or series.ring.level:
            return self.now
        return np.where(np.isinf(series.time), self.now, series.time)

    def _bounds_of(
        self, series: Series, span: Span, day: Days | None
    ) -> tuple[Floats | float, Floats | float]:
        if day is not None:
            return day.since, day.until
        anchor = self._anchor(series)
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
        length = _length(since, until)
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
            return base.why(row) or f"no history of `{name}` is kept for {_span_words(span.seconds)}"

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

    # -- distributions ---------------------------------------------------------------------------------

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
        length = _length(since, until)
        seen = windows.course(ring, self.size, since, until, Combine.MAX, self._wanted, ends=True)
        low, high = _across_parts(ring, self.size, since, until, self._wanted, seen)
        enough, why = self._covering(base, series.metric.name, seen.covered, length, stale=day is None)
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
            value, low, high = (np.where(whole, series.value, array) for array in (value, low, high))
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

    # -- shares ----------------------------------------------------------------------------------------

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
        length = _length(since, until)
        total = windows.periodic(ring, self.size, since, until, self._wanted)
        enough, why = self._covering(base, series.metric.name, total.covered, length, stale=day is None)
        some = (total.covered > 0) & (total.whole > 0)
        value = np.where(some, total.value / np.where(some, total.whole, 1.0), np.nan)
        low = np.where(enough, value, np.nan)

        def reason(row: int) -> str:
            return why(row) or f"nothing was counted in the window of `{series.metric.name}`"

        return self._masked(replace(base, value=value, low=low, high=low, why=reason), some, day)

    # -- amounts ---------------------------------------------------------------------------------------

    def _amount(
        self, measure: Measure, metric: Metric, *, complete: bool, day: Days | None, period: str
    ) -> Known:
        series = self.columns.get(metric.name)
        if series is None:
            return self._nothing(metric.name)
        if day is not None:
            window = measure.window
            return self._day(
                ("amount", window), series, day, lambda: self._amount_of_day(series, window, day)
            )
        match measure.window:
            case In(span) | Over(span):
                return self._rolling(series, span)
            case Rate(clock, None):
                return self._newest_rate(series, clock)
            case Rate(clock, Span() as span):
                return self._rate(series, clock, span)
            case Per(word):
                return self._per(series, word.value, complete=complete)
            case _:
                return self._per(series, period, complete=complete)

    def _amount_of_day(self, series: Series, window: object, day: Days) -> Known:
        base = self._newest(series)
        if series.ring is None:
            return self._facts_only(series, base, Span(1, "d"))
        total = windows.periodic(series.ring, self.size, day.since, day.until, self._wanted)
        length = day.until - day.since
        enough, why = self._covering(base, series.metric.name, total.covered, length, stale=False)
        value, least, most = total.value, total.value, np.where(enough, total.value, np.inf)
        if isinstance(window, Rate):
            seconds = np.maximum(total.covered, 1e-9)
            value, least, most = (
                window.clock * total.value / seconds,
                window.clock * total.value / length,
                np.where(enough, window.clock * total.value / seconds, np.inf),
            )
            least = np.where(enough, value, least)
        return self._masked(replace(base, value=value, low=least, high=most, why=why), base.has, day)

    def _rolling(self, series: Series, span: Span) -> Known:
        base = self._newest(series)
        ring = series.ring
        if ring is None:
            return self._facts_only(series, base, span)
        since, until = self._bounds_of(series, span, None)
        total = windows.rolling(ring, self.size, since, until, self._wanted)
        length = _length(since, until)
        enough, why = self._covering(base, series.metric.name, total.covered, length)
        edge = np.where(total.most > total.least, total.most, total.value)
        low = np.where(total.most > total.least, total.least, total.value)
        name = series.metric.name

        def reason(row: int) -> str:
            return why(row) or f"a bucket of `{name}` reaches over the window's edge and would decide"

        known = replace(base, value=total.value, low=low, high=np.where(enough, edge, np.inf), why=reason)
        return self._masked(known, total.covered >= 0, None)

    def _newest_rate(self, series: Series, clock: float) -> Known:
        base = self._newest(series)
        if series.since is None:
            return base
        seconds = series.time - series.since
        good = seconds > 0
        factor = np.where(good, clock / np.where(good, seconds, 1.0), np.nan)
        low = base.low * factor
        high = low if base.low is base.high else base.high * factor

        def why(row: int) -> str:
            return base.why(row) or f"the bucket of `{series.metric.name}` has no length"

        return replace(base, value=base.value * factor, low=low, high=high, why=why)

    def _rate(self, series: Series, clock: float, span: Span) -> Known:
        base = self._newest(series)
        ring = series.ring
        if ring is None:
            return self._facts_only(series, base, span)
        since, until = self._bounds_of(series, span, None)
        total = windows.rolling(ring, self.size, since, until, self._wanted)
        length = _length(since, until)
        enough, why = self._covering(base, series.metric.name, total.covered, length)
        some = total.covered > 0
        value = np.where(some, clock * total.value / np.where(some, total.covered, 1.0), np.nan)
        low = np.where(enough, value, clock * total.value / length)
        return self._masked(
            replace(base, value=value, low=low, high=np.where(enough, value, np.inf), why=why), some, None
        )

    # -- periods ---------------------------------------------------------------------------------------

    def _calendars(self, metric: Metric, period: str) -> tuple[list[Calendar], NDArray[np.intp]]:
        """Return the calendars in use for a metric and, for every subject, which is its own."""
        word = period or "month"
        calendars = list(self.subjects.calendars(word))
        which = self.subjects.calendar_of(word).copy()
        if Limit.QUOTA in metric.limits:
            tables = self.tables.periods(metric.name, Limit.QUOTA)
            table = tables.get(period) if period else next(iter(tables.values()))
            if table is not None and table.calendars:
                own = table.calendar >= 0
                fits = np.array([not period or c.period == period for c in table.calendars])
                own[own] = fits[table.calendar[own]]
                which[own] = table.calendar[own] + len(calendars)
                calendars += table.calendars
        return calendars, which

    def bounds(self, calendar: Calendar) -> tuple[float, float, float, float]:
        """Return (start before last, last start, running start, running end) at now."""
        bounds = self._calendar_bounds.get(calendar)
        if bounds is None:
            start, end = calendar.around(datetime.fromtimestamp(self.now, UTC))
            last = calendar.before(start)[0]
            first = calendar.before(last)[0]
            bounds = (first.timestamp(), last.timestamp(), start.timestamp(), end.timestamp())
            self._calendar_bounds[calendar] = bounds
        return bounds

    @staticmethod
    def before(calendar: Calendar, start: float) -> float:
        """Return the start of the period that ends at `start`."""
        return calendar.before(datetime.fromtimestamp(start, UTC))[0].timestamp()

    def series_of(self, quantity: Quantity) -> Series | None:
        """Return the series that a quantity's newest reading is in."""
        if isinstance(quantity, AnyMetric):
            return None
        name = quantity.metric
        stat = getattr(quantity, "agg", "")
        if self.columns.metrics[name].kind != Kind.DISTRIBUTION:
            stat = ""
        return self.columns.get(name, stat) or self.columns.get(name)

    def _per(self, series: Series, period: str, *, complete: bool) -> Known:
        """Return the total of the newest period with readings, or of the last complete one."""
        base = self._newest(series)
        ring = series.ring
        metric = series.metric
        if ring is None and not series.facts:
            return self._facts_only(series, base, Span(1, "month" if period == "month" else "d"))
        calendars, which = self._calendars(metric, period)
        bounds = np.array([self.bounds(calendar) for calendar in calendars])[which]
        rolls = np.array([calendar.rolling for calendar in calendars])[which]
        first, last, start, end = bounds.T
        time = np.where(np.isinf(series.time), self.now, series.time)
        since = time if series.since is None else np.where(np.isnan(series.since), time, series.since)
        middle = (since + time) / 2
        running = (middle > start) & ~rolls
        before = np.where(middle > last, last, first)
        if complete:
            begin, finish = last.copy(), start.copy()
            running = np.zeros(self.size, dtype=np.bool_)
        else:
            begin = np.where(running, start, before)
            finish = np.where(running, end, np.where(middle > last, start, last))
        if rolls.any():
            day = np.array([calendar.period == "day" for calendar in calendars])[which]
            back = np.where(day, self._shifted(time, Span(1, "d")), self._shifted(time, Span(1, "month")))
            begin, finish = np.where(rolls, back, begin), np.where(rolls, time, finish)
        if ring is None:
            total = windows.Total(*(np.zeros(self.size) for _ in range(5)))
        else:
            total = windows.periodic(ring, self.size, begin, finish, self._wanted)
        # So far: the running period up to its newest bucket.
        seen = np.where(running, np.maximum(time - begin, 0.0), finish - begin)
        enough, why = self._covering(base, metric.name, total.covered, np.maximum(seen, 1.0))
        high = np.where(enough & ~(running & base.stale), total.value, np.inf)
        # A stale running period still has what it has; what came after a complete one is not known.
        usable = (running | ~base.stale if not complete else ~base.stale) & base.has
        value, low = np.where(usable, total.value, np.nan), np.where(usable, total.least, np.nan)
        high = np.where(usable, high, np.nan)
        if complete:
            usable_window = total.covered > 0
            value, low, high = (np.where(usable_window, x, np.nan) for x in (value, low, high))
        if series.facts:
            # A fact says how much comes in a month.
            fact = np.isinf(series.time)
            month = {"day": 1 / 30.4375, "week": 7 / 30.4375}.get(period, 1.0)
            value, low, high = (np.where(fact, series.value * month, x) for x in (value, low, high))
        starts = np.where(rolls, np.nan, begin)
        return replace(base, value=value, low=low, high=high, why=why, period=starts)

    # -- sums over services ----------------------------------------------------------------------------

    def _with_sums(self, known: Known, metric: Metric) -> Known:
        """Fill in stacks and accounts that report nothing themselves: the sum of their services.

        For a stack this is so for cost; for an account for all that adds up (its bill, its usage).
        """
        if metric.combine != Combine.SUM or metric.kind not in {Kind.AMOUNT, Kind.LEVEL}:
            return known
        if not self.subjects.services.size:
            return known
        if metric.name == "cost":
            known = self._summed(known, metric, self.subjects.stack_of_service, into_services=False)
        if self.subjects.has_accounts:
            known = self._summed(known, metric, self.subjects.account_of_service, into_services=False)
        return known

    def _account_sum(self, known: Known, metric: Metric) -> Known:
        return self._summed(known, metric, self.subjects.account_of_service, into_services=True)

    def _summed(self, known: Known, metric: Metric, group: Rows, *, into_services: bool) -> Known:
        services = self.subjects.services
        member = (group >= 0) & (known.has[services] | self.subjects.reports(metric)[services])
        rows, into = services[member], group[member]
        if not rows.size:
            return known
        missing = np.isnan(known.low[rows])
        value = np.bincount(into, np.nan_to_num(known.value[rows]), self.size)
        low = np.bincount(into, np.where(missing, 0.0, known.low[rows]), self.size)
        high = np.bincount(into, np.where(missing, np.inf, known.high[rows]), self.size)
        count = np.bincount(into, minlength=self.size)
        reporting = np.bincount(into, known.has[rows], self.size) > 0
        silent = np.bincount(into, missing, self.size)
        as_of = np.full(self.size, -np.inf)
        np.fmax.at(as_of, into, known.as_of[rows])
        as_of = np.where(np.isinf(as_of), np.nan, as_of)
        fresh = np.full(self.size, np.inf)
        np.fmin.at(fresh, into, known.fresh[rows])
        stale = np.bincount(into, known.stale[rows], self.size) > 0
        filled = reporting & ~known.has & (count > 0) & (silent < count)
        period = known.period
        if period is not None:
            starts = np.full(self.size, -np.inf)
            np.fmax.at(starts, into, period[rows])
            period = np.where(filled, np.where(np.isinf(starts), np.nan, starts), period)

        def why(row: int) -> str:
            if filled[row] and silent[row]:
                word = "service has" if silent[row] == 1 else "services have"
                return f"the sum is partial: {int(silent[row])} {word} no fresh reading of `{metric.name}`"
            return known.why(row)

        result = replace(
            known,
            value=np.where(filled, value, known.value),
            low=np.where(filled, low, known.low),
            high=np.where(filled, high, known.high),
            as_of=np.where(filled, as_of, known.as_of),
            fresh=np.where(filled, fresh, known.fresh),
            stale=np.where(filled, stale, known.stale),
            has=known.has | (reporting & (count > 0)),
            why=why,
            period=period,
        )
        if not into_services:
            return result
        return self._spread(result, rows, into, known)

    @staticmethod
    def _spread(summed: Known, rows: Rows, into: Rows, own: Known) -> Known:
        """Give each service what its account has; `summed` holds it in the accounts' rows."""
        place = np.arange(own.value.size)
        place[rows] = into

        def why(row: int) -> str:
            return summed.why(int(place[row])) or own.why(row)

        return Known(
            summed.value[place],
            summed.low[place],
            summed.high[place],
            summed.as_of[place],
            summed.fresh[place],
            summed.stale[place],
            summed.has[place] | own.has,
            why,
            None if summed.period is None else summed.period[place],
        )

    # -- growth ----------------------------------------------------------------------------------------

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
            return self._facts_only(series, replace(base, value=np.zeros(self.size)), span)
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

        def why(row: int) -> str:
            if np.isnan(now.low[row]):
                return now.why(row) or f"no reading of `{name}` in the span"
            if np.isnan(then.low[row]):
                return f"no readings of `{name}` reach back far enough to compare with"
            if then.low[row] <= 0:
                return then.why(row) or f"`{name}` grew from 0, which is no ratio"
            return now.why(row) or then.why(row)

        return replace(now, value=value, low=low, high=high, why=why)

    # -- forecasts -------------------------------------------------------------------------------------

    def _path(self, metric: Metric, period: str, *, account: bool) -> _Path:
        key = (metric.name, period, account)
        path = self._paths.get(key)
        if path is None:
            make = self._amount_path if metric.kind == Kind.AMOUNT else self._level_path
            path = make(metric, period)
            if account:
                path = self._account_path(path, metric)
            self._paths[key] = path
        return path

    def _no_path(self, known: Known) -> _Path:
        nan = np.full(self.size, np.nan)
        return _Path(nan, nan, np.full(self.size, np.inf), known)

    def _level_path(self, metric: Metric, period: str) -> _Path:
        del period
        stat = "" if metric.kind != Kind.DISTRIBUTION else "p95"
        series = self.columns.get(metric.name, stat)
        if series is None:
            return self._no_path(self._nothing(metric.name, stat))
        base = self._newest(series)
        if series.ring is None:
            return self._no_path(self._facts_only(series, base, Span(LEARNING_DAYS, "d")))
        since = self.now - LINE_DAYS * DAY
        means, known = windows.daily(
            series.ring, self.size, since, LINE_DAYS, series.metric.combine, self._wanted
        )
        at = np.broadcast_to((np.arange(LINE_DAYS) + 0.5 - LINE_DAYS) * DAY, means.shape)
        slope, _ = line(at, means, known)
        oldest = windows.oldest_start(series.ring, self.size)
        learnt = (self.now - oldest) / DAY
        enough = learnt >= LEARNING_DAYS
        # The path starts at the newest value: where the line stands beside it, nobody would believe a jump.
        now = np.where(enough, base.value, np.nan)

        def why(row: int) -> str:
            reason = base.why(row)
            if not reason and not enough[row]:
                return f"learning: {int(learnt[row])} of {LEARNING_DAYS} days"
            return reason

        return _Path(now, slope, np.full(self.size, np.inf), replace(base, why=why))

    def _amount_path(self, metric: Metric, period: str) -> _Path:
        series = self.columns.get(metric.name)
        if series is None:
            return self._no_path(self._nothing(metric.name))
        base = self._newest(series)
        ring = series.ring
        if ring is None:
            return self._no_path(self._facts_only(series, base, Span(LEARNING_DAYS, "d")))
        calendars, which = self._calendars(metric, period)
        bounds = np.array([self.bounds(calendar) for calendar in calendars])[which]
        start, end = bounds[:, 2], bounds[:, 3]
        total = windows.periodic(ring, self.size, start, end, self._wanted)
        usual = windows.rolling(ring, self.size, self.now - LINE_DAYS * DAY, self.now, self._wanted)
        seen = np.maximum(series.time - start, 0.0)
        pace = run_rate(total.value, seen, end - start, usual.value, usual.covered)
        learnt = (series.time - windows.oldest_start(ring, self.size)) / DAY
        enough = learnt >= LEARNING_DAYS
        # What passed since the newest bucket went on at the same pace.
        now = total.value + pace * (self.now - np.maximum(series.time, start))
        usable = enough & ~base.stale

        def why(row: int) -> str:
            reason = base.why(row)
            if not reason and not enough[row]:
                return f"learning: {int(learnt[row])} of {LEARNING_DAYS} days"
            return reason

        known = replace(base, why=why, value=total.value, period=start)
        return _Path(np.where(usable, now, np.nan), pace, end, known)

    def _account_path(self, path: _Path, metric: Metric) -> _Path:
        slope = np.nan_to_num(path.slope)
        now = self._account_sum(replace(path.known, value=path.now, low=path.now, high=path.now), metric)
        pace = self._account_sum(replace(path.known, value=slope, low=slope, high=slope), metric)
        # A partial sum has no path.
        whole = np.where(now.low == now.high, now.low, np.nan)
        return _Path(whole, pace.value, path.end, replace(path.known, why=now.why, has=now.has))

    def _forecast(self, forecast: Forecast, *, account: bool) -> Known:
        metric = self.columns.metrics[forecast.metric]
        horizon = forecast.horizon
        period = horizon.value if isinstance(horizon, Word) else ""
        use_account = account and self._quota(metric, period).any_account
        path = self._path(metric, period, account=use_account)
        if isinstance(horizon, Span):
            ahead = np.asarray(self._shifted(self.now, replace(horizon, count=-horizon.count)))
        elif metric.kind == Kind.AMOUNT:
            ahead = path.end
        else:
            calendars = self.subjects.calendars(period)
            ends = np.array([self.bounds(calendar)[3] for calendar in calendars])
            ahead = ends[self.subjects.calendar_of(period)]
        until = np.minimum(ahead, path.end)
        value = path.now + path.slope * (until - self.now)
        if metric.kind != Kind.AMOUNT:
            value = np.maximum(value, 0.0)
        return replace(path.known, value=value, low=value, high=value)

    def _quota(self, metric: Metric, period: str) -> LimitTable:
        if Limit.QUOTA not in metric.limits:
            return LimitTable.empty(self.size)
        return self.tables.nearest(metric.name, Limit.QUOTA, period)

    def _time_to_limit(self, quantity: TimeToLimit) -> Known:
        metric = self.columns.metrics[quantity.metric]
        value = np.full(self.size, np.nan)
        known: Known | None = None
        limited = np.zeros(self.size, dtype=np.bool_)
        for limit in sorted(metric.limits):
            for period, table in self.tables.periods(metric.name, limit).items():
                kind = "month" if limit == Limit.BUDGET else period
                path = self._path(metric, kind, account=False)
                seconds = self._reach(path, table.value, metric)
                if table.any_account:
                    shared = self._path(metric, kind, account=True)
                    seconds = np.where(table.account, self._reach(shared, table.value, metric), seconds)
                value = np.fmin(value, seconds)
                limited |= ~np.isnan(table.value)
                known = path.known if known is None else known
        if known is None:
            return self._nothing(metric.name)
        base = known

        def why(row: int) -> str:
            return f"no limit of `{metric.name}` is known" if not limited[row] else base.why(row)

        return replace(base, value=value, low=value, high=value, why=why)

    def _reach(self, path: _Path, limit: Floats, metric: Metric) -> Floats:
        """Return the seconds until a path meets a limit: 0 when over, +inf for never."""
        current = path.known.value if metric.kind == Kind.AMOUNT else path.now
        rising = path.slope > 0
        seconds = np.where(rising, (limit - path.now) / np.where(rising, path.slope, 1.0), np.inf)
        seconds = np.maximum(seconds, 0.0)
        never = (seconds > YEAR) | (self.now + seconds > path.end)
        seconds = np.where(never, np.inf, seconds)
        known = ~np.isnan(path.now) & ~np.isnan(limit)
        seconds = np.where(known, seconds, np.nan)
        # What is over its limit needs no history to say so.
        over_now = (current >= limit) | (path.now >= limit)
        return np.where(over_now & ~path.known.stale, 0.0, seconds)


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
        if series.ring is None:
            return series.revision
        # A level reaches into a day from as far back as it is fresh; segments are noted by their start.
        reach = (
            2 * DAY
            if not len(series.fresh)
            else float(np.max(series.fresh[np.isfinite(series.fresh)], initial=0))
        )
        first = int((float(np.nanmin(day.since)) - max(reach, 2 * DAY)) // DAY)
        last = int(float(np.nanmax(day.until)) // DAY)
        changes = series.ring.changes
        return hash(tuple(changes.get(number, 0) for number in range(first, last + 1)))


def merged_stat(histograms: list[Histogram], stat: str) -> tuple[float, float, float]:
    """Return (value, low, high) of one stat of histograms laid together.

    A quantile is interpolated within the bucket that it falls in, as the usual systems do; the highest
    and lowest value are only known to the bucket. NaN where nothing was counted.
    """
    count = sum(float(h.counts.sum()) for h in histograms)
    if count <= 0:
        return np.nan, np.nan, np.nan
    if stat == "avg":
        mean = sum(h.mean * float(h.counts.sum()) for h in histograms) / count
        return mean, mean, mean
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


def _across_parts(
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


def _length(since: Floats | float, until: Floats | float) -> Floats | float:
    length = until - since
    return float(length) if isinstance(length, float) else np.maximum(length, 1.0)


def _span_words(seconds: float) -> str:
    if not np.isfinite(seconds):
        return "ever"
    for size, word in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.3g} {word}"
    return f"{seconds:.3g} s"
