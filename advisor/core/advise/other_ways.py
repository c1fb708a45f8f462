"""The other ways beside a headline, each with its price."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from advisor.core.advise.beside import found_step, switching, uncounted
from advisor.core.advise.case import Case
from advisor.core.advise.elsewhere import unmeasured
from advisor.core.choose import Option, cheapest
from advisor.core.message import Alternative
from advisor.core.model import Action
from advisor.core.phrases import step_text


def alternatives(
    case: Case, able: Sequence[Option], further: Sequence[Alternative], best: Option | None = None
) -> tuple[Alternative, ...]:
    """Return other ways: three that carry it, the cheapest first, then `further`, then the document's."""
    found = _distinct(
        Alternative(
            action=_way(case, option).value,
            target=case.option_name(option),
            monthly=option.price.monthly,
            note=_note(case, option),
        )
        for option in _one_a_plan(case, able, best)
        if not case.same(option)
    )
    chosen = case.option_name(best) if best is not None else ""
    found = [way for way in found if way.target != chosen]
    # The next plan of the present product is always named, however many others are cheaper.
    near = next((way for way in found if way.action != Action.MIGRATE), None)
    found = [*found[:3], *([near] if near is not None and near not in found[:3] else [])]
    found += [*further, *_unpriced(case)]
    step = found_step(case)
    named = {option.elsewhere.provider for option in case.options if option.elsewhere is not None}
    leads = {product for product, _ in step[1].leads()} if step is not None else set()
    if step is not None and case.service.provider not in leads and not leads & named:
        found.append(
            Alternative(
                action=Action.MIGRATE.value,
                target=step[1].to_plan,
                note=step_text(step[0].name, step[1]),
            )
        )
    return tuple(_distinct(way for way in found if way.target))


def _way(case: Case, option: Option) -> Action:
    if option.elsewhere is not None:
        return Action.MIGRATE
    now, then = case.monthly(), option.price.monthly
    return Action.DOWNGRADE if now is not None and then is not None and then < now else Action.UPGRADE


def _note(case: Case, option: Option) -> str:
    if option.elsewhere is not None:
        return switching(case, option)
    freed = option.overage and option.plan.spend_cap != "none" and case.account.spend_cap is not False
    unseen = uncounted(case, option)
    without = f"at least: without {', '.join(unseen)}, which nobody measures" if unseen else ""
    return "; ".join(filter(None, ("with the spend cap off" if freed else "", without)))


def _unpriced(case: Case) -> list[Alternative]:
    """Return a line for each other product in reach whose price nobody knows for this use."""
    first: dict[str, Option] = {}
    priced = {o.elsewhere.provider for o in case.options if o.elsewhere and o.price.monthly is not None}
    for option in case.options:
        if option.elsewhere is not None and option.elsewhere.provider not in priced:
            first.setdefault(option.elsewhere.provider, option)
    return [
        Alternative(
            action=Action.MIGRATE.value,
            target=option.elsewhere.product.title,
            note=f"price not known: {unmeasured(option).replace('_', ' ')}; {switching(case, option)}",
        )
        for option in first.values()
        if option.elsewhere is not None
    ][:2]


def _one_a_plan(case: Case, able: Sequence[Option], best: Option | None) -> list[Option]:
    """Return of each plan the cheapest, of each other product too; where sizes bind, all of this plan."""
    kept: dict[tuple[str, str, str, bool], Option] = {}
    sizes = case.product.sizes if case.product is not None else ()
    bind = any(quota.metric == case.concern.metric for size in sizes for quota in size.quotas)
    moved = best.elsewhere.provider if best is not None and best.elsewhere is not None else ""
    for option in able:
        if option.elsewhere is not None:
            if option.elsewhere.provider != moved:
                kept.setdefault((option.elsewhere.provider, "", "", False), option)
            continue
        own = option.plan is case.plan
        if own and not bind and option.size is not case.size:
            continue
        size = option.size.id if own and option.size is not None else ""
        kept.setdefault((case.service.provider, option.plan.id, size, option.overage), option)
    return list(kept.values())


def _distinct(found: Iterable[Alternative]) -> list[Alternative]:
    return list({(way.action, way.target): way for way in reversed([*found])}.values())[::-1]


def spend_cap_off(case: Case, best: Option) -> list[Alternative]:
    """Return what would carry it more cheaply if the account switched its spend cap off."""
    metric = case.concern.metric
    freed = [replace(o, allowed=True) for o in case.options if not o.allowed and not o.capped]
    dear = best.price.monthly
    return [
        Alternative(
            action=_way(case, o).value,
            target=case.option_name(o),
            monthly=o.price.monthly,
            note="with the spend cap off",
        )
        for o in cheapest(freed, case.usage.demands, metric)[:1]
        if o.price.monthly is not None and dear is not None and o.price.monthly < dear
    ]
