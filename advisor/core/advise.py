"""What to do about a concern: the cheapest way that carries the forecast, by when, at what price.

Beside it stand the document's own next step, what happens otherwise, the evidence, and other ways. "Optimise
before scaling" is the order: where a document says to optimise, those steps come first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from advisor.core.catalogue import Catalogue, Plan, Product, Size
from advisor.core.choose import HEADROOM, Beside, Demand, Option, cheapest, options
from advisor.core.concerns import Concern, deciding
from advisor.core.demand import AHEAD, Binding, Histories, Usage, account_of, binding_limit, usage
from advisor.core.document import Document, Step
from advisor.core.fleet import Account, Fleet, Service
from advisor.core.forecast import OVER
from advisor.core.limits import Limits, used
from advisor.core.message import Alternative, Recommendation
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Action, Confidence, LimitInForce, Quality
from advisor.core.phrases import (
    between,
    by_date,
    difference,
    evidence_lines,
    level,
    limit_text,
    means,
    monthly,
    optimise_playbook,
    otherwise,
    share,
    step_text,
    words,
)
from advisor.core.playbook import Playbook
from advisor.core.units import show
from advisor.core.wording import short_source

_CHANGES = frozenset({Action.UPGRADE, Action.MIGRATE, Action.SCALE_OUT, Action.DOWNGRADE})
Evidence = Mapping[str, Sequence[Mapping[str, str]]]


@dataclass(frozen=True, slots=True)
class _Case:
    """All that is known when one concern is advised on."""

    concern: Concern
    service: Service
    account: Account
    product: Product | None
    plan: Plan | None
    size: Size | None
    usage: Usage
    options: tuple[Option, ...]
    count: float
    timezone: str
    now: datetime
    playbooks: Mapping[str, Playbook]
    evidence: Evidence
    documents: Mapping[str, Document]

    @property
    def then(self) -> tuple[Action, ...]:
        """What the rules say to do, the speaker's first."""
        return tuple(dict.fromkeys(action for rule in self.concern.rules for action in rule.then))

    @property
    def name(self) -> str:
        """The present plan for people: `Supabase Free`."""
        if self.product is None:
            return self.service.provider
        return f"{self.product.title} {self.plan.title}" if self.plan else self.product.title

    def option_name(self, option: Option) -> str:
        """An option for people: the plan, its size where that changes, and overage where it is paid."""
        parts = [option.plan.title] if option.plan is not self.plan else []
        size, moved = option.size, option.plan is not self.plan
        if size is not None and (size.id != option.plan.default_size if moved else size is not self.size):
            parts.append(size.title)
        name = ", ".join(parts) or option.plan.title
        return f"{name} with overage" if option.overage else name

    def limit_of(self, metric: str) -> Binding | None:
        """The nearest limit on a metric."""
        return next((b for b in self.usage.bindings if b.metric == metric), None)


def advise(
    concern: Concern,
    *,
    fleet: Fleet,
    limits: Limits,
    catalogue: Catalogue,
    histories: Histories,
    now: datetime,
    evidence: Evidence | None = None,
    playbooks: Mapping[str, Playbook] | None = None,
) -> Recommendation:
    """Return what to do about a concern.

    `histories` holds what is known of the service's metrics (60 days are enough) and, for limits that count
    over the account, of its other services'. `evidence` is what the service's source last gave for people.
    """
    service = _service(concern, fleet)
    if service is None:
        return _of_stack(concern, fleet, limits, now, playbooks or {})
    case = _case(concern, service, fleet, limits, catalogue, histories, now, evidence or {}, playbooks or {})
    wanted = case.then
    if not _CHANGES & set(wanted):
        return _without_change(case, wanted[0] if wanted else Action.INVESTIGATE)
    if case.limit_of(concern.metric) is None and not _demanded(case):
        return _unlimited(case)
    if case.product is None or case.plan is None:
        return _without_change(case, _in_own_hands(case))
    return _change(case)


def _service(concern: Concern, fleet: Fleet) -> Service | None:
    return next((fleet.service[key] for key in concern.services if key in fleet.service), None)


