"""What rules would have decided over readings of the past, and which limits were hit.

The same decisions as `replay` makes, time by time; only that a rule is judged where something could change:
where it is possible at all that it is true (`screen.py`), and while it holds, waits or fires. Limits that
were hit are found in the same way, by sentences of our own that nobody is told of.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from advisor.core.columns import Columns
from advisor.core.decide import Decision, Ledger, decide
from advisor.core.evaluate import Program
from advisor.core.judgement import FIRING, INACTIVE, RESOLVED, Floats, Rows
from advisor.core.language import parse
from advisor.core.model import Action, Observed, Severity, Term
from advisor.core.replay import Fact
from advisor.core.rule import Rule
from advisor.core.screen import Screen, track
from advisor.core.thresholds import LimitTables
from advisor.core.watch import Watch

__all__ = ["Round", "hits", "rounds"]

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Round:
    """What changed at one time: of the rules, and of the limits that were hit."""

    at: datetime
    decision: Decision
    hit: Decision


def _limit(name: str, sentence: str, service: str = "any") -> Rule:
    return Rule(f"hit.{name}", parse(sentence), (Action.INVESTIGATE,), Severity.INFO, "", service=service)


@cache
def hits() -> tuple[Rule, ...]:
    """Return the sentences that are true where a limit is reached; parsed at the first call."""
    return (
        _limit("quota", "any metric >= 100% of quota"),
        _limit("connections", "connections >= 100% of max"),
        _limit("memory", "memory >= 100% of available"),
        _limit("disk", "disk_used >= 100% of available"),
        _limit("budget", "cost per month >= 100% of budget", ""),
    )


@dataclass(slots=True)
class _Bench:
    """A program with what is remembered of it, and at which step each of its rules is looked at next."""

    program: Program
    ledger: Ledger
    due: dict[Key, int] = field(default_factory=dict)
    #: Of every rule the steps at which a resting finding could wake, and at which a firing one may end.
    wakes: dict[Key, list[Rows]] = field(default_factory=dict)
    ends: dict[Key, list[Rows]] = field(default_factory=dict)
    reads: dict[Key, set[str]] = field(default_factory=dict)


def rounds(
    watch: Watch,
    arrivals: Iterable[tuple[datetime, Fact]],
    since: datetime | None = None,
    until: datetime | None = None,
) -> Iterator[Round]:
    """Yield what changes at each time, in order; times at which nothing does are left out.

    `arrivals` are readings and terms with the time at which they became known; each such time from `since`
    to `until` is judged, what came before `since` is only learnt, and `until` itself is judged last. The
    watch is one that has seen nothing yet; afterwards its ledger holds the findings, as after `replay`.
    """
    yield from _Backtest(watch, arrivals, since, until).run()


class _Backtest:
    def __init__(
        self,
        watch: Watch,
        arrivals: Iterable[tuple[datetime, Fact]],
        since: datetime | None,
        until: datetime | None,
    ) -> None:
        self.watch = watch
        ordered = sorted(arrivals, key=lambda arrival: arrival[0])
        if until is not None:
            ordered = [arrival for arrival in ordered if arrival[0] <= until]
        times = {at for at, _ in ordered if since is None or at >= since}
        if until is not None:
            times.add(until)
        self.times = sorted(times)
        places = {at: place for place, at in enumerate(self.times)}
        self.terms: dict[int, list[tuple[str, Term]]] = {}
        self.waiting: dict[str, list[tuple[int, Observed]]] = {}
        for at, fact in ordered:
            place = places.get(at, 0)  # What came before the first time is known at it.
            if isinstance(fact, tuple):
                self.terms.setdefault(place, []).append(fact)
            else:
                self.waiting.setdefault(fact.reading.metric, []).append((place, fact))
        self.taken = dict.fromkeys(self.waiting, 0)
        self.moments: Floats = np.array([at.timestamp() for at in self.times])
        self.screen = self._screen()
        self.benches: list[_Bench] = []

    def _screen(self) -> Screen:
        rows = self.watch.fleet.row
        metrics = self.watch.columns.metrics
        found: dict[tuple[int, str], list[tuple[int, Observed]]] = {}
        for name, readings in self.waiting.items():
            for place, one in readings:
                if one.subject in rows and name in metrics and np.isfinite(one.reading.value):
                    found.setdefault((rows[one.subject], name), []).append((place, one))
        tracks = {key: track(readings, metrics[key[1]]) for key, readings in found.items()}
        return Screen(self.watch.fleet, metrics, tracks, self.moments)

    # -- the walk --------------------------------------------------------------------------------------

    def run(self) -> Iterator[Round]:
        """Walk through the times from one change of limits to the next."""
        if not self.times:
            return
        self._prepare()
        borders = [*self._borders(), len(self.times)]
        for start, end in pairwise(borders):
            changed = self._begin(start, end)
            if changed is not None:
                yield changed
            while (step := self._next(end)) < end:
                made = self._judged(step, end)
                if made.decision.transitions or made.hit.transitions:
                    yield made

    def _prepare(self) -> None:
        watch = self.watch
        found = Program(hits(), watch.fleet, watch.limits)
        watch.columns.keep(found.horizons)
        self.benches = [
            _Bench(watch.program, watch.ledger),
            _Bench(found, Ledger(found, watch.fleet.subjects)),
        ]

    def _borders(self) -> list[int]:
        """Return the steps at which limits may change: terms, and plans that begin or end on a date."""
        steps = {0, *self._news()}
        moments = [term.valid_from for found in self.terms.values() for _, term in found]
        plans = [plan for product in self.watch.catalogue.offers.values() for plan in product.plans]
        days = {day for plan in plans for day in (plan.valid_from, plan.valid_until) if day is not None}
        moments += [datetime.combine(day, time(), UTC) for day in days]
        for moment in moments:
            place = int(np.searchsorted(self.moments, moment.timestamp()))
            if place < len(self.times):
                steps.add(place)
        return sorted(steps)

    def _news(self) -> Iterator[int]:
        """Yield the steps with a term that says another thing than its source said before."""
        said: dict[tuple[object, ...], object] = {}
        for step in sorted(self.terms):
            fresh = []
            for holder, term in self.terms[step]:
                about = (holder, term.what, term.metric, term.limit, term.part, term.source)
                if said.get(about) != (term.value, term.confidence):
                    fresh.append((holder, term))
                said[about] = (term.value, term.confidence)
            self.terms[step] = fresh
            if fresh:
                yield step

    def _begin(self, start: int, end: int) -> Round | None:
        """Learn what limits say from now on, and bound what can happen until they change next."""
        watch, at = self.watch, self.times[start]
        watch.learn(self.terms.get(start, ()))
        watch.limits.advance(at)
        rules, limits = self.benches
        changed = None
        if watch.program.outdated or watch.gauges.outdated:
            # The plan decides whom a rule is about: everything is judged once, by the watch itself.
            self._take(self.waiting, start)
            decision = watch.decide(at)
            watch.apply(decision)
            rules.program, rules.ledger = watch.program, watch.ledger
            changed = Round(at, decision, Decision(at, (), (), {}))
        if limits.program.outdated:
            limits.program = Program(hits(), watch.fleet, watch.limits)
            watch.columns.keep(limits.program.horizons)
            limits.ledger = Ledger(limits.program, watch.fleet.subjects, limits.ledger.stored())
        for bench in self.benches:
            self._bound(bench, start, end)
        return changed

    def _bound(self, bench: _Bench, start: int, end: int) -> None:
        steps = np.arange(start, end)
        tables = LimitTables(self.watch.fleet, self.watch.limits, self.times[start])
        bench.wakes, bench.ends, bench.reads, bench.due = {}, {}, {}, {}
        for one in bench.program.compiled:
            key = (one.rule.id, one.copy)
            possible = self.screen.possible(one, tables, steps)
            certain = self.screen.certain(one, tables, steps)
            bench.wakes[key] = [np.flatnonzero(row) + start for row in possible]
            bench.ends[key] = [np.flatnonzero(~row) + start for row in certain]
            bench.reads[key] = self.screen.reads(one)
            bench.due[key] = self._look_ahead(bench, key, start - 1, end)
        self.screen.forget()

    def _next(self, end: int) -> int:
        return min((due for bench in self.benches for due in bench.due.values()), default=end)

    def _judged(self, step: int, end: int) -> Round:
        rules, limits = (self._decide(bench, step, end) for bench in self.benches)
        return Round(self.times[step], rules, limits)

    # -- one step --------------------------------------------------------------------------------------

    def _decide(self, bench: _Bench, step: int, end: int) -> Decision:
        watch, at = self.watch, self.times[step]
        keys = {key for key, due in bench.due.items() if due == step}
        if not keys:
            return Decision(at, (), (), {})
        self._take({name for key in keys for name in bench.reads[key]}, step)
        watch.limits.advance(at)
        decision = decide(
            bench.program,
            watch.columns,
            bench.ledger,
            watch.fleet.subjects,
            lambda rule, subject, copy: watch.concern_of(rule, subject, copy, at),
            at,
            partial=watch.partial,
            only=keys,
        )
        bench.ledger.apply(decision)
        for key in keys:
            bench.due[key] = self._look_ahead(bench, key, step, end)
        return decision

    def _look_ahead(self, bench: _Bench, key: Key, step: int, end: int) -> int:
        """Return the next step at which a rule's findings could change; `end` where there is none."""
        state = bench.ledger.states[key]
        resting = _resting(bench.ledger, key)
        steady = (state.state == FIRING) & ~state.stale
        if not (resting | steady).all():
            return step + 1  # A clock runs, or something waits.
        found = end
        for place, wakes in enumerate(bench.wakes[key]):
            times = wakes if resting[place] else bench.ends[key][place]
            index = int(np.searchsorted(times, step, side="right"))
            if index < times.size:
                found = min(found, int(times[index]))
        return found

    def _take(self, names: Iterable[str], step: int) -> None:
        """Take in what became known of some metrics up to a step."""
        columns: Columns = self.watch.columns
        for name in names:
            readings = self.waiting.get(name)
            if readings is None:
                continue
            first = last = self.taken[name]
            while last < len(readings) and readings[last][0] <= step:
                last += 1
            if last > first:
                columns.add(one for _, one in readings[first:last])
                self.taken[name] = last


def _resting(ledger: Ledger, key: Key) -> NDArray[np.bool_]:
    """Return whose findings neither wait nor fire, with no clock running."""
    state = ledger.states[key]
    still = (state.state == INACTIVE) | (state.state == RESOLVED)
    if state.holds.since.shape[0]:
        still &= np.isnan(state.holds.since).all(axis=0)
    return np.asarray(still, dtype=np.bool_)
