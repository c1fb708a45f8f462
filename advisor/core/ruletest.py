"""A test of a rule, as written beside it: series of values, and the states expected at some times.

    - rule: acme.storage-fills-up
      name: it fires once it has learnt for a week, and a gap changes nothing
      quota: {storage: 100GB}
      every: 1d
      storage: 60GB+2GBx10 _x3
      expect: {3d: unknown, 9d: firing, 12d: firing}

A series is read from left to right, one value a step of `every`: `60GB` is a value, `60GB+2GBx10` is 60 GB
and ten steps of 2 GB more, `60GBx10` is 60 GB and ten times the same, `_` is a gap and `_x3` are three.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from advisor.core.fleet import Account, Fleet, Service, Stack
from advisor.core.grammar import AGGREGATES
from advisor.core.judgement import STATES
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Kind, Limit, Metric, Observed, Reading, Subject
from advisor.core.rule import Rule
from advisor.core.typed import no_metric
from advisor.core.units import Unit, example, read

__all__ = ["EXPECTED", "START", "Case", "CaseError", "parse_case", "series"]

#: When a test begins where it does not say: a Monday, the fifth of its month.
START = datetime(2026, 1, 5, tzinfo=UTC)
#: What may be expected: a state of the finding, or why there is none.
EXPECTED = (*STATES, "unknown", "not applicable", "question")
#: Keys of a test that are no series.
KEYS = (
    *("rule", "name", "every", "start", "expect", "copy", "service", "provider", "plan", "size", "timezone"),
    *("quota", "max", "pool", "available", "budget", "facts", "needs"),
)
MAX_VALUES = 100_000
_KEY = "test"
_STEP = re.compile(
    r"(?P<first>_|-?[$0-9][^+\-x\s]*?)(?:(?P<sign>[+-])(?P<step>[$0-9][^+\-x\s]*?))?(?:x(?P<times>[0-9]{1,6}))?"
)


class CaseError(ValueError):
    """A test that cannot be right; `path` leads to the key that is at fault."""

    def __init__(self, message: str, *path: str) -> None:
        super().__init__(message)
        self.path = path


@dataclass(frozen=True, slots=True)
class Case:
    """One test: whom it is about, what was observed when, and what is expected when.

    `subject` is the key of the subject that is judged, `copy` the metric or target where the rule says
    "any" (empty: any of them). Limits stand in the fleet as overrides, facts and needs in its stack.
    """

    name: str
    rule_id: str
    fleet: Fleet
    readings: list[Observed]
    expect: list[tuple[datetime, str]]
    subject: str
    copy: str = ""
    start: datetime = START
    every: timedelta = timedelta(days=1)


def parse_case(data: Mapping[str, Any], rule: Rule) -> Case:
    """Return the test that `data` describes for `rule`.

    Raises:
        CaseError: A key, a series or an expectation is at fault.
    """
    every = timedelta(seconds=_span(data.get("every", "1d"), "every"))
    start = _start(data.get("start"))
    fleet, subject = _fleet(data, rule)
    readings: list[Observed] = []
    for key, text in data.items():
        if key not in KEYS:
            readings += _observed(key, text, rule, subject, start, every)
    readings.sort(key=lambda observed: observed.seen_at)
    return Case(
        name=_text(data, "name"),
        rule_id=rule.id,
        fleet=fleet,
        readings=readings,
        expect=_expect(data.get("expect"), start),
        subject=subject.key,
        copy=_text(data, "copy"),
        start=start,
        every=every,
    )


def series(text: str, metric: Metric) -> Iterator[tuple[float, float | None] | None]:
    """Yield value and whole (of a share) of each step, None for a gap.

    Raises:
        ValueError: It is no series of this metric's unit.
    """
    count = 0
    for word in text.split():
        match = _STEP.fullmatch(word)
        if match is None:
            raise ValueError(
                f"`{word}` is no step of a series; write such as 60GB, 60GB+2GBx10, 60GBx10 or _x3"
            )
        times = int(match["times"] or 0)
        count += times + 1
        if count > MAX_VALUES:
            raise ValueError(f"more than {MAX_VALUES:,} values; a rule's test is short")
        if match["first"] == "_":
            if match["sign"]:
                raise ValueError(f"`{word}`: a gap has no step")
            yield from [None] * max(1, times)
            continue
        first, whole = _value(match["first"], metric)
        step = _value(match["step"], metric)[0] if match["step"] else 0.0
        if match["sign"] == "-":
            step = -step
        # A sum of floats would drift; every value is reckoned from the first.
        yield from ((round(first + step * index, 9), whole) for index in range(times + 1))


def _value(text: str, metric: Metric) -> tuple[float, float | None]:
    """Return a value in the metric's unit; a share is a percentage, or part/whole."""
    if metric.kind is Kind.SHARE and "/" in text:
        part, _, whole = text.partition("/")
        return read(part)[0], read(whole)[0]
    value, unit = read(text)
    if unit is not metric.unit:
        raise ValueError(f"{text} does not fit: `{metric.name}` needs {example(metric.unit)}")
    return value, 1.0 if metric.kind is Kind.SHARE else None