def _case(
    concern: Concern,
    service: Service,
    fleet: Fleet,
    limits: Limits,
    catalogue: Catalogue,
    histories: Histories,
    now: datetime,
    evidence: Evidence,
    playbooks: Mapping[str, Playbook],
) -> _Case:
    account = account_of(service, fleet)
    product = catalogue.offers.get(service.provider)
    key = service.subject.key
    plan_name = limits.plan(key, now)
    plan = product.plan(plan_name, now.date()) if product and plan_name else None
    size_name = service.size or (plan.default_size if plan else "")
    size = product.size(size_name) if product and size_name else None
    used_so_far = usage(service, product, fleet, limits, histories, now)
    running = next((d.now for d in used_so_far.demands if d.metric == "instances"), 1.0)
    count = max(1.0, running)
    found: list[Option] = []
    if product is not None:

        def limits_of(option: Plan, option_size: Size | None) -> Mapping[str, tuple[LimitInForce, ...]]:
            documented = limits.of_plan(key, option, option_size, now)
            if option is not plan or option_size is not size:
                return documented
            metrics = {demand.metric for demand in used_so_far.demands}
            in_force = {m: limits.all(key, m, binding_limit(m), now) for m in metrics}
            return {**documented, **{metric: found for metric, found in in_force.items() if found}}

        beside = [
            Beside(other.size)
            for other in fleet.services
            if other.account == service.account and other.provider == service.provider and other != service
        ]
        found = options(
            product,
            (plan, size),
            used_so_far.demands,
            account,
            limits_of,
            now.date(),
            count=count,
            others=beside,
        )
    stack = fleet.stack.get(service.stack)
    zone = stack.timezone if stack is not None else account.timezone
    return _Case(
        concern,
        service,
        account,
        product,
        plan,
        size,
        used_so_far,
        tuple(found),
        count,
        zone,
        now,
        playbooks,
        evidence,
        catalogue.documents,
    )


def _demanded(case: _Case) -> bool:
    """Say whether any option limits the concern's metric, so that a plan can be chosen by it."""
    metric = case.concern.metric
    return any(d.metric == metric for d in case.usage.demands) and any(
        metric in o.limits for o in case.options
    )


def _in_own_hands(case: _Case) -> Action:
    """Return what can be done where no plan is known: optimise a database, else look."""
    if case.service.role == "database" and optimise_playbook(case.concern.metric):
        return Action.OPTIMISE
    return next((a for a in case.then if a not in _CHANGES), Action.INVESTIGATE)


# A plan, a size, or staying.


def _change(case: _Case) -> Recommendation:
    """Return the cheapest option that carries what is coming."""
    concern, plan = case.concern, case.plan
    learning = _learning(case)
    over = any(b.forecast.state == OVER for b in case.usage.bindings)
    able = cheapest(case.options, case.usage.demands, concern.metric)
    if learning or over:
        # Present use alone does not show that the present plan lasts.
        able = [o for o in able if not _same(o, case) or o.overage]
    best = able[0] if able else None
    if best is None:
        return _nothing_carries(case)
    if _same(best, case) and not best.overage:
        return _stay(case, best, able[1:])
    now_price = _present(case)
    then_price = best.price.monthly
    gap = None if now_price is None or then_price is None else round(then_price - now_price, 2)
    first, second = _first_two(case)
    target = case.option_name(best)
    figure = difference(gap)
    resized = best.plan is plan and best.size is not case.size and case.size is not None
    start = case.size.title if resized and case.size is not None else plan.title if plan is not None else ""
    product = case.product.title if case.product is not None else case.service.provider
    sentence = f"{product} {start} → {target}, {figure}"
    action = _action(case, best)
    if best.overage and _same(best, case):
        sentence = f"Stay on {case.name} and pay the overage, {figure}"
    sentence += _deadline(case, first, second, learning)
    optimise = Action.OPTIMISE in case.then
    if optimise and case.then[0] is Action.OPTIMISE and not over:
        return _optimise_first(case, best, sentence, gap, able[1:])
    return _filled(
        case,
        Recommendation(
            action=action,
            headline=sentence,
            from_plan=start,
            to_plan=target,
            monthly_now=now_price,
            monthly_then=then_price,
            difference=gap,
            price_as_of=_as_of(best, case.now),
            price_confidence=best.price.confidence,
            alternatives=_alternatives(case, able[1:], _spend_cap(case, best), target),
            steps=(*(_optimise_steps(case) if optimise else ()), *_steps(case, best)),
            playbook=_playbook(case, best),
        ),
        best,
    )


