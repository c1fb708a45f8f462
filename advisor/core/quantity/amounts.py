"""Amounts: totals of periods, rolling sums, rates."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from advisor.core import windows
from advisor.core.columns import Series
from advisor.core.model import Limit, Metric
from advisor.core.periods import Calendar
from advisor.core.quantity.base import Base
from advisor.core.quantity.known import Days, Known, length_of
from advisor.core.sentence import In, Measure, Over, Per, Rate, Span


class Amounts(Base):
    """Quantities of amounts."""

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
        length = length_of(since, until)
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
        length = length_of(since, until)
        enough, why = self._covering(base, series.metric.name, total.covered, length)
        some = total.covered > 0
        value = np.where(some, clock * total.value / np.where(some, total.covered, 1.0), np.nan)
        low = np.where(enough, value, clock * total.value / length)
        return self._masked(
            replace(base, value=value, low=low, high=np.where(enough, value, np.inf), why=why), some, None
        )

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

    def bounds(self, calendar: Calendar, *, over: bool = True) -> tuple[float, float, float, float]:
        """Return (start before last, last start, running start, running end) at now.

        At the very end of a period it is complete: nothing can come into it any more. Whoever looks ahead
        says that it is not `over` yet, because now is its last moment.
        """
        bounds = self._calendar_bounds.get((calendar, over))
        if bounds is None:
            now = datetime.fromtimestamp(self.now, UTC)
            start, end = calendar.around(now + timedelta(microseconds=1) if over else now)
            last = calendar.before(start)[0]
            first = calendar.before(last)[0]
            bounds = (first.timestamp(), last.timestamp(), start.timestamp(), end.timestamp())
            self._calendar_bounds[calendar, over] = bounds
        return bounds

    @staticmethod
    def before(calendar: Calendar, start: float) -> float:
        """Return the start of the period that ends at `start`."""
        return calendar.before(datetime.fromtimestamp(start, UTC))[0].timestamp()

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
        usable = (running | ~base.stale) & base.has if not complete else base.has
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
