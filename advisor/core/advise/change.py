"""Another plan, size or product that carries what is coming, or staying."""

from collections.abc import Sequence

from advisor.core.advise.beside import (
    as_of,
    deadline,
    filled,
    in_short,
    next_step,
    optimise_steps,
    playbook_of,
    price_parts,
    steps,
    switching,
    uncounted,
)
from advisor.core.advise.case import CHANGES, Case
from advisor.core.advise.other_ways import alternatives, spend_cap_off
from advisor.core.choose import HEADROOM, Option, cheapest
from advisor.core.demand import AHEAD
from advisor.core.forecast import OVER
from advisor.core.message import Alternative, Recommendation
from advisor.core.model import Action
from advisor.core.phrases import difference, level, means, monthly, optimise_playbook, words
from advisor.core.units import show


def change(case: Case) -> Recommendation:
    """Return the cheapest option in reach that carries what is coming."""
    learning = case.learning
    over = any(b.forecast.state == OVER for b in case.usage.bindings)
    able = cheapest(case.options, case.usage.demands, case.concern.metric)
    if learning or over:
        # Present use alone does not show that the present plan lasts; what raises no limit helps no more.
        able = [o for o in able if (o.overage if case.same(o) else _raises(case, o))] or able
    if learning:
        # Nor does it show that leaving a provider pays.
        able = [o for o in able if o.elsewhere is None] or able
    if not able:
        return _nothing_carries(case)
    best, *others = able
    if case.same(best) and not best.overage:
        return _stay(case, best, others)
    gap = gap_to(case, best)
    freed = spend_cap_off(case, best)
    sentence = f"{_sentence(case, best, gap)}{_if_freed(case, freed)}"
    if Action.OPTIMISE in case.then and case.then[0] is Action.OPTIMISE and not over:
        return _optimise_first(case, best, sentence, gap, others)
    optimise = Action.OPTIMISE in case.then
    target = case.option_name(best)
    return filled(
        case,
        Recommendation(
            action=_action(case, best, gap),
            headline=sentence,
            from_plan=_start(case, best),
            to_plan=target,
            monthly_now=case.paid,
            monthly_then=best.price.monthly,
            difference=gap,
            price_as_of=as_of(best, case.now),
            price_confidence=best.price.confidence,
            price_parts=price_parts(case, best),
            alternatives=alternatives(case, others, freed, best),
            steps=(*(optimise_steps(case) if optimise else ()), *steps(case, best)),
            playbook=playbook_of(case, best),
            switching=switching(case, best),
        ),
        best,
    )


def _raises(case: Case, option: Option) -> bool:
    """Say whether an option allows more of the concern's metric than is allowed now, or bills it."""
    metric = case.concern.metric
    own = case.limit_of(metric)
    if own is None or own.limit.value is None:
        return True
    if metric not in option.limits:
        return metric not in option.unsure  # A plan whose every quota is listed has none on it.
    return any(
        limit.value is None or limit.value > own.limit.value or (option.overage and not option.capped)
        for limit in option.limits.get(metric, ())
    )


def gap_to(case: Case, option: Option) -> float | None:
    """Return what an option costs more for what is coming than is paid a month now, USD; None: not known."""
    now, then = case.paid, option.price.monthly
    return None if now is None or then is None else round(then - now, 2)


def _start(case: Case, best: Option) -> str:
    """Return what is changed: the size where only that changes, else the plan."""
    if best.plan is case.plan and best.size is not case.size and case.size is not None:
        return case.size.title
    return case.plan.title if case.plan is not None else ""


def _sentence(case: Case, best: Option, gap: float | None) -> str:
    figure = difference(gap, case.currency)
    if gap is not None and uncounted(case, best):
        figure = f"at least {figure}" if gap > 0 else f"{figure} at best"
    if best.overage and case.same(best):
        sentence = f"Stay on {case.name} and pay the overage, {figure}"
    else:
        sentence = f"{case.product_name} {_start(case, best)} → {case.option_name(best)}, {figure}"
    sentence += deadline(case)
    return f"{sentence}{in_short(case, best)}"


