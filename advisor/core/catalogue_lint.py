"""What is wrong and what is old in the catalogue and in what documents say, one sentence each."""

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import pairwise

from advisor.core.catalogue import (
    OLD_AFTER,
    AddOn,
    AtEnd,
    Catalogue,
    Component,
    Product,
    Quota,
    Reset,
    Share,
    Sourced,
    Usage,
)
from advisor.core.document import Document, Step
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Kind
from advisor.core.units import Unit


def lint(catalogue: Catalogue, today: date) -> list[str]:
    """Return what is wrong and what is old, one sentence each: place, cause, way out."""
    return [*faults(catalogue, today), *outdated(catalogue, today)]


def faults(catalogue: Catalogue, today: date) -> list[str]:
    """Return what is wrong in the files."""
    products = (f for key, product in catalogue.offers.items() for f in _lint_product(key, product, today))
    said = (
        f for name, document in catalogue.documents.items() for f in _lint_said(name, catalogue, document)
    )
    return [*products, *said]


def outdated(catalogue: Catalogue, today: date) -> list[str]:
    """Return what was read more than `OLD_AFTER` days ago: no fault, but advice says so."""
    found: list[str] = []
    for key, product in catalogue.offers.items():
        entries: list[tuple[str, Sourced]] = [
            *((plan.id, plan) for plan in product.plans),
            *((f"size {size.id}", size) for size in product.sizes),
        ]
        found += [
            f"{key} {name}: of {entry.as_of}, more than {OLD_AFTER} days old; read again: {entry.source}"
            for name, entry in entries
            if entry.old(today)
        ]
    return found


def _lint_product(key: str, product: Product, today: date) -> Iterator[str]:
    yield from _twice(f"{key}: plan", [plan.id for plan in product.plans if plan.valid_until is None])
    yield from _twice(f"{key}: size", [size.id for size in product.sizes])
    sizes = {size.id for size in product.sizes}
    for plan in product.plans:
        place = f"{key} {plan.id}"
        yield from _lint_dates(place, plan, today)
        for size in (*plan.sizes, *filter(None, [plan.default_size])):
            if size not in sizes:
                yield f"{place}: no size `{size}`; add it under `sizes`"
        for quota in plan.quotas:
            yield from _lint_quota(place, product, quota, today)
        for metric in plan.not_known:
            if metric not in VOCABULARY:
                yield f"{place}: `not_known` names no metric: `{metric}`"
        for component in plan.price or ():
            yield from _lint_component(place, product, component)
    for size_ in product.sizes:
        yield from _lint_dates(f"{key} size {size_.id}", size_, today)
        for quota in size_.quotas:
            yield from _lint_quota(f"{key} size {size_.id}", product, quota, today)


def _twice(what: str, names: Sequence[str]) -> Iterator[str]:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"{what} `{name}` is there twice; give one a `valid_until` or another id"


def _lint_dates(place: str, entry: Sourced, today: date) -> Iterator[str]:
    if entry.as_of > today:
        yield f"{place}: `as_of` {entry.as_of} lies in the future; write the day it was read"


def _lint_value(place: str, product: Product, text: str, metric: str) -> Iterator[str]:
    if metric not in VOCABULARY:
        yield f"{place}: no metric `{metric}`; `advisor metrics list` has them"
        return
    try:
        product.amount(text, metric)
    except ValueError as error:
        yield f"{place}: {error}"


def _lint_quota(place: str, product: Product, quota: Quota, today: date) -> Iterator[str]:
    place = f"{place} {quota.metric}"
    yield from _lint_value(place, product, quota.included, quota.metric)
    metric = VOCABULARY.get(quota.metric)
    if metric is None:
        return
    if quota.limit not in metric.limits:
        has = ", ".join(sorted(metric.limits)) or "none"
        yield f"{place}: this metric has no {quota.limit}; it has {has}"
    if (metric.kind is Kind.AMOUNT) != (quota.reset is not Reset.NEVER):
        yield f"{place}: an amount resets and a level does not; mend `reset`"
    if quota.overage is not None:
        yield from _lint_value(f"{place} overage_per", product, quota.overage_per or "?", quota.metric)
        if quota.at_end is not AtEnd.BILLED:
            yield f"{place}: an overage price, yet the end is `{quota.at_end}`; write `at_end: billed`"
    elif quota.at_end is AtEnd.BILLED and quota.included != "unlimited":
        yield f"{place}: billed at the end, at no price; write `overage` and `overage_per`"
    yield from _lint_falls(place, product, quota)
    yield from _lint_dates(place, quota, today)


