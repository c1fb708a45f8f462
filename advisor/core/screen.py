"""At which of many times a sentence could be true: bounds over whole histories, so that few are judged.

A backtest judges 40 rules at thousands of times, and at nearly all of them nothing can happen. Here every
comparison is bounded over (time × subject) at once: where even the bound does not reach the threshold, the
sentence is not true, and a finding at rest stays as it is. What cannot be bounded cheaply (forecasts, growth,
sums over services) counts as possible from the first reading on. Only exact judgement says what *is* true.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from advisor.core.compile import Compiled, cleared, leaves
from advisor.core.fleet import Fleet
from advisor.core.judgement import Floats, Rows
from advisor.core.model import Combine, Kind, Limit, Metric, Observed
from advisor.core.sentence import (
    And,
    AnyMetric,
    Condition,
    Group,
    In,
    Measure,
    Needs,
    Not,
    OnDays,
    Or,
    Over,
    Per,
    Rate,
    ShareOf,
    TargetMissed,
    Test,
    Value,
)
from advisor.core.sentence import Calendar as Word
from advisor.core.thresholds import LimitTables

Mask = NDArray[np.bool_]
Bounds = tuple[Floats, Floats]

DAY = 86400.0
#: Hours are merged in long histories, and a clock may have gone back by one.
SLACK = 2 * 3600.0
_PERIODS = {"day": DAY, "week": 7 * DAY, "month": 31 * DAY}
#: Bounds are as far apart from the threshold as rounding may move a sum.
_ROUNDING = 1e-9


@dataclass(slots=True)
class Track:
    """All readings of one metric of one subject, in the order in which they became known.

    `seen` are places in the times of the backtest. `plain`: one part, one stat, in order, nothing uncertain,
    so that the newest reading is the value. `ordered`: their times never go back.
    """

    seen: Rows
    at: Floats
    value: Floats
    low: Floats
    high: Floats
    length: float
    fresh: float
    plain: bool
    ordered: bool
    positive: bool
    histogram: bool
    stat: str = ""
    parts: Sequence[tuple[Rows, Floats, bool]] = ()

    def newest(self, steps: Rows) -> Rows:
        """Return the place of the newest reading at each step, -1 where there is none yet."""
        return np.asarray(np.searchsorted(self.seen, steps, side="right") - 1, dtype=np.intp)


def track(found: Sequence[tuple[int, Observed]], metric: Metric) -> Track:
    """Return the readings (place of the time they became known, reading), in that order, as a track."""
    readings = [one.reading for _, one in found]
    whole = [r.of if r.of is not None else 1.0 for r in readings] if metric.kind is Kind.SHARE else []
    value = np.array([r.value for r in readings])
    if whole:
        of = np.array(whole)
        value = np.where(of > 0, value / np.where(of > 0, of, 1.0), 0.0)
    low = np.array([v if r.low is None else r.low for v, r in zip(value, readings, strict=True)])
    high = np.array([v if r.high is None else r.high for v, r in zip(value, readings, strict=True)])
    at = np.array([r.at.timestamp() for r in readings])
    seen = np.array([place for place, _ in found], dtype=np.intp)
    names = {(r.part, r.stat) for r in readings}
    ordered = bool((np.diff(at) >= 0).all())
    lengths = [(r.at - r.since).total_seconds() for r in readings if r.since is not None]
    histogram = any(r.buckets for r in readings)
    exact = all(r.low is None and r.high is None and not r.buckets for r in readings)
    low, high = np.minimum(low, value), np.maximum(high, value)
    return Track(
        seen,
        at,
        value,
        low,
        high,
        max(lengths, default=0.0),
        metric.fresh if metric.fresh is not None else max(one.fresh for _, one in found),
        len(names) == 1 and "" in {part for part, _ in names} and ordered and exact,
        ordered,
        bool((low >= 0).all()),
        histogram,
        readings[0].stat,
        tuple(_parts(found, high)) if len(names) > 1 else (),
    )


def _parts(found: Sequence[tuple[int, Observed]], high: Floats) -> Iterable[tuple[Rows, Floats, bool]]:
    places: dict[tuple[str, str], list[int]] = {}
    for place, (_, one) in enumerate(found):
        places.setdefault((one.reading.part, one.reading.stat), []).append(place)
    seen = np.array([index for index, _ in found], dtype=np.intp)
    at = np.array([one.reading.at.timestamp() for _, one in found])
    for chosen in places.values():
        mine = np.array(chosen, dtype=np.intp)
        yield seen[mine], high[mine], bool((np.diff(at[mine]) >= 0).all())


@dataclass(slots=True)
class Screen:
    """Bounds over the times of a backtest. `moments` are those times (epoch seconds)."""

    fleet: Fleet
    metrics: Mapping[str, Metric]
    tracks: Mapping[tuple[int, str], Track]
    moments: Floats
    _kept: dict[object, Bounds] = field(default_factory=dict)
    _near: dict[int, set[int]] = field(default_factory=dict)

    def possible(self, one: Compiled, tables: LimitTables, steps: Rows) -> Mask:
        """Return (subject of the rule × step) where the sentence, its holds left away, could be true."""
        found = np.zeros((len(one.rows), steps.size), dtype=np.bool_)
        for place, row in enumerate(one.rows.rows.tolist()):
            found[place] = self._can(one.condition, int(row), tables, steps)[0]
        return found

    def certain(self, one: Compiled, tables: LimitTables, steps: Rows) -> Mask:
        """Return (subject × step) where the sentence is surely true, so that what fires goes on firing.

        Only of a single comparison of a newest value without a hold; elsewhere nothing is said.
        """
        found = np.zeros((len(one.rows), steps.size), dtype=np.bool_)
        test = one.condition
        if isinstance(test, Needs) and not one.not_given:
            for place, row in enumerate(one.rows.rows.tolist()):
                answers = {self.fleet.stacks[other].needs.get(test.name) for other in self._stacks(int(row))}
                found[place] = answers == {True}
            return found
        if not isinstance(test, Test) or test.hold is not None or one.not_given:
            return found
        quantity, metric = test.quantity, self._metric(test)
        if metric is None or not isinstance(quantity, Measure) or quantity.window is not None:
            return found
        if metric.kind not in {Kind.LEVEL, Kind.DISTRIBUTION}:
            return found
        if metric.kind is Kind.LEVEL and quantity.agg:
            return found
        for place, row in enumerate(one.rows.rows.tolist()):
            mine = self.tracks.get((int(row), metric.name))
            if mine is None or not mine.plain or mine.length > 0 or mine.stat != quantity.agg:
                continue
            thresholds = self._all_thresholds(test, one, int(row), tables)
            if thresholds is None:
                continue
            newest = mine.newest(steps)
            there = newest >= 0
            value = np.where(there, mine.value[newest], np.nan)
            usable = self.moments[steps] - mine.at[newest] < mine.fresh
            margin = _ROUNDING * (np.abs(value) + 1e-12)
            if test.compare.upward:
                found[place] = there & usable & (value - margin > max(thresholds))
            else:
                found[place] = there & usable & (value + margin < min(thresholds))
        return found

    def reads(self, one: Compiled) -> set[str]:
        """Return the metrics that a sentence looks at."""
        found: set[str] = set()
        for leaf in leaves(one.condition):
            if isinstance(leaf, Test) and not isinstance(leaf.quantity, AnyMetric):
                found.add(leaf.quantity.metric)
                if isinstance(leaf.threshold, ShareOf) and not isinstance(leaf.threshold.of, Limit):
                    found.add(leaf.threshold.of)
        return found

    # -- what can be -----------------------------------------------------------------------------------

    def _can(
        self, condition: Condition, row: int, tables: LimitTables, steps: Rows, *, days: bool = False
    ) -> tuple[Mask, Mask]:
        """Return where a condition could be true, and where it could be false."""
        match condition:
            case Test():
                return self._test(condition, row, tables, steps, days=days)
            case And(terms):
                each = [self._can(term, row, tables, steps, days=days) for term in terms]
                return _every(true for true, _ in each), _some(false for _, false in each)
            case Or(terms):
                each = [self._can(term, row, tables, steps, days=days) for term in terms]
                return _some(true for true, _ in each), _some(false for _, false in each)
            case Not(inner):
                true, false = self._can(inner, row, tables, steps, days=days)
                return false, true
            case Group(inner, hold):
                return self._can(inner, row, tables, steps, days=days or isinstance(hold, OnDays))
            case Needs(name=name):
                return self._answered(name, row, steps)
            case TargetMissed():
                anything = np.ones(steps.size, dtype=np.bool_)
                return anything, anything

    def _answered(self, name: str, row: int, steps: Rows) -> tuple[Mask, Mask]:
        """Return what a question's answers allow; unanswered, it is neither true nor false."""
        answers = {self.fleet.stacks[other].needs.get(name) for other in self._stacks(row)}
        return np.full(steps.size, True in answers), np.full(steps.size, False in answers)

    def _metric(self, test: Test) -> Metric | None:
        return None if isinstance(test.quantity, AnyMetric) else self.metrics.get(test.quantity.metric)

    def _test(
        self, test: Test, row: int, tables: LimitTables, steps: Rows, *, days: bool
    ) -> tuple[Mask, Mask]:
        metric = self._metric(test)
        if metric is None:
            anything = np.ones(steps.size, dtype=np.bool_)
            return anything, anything
        started = self._started(row, metric.name, steps)
        if isinstance(test.threshold, ShareOf) and not isinstance(test.threshold.of, Limit):
            both = started & self._started(row, test.threshold.of, steps)
            return both, both
        if days or isinstance(test.hold, OnDays) or not isinstance(test.quantity, Measure):
            return started, started
        thresholds = self._thresholds(test.threshold, row, metric, tables)
        if not thresholds:
            return (np.zeros(steps.size, dtype=np.bool_),) * 2
        bare = metric.kind is Kind.AMOUNT and test.quantity.window is None
        if bare and isinstance(test.threshold, ShareOf):
            return self._of_periods(test, test.quantity, metric, row, tables, steps)
        shared = isinstance(test.threshold, ShareOf) and self._of_account(test, row, metric, tables)
        bounds = self._bounds(test.quantity, metric, row, steps, shared=shared)
        if bounds is None:
            return started, started
        low, high = bounds
        margin = _ROUNDING * (np.abs(min(thresholds)) + np.abs(max(thresholds)) + 1e-12)
        if not np.isfinite(margin):
            margin = 0.0
        over, under = high >= min(thresholds) - margin, low <= max(thresholds) + margin
        over, under = over & started, under & started
        return (over, under) if test.compare.upward else (under, over)

    def _of_periods(
        self, test: Test, measure: Measure, metric: Metric, row: int, tables: LimitTables, steps: Rows
    ) -> tuple[Mask, Mask]:
        """Bound an amount that has several quotas, such as 100 a day and 3,000 a month, each for itself."""
        if not isinstance(test.threshold, ShareOf) or not isinstance(test.threshold.of, Limit):
            return (self._started(row, metric.name, steps),) * 2
        true = np.zeros(steps.size, dtype=np.bool_)
        for period, table in tables.periods(metric.name, test.threshold.of).items():
            figure = test.threshold.ratio * float(table.value[row])
            if np.isnan(figure):
                continue
            within = replace(measure, window=Per(Word(period))) if period in _PERIODS else measure
            bounds = self._bounds(within, metric, row, steps, shared=bool(table.account[row]))
            if bounds is None or not test.compare.upward:
                return (self._started(row, metric.name, steps),) * 2
            true |= bounds[1] >= figure * (1 - _ROUNDING)
        return true, self._started(row, metric.name, steps)

    def _thresholds(self, threshold: object, row: int, metric: Metric, tables: LimitTables) -> list[float]:
        """Return every figure that the comparison may be held against; empty: none is known."""
        match threshold:
            case Value(number):
                return [number]
            case ShareOf(ratio, Limit() as of):
                values = [float(t.value[row]) for t in tables.periods(metric.name, of).values()]
                return [ratio * value for value in values if not np.isnan(value)]
            case _:
                return []

    def _all_thresholds(self, test: Test, one: Compiled, row: int, tables: LimitTables) -> list[float] | None:
        metric = self._metric(test)
        if metric is None or self._of_account(test, row, metric, tables):
            return None
        found = self._thresholds(test.threshold, row, metric, tables)
        again = cleared(test, one.clears, self.metrics)
        if again is not None:
            found = [*found, *self._thresholds(again, row, metric, tables)]
        return found if found and np.isfinite(found).all() else None

    @staticmethod
    def _of_account(test: Test, row: int, metric: Metric, tables: LimitTables) -> bool:
        """Say whether the account's sum counts against the limit."""
        if not isinstance(test.threshold, ShareOf) or not isinstance(test.threshold.of, Limit):
            return False
        return any(bool(t.account[row]) for t in tables.periods(metric.name, test.threshold.of).values())

    # -- whose readings count --------------------------------------------------------------------------

    def _around(self, row: int) -> set[int]:
        """Return the rows whose readings may count for a row: its own, its stack's, its account's."""
        found = self._near.get(row)
        if found is None:
            found = self._near[row] = self._look_around(row)
        return found

    def _look_around(self, row: int) -> set[int]:
        stacks, services = len(self.fleet.stacks), len(self.fleet.services)
        rows = {row}
        if row < stacks:
            key = self.fleet.stacks[row].key
            return rows | {stacks + i for i, s in enumerate(self.fleet.services) if s.stack == key}
        if row < stacks + services:
            own = self.fleet.services[row - stacks]
            rows.add(self.fleet.row[own.stack])
            account = own.account
        else:
            account = self.fleet.accounts[row - stacks - services].key
        for index, service in enumerate(self.fleet.services):
            if service.account == account:
                rows |= {stacks + index, self.fleet.row[service.stack]}
        if f"@{account}" in self.fleet.row:
            rows.add(self.fleet.row[f"@{account}"])
        return rows

    def _started(self, row: int, name: str, steps: Rows) -> Mask:
        """Return from when on anything is known that could count."""
        first = min(
            (
                int(self.tracks[other, name].seen[0])
                for other in self._around(row)
                if (other, name) in self.tracks
            ),
            default=None,
        )
        if any(name in self.fleet.stacks[other].facts for other in self._stacks(row)):
            first = 0
        if first is None:
            return np.zeros(steps.size, dtype=np.bool_)
        return np.asarray(steps >= first, dtype=np.bool_)

    def _stacks(self, row: int) -> Iterable[int]:
        return (other for other in self._around(row) if other < len(self.fleet.stacks))

    def _bounds(
        self, measure: Measure, metric: Metric, row: int, steps: Rows, *, shared: bool
    ) -> Bounds | None:
        """Return the least and the most that a quantity could be at each step; None: anything."""
        others = {other for other in self._around(row) if self._known(other, metric.name)}
        if shared:
            return self._shared_bounds(measure, metric, others, steps)
        if (row, metric.name) not in self.tracks:
            return None
        service = len(self.fleet.stacks) <= row < len(self.fleet.stacks) + len(self.fleet.services)
        if service and any(other < len(self.fleet.stacks) for other in others):
            return None  # Until its own first reading, a name may be the stack's.
        if not service and others != {row}:
            return None  # Until then, it may be the sum of the services.
        if row < len(self.fleet.stacks) and metric.name in self.fleet.stacks[row].facts:
            return None
        return self._own(measure, metric, row, steps)

    def _known(self, row: int, name: str) -> bool:
        stated = row < len(self.fleet.stacks) and name in self.fleet.stacks[row].facts
        return stated or (row, name) in self.tracks

    def _shared_bounds(
        self, measure: Measure, metric: Metric, others: set[int], steps: Rows
    ) -> Bounds | None:
        """Bound the sum of an account's services by the sum of the most that each could be."""
        if any(other < len(self.fleet.stacks) for other in others):
            return None
        most = np.zeros(steps.size)
        for other in others:
            own = self._own(measure, metric, other, steps)
            if own is None or not self.tracks[other, metric.name].positive:
                return None
            most += np.nan_to_num(own[1], nan=0.0)
        return np.full(steps.size, -np.inf), most

    def _own(self, measure: Measure, metric: Metric, row: int, steps: Rows) -> Bounds | None:
        key = (measure, row, int(steps[0]) if steps.size else 0, steps.size)
        found = self._kept.get(key)
        if found is None:
            made = self._make(measure, metric, self.tracks[row, metric.name], steps)
            if made is None:
                return None
            found = self._kept[key] = made
        return found

    def _make(self, measure: Measure, metric: Metric, mine: Track, steps: Rows) -> Bounds | None:
        if mine.histogram:
            return None
        if metric.kind is Kind.AMOUNT:
            return _sums(measure, mine, steps)
        match measure.window:
            case None:
                return _newest(metric, mine, steps)
            case Over(span) if mine.plain:
                seconds = span.count * 31 * DAY if span.unit == "month" else span.seconds
                return _window(mine, steps, self.moments, seconds)
            case _:
                return None

    def forget(self) -> None:
        """Let go of the bounds of a stretch of time that is over."""
        self._kept.clear()


