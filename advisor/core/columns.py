"""Columns: the newest reading of every metric over all subjects, and short histories where rules need them.

A series is a (metric, stat) and holds arrays over `fleet.subjects`. Readings come one at a time (`add`) or a
whole metric at a time (`set_level`). Only metrics with a horizon keep history (`ring.py`).

Limitations, chosen for bounded memory: histories longer than six hours are merged by the hour, so a
correction that is both older than six hours and finer than an hour is not seen here (the store keeps
it, and the next start reads it); histograms are kept as they came, for subjects that send any.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from advisor.core.fleet import Fleet
from advisor.core.judgement import Floats, Rows
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Combine, Kind, Metric, Observed, Quality, Reading
from advisor.core.periods import Zone
from advisor.core.ring import Ring

QUALITIES = tuple(Quality)
#: A reading that stays usable so long (seconds) comes from no poll whose interval is known.
UNPOLLED = 2 * 86400.0
_QUARTER = 91 * 86400.0


@dataclass(slots=True)
class _Newest:
    """The newest reading of one part."""

    time: float
    value: float
    fresh: float
    since: float
    of: float
    low: float
    high: float
    quality: int


@dataclass(frozen=True, slots=True)
class Histogram:
    """The counts of one bucket of time: upper edges, counts between them, mean of all values.

    `low` and `high` bound the mean where nobody measured it.
    """

    since: float
    at: float
    edges: Floats
    counts: Floats
    mean: float
    low: float
    high: float


class Series:
    """One (metric, stat) over all subjects: arrays of the newest reading, and the history where kept.

    `time` is the reading's moment or its bucket's end (epoch seconds), NaN where there never was one and
    +inf for a fact; `before` the time of the reading before it; `fresh` how many seconds it stays usable.
    `since` is the bucket's start, `of` the whole of a share; `low` and `high` are the ends of an uncertain
    value. The last four exist once a reading had them.
    """

    def __init__(self, metric: Metric, stat: str, subjects: int, horizon: float) -> None:
        self.metric = metric
        self.stat = stat
        self.horizon = horizon
        self.time = np.full(subjects, np.nan)
        self.before = np.full(subjects, np.nan)
        self.value = np.full(subjects, np.nan)
        self.fresh = np.zeros(subjects, dtype=np.float32)
        self.quality = np.zeros(subjects, dtype=np.int8)
        self.since: Floats | None = None
        self.of: Floats | None = None
        self.low: Floats | None = None
        self.high: Floats | None = None
        self.facts = False
        self.revision = 0  #: Changes with every reading.
        self.reporting = 0  #: How many subjects ever had a reading.
        self.ring: Ring | None = None
        self.ratios: Ring | None = None  #: Of a share: ratios whose whole nobody said.
        self.parts: dict[int, dict[str, _Newest]] = {}
        self.histograms: dict[int, list[Histogram]] = {}
        self.due: Floats | None = None  #: Seconds within which the newest reading was to come (three paces).
        self._pace: Floats | None = None

    def optional(self, name: str) -> Floats:
        """Return one of since, of, low, high, made when first needed."""
        array: Floats | None = getattr(self, name)
        if array is None:
            # What was there before had no such number: a value's ends are the value itself.
            array = self.value.copy() if name in {"low", "high"} else np.full(self.value.size, np.nan)
            setattr(self, name, array)
        return array

    def put(self, row: int, new: _Newest) -> None:
        """Make this the subject's newest reading, unless a newer one is there."""
        old = self.time[row]
        if math.isinf(old):
            old = math.nan
        if new.time < old:
            if not self.before[row] >= new.time:
                self.before[row] = new.time
            return
        if math.isnan(old):
            self.reporting += 1
        elif new.time > old:
            self.before[row] = old
            if new.fresh >= UNPOLLED:
                self._keep_pace(row, new.time - old)
        self.time[row], self.value[row], self.fresh[row] = new.time, new.value, new.fresh
        self.quality[row] = new.quality
        for name, number in (("since", new.since), ("of", new.of), ("low", new.low), ("high", new.high)):
            if getattr(self, name) is not None or not math.isnan(number):
                plain = new.value if name in {"low", "high"} else math.nan
                self.optional(name)[row] = plain if math.isnan(number) else number

    def _keep_pace(self, row: int, gap: float) -> None:
        """Learn how often readings come that no poll brings: three times their pace is a gap in a hold."""
        if self._pace is None or self.due is None:
            self._pace, self.due = np.full(self.time.size, np.nan), np.full(self.time.size, np.inf)
        pace = float(self._pace[row])
        if math.isnan(pace):
            self._pace[row] = gap
            return
        self.due[row] = 3 * pace
        self._pace[row] = 0.8 * pace + 0.2 * gap if gap <= 3 * pace else 3 * pace