def _lint_falls(place: str, product: Product, quota: Quota) -> Iterator[str]:
    if not quota.overage_then:
        return
    steps = [quota.included, *(fall.above for fall in quota.overage_then)]
    try:
        at = [product.amount(text, quota.metric) for text in steps]
    except ValueError as error:
        yield f"{place} overage_then: {error}"
        return
    if quota.overage is None:
        yield f"{place}: `overage_then` follows no price; write `overage` and `overage_per`"
    if None in at or any(low >= high for low, high in pairwise(value or 0.0 for value in at)):
        yield f"{place}: `overage_then` must rise from {quota.included} on; order it by `above`"


def _lint_component(place: str, product: Product, component: Component) -> Iterator[str]:
    match component:
        case Usage():
            for text in (component.included, *(tier.per for tier in component.tiers)):
                yield from _lint_value(f"{place} price", product, text, component.metric)
            for tier in component.tiers[:-1]:
                yield from _lint_value(f"{place} price", product, tier.up_to or "?", component.metric)
            if component.tiers[-1].up_to:
                yield f"{place}: the last tier ends at {component.tiers[-1].up_to}; leave its `up_to` away"
            if component.included_of:
                yield from _lint_included_of(place, component)
        case Share():
            for name, unit in ((component.metric, Unit.USD), (component.count, Unit.COUNT)):
                if name not in VOCABULARY or VOCABULARY[name].unit is not unit:
                    yield f"{place} price: a share needs a metric in {unit}, not `{name}`; name another"
        case AddOn(metric=metric) if metric:
            for text in (component.included, component.per):
                yield from _lint_value(f"{place} price", product, text, metric)
        case _:
            pass


def _lint_included_of(place: str, component: Usage) -> Iterator[str]:
    of, metric = VOCABULARY.get(component.included_of), VOCABULARY.get(component.metric)
    if of is None:
        yield f"{place} price: `included_of` names no metric: `{component.included_of}`"
    elif metric is not None and of.unit is not metric.unit:
        yield f"{place} price: `included_of: {of.name}` is in {of.unit}, not in {metric.unit}; name another"


def _lint_said(place: str, catalogue: Catalogue, document: Document) -> Iterator[str]:
    for key, said in document.of_product.items():
        product = catalogue.offers.get(key)
        if product is None:
            yield f"{place}: speaks of `{key}`, no product in rules/catalogue/; add it, or `products:`"
            continue
        for name, plan in said.plans.items():
            if product.plan(plan) is None:
                yield f"{place} {key}: `{name}` means `{plan}`, which is no plan here"
        for figure in said.figures:
            at = f"{place} line {figure.line}"
            if figure.metric:
                yield from _lint_value(at, product, figure.included, figure.metric)
                if product.plan(said.plans.get(figure.plan, figure.plan)) is None:
                    yield f"{at}: `{figure.plan}` is no plan of {key}; add it under `plans`"
    for ladder in document.ladders:
        for step in ladder.steps:
            yield from _lint_step(f"{place} line {step.line}", catalogue, step)


def _lint_step(place: str, catalogue: Catalogue, step: Step) -> Iterator[str]:
    for metric in step.metric:
        if metric not in VOCABULARY:
            yield f"{place}: no metric `{metric}`"
    for end in (*step.starts, *step.ends):
        key, _, plan = end.partition("/")
        product = catalogue.offers.get(key)
        if product is None:
            yield f"{place}: no product `{key}` in rules/catalogue/"
        elif plan and product.plan(plan) is None:
            yield f"{place}: no plan `{plan}` of {key}"
