"""Findings gathered into concerns: one metric of one account or service against one quota.

A concern's key holds no rule's name, so that it is the same through renames and whichever rules fire on it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from advisor.core.catalogue import Scope
from advisor.core.fleet import Fleet
from advisor.core.lifecycle import Finding, State
from advisor.core.limits import Limits
from advisor.core.model import Limit, Severity
from advisor.core.rule import Rule
from advisor.core.sentence import (
    And,
    AnyMetric,
    Condition,
    Forecast,
    Group,
    Growth,
    Measure,
    Needs,
    Not,
    Or,
    ShareOf,
    TargetMissed,
    Test,
    TimeToLimit,
)

_WORST_FIRST = {severity: place for place, severity in enumerate(Severity)}


@dataclass(frozen=True, slots=True)
class Concern:
    """What a person cares about. `findings` are its firing and pending ones, the speaker first.

    `subject` is a service's or stack's key, or an account's with `@`; `services` are those its findings are
    on. `silent` are lower rungs of a ladder: they are firing, and the highest speaks for them. `since` is
    when the first of its findings entered its state.
    """

    key: str
    subject: str
    metric: str
    severity: Severity
    state: State
    since: datetime
    findings: tuple[Finding, ...]
    rules: tuple[Rule, ...]
    silent: tuple[Finding, ...] = ()
    services: tuple[str, ...] = ()

    @property
    def speaker(self) -> Finding:
        """The finding that the message is about."""
        return self.findings[0]

    @property
    def rule(self) -> Rule:
        """The speaker's rule."""
        return self.rules[0]


def tests(condition: Condition) -> Iterator[Test | TargetMissed | Needs]:
    """Yield a condition's terms from left to right."""
    match condition:
        case Test() | TargetMissed() | Needs():
            yield condition
        case Not(condition=inner) | Group(condition=inner):
            yield from tests(inner)
        case And(terms=terms) | Or(terms=terms):
            for term in terms:
                yield from tests(term)


def deciding(rule: Rule, copy: str = "", targets: Mapping[str, Rule] | None = None) -> tuple[str, Limit]:
    """Return the metric of the sentence's first term and the limit it is held against.

    `any metric` and `any target missed` take theirs from the copy: a metric, or a rule of `targets`. A
    question's metric is the need's name.
    """
    first = next(tests(rule.sentence.condition))
    match first:
        case Needs(name=name):
            return name, Limit.QUOTA
        case TargetMissed():
            target = (targets or {}).get(copy)
            return deciding(target) if target is not None else (copy, Limit.QUOTA)
        case Test(quantity=quantity, threshold=threshold):
            limit = threshold.of if isinstance(threshold, ShareOf) else Limit.QUOTA
            limit = limit if isinstance(limit, Limit) else Limit.QUOTA
            match quantity:
                case AnyMetric():
                    return copy, limit
                case (
                    Measure(metric=name)
                    | Growth(metric=name)
                    | Forecast(metric=name)
                    | TimeToLimit(metric=name)
                ):
                    return name, limit


def concern_key(
    rule: Rule,
    subject: str,
    copy: str,
    limits: Limits,
    fleet: Fleet,
    at: datetime,
    targets: Mapping[str, Rule] | None = None,
) -> str:
    """Return the concern a finding belongs to: `shop/database#storage`, `@acme-supabase#egress`.

    The subject is the account where the limit counts over the whole account. Where that has several
    products, it is the first of its services of the same product, by name.
    """
    metric, limit = deciding(rule, copy, targets)
    service = fleet.service.get(subject)
    if service is not None and service.account in fleet.account:
        found = limits.find(subject, metric, limit, at)
        if found is not None and found.scope == Scope.ACCOUNT:
            same, alone = fleet.counted_with(service)
            subject = f"@{service.account}" if alone else min(one.subject.key for one in same)
    return f"{subject}#{metric}"


def gather(
    findings: Iterable[Finding],
    rules: Mapping[str, Rule],
    key: Callable[[Rule, str, str], str],
) -> list[Concern]:
    """Return the concerns of the firing and pending findings, worst first, then by key.

    `key` is `concern_key` with all but rule, subject and copy filled in; a finding that carries its
    concern keeps it. Findings whose rule is gone are left out.
    """
    groups: dict[str, list[tuple[Finding, Rule]]] = {}
    for finding in findings:
        rule = rules.get(finding.rule)
        if rule is None or finding.state not in {State.FIRING, State.PENDING}:
            continue
        name = finding.concern or key(rule, finding.subject, finding.copy)
        groups.setdefault(name, []).append((finding, rule))
    concerns = [_concern(name, group) for name, group in groups.items()]
    return sorted(concerns, key=lambda c: (c.state is not State.FIRING, _WORST_FIRST[c.severity], c.key))


def _concern(name: str, group: Sequence[tuple[Finding, Rule]]) -> Concern:
    firing = [pair for pair in group if pair[0].state is State.FIRING]
    speaking, silent = _rungs(firing)
    waiting = [pair for pair in group if pair[0].state is State.PENDING]
    # A pending finding is evidence of a concern that fires already, and makes one of its own until then.
    ordered = [*sorted(speaking, key=_order), *sorted(waiting, key=_order)]
    subject, _, metric = name.rpartition("#")
    counted = firing or waiting
    return Concern(
        key=name,
        subject=subject,
        metric=metric,
        severity=min((rule.severity for _, rule in counted), key=_WORST_FIRST.__getitem__),
        state=State.FIRING if firing else State.PENDING,
        since=min(finding.since for finding, _ in counted),
        findings=tuple(finding for finding, _ in ordered),
        rules=tuple(rule for _, rule in ordered),
        silent=tuple(finding for finding, _ in silent),
        services=tuple(dict.fromkeys(finding.subject for finding, _ in ordered)),
    )


def _rungs(
    firing: Sequence[tuple[Finding, Rule]],
) -> tuple[list[tuple[Finding, Rule]], list[tuple[Finding, Rule]]]:
    """Divide the firing findings: of a ladder on one subject the highest rung speaks, the rest are silent."""
    highest: dict[tuple[str, str], tuple[Finding, Rule]] = {}
    for pair in firing:
        ladder = (pair[1].ladder, pair[0].subject)
        if pair[1].ladder and (ladder not in highest or height(pair[1]) > height(highest[ladder][1])):
            highest[ladder] = pair
    speaking: list[tuple[Finding, Rule]] = []
    silent: list[tuple[Finding, Rule]] = []
    for pair in firing:
        top = highest.get((pair[1].ladder, pair[0].subject))
        (speaking if top is None or top is pair else silent).append(pair)
    return speaking, silent


def height(rule: Rule) -> tuple[float, int, int]:
    """Return how high a rung stands: by first threshold (for `<` the lower the higher), severity, place."""
    first = next(tests(rule.sentence.condition))
    threshold = 0.0
    if isinstance(first, Test):
        number = first.threshold.ratio if isinstance(first.threshold, ShareOf) else first.threshold.number
        threshold = number if first.compare.upward else -number
    return (threshold, -_WORST_FIRST[rule.severity], rule.source.file_line)


def _order(pair: tuple[Finding, Rule]) -> tuple[int, datetime, str]:
    finding, rule = pair
    return (_WORST_FIRST[rule.severity], finding.since, rule.id)