class Columns:
    """What is known of all subjects of a fleet: changed by `add` and `set_level`, read by `Program.judge`.

    `horizons` gives the seconds of history that each metric needs (see `Program.horizons`).
    """

    def __init__(
        self,
        fleet: Fleet,
        horizons: Mapping[str, float] | None = None,
        metrics: Mapping[str, Metric] = VOCABULARY,
    ) -> None:
        self.fleet = fleet
        self.horizons = dict(horizons or {})
        self.metrics = metrics
        self.size = len(fleet.subjects)
        self.series: dict[tuple[str, str], Series] = {}
        self.now_known = -math.inf  #: The newest time of any reading.
        #: Rows whose readings of a metric are only part of it, by metric, and what of it is not known.
        self.partial: dict[str, dict[int, str]] = {}
        self._phase: dict[int, float] = {}
        for row, stack in enumerate(fleet.stacks):
            for name, value in stack.facts.items():
                if name in metrics and math.isfinite(value):
                    series = self._series(metrics[name], "")
                    series.facts = True
                    series.time[row], series.value[row], series.fresh[row] = np.inf, value, np.inf
                    series.quality[row] = QUALITIES.index(Quality.MANUAL)

    def get(self, metric: str, stat: str = "") -> Series | None:
        """Return a series, or None where no reading of it ever came."""
        return self.series.get((metric, stat))

    def keep(self, horizons: Mapping[str, float]) -> None:
        """Keep history for at least so many seconds of each metric, from now on."""
        for name, seconds in horizons.items():
            if seconds > self.horizons.get(name, 0.0):
                self.horizons[name] = seconds
                for (metric, _), series in self.series.items():
                    if metric == name:
                        series.horizon = seconds
                        for ring in (series.ring, series.ratios):
                            if ring is not None:
                                ring.horizon = seconds

    def _series(self, metric: Metric, stat: str) -> Series:
        series = self.series.get((metric.name, stat))
        if series is None:
            horizon = self.horizons.get(metric.name, 0.0)
            series = self.series[metric.name, stat] = Series(metric, stat, self.size, horizon)
        return series

    def _ring(self, series: Series, *, level: bool) -> Ring:
        if series.ring is None:
            kind = series.metric.kind
            series.ring = Ring(
                self.size,
                series.horizon,
                level=level,
                share=kind == Kind.SHARE,
                bounds=kind == Kind.DISTRIBUTION,
            )
        return series.ring

    # -- adding ----------------------------------------------------------------------------------------

    def add(self, observed: Iterable[Observed]) -> None:
        """Take readings in, in any order. What is not finite, or about nobody here, is left out."""
        rows = self.fleet.row
        for one in observed:
            reading = one.reading
            row = rows.get(one.subject)
            metric = self.metrics.get(reading.metric)
            if row is None or metric is None or not math.isfinite(reading.value):
                continue
            fresh = one.fresh if metric.fresh is None else metric.fresh
            self._add(row, metric, reading, fresh)

    def _add(self, row: int, metric: Metric, reading: Reading, fresh: float) -> None:
        series = self._series(metric, reading.stat)
        at = reading.at.timestamp()
        since = reading.since.timestamp() if reading.since is not None else math.nan
        self.now_known = max(self.now_known, at)
        new = _Newest(
            at,
            reading.value,
            fresh,
            since,
            _finite(reading.of),
            _finite(reading.low),
            _finite(reading.high),
            QUALITIES.index(reading.quality),
        )
        if metric.kind == Kind.AMOUNT and math.isnan(since):
            since = new.since = at
        if reading.part or row in series.parts:
            if metric.combine == Combine.EACH and reading.part:
                return  # Rules look at the reading without a part; the store keeps the others.
            parts = series.parts.setdefault(row, {})
            if not parts and not math.isnan(series.time[row]) and not math.isinf(series.time[row]):
                parts[""] = self._as_part(series, row)
            known = parts.get(reading.part)
            if known is None or new.time >= known.time:
                parts[reading.part] = new
            series.put(row, combined(parts, metric))
        else:
            series.put(row, new)
        series.revision += 1
        if reading.buckets and metric.kind == Kind.DISTRIBUTION:
            self._add_histogram(series, row, reading, at, since)
        elif series.horizon > 0:
            self._remember(series, row, reading.part, new)

    def _remember(self, series: Series, row: int, part: str, new: _Newest) -> None:
        kind = series.metric.kind
        level = kind == Kind.LEVEL or (kind == Kind.DISTRIBUTION and math.isnan(new.since))
        if kind == Kind.SHARE and (math.isnan(new.since) or math.isnan(new.of)):
            self._remember_ratio(series, row, part, new)
            return
        ring = self._ring(series, level=level)
        place = ring.row_of(row, part, self._phase_of(row))
        ends = (
            new.value if math.isnan(new.low) else new.low,
            new.value if math.isnan(new.high) else new.high,
        )
        if level:
            ring.add(place, new.time, new.time + new.fresh, new.value, ends=ends)
        else:
            start = new.time if math.isnan(new.since) else new.since
            ring.add(place, start, new.time, new.value, 0.0 if math.isnan(new.of) else new.of, ends)

    def _remember_ratio(self, series: Series, row: int, part: str, new: _Newest) -> None:
        """Keep a ratio without its whole: it is no part of a window's ratio, but it bounds it."""
        level = math.isnan(new.since)
        if series.ratios is None:
            series.ratios = Ring(self.size, series.horizon, level=level, bounds=True)
        ratio = new.value if math.isnan(new.of) else new.value / new.of if new.of > 0 else math.nan
        if math.isnan(ratio):
            return
        place = series.ratios.row_of(row, part, self._phase_of(row))
        if series.ratios.level:
            series.ratios.add(place, new.time, new.time + new.fresh, ratio)
        elif not level:
            series.ratios.add(place, new.since, new.time, ratio)

    def _add_histogram(self, series: Series, row: int, reading: Reading, at: float, since: float) -> None:
        edges = np.array([edge for edge, _ in reading.buckets], dtype=np.float64)
        counts = np.array([count for _, count in reading.buckets], dtype=np.float64)
        start = at if math.isnan(since) else since
        kept = [h for h in series.histograms.get(row, []) if (h.since, h.at) != (start, at)]
        low, high = (reading.value if end is None else end for end in (reading.low, reading.high))
        kept.append(Histogram(start, at, edges, counts, reading.value, low, high))
        newest = max(h.at for h in kept)
        series.histograms[row] = [h for h in kept if h.at >= newest - max(series.horizon, 1.0)]

    @staticmethod
    def _as_part(series: Series, row: int) -> _Newest:
        def number(array: Floats | None) -> float:
            return math.nan if array is None else float(array[row])

        return _Newest(
            float(series.time[row]),
            float(series.value[row]),
            float(series.fresh[row]),
            number(series.since),
            number(series.of),
            number(series.low),
            number(series.high),
            int(series.quality[row]),
        )

    def _phase_of(self, row: int) -> float:
        phase = self._phase.get(row)
        if phase is None:
            # A clock that is changed by half an hour has two phases in a year; the UTC hour is kept anyway.
            at = np.asarray(max(self.now_known, 0.0) + np.arange(-4, 5) * _QUARTER, dtype=np.float64)
            offsets = Zone.of(zone_of(self.fleet, row)).offset(at)
            phase = self._phase[row] = float(np.max(-offsets % 3600))
        return phase

    def set_level(
        self,
        metric: str,
        rows: Rows,
        values: Floats,
        times: Floats | datetime,
        fresh: float,
        stat: str = "",
    ) -> None:
        """Take one level (or a distribution's quantile at a moment) for each of many subjects at once.

        `rows` are places in `fleet.subjects`, `times` epoch seconds or one moment for all. What is not
        finite is left out. Raises KeyError for an unknown metric.
        """
        definition = self.metrics[metric]
        moments = np.full(rows.size, times.timestamp()) if isinstance(times, datetime) else times
        finite = np.isfinite(values) & np.isfinite(moments)
        if not finite.all():
            rows, values, moments = rows[finite], values[finite], moments[finite]
        if not rows.size:
            return
        series = self._series(definition, stat)
        fresh = fresh if definition.fresh is None else definition.fresh
        self.now_known = max(self.now_known, float(moments.max()))
        old = series.time[rows]
        newer = ~(moments < old) | np.isinf(old)
        into = rows if newer.all() else rows[newer]
        if into is not rows:
            old, taken, at = old[newer], values[newer], moments[newer]
        else:
            taken, at = values, moments
        series.reporting += int(np.count_nonzero(~np.isfinite(old)))
        series.before[into] = np.where(at > old, old, series.before[into])
        series.time[into], series.value[into] = at, taken
        series.fresh[into] = fresh
        series.quality[into] = 0
        for name in ("low", "high"):
            if getattr(series, name) is not None:
                series.optional(name)[into] = taken
        series.revision += 1
        if series.horizon > 0:
            ring = self._ring(series, level=True)
            ring.add_many(rows, moments, moments + fresh, values)

    @property
    def nbytes(self) -> int:
        """Bytes that the arrays hold, histograms and parts left out."""
        total = 0
        for series in self.series.values():
            arrays: tuple[NDArray[np.generic] | None, ...] = (
                series.time,
                series.before,
                series.value,
                series.fresh,
                series.quality,
                series.since,
                series.of,
                series.low,
                series.high,
            )
            total += sum(array.nbytes for array in arrays if array is not None)
            total += series.ring.nbytes if series.ring is not None else 0
        return total


