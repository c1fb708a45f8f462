"""From rules and a fleet to what can be judged: subjects, copies of "any", horizons, windows."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from advisor.core.fleet import Fleet
from advisor.core.model import Kind, Limit, Metric
from advisor.core.rule import Rule
from advisor.core.sentence import (
    And,
    AnyMetric,
    Calendar,
    Clears,
    Condition,
    For,
    Forecast,
    Group,
    Growth,
    Hold,
    In,
    Measure,
    Needs,
    Not,
    OnDays,
    Or,
    Over,
    Per,
    Quantity,
    Rate,
    ShareOf,
    Span,
    TargetMissed,
    Test,
    Threshold,
    TimeToLimit,
    Value,
)
from advisor.core.subjects import RowSet, Subjects
from advisor.core.thresholds import LimitTables
from advisor.core.units import Unit

DAY = 86400.0
_PERIODS = {"day": DAY, "week": 7 * DAY, "month": 31 * DAY}
#: Beyond the window itself: the newest bucket may be two days old, and a clock may have gone back.
_SLACK = 2 * DAY + 3600

#: Tells whether a subject's source surely cannot give (metric, stat): (subject key, metric, stat) -> bool.
Gives = Callable[[str, str, str], bool]


@dataclass(slots=True)
class Compiled:
    """A rule, or one copy of it, with its subjects.

    `copy` names the metric or the target where the rule says "any". `not_given` are the subjects whose
    source cannot give a metric of the sentence, with the reason.
    """

    rule: Rule
    copy: str
    condition: Condition
    clears: Clears | None
    rows: RowSet
    holds: int
    not_given: Mapping[int, str] = field(default_factory=dict)


def compiled(
    rules: Sequence[Rule],
    fleet: Fleet,
    subjects: Subjects,
    tables: LimitTables,
    metrics: Mapping[str, Metric],
    gives: Gives | None,
) -> list[Compiled]:
    """Resolve every rule to its subjects, and "any" to copies."""
    interned: dict[bytes, RowSet] = {}
    by_id = {rule.id: rule for rule in rules}

    def row_set(rows: "np.typing.NDArray[np.intp]") -> RowSet:
        return interned.setdefault(rows.tobytes(), RowSet(rows))

    found: list[Compiled] = []
    for rule in rules:
        rows = subjects.of_rule(rule)
        for copy, condition, own in _copies(rule, rows, by_id, subjects, tables, metrics):
            not_given = _not_given(condition, own, fleet, metrics, gives) if gives is not None else {}
            holds = sum(1 for _ in running_holds(condition))
            clears = rule.sentence.clears
            found.append(Compiled(rule, copy, condition, clears, row_set(own), holds, not_given))
    return found


def _copies(
    rule: Rule,
    rows: "np.typing.NDArray[np.intp]",
    by_id: Mapping[str, Rule],
    subjects: Subjects,
    tables: LimitTables,
    metrics: Mapping[str, Metric],
) -> Iterator[tuple[str, Condition, "np.typing.NDArray[np.intp]"]]:
    condition = rule.sentence.condition
    terms = list(leaves(condition))
    if any(isinstance(term, TargetMissed) for term in terms):
        for name in rule.targets:
            target = by_id.get(name)
            if target is None:
                continue
            theirs = subjects.of_rule(target)
            shared = np.intersect1d(theirs, rows, assume_unique=True)
            yield name, _with_target(condition, target), shared if shared.size else theirs
        return
    limits = {
        term.threshold.of
        for term in terms
        if isinstance(term, Test) and isinstance(term.quantity, AnyMetric)
        if isinstance(term.threshold, ShareOf) and isinstance(term.threshold.of, Limit)
    }
    if any(isinstance(term, Test) and isinstance(term.quantity, AnyMetric) for term in terms):
        for metric in metrics.values():
            if not limits or not limits <= metric.limits:
                continue
            known = np.zeros(subjects.size, dtype=np.bool_)
            for limit in limits:
                for table in tables.periods(metric.name, limit).values():
                    known |= np.isfinite(table.value)
            own = rows[known[rows]]
            if own.size:
                yield metric.name, _with_metric(condition, metric), own
        return
    yield "", condition, rows


def _with_metric(condition: Condition, metric: Metric) -> Condition:
    agg = "max" if metric.kind == Kind.DISTRIBUTION else ""
    measure = Measure(metric.name, agg)

    def change(leaf: Condition) -> Condition:
        if isinstance(leaf, Test) and isinstance(leaf.quantity, AnyMetric):
            return replace(leaf, quantity=measure, text=leaf.text.replace("any metric", metric.name, 1))
        return leaf

    return mapped(condition, change)


def _with_target(condition: Condition, target: Rule) -> Condition:
    def change(leaf: Condition) -> Condition:
        if isinstance(leaf, TargetMissed):
            inner = target.sentence.condition
            return Group(inner, leaf.hold) if leaf.hold is not None else inner
        return leaf

    return mapped(condition, change)


def mapped(condition: Condition, change: Callable[[Condition], Condition]) -> Condition:
    """Return the condition with every leaf changed."""
    match condition:
        case And(terms):
            return And(tuple(mapped(term, change) for term in terms))
        case Or(terms):
            return Or(tuple(mapped(term, change) for term in terms))
        case Not(inner):
            return Not(mapped(inner, change))
        case Group(inner, hold):
            return Group(mapped(inner, change), hold)
        case _:
            return change(condition)


def leaves(condition: Condition) -> Iterator[Condition]:
    """Yield tests, targets and needs from left to right."""
    match condition:
        case And(terms) | Or(terms):
            for term in terms:
                yield from leaves(term)
        case Not(inner) | Group(inner, _):
            yield from leaves(inner)
        case _:
            yield condition


def running_holds(condition: Condition) -> Iterator[For]:
    """Yield the holds with a clock (`for`, `sustained`), in the order of their rows in `Holds`."""
    match condition:
        case And(terms) | Or(terms):
            for term in terms:
                yield from running_holds(term)
        case Not(inner):
            yield from running_holds(inner)
        case Group(_, OnDays()):
            return  # Whole days are judged from history; nothing runs within them.
        case Group(inner, For() as hold):
            yield from running_holds(inner)
            yield hold
        case Test(hold=For() as hold) | TargetMissed(hold=For() as hold):
            yield hold
        case _:
            return


# -- what must be kept ---------------------------------------------------------------------------------


def horizons(compiled_rules: Sequence[Compiled], metrics: Mapping[str, Metric]) -> dict[str, float]:
    """Return how many seconds of history every metric needs."""
    needed: dict[str, float] = {}

    def need(name: str, seconds: float) -> None:
        needed[name] = max(needed.get(name, 0.0), seconds)

    def visit(condition: Condition, days: int) -> None:
        match condition:
            case And(terms) | Or(terms):
                for term in terms:
                    visit(term, days)
            case Not(inner):
                visit(inner, days)
            case Group(inner, hold):
                visit(inner, max(days, _days(hold)))
            case Test():
                for name, seconds in _needs_of(condition, metrics):
                    need(name, seconds)
                    whole = max(days, _days(condition.hold))
                    if whole:
                        need(name, whole * DAY + DAY + _SLACK)
            case _:
                pass

    for one in compiled_rules:
        visit(one.condition, 0)
    return {name: seconds for name, seconds in needed.items() if seconds > 0}


def _days(hold: Hold | None) -> int:
    return hold.days if isinstance(hold, OnDays) else 0


def _needs_of(test: Test, metrics: Mapping[str, Metric]) -> Iterator[tuple[str, float]]:
    quantity = test.quantity
    if isinstance(quantity, AnyMetric):
        return
    metric = metrics[quantity.metric]
    other = test.threshold.of if isinstance(test.threshold, ShareOf) else ""
    complete = not test.compare.upward or (other != "" and not isinstance(other, Limit))
    seconds = _horizon(quantity, metric, complete=complete)
    yield metric.name, seconds
    if not isinstance(other, Limit) and other in metrics:
        yield other, seconds


def _horizon(quantity: Quantity, metric: Metric, *, complete: bool) -> float:
    amount = metric.kind == Kind.AMOUNT
    match quantity:
        case Measure(window=Over(span) | In(span) | Rate(_, Span() as span)):
            return _long(span)
        case Measure(window=Per(calendar)):
            return _PERIODS[calendar.value] * (2 if complete else 1) + _SLACK
        case Measure() if amount and quantity.window is None:
            return _PERIODS["month"] * (2 if complete else 1) + _SLACK
        case Growth(span=span):
            # Calendar months: the running one, the last, and the one before.
            periods = 3 if span.unit == "month" and metric.kind in {Kind.AMOUNT, Kind.SHARE} else 2
            return _long(span) * periods + _SLACK
        case Forecast(horizon=Calendar()) | Forecast() | TimeToLimit():
            return _PERIODS["month"] + _SLACK
        case _:
            return 0.0


def _long(span: Span) -> float:
    if span.unit == "month":
        return span.count * 31 * DAY
    return span.seconds + (3600.0 if span.unit in {"d", "w"} else 0.0)


def windows(compiled_rules: Sequence[Compiled], metrics: Mapping[str, Metric]) -> set[tuple[str, str, float]]:
    """Return the (metric, stat, seconds) that rules ask of distributions and shares."""
    found: set[tuple[str, str, float]] = set()
    for one in compiled_rules:
        for leaf in leaves(one.condition):
            if not isinstance(leaf, Test) or not isinstance(leaf.quantity, Measure | Growth):
                continue
            quantity = leaf.quantity
            if metrics[quantity.metric].kind not in {Kind.DISTRIBUTION, Kind.SHARE}:
                continue
            if isinstance(quantity, Growth):
                found.add((quantity.metric, quantity.agg, quantity.span.seconds))
            elif isinstance(quantity.window, Over):
                found.add((quantity.metric, quantity.agg, quantity.window.span.seconds))
    return found


def _not_given(
    condition: Condition,
    rows: "np.typing.NDArray[np.intp]",
    fleet: Fleet,
    metrics: Mapping[str, Metric],
    gives: Gives,
) -> dict[int, str]:
    reasons: dict[int, str] = {}
    for leaf in leaves(condition):
        if not isinstance(leaf, Test) or isinstance(leaf.quantity, AnyMetric):
            continue
        name = leaf.quantity.metric
        stat = getattr(leaf.quantity, "agg", "") if metrics[name].kind == Kind.DISTRIBUTION else ""
        for row in rows:
            if not gives(fleet.subjects[row], name, stat):
                of = f"{stat} of `{name}`" if stat else f"`{name}`"
                reasons.setdefault(int(row), f"the source cannot give {of}")
    return reasons


def cleared(test: Test, clears: Clears | None, metrics: Mapping[str, Metric]) -> Threshold | None:
    """Return the threshold that takes the test's place once firing, None where it has none of that kind."""
    if clears is None or clears.below != test.compare.upward:
        return None
    new, old = clears.threshold, test.threshold
    if isinstance(old, ShareOf):
        if isinstance(new, ShareOf):
            return new if new.of == old.of else None
        plain = isinstance(test.quantity, AnyMetric) or metrics[test.quantity.metric].unit != Unit.RATIO
        return ShareOf(new.number, old.of) if plain and new.unit == Unit.RATIO else None
    if isinstance(new, Value) and new.unit == old.unit:
        return new
    return None


__all__ = [
    "Compiled",
    "Gives",
    "Needs",
    "cleared",
    "compiled",
    "horizons",
    "leaves",
    "mapped",
    "running_holds",
    "windows",
]