def _if_freed(case: Case, freed: Sequence[Alternative]) -> str:
    """Return the sentence on what lifting the spend cap would save; empty where it saves nothing."""
    return "".join(
        f" With the spend cap off, {way.target} is {monthly(way.monthly, case.currency)}." for way in freed
    )


def _action(case: Case, best: Option, gap: float | None) -> Action:
    if best.elsewhere is not None:
        return Action.MIGRATE
    if gap is not None and gap < 0:
        return Action.DOWNGRADE
    if best.plan is case.plan and not best.overage and Action.SCALE_OUT in case.then:
        return Action.UPGRADE  # A larger size carries it; more of the same would not.
    if Action.MIGRATE in case.then and Action.UPGRADE not in case.then and best.plan is case.plan:
        return Action.INVESTIGATE
    return Action.UPGRADE


def _stay(case: Case, best: Option, others: Sequence[Option]) -> Recommendation:
    """Return that the present plan is enough, with the document's step beside it."""
    binding = case.own
    detail = ""
    if binding is not None and binding.limit.value is not None:
        detail = f": {level(binding)}, with {show(HEADROOM, 'ratio')} to spare"
    headline = f"Stay on {case.name}: it carries the next {AHEAD} days{detail}."
    if case.learning:  # What was seen fits; for how long, nobody can say yet.
        at = f" {level(binding)}" if binding is not None and binding.limit.value is not None else ""
        headline = f"Stay on {case.name} for now; {case.learning}:{at or ' no other plan allows more'}."
    optimise = Action.OPTIMISE in case.then
    return filled(
        case,
        Recommendation(
            action=Action.OPTIMISE if optimise else Action.INVESTIGATE,
            headline=headline,
            from_plan=best.plan.title,
            monthly_now=case.paid,
            monthly_then=best.price.monthly,
            difference=gap_to(case, best),
            price_as_of=as_of(best, case.now),
            price_confidence=best.price.confidence,
            price_parts=price_parts(case, best),
            alternatives=alternatives(case, others, []),
            steps=optimise_steps(case) if optimise else (),
            playbook=optimise_playbook(case.concern.metric) if optimise else "",
        ),
        best,
    )


def _nothing_carries(case: Case) -> Recommendation:
    """Return the document's step, or say that nothing in the catalogue carries what is coming."""
    here = [option for option in case.options if option.elsewhere is None]
    why = f"no plan of {case.product_name} in the catalogue "
    why += f"is known to carry the next {AHEAD} days of {words(case.concern.metric)}"
    if any(case.concern.metric in o.unsure for o in here):
        why += "; how much the larger plans allow is not known"
    elif any(o.price.monthly is None for o in here):
        why += "; what the largest costs is by agreement"
    step = next_step(case)
    action = next((a for a in case.then if a in CHANGES), Action.INVESTIGATE)
    if Action.OPTIMISE in case.then:
        action = Action.OPTIMISE
    lead = (
        f"{case.name} → {step.to_plan}"
        if step is not None
        else f"{means(action)} {words(case.concern.metric)}"
    )
    return filled(
        case,
        Recommendation(
            action=action,
            headline=f"{lead}{deadline(case)} ({why})",
            from_plan=case.plan.title if case.plan else "",
            to_plan=step.to_plan if step is not None else "",
            monthly_now=case.paid,
            alternatives=alternatives(case, [], []),
            steps=optimise_steps(case) if Action.OPTIMISE in case.then else (),
            playbook=step.playbook if step is not None else "",
        ),
        None,
    )


def _optimise_first(
    case: Case, best: Option, sentence: str, gap: float | None, others: Sequence[Option]
) -> Recommendation:
    return filled(
        case,
        Recommendation(
            action=Action.OPTIMISE,
            headline=f"Optimise {words(case.concern.metric)} first; else {sentence}",
            from_plan=case.plan.title if case.plan else "",
            monthly_now=case.paid,
            monthly_then=best.price.monthly,
            difference=gap,
            price_as_of=as_of(best, case.now),
            price_confidence=best.price.confidence,
            price_parts=price_parts(case, best),
            alternatives=alternatives(case, [best, *others], []),
            steps=(*optimise_steps(case), *steps(case, best)),
            playbook=optimise_playbook(case.concern.metric),
            switching=switching(case, best),
        ),
        best,
    )