def combined(parts: Mapping[str, _Newest], metric: Metric) -> _Newest:
    """Return what the parts make together, as the metric's `combine` says.

    A part that stayed silent for longer than its readings are fresh is gone (a machine removed). A reading
    without a part speaks for the whole while it is as new as the parts.
    """
    newest = max(part.time for part in parts.values())
    whole = parts.get("")
    if whole is not None and newest - whole.time <= whole.fresh:
        return whole
    present = [p for name, p in parts.items() if name and newest - p.time <= p.fresh]

    def ends(name: str) -> list[float]:
        return [p.value if math.isnan(getattr(p, name)) else getattr(p, name) for p in present]

    def together(numbers: list[float]) -> float:
        if metric.kind == Kind.SHARE or metric.combine == Combine.SUM:
            return math.fsum(numbers)
        if metric.combine == Combine.MEAN:
            return math.fsum(numbers) / len(numbers)
        return max(numbers)

    values = [p.value for p in present]
    if metric.kind == Kind.DISTRIBUTION:
        low, high, value = min(values), max(values), max(values)
    elif metric.kind == Kind.SHARE and any(math.isnan(p.of) for p in present):
        # Without all wholes the whole's ratio is only known to lie between those of its parts.
        ratios = [p.value if math.isnan(p.of) else p.value / p.of for p in present if p.of != 0]
        low, high = min(ratios, default=math.nan), max(ratios, default=math.nan)
        value = math.fsum(ratios) / len(ratios) if ratios else math.nan
    else:
        low, high, value = together(ends("low")), together(ends("high")), together(values)
    exact = low == value == high
    return _Newest(
        newest,
        value,
        max(p.fresh for p in present),
        min((p.since for p in present if not math.isnan(p.since)), default=math.nan),
        math.fsum(p.of for p in present),  # NaN where one has none.
        math.nan if exact else low,
        math.nan if exact else high,
        max(p.quality for p in present),
    )


def zone_of(fleet: Fleet, row: int) -> str:
    """Return the time zone of a subject: its stack's, or the account's own."""
    stacks, services = len(fleet.stacks), len(fleet.services)
    if row < stacks:
        return fleet.stacks[row].timezone
    if row < stacks + services:
        return fleet.stack[fleet.services[row - stacks].stack].timezone
    return fleet.accounts[row - stacks - services].timezone


def _finite(number: float | None) -> float:
    return number if number is not None and math.isfinite(number) else math.nan