def _newest(metric: Metric, mine: Track, steps: Rows) -> Bounds | None:
    if mine.plain or (not mine.parts and mine.ordered):
        newest = mine.newest(steps)
        there = newest >= 0
        low, high = np.where(there, mine.low[newest], np.nan), np.where(there, mine.high[newest], np.nan)
        return low, high
    if metric.kind is not Kind.LEVEL or metric.combine is Combine.EACH or not mine.positive:
        return None
    # What parts make together is at most their sum, however they are combined.
    most = np.zeros(steps.size)
    for seen, high, ordered in mine.parts:
        if not ordered:
            return None
        newest = np.searchsorted(seen, steps, side="right") - 1
        most += np.where(newest >= 0, high[newest], 0.0)
    return np.zeros(steps.size), most


def _window(mine: Track, steps: Rows, moments: Floats, seconds: float) -> Bounds:
    """Bound what a window holds by the least and the most of all readings that reach into it."""
    newest = mine.newest(steps)
    end = np.minimum(mine.at[newest], moments[steps])
    # A zone's clock, an hour that is merged and a reading from before the window reach further back.
    first = np.searchsorted(mine.at, end - seconds - mine.fresh - mine.length - SLACK, side="left")
    low = -_ranged(-mine.low, first, newest)
    return low, _ranged(mine.high, first, newest)


