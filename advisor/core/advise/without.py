"""Advice that changes no plan: look, optimise, audit, one more machine; and advice on a whole stack."""

from collections.abc import Mapping
from datetime import datetime

from advisor.core.advise.beside import (
    as_of,
    deadline,
    filled,
    marks,
    optimise_steps,
    rule_steps,
)
from advisor.core.advise.case import CHANGES, Case
from advisor.core.advise.other_ways import alternatives
from advisor.core.choose import Option, cheapest
from advisor.core.concerns import Concern, deciding
from advisor.core.fleet import Fleet
from advisor.core.limits import Limits
from advisor.core.message import Recommendation
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Action, Confidence
from advisor.core.phrases import difference, means, optimise_playbook, words
from advisor.core.playbook import Playbook
from advisor.core.units import show


def in_own_hands(case: Case) -> Action:
    """Return what can be done where no plan is known: optimise a database, else look."""
    if case.service.role == "database" and optimise_playbook(case.concern.metric):
        return Action.OPTIMISE
    return next((a for a in case.then if a not in CHANGES), Action.INVESTIGATE)


def without_change(case: Case, action: Action) -> Recommendation:
    """Return advice that changes no plan: look, optimise, audit; plans are only named as other ways."""
    first, _ = case.first_two()
    able = cheapest(case.options, case.usage.demands, case.concern.metric) if case.plan else []
    able = [o for o in able if not case.same(o)]
    until = deadline(case) if first is not None else "."
    headline = f"{means(action)} {words(case.concern.metric)} of {case.service.subject.key}{until}"
    if case.concern.metric not in VOCABULARY:  # A question that was answered with yes.
        headline = case.concern.rule.says
    return filled(
        case,
        Recommendation(
            action=action,
            headline=headline,
            from_plan=case.plan.title if case.plan else "",
            monthly_now=case.paid,
            alternatives=alternatives(case, able, []) if case.demanded else (),
            steps=optimise_steps(case) or rule_steps(case),
            playbook=optimise_playbook(case.concern.metric) or case.concern.rule.playbook,
        ),
        None,
    )


def unlimited(case: Case) -> Recommendation:
    """Return advice on a metric that no quota limits (cpu, response time): more machines, or a larger one."""
    metric = case.concern.metric
    size, product = case.size, case.product
    if product is None or size is None or size.usd is None:
        return without_change(case, in_own_hands(case))
    now_price = case.paid
    if Action.SCALE_OUT in case.then:
        action, more = Action.SCALE_OUT, case.count + 1
        target = f"{more:g} × {size.title}"
        gap: float | None = size.usd
        option = next((o for o in case.options if o.current), None)
        note = f"{case.count:g} → {target}"
    else:
        larger = sorted((o for o in case.options if _larger(o, case)), key=lambda o: o.price.monthly or 0.0)
        option = larger[0] if larger else None
        if option is None or option.size is None or option.price.monthly is None:
            return without_change(case, in_own_hands(case))
        action, target = Action.UPGRADE, case.option_name(option)
        gap = None if now_price is None else round(option.price.monthly - now_price, 2)
        note = f"→ {target}"
    optimise = Action.OPTIMISE in case.then
    lead = f"Optimise {words(metric)} first; else " if optimise and case.then[0] is Action.OPTIMISE else ""
    figure = difference(gap, case.currency)
    return filled(
        case,
        Recommendation(
            action=Action.OPTIMISE if lead else action,
            headline=f"{lead}{case.name}: {note}, {figure}: {words(metric)} is the bottleneck.",
            from_plan=f"{case.count:g} × {size.title}",
            to_plan=target,
            monthly_now=now_price,
            monthly_then=None if now_price is None or gap is None else round(now_price + gap, 2),
            difference=gap,
            price_as_of=as_of(option, case.now),
            price_confidence=option.price.confidence if option else Confidence.UNKNOWN,
            alternatives=alternatives(case, [], []),
            steps=(*(optimise_steps(case) if optimise else ()), *rule_steps(case)),
            playbook=case.concern.rule.playbook or (case.plan.playbook if case.plan else ""),
        ),
        option,
    )


def _larger(option: Option, case: Case) -> bool:
    return (
        option.plan is case.plan
        and option.size is not None
        and option.size.usd is not None
        and option.price.monthly is not None
        and case.size is not None
        and option.size.usd > (case.size.usd or 0.0)
    )


def of_stack(
    concern: Concern, fleet: Fleet, limits: Limits, now: datetime, playbooks: Mapping[str, Playbook]
) -> Recommendation:
    """Return advice on a stack or an account as a whole: what the rule says, with its figures."""
    rule, finding = concern.rule, concern.speaker
    action = rule.then[0] if rule.then else Action.INVESTIGATE
    metric = VOCABULARY.get(concern.metric)
    lines: list[str] = []
    if metric is not None and finding.value is not None:
        line = f"{words(concern.metric)}: {show(finding.value, metric.unit)}"
        limit = limits.find(concern.subject, concern.metric, deciding(rule, finding.copy)[1], now)
        if limit is not None and limit.value is not None:
            line += f" of {show(limit.value, metric.unit)} ({limit.source})"
        lines.append(line)
    stack = fleet.stack.get(concern.subject)
    book = playbooks.get(rule.playbook)
    facts = {"stack": stack.key, "product": stack.product or stack.key} if stack is not None else {}
    facts["date"] = f"{now:%Y-%m-%d}"
    return Recommendation(
        action=action,
        headline=rule.says or f"{means(action)} {words(concern.metric)}.",
        service=stack.key if stack is not None else concern.subject,
        evidence=tuple(lines),
        steps=book.steps(facts) if book is not None else (),
        playbook=rule.playbook,
        document_step=f"{rule.source.document} line {rule.source.line}" if rule.source.document else "",
        states=tuple(marks(concern, frozenset(), stale=False)),
    )