def _same(option: Option, case: _Case) -> bool:
    return option.plan is case.plan and (case.size is None or option.size is case.size)


def _action(case: _Case, best: Option) -> Action:
    if best.plan is case.plan and not best.overage and Action.SCALE_OUT in case.then:
        return Action.UPGRADE  # A larger size carries it; more of the same would not.
    if Action.MIGRATE in case.then and Action.UPGRADE not in case.then and best.plan is case.plan:
        return Action.INVESTIGATE
    return Action.UPGRADE


def _stay(case: _Case, best: Option, others: Sequence[Option]) -> Recommendation:
    """Return that the present plan is enough, with the document's step beside it."""
    binding = case.limit_of(case.concern.metric)
    detail = ""
    if binding is not None and binding.limit.value is not None:
        detail = f": {level(binding)}, with {show(HEADROOM, 'ratio')} to spare"
    optimise = Action.OPTIMISE in case.then
    price = best.price.monthly
    return _filled(
        case,
        Recommendation(
            action=Action.OPTIMISE if optimise else Action.INVESTIGATE,
            headline=f"Stay on {case.name}: it carries the next {AHEAD} days{detail}.",
            from_plan=best.plan.title,
            monthly_now=price,
            monthly_then=price,
            difference=0.0 if price is not None else None,
            price_as_of=_as_of(best, case.now),
            price_confidence=best.price.confidence,
            alternatives=_alternatives(case, others, []),
            steps=_optimise_steps(case) if optimise else (),
            playbook=optimise_playbook(case.concern.metric) if optimise else "",
        ),
        best,
    )


def _nothing_carries(case: _Case) -> Recommendation:
    """Return the document's step, or say that nothing in the catalogue carries what is coming."""
    unsure = any(case.concern.metric in o.unsure for o in case.options)
    unpriced = any(o.price.monthly is None for o in case.options)
    why = f"no plan of {case.product.title if case.product else case.service.provider} in the catalogue "
    why += f"is known to carry the next {AHEAD} days of {words(case.concern.metric)}"
    if unsure:
        why += "; how much the larger plans allow is not known"
    elif unpriced:
        why += "; what the largest costs is by agreement"
    first, second = _first_two(case)
    step = _step(case)
    action = next((a for a in case.then if a in _CHANGES), Action.INVESTIGATE)
    if Action.OPTIMISE in case.then:
        action = Action.OPTIMISE
    lead = (
        f"{case.name} → {step.to_plan}"
        if step is not None
        else f"{means(action)} {words(case.concern.metric)}"
    )
    return _filled(
        case,
        Recommendation(
            action=action,
            headline=f"{lead}{_deadline(case, first, second, _learning(case))} ({why})",
            from_plan=case.plan.title if case.plan else "",
            to_plan=step.to_plan if step is not None else "",
            monthly_now=_present(case),
            alternatives=_alternatives(case, [], []),
            steps=_optimise_steps(case) if Action.OPTIMISE in case.then else (),
            playbook=step.playbook if step is not None else "",
        ),
        None,
    )


def _optimise_first(
    case: _Case, best: Option, sentence: str, gap: float | None, others: Sequence[Option]
) -> Recommendation:
    return _filled(
        case,
        Recommendation(
            action=Action.OPTIMISE,
            headline=f"Optimise {words(case.concern.metric)} first; else {sentence}",
            from_plan=case.plan.title if case.plan else "",
            monthly_now=_present(case),
            monthly_then=best.price.monthly,
            difference=gap,
            price_as_of=_as_of(best, case.now),
            price_confidence=best.price.confidence,
            alternatives=_alternatives(case, [best, *others], []),
            steps=(*_optimise_steps(case), *_steps(case, best)),
            playbook=optimise_playbook(case.concern.metric),
        ),
        best,
    )


# Without a plan to change to.


def _without_change(case: _Case, action: Action) -> Recommendation:
    """Return advice that changes no plan: look, optimise, audit; plans are only named as other ways."""
    first, second = _first_two(case)
    deadline = _deadline(case, first, second, _learning(case)) if first is not None else "."
    able = cheapest(case.options, case.usage.demands, case.concern.metric) if case.plan else []
    able = [o for o in able if not _same(o, case)]
    return _filled(
        case,
        Recommendation(
            action=action,
            headline=f"{means(action)} {words(case.concern.metric)} of {case.service.subject.key}{deadline}",
            from_plan=case.plan.title if case.plan else "",
            monthly_now=_present(case),
            alternatives=_alternatives(case, able, []) if _demanded(case) else (),
            steps=_optimise_steps(case) or _rule_steps(case),
            playbook=optimise_playbook(case.concern.metric) or case.concern.rule.playbook,
        ),
        None,
    )


