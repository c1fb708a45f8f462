"""Forecasts: where a level or an amount is going, and when it meets its limit."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from advisor.core import windows
from advisor.core.judgement import Floats
from advisor.core.model import Kind, Limit, Metric
from advisor.core.quantity.amounts import Amounts
from advisor.core.quantity.known import DAY, Known, Path
from advisor.core.quantity.sums import Sums
from advisor.core.sentence import Calendar as Word
from advisor.core.sentence import Forecast, Span, TimeToLimit
from advisor.core.thresholds import LimitTable
from advisor.core.trend import LEARNING_DAYS, LINE_DAYS, line, run_rate

YEAR = 365 * DAY


class Paths(Amounts, Sums):
    """Quantities as they will be."""

    def _path(self, metric: Metric, period: str, *, account: bool) -> Path:
        key = (metric.name, period, account)
        path = self._paths.get(key)
        if path is None:
            make = self._amount_path if metric.kind == Kind.AMOUNT else self._level_path
            path = self._summed_path(make(metric, period), metric)
            if account:
                path = self._account_path(path, metric)
            self._paths[key] = path
        return path

    def _no_path(self, known: Known) -> Path:
        nan = np.full(self.size, np.nan)
        return Path(nan, nan, np.full(self.size, np.inf), known)

    def _level_path(self, metric: Metric, period: str) -> Path:
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

        return Path(now, slope, np.full(self.size, np.inf), replace(base, why=why))

    def _amount_path(self, metric: Metric, period: str) -> Path:
        series = self.columns.get(metric.name)
        if series is None:
            return self._no_path(self._nothing(metric.name))
        base = self._newest(series)
        ring = series.ring
        if ring is None:
            return self._no_path(self._facts_only(series, base, Span(LEARNING_DAYS, "d")))
        calendars, which = self._calendars(metric, period)
        bounds = np.array([self.bounds(calendar, over=False) for calendar in calendars])[which]
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
        return Path(np.where(usable, now, np.nan), pace, end, known)

    def _summed_path(self, path: Path, metric: Metric) -> Path:
        """Fill in stacks and accounts that report nothing themselves: the path of their services' sum."""
        slope = np.where(np.isnan(path.now), np.nan, np.nan_to_num(path.slope))
        now = self._with_sums(replace(path.known, value=path.now, low=path.now, high=path.now), metric)
        if now.has is path.known.has:
            return path
        filled = now.has & ~path.known.has
        pace = self._with_sums(replace(path.known, value=slope, low=slope, high=slope), metric)
        total = self._with_sums(path.known, metric)
        # A partial sum has no path.
        return Path(
            np.where(filled, np.where(now.low == now.high, now.low, np.nan), path.now),
            np.where(filled, pace.value, path.slope),
            path.end,
            replace(total, why=now.why),
        )

    def _account_path(self, path: Path, metric: Metric) -> Path:
        slope = np.nan_to_num(path.slope)
        now = self._account_sum(replace(path.known, value=path.now, low=path.now, high=path.now), metric)
        pace = self._account_sum(replace(path.known, value=slope, low=slope, high=slope), metric)
        # A partial sum has no path.
        whole = np.where(now.low == now.high, now.low, np.nan)
        return Path(whole, pace.value, path.end, replace(path.known, why=now.why, has=now.has))

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
            ends = np.array([self.bounds(calendar, over=False)[3] for calendar in calendars])
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

    def limitless(self, metric: Metric) -> NDArray[np.bool_]:
        """Return the subjects whose plan has no limit on the metric at all."""
        absent = np.ones(self.size, dtype=np.bool_)
        for limit in metric.limits:
            for table in self.tables.periods(metric.name, limit).values():
                absent &= table.absent
        return absent

    def _reach(self, path: Path, limit: Floats, metric: Metric) -> Floats:
        """Return the seconds until a path meets a limit: 0 when over, +inf for never."""
        current = path.known.value if metric.kind == Kind.AMOUNT else path.now
        rising = path.slope > 0
        seconds = np.where(rising, (limit - path.now) / np.where(rising, path.slope, 1.0), np.inf)
        seconds = np.maximum(seconds, 0.0)
        never = (seconds > YEAR) | (self.now + seconds > path.end)
        seconds = np.where(never, np.inf, seconds)
        known = ~np.isnan(path.now) & ~np.isnan(limit)
        seconds = np.where(known, seconds, np.nan)
        seconds = np.where(np.isinf(limit), np.inf, seconds)  # What is unlimited is never met.
        # What is over its limit needs no history to say so.
        over_now = (current >= limit) | (path.now >= limit)
        return np.where(over_now & ~path.known.stale, 0.0, seconds)
