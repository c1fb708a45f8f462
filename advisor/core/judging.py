"""One rule being judged: the walk through its sentence."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from advisor.core.catalogue import Reset
from advisor.core.compile import Compiled, cleared
from advisor.core.holds import advanced, over
from advisor.core.judgement import FALSE, NOT_APPLICABLE, TRUE, UNKNOWN, Codes, Floats, Rows
from advisor.core.kleene import compared
from advisor.core.model import Kind, Limit, Metric
from advisor.core.outcome import Outcome, joined
from advisor.core.periods import Calendar, Zone
from advisor.core.quantities import Quantities
from advisor.core.quantity.known import Days, Known
from advisor.core.sentence import (
    And,
    AnyMetric,
    Condition,
    For,
    Forecast,
    Group,
    Growth,
    Hold,
    Measure,
    Needs,
    Not,
    OnDays,
    Or,
    Per,
    Quantity,
    ShareOf,
    Span,
    TargetMissed,
    Test,
    TimeToLimit,
    Value,
)
from advisor.core.sentence import Calendar as Word
from advisor.core.thresholds import LimitTable

Mask = NDArray[np.bool_]


@dataclass(slots=True)
class Leaf:
    """A comparison as it was judged, for whoever asks why. `at` are the rows where its names were found."""

    text: str
    outcome: Outcome
    test: Test | None = None
    known: Known | None = None
    at: Rows | None = None
    other: Known | None = None
    other_at: Rows | None = None
    absent: Mask | None = None
    unmeasured: Mask | None = None
    name: str = ""


@dataclass(slots=True)
class Scratch:
    """What rules share in one evaluation, beside the quantities."""

    thresholds: dict[tuple[int, float], Floats] = field(default_factory=dict)
    resolved: dict[tuple[int, int], tuple[Rows | slice, Rows, Mask]] = field(default_factory=dict)
    nan: dict[int, Floats] = field(default_factory=dict)
    no: dict[int, Mask] = field(default_factory=dict)
    days: dict[int, Days] = field(default_factory=dict)


@dataclass(slots=True)
class Judging:
    """One rule on its subjects. `clocks` are since, lost, last: (hold × subject), changed in place."""

    one: Compiled
    quantities: Quantities
    metrics: Mapping[str, Metric]
    scratch: Scratch
    firing: Mask | None
    clocks: tuple[Floats, Floats, Floats]
    answer: bool | None = None  #: What to assume where a `needs` is unanswered.
    day: Days | None = None  #: The whole day that is judged; None: now.
    plain: bool = False  #: Holds are left away.
    leaves: list[Leaf] = field(default_factory=list)
    _hold: int = 0

    @property
    def size(self) -> int:
        """How many subjects the rule has."""
        return len(self.one.rows)

    def condition(self, condition: Condition) -> Outcome:
        """Judge a condition."""
        match condition:
            case Test():
                return self._held(condition.hold, lambda: self._test(condition))
            case And(terms):
                return joined([self.condition(term) for term in terms], every=True)
            case Or(terms):
                return joined([self.condition(term) for term in terms], every=False)
            case Not(inner):
                return self.condition(inner).negated()
            case Group(inner, hold):
                return self._held(hold, lambda: self.condition(inner))
            case Needs():
                return self._needs(condition)
            case TargetMissed():
                outcome = self._constant(np.full(self.size, UNKNOWN, dtype=np.int8))
                self.leaves.append(Leaf(condition.text or "any target missed", outcome))
                return outcome

    def _nan(self) -> Floats:
        nan = self.scratch.nan.get(self.size)
        if nan is None:
            nan = self.scratch.nan[self.size] = np.full(self.size, np.nan)
        return nan

    def _no(self) -> Mask:
        no = self.scratch.no.get(self.size)
        if no is None:
            no = self.scratch.no[self.size] = np.zeros(self.size, dtype=np.bool_)
        return no

    def _constant(self, codes: Codes) -> Outcome:
        nan, never = self._nan(), np.full(self.size, np.inf)
        return Outcome(codes, codes, nan, nan, nan, nan, nan, never, self._no(), nan)

    def _needs(self, needs: Needs) -> Outcome:
        codes = self.quantities.subjects.answers(needs.name)[self.one.rows.at]
        if self.answer is not None:
            codes = np.where(codes == UNKNOWN, np.int8(TRUE if self.answer else FALSE), codes)
        outcome = self._constant(codes)
        self.leaves.append(Leaf(needs.text or f"needs {needs.name}", outcome, name=needs.name))
        return outcome

    # -- holds -----------------------------------------------------------------------------------------

    def _held(self, hold: Hold | None, judge: Callable[[], Outcome]) -> Outcome:
        match hold:
            case OnDays() if not self.plain and self.day is None:
                return self._on_days(hold, judge)
            case For() if not self.plain and self.day is None:
                return self._for(hold, judge())
            case _:
                return judge()

    def _for(self, hold: For, outcome: Outcome) -> Outcome:
        index = self._hold
        self._hold += 1
        since, lost, last = (clock[index] for clock in self.clocks)
        # Facts have no moment: they are read whenever somebody looks.
        as_of = np.where(np.isnan(outcome.as_of), self.quantities.now, outcome.as_of)
        forgotten = np.isnan(last) & ~np.isnan(since)
        if forgotten.any():
            # After a restart: the newest reading before this one is where the clock stood.
            stood = np.where(outcome.before >= since, outcome.before, as_of)
            last = np.where(forgotten, stood, last)
        since, lost, last = advanced(since, lost, last, outcome.verdict, as_of, outcome.fresh)
        for clock, new in zip(self.clocks, (since, lost, last), strict=True):
            clock[index] = new
        done = over(since, lost, last, self._seconds(hold, since))
        verdict = np.where((outcome.verdict == TRUE) & ~done, np.int8(FALSE), outcome.verdict)
        return replace(outcome, verdict=verdict)

    def _seconds(self, hold: For, since: Floats) -> Floats | float:
        """Return how long the hold is, in seconds, where it began at `since`."""
        span = hold.span if hold.span is not None else Span(self.one.rule.sustained, "s")
        subjects = self.quantities.subjects
        if span.unit in {"s", "m", "h"} or (subjects.plain and span.unit != "month"):
            return span.seconds
        seconds = np.full(self.size, span.seconds)
        names, which = subjects.zone_index
        zones = which[self.one.rows.rows]
        for index in np.unique(zones[~np.isnan(since)]):
            here = zones == index
            seconds[here] = Zone.of(names[index]).shift(since[here], span) - since[here]
        return seconds

    def _on_days(self, hold: OnDays, judge: Callable[[], Outcome]) -> Outcome:
        """Judge each of the last complete days as a whole and count."""
        self.plain = True
        now = judge()
        true = np.zeros(self.size, dtype=np.int16)
        maybe = np.zeros(self.size, dtype=np.int16)
        spoilt = now.verdict == NOT_APPLICABLE
        newest, ends = now, self._nan()
        shown = self.leaves
        for back in range(1, hold.days + 1):
            self.day = self._complete_day(back)
            self.leaves = []
            outcome = judge()
            true += outcome.verdict == TRUE
            maybe += outcome.verdict == UNKNOWN
            if back == 1:
                newest, ends = outcome, self.day.until[self.one.rows.rows]
            when = "last complete day" if back == 1 else f"{back} days back"
            shown += [replace(leaf, text=f"{leaf.text} ({when})") for leaf in self.leaves]
        self.leaves = shown
        self.plain, self.day = False, None
        verdict = np.full(self.size, UNKNOWN, dtype=np.int8)
        verdict[true >= hold.hits] = TRUE
        verdict[true + maybe < hold.hits] = FALSE
        verdict[spoilt] = NOT_APPLICABLE
        return replace(newest, verdict=verdict, bare=now.verdict, as_of=ends, stale=now.stale)

    def _complete_day(self, back: int) -> Days:
        day = self.scratch.days.get(back)
        if day is None:
            names, which = self.quantities.subjects.zone_index
            starts, ends = np.empty(len(names)), np.empty(len(names))
            for index, name in enumerate(names):
                ends[index] = self.quantities.bounds(Calendar(Reset.DAY, name))[2]
                for _ in range(back):
                    at = ends[index] if _ == 0 else starts[index]
                    ends[index], starts[index] = at, self.quantities.before(Calendar(Reset.DAY, name), at)
            label = hash((tuple(starts), tuple(names)))
            day = self.scratch.days[back] = Days(starts[which], ends[which], label)
        return day

    # -- one comparison --------------------------------------------------------------------------------

    def _test(self, test: Test) -> Outcome:
        quantity, threshold = test.quantity, test.threshold
        if isinstance(quantity, AnyMetric):
            raise TypeError("`any metric` is compiled into copies first")
        metric = self.metrics[quantity.metric]
        if isinstance(threshold, Value):
            return self._against_value(test, metric, threshold)
        of = threshold.of
        bare_amount = isinstance(quantity, Measure) and metric.kind == Kind.AMOUNT and quantity.window is None
        if bare_amount and isinstance(of, Limit) and self.day is None:
            tables = self.quantities.tables.periods(metric.name, of)
            outcomes = [
                self._against_limit(test, metric, threshold.ratio, of, table, period)
                for period, table in tables.items()
            ]
            return outcomes[0] if len(outcomes) == 1 else joined(outcomes, every=False)
        if isinstance(of, Limit):
            table = self._table(quantity, metric, of)
            return self._against_limit(test, metric, threshold.ratio, of, table, "")
        return self._against_metric(test, metric, threshold.ratio, self.metrics[of])

    def _table(self, quantity: Quantity, metric: Metric, limit: Limit) -> LimitTable:
        tables = self.quantities.tables
        if metric.kind == Kind.AMOUNT and limit == Limit.QUOTA:
            match quantity:
                case Measure(window=Per(Word() as word)) | Forecast(horizon=Word() as word):
                    return tables.of_period(metric.name, limit, word.value)
                case _:
                    pass
        return tables.nearest(metric.name, limit)

    def _against_value(self, test: Test, metric: Metric, value: Value) -> Outcome:
        known = self.quantities.get(test.quantity, complete=not test.compare.upward, day=self.day)
        at, rows = self._resolved(metric, known)
        threshold = np.full(self.size, value.number)
        verdict = compared(known.low[at], known.high[at], test.compare, threshold, threshold)
        other = cleared(test, self.one.clears, self.metrics)
        if isinstance(other, Value) and self.firing is not None and self.firing.any():
            threshold = np.where(self.firing, other.number, threshold)
            verdict = compared(known.low[at], known.high[at], test.compare, threshold, threshold)
        absent = None
        if isinstance(test.quantity, TimeToLimit):
            absent = self.quantities.limitless(metric)[at]
            verdict = np.where(absent, np.int8(NOT_APPLICABLE), verdict)
        return self._noted(test, metric, known, at, rows, verdict, threshold, self._nan(), absent=absent)

    def _against_limit(
        self,
        test: Test,
        metric: Metric,
        ratio: float,
        of: Limit,
        table: LimitTable,
        period: str,
    ) -> Outcome:
        quantities = self.quantities
        own = quantities.get(
            test.quantity,
            complete=not test.compare.upward,
            limit=of if isinstance(test.quantity, Forecast) else None,
            day=self.day,
            period=period,
        )
        known = own
        at, rows = self._resolved(metric, own)
        if table.any_account and isinstance(test.quantity, Measure | Growth):
            key = (
                test.quantity,
                not test.compare.upward,
                period,
                None if self.day is None else self.day.label,
            )
            shared = quantities.account_sum(own, metric, key)
            known = _chosen(table.account, shared, own)
            at, rows = self._resolved(metric, known)
        # A name may be the stack's; the limit is the plan's of the rule's own subject.
        mine = self.one.rows.at
        limit = table.value[mine]
        figure = self._share(table, ratio)[mine]
        other = cleared(test, self.one.clears, self.metrics)
        if isinstance(other, ShareOf) and self.firing is not None and self.firing.any():
            figure = np.where(self.firing, self._share(table, other.ratio)[mine], figure)
        verdict = compared(known.low[at], known.high[at], test.compare, figure, figure)
        unlimited = np.isinf(limit)
        if unlimited.any():
            verdict = np.where(unlimited, np.int8(FALSE), verdict)
        absent = table.absent[mine]
        if absent.any():
            verdict = np.where(absent, np.int8(NOT_APPLICABLE), verdict)
        return self._noted(test, metric, known, at, rows, verdict, figure, limit, absent=absent)

    def _share(self, table: LimitTable, ratio: float) -> Floats:
        key = (id(table), ratio)
        share = self.scratch.thresholds.get(key)
        if share is None:
            share = table.value if ratio == 1 else table.value * ratio
            self.scratch.thresholds[key] = share
        return share

    def _against_metric(self, test: Test, metric: Metric, ratio: float, other: Metric) -> Outcome:
        known = self.quantities.get(test.quantity, complete=True, day=self.day)
        same = _same_form(test.quantity, other)
        theirs = self.quantities.get(same, complete=True, day=self.day)
        at, rows = self._resolved(metric, known)
        other_at, other_rows = self._resolved(other, theirs)
        again = cleared(test, self.one.clears, self.metrics)
        ratios: Floats | float = ratio
        if isinstance(again, ShareOf) and self.firing is not None:
            ratios = np.where(self.firing, again.ratio, ratio)
        least, most = ratios * theirs.low[other_at], ratios * theirs.high[other_at]
        verdict = compared(known.low[at], known.high[at], test.compare, least, most)
        outcome = self._noted(
            test,
            metric,
            known,
            at,
            rows,
            verdict,
            ratios * theirs.value[other_at],
            self._nan(),
            other=theirs,
            other_at=other_rows,
        )
        return replace(
            outcome,
            as_of=np.fmax(outcome.as_of, theirs.as_of[other_at]),
            fresh=np.fmin(outcome.fresh, theirs.fresh[other_at]),
            stale=outcome.stale | theirs.stale[other_at],
        )

    def _resolved(self, metric: Metric, known: Known) -> tuple[Rows | slice, Rows]:
        """Return where a name is found: at the subject, else at its stack.

        What services have too, such as cost, is never borrowed: a stack's bill is no service's.
        """
        key = (id(self.one.rows), id(known.has))
        found = self.scratch.resolved.get(key)
        if found is None:
            rows = self.one.rows
            # The mask is kept beside, so that nothing else is ever at its address.
            found = (rows.at, rows.rows, known.has)
            has = known.has[rows.at]
            borrowed = not metric.roles or ("stack" in metric.roles and "service" not in metric.roles)
            if not has.all() and borrowed:
                subjects = self.quantities.subjects
                stack = subjects.stack_of[rows.rows]
                fits = subjects.reports(metric)[rows.rows]
                # Where nobody has a reading, the subject itself is named if it could have one.
                there = ~has & (stack >= 0) & (known.has[stack] | (~fits & bool(metric.roles)))
                if there.any():
                    moved = np.where(there, stack, rows.rows)
                    found = (moved, moved, known.has)
            self.scratch.resolved[key] = found
        return found[0], found[1]

    def _unmeasured(self, metric: Metric, known: Known, rows: Rows) -> Mask | None:
        """Return where a metric cannot be: the role has none and nothing ever reported one."""
        if not metric.roles:
            return None
        has = known.has[rows]
        if has.all():
            return None
        unmeasured = ~has & ~self.quantities.subjects.reports(metric)[rows]
        return unmeasured if unmeasured.any() else None

    def _noted(
        self,
        test: Test,
        metric: Metric,
        known: Known,
        at: Rows | slice,
        rows: Rows,
        verdict: Codes,
        threshold: Floats,
        limit: Floats,
        *,
        absent: Mask | None = None,
        other: Known | None = None,
        other_at: Rows | None = None,
    ) -> Outcome:
        unmeasured = self._unmeasured(metric, known, rows)
        if unmeasured is not None:
            verdict = np.where(unmeasured, np.int8(NOT_APPLICABLE), verdict)
        stale = known.stale[at]
        period = self._nan() if known.period is None else known.period[at]
        series = self.quantities.series_of(test.quantity)
        before = self._nan() if series is None else series.before[at]
        fresh = known.fresh[at]
        if series is not None and series.due is not None:
            fresh = np.fmin(fresh, series.due[at])
        outcome = Outcome(
            verdict,
            verdict,
            known.value[at],
            threshold,
            limit,
            known.as_of[at],
            before,
            fresh,
            stale,
            period,
        )
        self.leaves.append(
            Leaf(test.text, outcome, test, known, rows, other, other_at, absent, unmeasured, metric.name)
        )
        return outcome


def _same_form(quantity: Quantity, other: Metric) -> Quantity:
    """Return the quantity of another metric in the same window and period."""
    match quantity:
        case Measure():
            return replace(quantity, metric=other.name)
        case Growth() | Forecast():
            return replace(quantity, metric=other.name)
        case TimeToLimit() | AnyMetric():
            return Measure(other.name)


def _chosen(where: Mask, these: Known, those: Known) -> Known:
    """Return one known quantity in some rows and another elsewhere."""

    def why(row: int) -> str:
        return these.why(row) if where[row] else those.why(row)

    period = those.period
    if period is not None and these.period is not None:
        period = np.where(where, these.period, period)
    return Known(
        np.where(where, these.value, those.value),
        np.where(where, these.low, those.low),
        np.where(where, these.high, those.high),
        np.where(where, these.as_of, those.as_of),
        np.where(where, these.fresh, those.fresh),
        np.where(where, these.stale, those.stale),
        np.where(where, these.has, those.has),
        why,
        period,
    )