def _unlimited(case: _Case) -> Recommendation:
    """Return advice on a metric that no quota limits (cpu, response time): more machines, or a larger one."""
    metric = case.concern.metric
    size, product = case.size, case.product
    if product is None or size is None or size.usd is None:
        return _without_change(case, _in_own_hands(case))
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
            return _without_change(case, _in_own_hands(case))
        action, target = Action.UPGRADE, case.option_name(option)
        now_price = _present(case)
        gap = None if now_price is None else round(option.price.monthly - now_price, 2)
        note = f"→ {target}"
    now_price = _present(case)
    optimise = Action.OPTIMISE in case.then
    lead = f"Optimise {words(metric)} first; else " if optimise and case.then[0] is Action.OPTIMISE else ""
    return _filled(
        case,
        Recommendation(
            action=Action.OPTIMISE if lead else action,
            headline=f"{lead}{case.name}: {note}, {difference(gap)}: {words(metric)} is the bottleneck.",
            from_plan=f"{case.count:g} × {size.title}",
            to_plan=target,
            monthly_now=now_price,
            monthly_then=None if now_price is None or gap is None else round(now_price + gap, 2),
            difference=gap,
            price_as_of=_as_of(option, case.now),
            price_confidence=option.price.confidence if option else Confidence.UNKNOWN,
            alternatives=_alternatives(case, [], []),
            steps=(*(_optimise_steps(case) if optimise else ()), *_rule_steps(case)),
            playbook=case.concern.rule.playbook or (case.plan.playbook if case.plan else ""),
        ),
        option,
    )


def _larger(option: Option, case: _Case) -> bool:
    return (
        option.plan is case.plan
        and option.size is not None
        and option.size.usd is not None
        and option.price.monthly is not None
        and case.size is not None
        and option.size.usd > (case.size.usd or 0.0)
    )


