"""What an answer is held against: the present plan, limit, use and findings of its concern. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np

from advisor.core.ahead import DOWN
from advisor.core.answered import Answered, Present, Seen
from advisor.core.concerns import Concern, deciding, tests
from advisor.core.demand import binding_limit
from advisor.core.judgement import TRUE, Judged
from advisor.core.lifecycle import Finding, State
from advisor.core.limits import used
from advisor.core.model import Limit, Subject
from advisor.core.sentence import Forecast, Growth, Test, TimeToLimit
from advisor.core.tell import worst
from advisor.core.units import show
from advisor.core.watch import Watch


def seen(watch: Watch, subject: str, metric: str, kind: Limit, now: datetime) -> Seen:
    """Return plan and limit in force of a metric."""
    found = watch.limits.find(subject, metric, kind, now)
    plan = watch.limits.plan(subject, now)
    return Seen(
        subject,
        metric,
        kind.value,
        plan,
        watch.limits.plan_source(subject, now) if plan else "",
        found.value if found is not None else None,
        found is not None,
        found.source if found is not None else "",
    )


def seen_of(watch: Watch, concern: Concern, now: datetime) -> Seen:
    """Return what is in force for a concern: its rules' own limit, else the one that binds its metric."""
    subject = concern.speaker.subject
    _, kind = deciding(concern.rule, concern.speaker.copy, watch.rules)
    found = seen(watch, subject, concern.metric, kind, now)
    other = binding_limit(concern.metric)
    return found if found.known or other is kind else seen(watch, subject, concern.metric, other, now)


def present(
    watch: Watch,
    answered: Answered,
    findings: Sequence[Finding],
    ended: Sequence[Finding],
    restricted: bool,
    gauges: Sequence[Judged],
    now: datetime,
) -> Present:
    """Return what is known of an answered concern in the round that `watch.decision` decided.

    `findings` are its firing and pending ones, `ended` those that ended in this round, `gauges` every
    current value beside its limit.
    """
    firing = [f for f in findings if f.state is State.FIRING]
    mine = [watch.current(f) for f in firing if not _ahead(watch, f)]
    rules = [watch.rules[f.rule] for f in firing]
    before = answered.seen
    subject = before.subject if before is not None else answered.concern.rpartition("#")[0]
    metric = before.metric if before is not None else answered.concern.rpartition("#")[2]
    value, part = _gauge(watch, gauges, subject, metric)
    first = mine[0] if mine else None
    if value is None and first is not None:
        value = first.value
    staged = next((f for f in firing if watch.rules[f.rule].stages), None)
    reasons = [f.reason or "cleared" for f in ended] if ended and not firing else []
    # A quota that began anew is no proof, whatever else ended beside it.
    why = "new period" if "new period" in reasons else next(iter(reasons), "")
    stack = watch.fleet.stack.get(Subject.parse(subject).stack)
    return Present(
        firing=bool(firing),
        # That a service could go down has no finding.
        open=bool(findings) or answered.concern.endswith(DOWN),
        severity=worst([rule.severity for rule in rules]) if rules else None,
        ended=why,
        restricted=restricted,
        share=part,
        value=value,
        falling=first is not None and _falling(first),
        seen=seen(watch, before.subject, before.metric, Limit(before.kind), now) if before else None,
        figure=show(first.value, first.unit) if first is not None and first.value is not None else "",
        stages=len(watch.rules[staged.rule].then) if staged else 0,
        missed=staged is not None and _holds(watch, staged),
        watched=watch.partial or subject in watch.fleet.row,
        zone=stack.timezone if stack is not None else "UTC",
    )


def restrictions(findings: Iterable[Finding]) -> dict[str, datetime]:
    """Return since when a provider has restricted whom: subject's key to the time."""
    return {
        f.subject: f.fired_at or f.since
        for f in findings
        if f.state is State.FIRING and f.concern.endswith("#restricted")
    }


def _ahead(watch: Watch, finding: Finding) -> bool:
    first = next(tests(watch.rules[finding.rule].sentence.condition))
    return isinstance(first, Test) and isinstance(first.quantity, (Forecast, TimeToLimit, Growth))


def _falling(finding: Finding) -> bool:
    if finding.value is None or finding.threshold is None:
        return False
    return finding.value < finding.threshold


def _holds(watch: Watch, finding: Finding) -> bool:
    """Say whether a finding's sentence is true now: a firing one may be unknown."""
    place = watch.fleet.row.get(finding.subject)
    for judged in watch.decision.judged if watch.decision else ():
        if (judged.rule.id, judged.copy) == (finding.rule, finding.copy):
            rows = np.flatnonzero(judged.rows == place)
            return bool(rows.size and int(judged.verdict[rows[0]]) == TRUE)
    return False


def _gauge(
    watch: Watch, gauges: Sequence[Judged], subject: str, metric: str
) -> tuple[float | None, float | None]:
    """Return a metric's value and its used share of the limit, None where they are not known."""
    place = watch.fleet.row.get(subject)
    value: float | None = None
    for judged in gauges:
        if deciding(judged.rule, judged.copy)[0] != metric:
            continue
        for row in np.flatnonzero(judged.rows == place).tolist():
            if np.isfinite(judged.value[row]):
                value = float(judged.value[row])
                if np.isfinite(judged.limit[row]):
                    return value, used(value, float(judged.limit[row]))
    return value, None