def _ranged(values: Floats, first: Rows, last: Rows) -> Floats:
    """Return the largest of values[first..last], NaN where that is empty."""
    levels = [values]
    while 2 ** len(levels) <= values.size:
        step = 2 ** (len(levels) - 1)
        levels.append(np.maximum(levels[-1][:-step], levels[-1][step:]))
    count = last - first + 1
    found = np.full(first.size, np.nan)
    for level, largest in enumerate(levels):
        here = (count >= 2**level) & (count < 2 ** (level + 1)) & (last >= 0)
        found[here] = np.maximum(largest[first[here]], largest[last[here] - 2**level + 1])
    return found


def _sums(measure: Measure, mine: Track, steps: Rows) -> Bounds | None:
    """Bound an amount's total by all that came within the length of its period or window."""
    if not mine.ordered or not mine.positive:
        return None
    match measure.window:
        case In(span) | Over(span):
            seconds = span.count * 31 * DAY if span.unit == "month" else span.seconds
        case Per(word):
            seconds = _PERIODS[word.value]
        case Rate():
            return None
        case _:
            seconds = _PERIODS["month"]
    total = np.concatenate([[0.0], np.cumsum(mine.high)])
    newest = mine.newest(steps)
    since = mine.at[newest] - seconds - mine.length - SLACK
    first = np.searchsorted(mine.at, since, side="left")
    most = np.where(newest >= 0, total[newest + 1] - total[np.minimum(first, newest + 1)], np.nan)
    return np.full(steps.size, -np.inf), most


def _every(masks: Iterable[Mask]) -> Mask:
    return _folded(masks, np.logical_and)


def _some(masks: Iterable[Mask]) -> Mask:
    return _folded(masks, np.logical_or)


def _folded(masks: Iterable[Mask], join: Callable[[Mask, Mask], Mask]) -> Mask:
    each = iter(masks)
    found = next(each)
    for mask in each:
        found = join(found, mask)
    return found