def _of_stack(
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
    return Recommendation(
        action=action,
        headline=rule.says or f"{means(action)} {words(concern.metric)}.",
        service=stack.key if stack is not None else concern.subject,
        evidence=tuple(lines),
        steps=book.steps() if book is not None else (),
        playbook=rule.playbook,
        document_step=f"{rule.source.document} line {rule.source.line}" if rule.source.document else "",
        states=tuple(_marks(concern, frozenset(), stale=False)),
    )


# What stands beside the headline.


def _filled(case: _Case, draft: Recommendation, option: Option | None) -> Recommendation:
    """Return the draft with what every recommendation on a service has."""
    first, second = _first_two(case)
    foreseen = first.forecast if first is not None else None
    own = case.limit_of(case.concern.metric)
    how = ""
    if foreseen is not None and first is not None and foreseen.how:
        how = f"{words(first.metric)} {foreseen.how}"
    elif own is not None and own.forecast.how:
        how = f"{words(own.metric)} {own.forecast.how}"
    step = _step(case)
    return draft.model_copy(
        update={
            "service": case.service.subject.key,
            "by": foreseen.when if foreseen else None,
            "by_low": foreseen.low if foreseen else None,
            "by_high": foreseen.high if foreseen else None,
            "forecast": how,
            "otherwise": otherwise(first or own, case.product, case.plan, case.timezone, case.now),
            "binds_next": by_date(second, case.timezone, case.now) if second is not None else "",
            "document_step": _document_step(case, step),
            "evidence": (*_figures(case), *evidence_lines(case.evidence, case.concern.metric)),
            "states": tuple(_states(case, option)),
        }
    )


def _first_two(case: _Case) -> tuple[Binding | None, Binding | None]:
    """Return what binds first and what would bind next, of another metric; None without a date.

    To what no limit is on (an error rate, a slow query) the date of another limit says nothing.
    """
    if case.limit_of(case.concern.metric) is None and not _demanded(case):
        return None, None
    dated = [b for b in case.usage.bindings if b.forecast.when is not None]
    first = dated[0] if dated else None
    second = next((b for b in dated[1:] if first is not None and b.metric != first.metric), None)
    return first, second


def _deadline(case: _Case, first: Binding | None, second: Binding | None, learning: str) -> str:
    """Return the rest of the headline: by when, what binds first, what next."""
    own = case.limit_of(case.concern.metric)
    if first is None:
        if own is None or own.limit.value is None:
            return f" ({learning})." if learning else "."
        return f"; {learning}: {level(own)}." if learning else f": {level(own)}."
    if first.forecast.state == OVER:
        text = f", now: {words(first.metric)} is over its limit"
    else:
        text = (
            f", before {between(first.forecast, case.timezone, case.now)}: {words(first.metric)} binds first"
        )
    if second is not None:
        text += f"; next would be {by_date(second, case.timezone, case.now)}"
    return f"{text}."


def _learning(case: _Case) -> str:
    """Return "learning: 3 of 7 days" where the concern's metric has too short a history, else nothing."""
    own = case.limit_of(case.concern.metric)
    if own is not None:
        return own.forecast.state if own.forecast.learning else ""
    return (
        "learning" if any(d.learning and d.metric == case.concern.metric for d in case.usage.demands) else ""
    )


def _present(case: _Case) -> float | None:
    """Return what the present plan costs a month for the present use."""
    return next((o.price.monthly for o in case.options if o.current), None)


def _as_of(option: Option | None, now: datetime) -> str:
    if option is None or option.price.as_of is None:
        return ""
    entries = [option.plan, *([option.size] if option.size is not None else [])]
    return option.price.as_of.isoformat() if any(entry.old(now.date()) for entry in entries) else ""


def _steps(case: _Case, best: Option) -> tuple[str, ...]:
    book = case.playbooks.get(_playbook(case, best))
    return book.steps(_facts(case, best)) if book is not None else ()


def _playbook(case: _Case, best: Option) -> str:
    return best.plan.playbook or case.concern.rule.playbook


def _rule_steps(case: _Case) -> tuple[str, ...]:
    book = case.playbooks.get(case.concern.rule.playbook)
    return book.steps(_facts(case, None)) if book is not None else ()


def _optimise_steps(case: _Case) -> tuple[str, ...]:
    if case.service.role != "database":
        return ()
    book = case.playbooks.get(optimise_playbook(case.concern.metric))
    return book.steps(_facts(case, None)) if book is not None else ()


def _facts(case: _Case, best: Option | None) -> dict[str, str]:
    """Return what a playbook may name."""
    facts = {
        "service": case.service.subject.key,
        "provider": case.product.title if case.product else case.service.provider,
        "account": case.account.key,
        "plan": case.plan.title if case.plan else "",
    }
    if best is not None:
        facts["target"] = case.option_name(best)
        facts["price"] = monthly(best.price.monthly)
        facts["size"] = best.size.title if best.size else ""
        storage = case.limit_of("storage")
        if storage is not None:
            facts["storage"] = show(storage.value, VOCABULARY["storage"].unit)
    return {key: value for key, value in facts.items() if value}


def _step(case: _Case) -> Step | None:
    """Return the document's own next step for the concern: of the rules' documents, from the present plan."""
    if case.product is None:
        return None
    for rule in case.concern.rules:
        document = case.documents.get(rule.source.document)
        plan = case.plan.id if case.plan else ""
        steps = document.steps(case.service.provider, plan) if document is not None else ()
        fitting = [s for s in steps if case.concern.metric in s.metric and s.starts]
        exact = [s for s in fitting if s.line == rule.source.line]
        if exact or fitting:
            return (exact or fitting)[0]
    return None


def _document_step(case: _Case, step: Step | None) -> str:
    if step is None:
        return ""
    document = next(r.source.document for r in case.concern.rules if r.source.document in case.documents)
    text = step_text(document, step)
    binding = case.limit_of(case.concern.metric)
    if binding is not None and (differs := binding.limit.notes.get("differs")):
        unit = VOCABULARY[binding.metric].unit
        value = "unlimited" if binding.limit.value is None else show(binding.limit.value, unit)
        text += f"; its figure differs: {differs}, in force is {value} ({binding.limit.source})"
    return text


def _figures(case: _Case) -> list[str]:
    """Return a line for each limit of the service that is half used, the concern's own always."""
    lines = []
    for binding in case.usage.bindings:
        if binding.limit.value is None:
            continue
        ratio = used(binding.value, binding.limit.value)
        if binding.metric == case.concern.metric or (ratio is not None and ratio >= 0.5):
            unit = VOCABULARY[binding.metric].unit
            lines.append(
                f"{words(binding.metric)}: {show(binding.value, unit)} of {limit_text(binding)} "
                f"({share(binding.value, binding.limit.value)}; {short_source(binding.limit.source)})"
            )
    return lines


def _alternatives(
    case: _Case, able: Sequence[Option], further: Sequence[Alternative], chosen: str = ""
) -> tuple[Alternative, ...]:
    found = _distinct(
        Alternative(
            action=Action.UPGRADE.value,
            target=case.option_name(option),
            monthly=option.price.monthly,
            note="with the spend cap off" if option.overage and option.plan.spend_cap != "none" else "",
        )
        for option in _one_a_plan(case, able)
        if not _same(option, case)
    )
    found = [way for way in found if way.target != chosen][:3]
    found += further
    step = _step(case)
    if step is not None and case.service.provider not in {product for product, _ in step.leads()}:
        document = next((r.source.document for r in case.concern.rules if r.source.document), "")
        found.append(
            Alternative(action=Action.MIGRATE.value, target=step.to_plan, note=step_text(document, step))
        )
    return tuple(_distinct(found))


def _one_a_plan(case: _Case, able: Sequence[Option]) -> list[Option]:
    """Return of each other plan the cheapest, as a larger size only costs more; of this one all sizes."""
    kept: dict[tuple[str, str, bool], Option] = {}
    for option in able:
        size = option.size.id if option.size is not None and option.plan is case.plan else ""
        kept.setdefault((option.plan.id, size, option.overage), option)
    return list(kept.values())


def _distinct(found: Iterable[Alternative]) -> list[Alternative]:
    return list({(way.action, way.target): way for way in reversed([*found])}.values())[::-1]


def _spend_cap(case: _Case, best: Option) -> list[Alternative]:
    """Return what would carry it more cheaply if the account switched its spend cap off."""
    metric = case.concern.metric
    freed = [replace(o, allowed=True) for o in case.options if not o.allowed and not o.capped]
    dear = best.price.monthly
    return [
        Alternative(
            action=Action.UPGRADE.value,
            target=case.option_name(o),
            monthly=o.price.monthly,
            note="with the spend cap off",
        )
        for o in cheapest(freed, case.usage.demands, metric)[:1]
        if o.price.monthly is not None and dear is not None and o.price.monthly < dear
    ]


def _states(case: _Case, option: Option | None) -> list[str]:
    found = _marks(case.concern, case.usage.qualities, stale=case.usage.stale)
    if learning := _learning(case):
        found.insert(0, learning)
    if case.plan is None and case.product is not None:
        found.append("the plan is not known: write `plan:` at the account")
    for binding in case.usage.bindings:
        if binding.metric == case.concern.metric and binding.limit.measured == "average":
            found.append("the provider counts the cycle's average, this looks at the live value")
            break
    if option is not None:
        if option.price.as_of is not None and (old := _as_of(option, case.now)):
            found.append(f"price as of {old}")
        if option.price.confidence in {Confidence.DOCUMENT_ONLY, Confidence.UNKNOWN}:
            found.append("price not confirmed by the provider")
        if option.unsure:
            found.append(
                f"not known of {option.plan.title}: its limit on {', '.join(map(words, option.unsure))}"
            )
        if option.overage and option.plan.spend_cap != "none" and case.account.spend_cap is not False:
            found.append("needs the spend cap off")
        if case.account.currency != "USD":
            found.append(f"prices in USD; the account pays in {case.account.currency}")
    return found


def _marks(concern: Concern, qualities: frozenset[Quality], *, stale: bool) -> list[str]:
    found = [q.value for q in (Quality.ESTIMATED, Quality.MANUAL) if q in qualities]
    if stale or any(finding.stale for finding in concern.findings):
        found.append("stale")
    return found


def demand_of(
    service: Service, catalogue: Catalogue, fleet: Fleet, limits: Limits, histories: Histories, now: datetime
) -> tuple[Demand, ...]:
    """Return the demand that a recommendation on the service rests on."""
    return usage(service, catalogue.offers.get(service.provider), fleet, limits, histories, now).demands