def _observed(
    key: str, text: object, rule: Rule, subject: Subject, start: datetime, every: timedelta
) -> Iterator[Observed]:
    """Yield the readings of one series: a level at the step's time, what has a bucket at the bucket's end."""
    *rest, name = key.split() or [""]
    metric = VOCABULARY.get(name)
    if metric is None:
        raise CaseError(no_metric(name, VOCABULARY), key)
    stat = rest[0] if rest else ""
    if metric.kind is Kind.DISTRIBUTION and (len(rest) != 1 or stat not in AGGREGATES):
        raise CaseError(f"`{name}` is many values: say which: `p95 {name}:`", key)
    if metric.kind is not Kind.DISTRIBUTION and rest:
        raise CaseError(f"`{name}` has no `{' '.join(rest)}` as it is read: write `{name}:`", key)
    if isinstance(text, int | float) and not isinstance(text, bool):
        text = str(text)
    if not isinstance(text, str):
        raise CaseError("a series is text, such as 60GB+2GBx10", key)
    about = Subject(stack=subject.stack) if metric.roles == {"stack"} else subject
    bucketed = metric.kind in {Kind.AMOUNT, Kind.SHARE}
    fresh = metric.fresh or 3 * every.total_seconds()
    try:
        for index, step in enumerate(series(text, metric)):
            if step is None:
                continue
            since = start + index * every
            at = since + every if bucketed else since
            value, whole = step
            reading = Reading(name, value, at, since if bucketed else None, stat=stat, of=whole)
            yield Observed(reading, about.key, f"test of {rule.id}", at, fresh)
    except ValueError as error:
        raise CaseError(str(error), key) from None


def _fleet(data: Mapping[str, Any], rule: Rule) -> tuple[Fleet, Subject]:
    """Return a fleet of one stack for the rule, and whom the rule judges in it."""
    role = _text(data, "service") or ("" if rule.service == "any" else rule.service)
    provider = _text(data, "provider") or next(iter(rule.provider), _KEY)
    plan = _text(data, "plan") or next(iter(rule.plan), "")
    limits = {
        (name, limit): value
        for limit in (Limit.QUOTA, Limit.MAX, Limit.POOL, Limit.AVAILABLE)
        for name, value in _limits(data.get(limit.value), limit)
    }
    if rule.service and not role:
        role = "service"
    zone = _text(data, "timezone") or "UTC"
    account = Account(_KEY, provider, plan, timezone=zone, limits={} if role else limits)
    service = Service(_KEY, role, role, provider, _KEY, plan, _text(data, "size"), limits) if role else None
    if service is None and rule.provider:  # An account is watched by the packs of the services that it has.
        service = Service(_KEY, "service", "service", provider, _KEY, plan)
    stack = Stack(
        _KEY,
        product=_KEY,
        timezone=zone,
        facts=dict(_facts(data.get("facts"))),
        needs=dict(_needs(data.get("needs"))),
        budget=_budget(data.get("budget")),
        packs=(rule.pack,) if rule.pack else (),
        services=(service,) if service else (),
    )
    fleet = Fleet((stack,), (account,))
    # A missed target is a finding of the target's own service; the test says which by `service:`.
    if (rule.service or rule.targets) and service:
        return fleet, service.subject
    return fleet, Subject(account=_KEY) if rule.provider else stack.subject


def _limits(said: object, limit: Limit) -> Iterator[tuple[str, float | None]]:
    for name, text in _mapping(said, limit.value):
        metric = VOCABULARY.get(name)
        if metric is None:
            raise CaseError(no_metric(name, VOCABULARY), limit.value, name)
        if limit not in metric.limits:
            raise CaseError(f"`{name}` has no {limit.value}", limit.value, name)
        yield name, None if text == "unlimited" else _amount(text, metric.unit, limit.value, name)


def _facts(said: object) -> Iterator[tuple[str, float]]:
    for name, text in _mapping(said, "facts"):
        metric = VOCABULARY.get(name)
        if metric is None:
            raise CaseError(no_metric(name, VOCABULARY), "facts", name)
        yield name, _amount(text, metric.unit, "facts", name)


def _needs(said: object) -> Iterator[tuple[str, bool]]:
    for name, text in _mapping(said, "needs"):
        if text not in {"yes", "no", True, False}:
            raise CaseError(f"`{text}`: a need is answered yes or no", "needs", name)
        yield name, text in {"yes", True}


def _budget(said: object) -> float | None:
    return None if said is None else _amount(said, Unit.USD, "budget")


def _amount(text: object, unit: Unit, *path: str) -> float:
    try:
        value, written = read(str(text))
    except ValueError as error:
        raise CaseError(str(error), *path) from None
    if written is not unit:
        raise CaseError(f"{text} does not fit: it needs {example(unit)}", *path)
    return value


def _mapping(said: object, key: str) -> Iterator[tuple[str, Any]]:
    if said is None:
        return
    if not isinstance(said, dict):
        raise CaseError(f"names and values are expected here: `{key}: {{name: value}}`", key)
    yield from said.items()


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key, "")
    if not isinstance(value, str):
        raise CaseError(f"`{value}` is no text; put it in quotes", key)
    return value.strip()


def _span(said: object, *path: str) -> float:
    seconds = _amount(said, Unit.SECONDS, *path)
    if seconds <= 0 and path == ("every",):
        raise CaseError("a step is longer than nothing, such as 1h or 1d", *path)
    return seconds


def _start(said: object) -> datetime:
    if said is None:
        return START
    try:
        start = datetime.fromisoformat(str(said))
    except ValueError:
        raise CaseError(f"`{said}` is no time; write such as 2026-01-05T00:00:00Z", "start") from None
    return start if start.tzinfo else start.replace(tzinfo=UTC)


def _expect(said: object, start: datetime) -> list[tuple[datetime, str]]:
    expected = []
    for at, state in _mapping(said, "expect"):
        if state not in EXPECTED:
            raise CaseError(f"`{state}` is no state; known: {', '.join(EXPECTED)}", "expect", at)
        expected.append((start + timedelta(seconds=_span(at, "expect", at)), str(state)))
    if not expected:
        raise CaseError("a test expects something: `expect: {9d: firing}`", "expect")
    return sorted(expected)
