"""Where the documents of two packs of one stack differ: on a limit, a price, or where a rule begins to speak.

Each pack keeps its own figure. Of limits the surer, then the newer is in force; of rules each fires at its
own number, and the one that fires first begins the concern that both are evidence of.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from advisor.core.catalogue import Catalogue
from advisor.core.document import Figure
from advisor.core.fleet import Fleet, Service, Stack
from advisor.core.limits import Limits
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Kind, LimitInForce
from advisor.core.rule import Rule
from advisor.core.sentence import ShareOf, Test
from advisor.core.units import show


@dataclass(frozen=True, slots=True)
class Conflict:
    """One thing on which documents differ. `said` is each document's figure with its line; `won` and why."""

    stack: str
    subject: str
    said: tuple[str, ...]
    won: str

    def __str__(self) -> str:
        return f"{'; '.join(self.said)}. {self.won}"


def conflicts(
    fleet: Fleet, catalogue: Catalogue, limits: Limits, rules: Iterable[Rule], at: datetime
) -> list[Conflict]:
    """Return where the documents of a stack's packs differ about what the stack uses."""
    rules = tuple(rules)
    found: list[Conflict] = []
    for stack in fleet.stacks:
        packs = [pack for pack in stack.packs if pack in catalogue.documents]
        if len(packs) < 2:
            continue
        found += [*_of_plans(stack, packs, catalogue, limits, at), *_of_rules(stack, packs, rules)]
    return found


def _of_plans(
    stack: Stack, packs: Sequence[str], catalogue: Catalogue, limits: Limits, at: datetime
) -> Iterator[Conflict]:
    """Yield the limits and prices that differ, of every plan of the products in use."""
    for service in {service.provider: service for service in stack.services}.values():
        product = catalogue.offers.get(service.provider)
        if product is None:
            continue
        by: dict[tuple[str, str, str], dict[str, Figure]] = {}
        prices: dict[str, dict[str, Figure]] = {}
        for pack in packs:
            said = catalogue.said(service.provider, pack)
            for figure in said.figures if said is not None else ():
                plan = product.plan(said.plans.get(figure.plan, figure.plan)) if said is not None else None
                if plan is None:
                    continue
                if figure.metric:
                    by.setdefault((plan.id, figure.metric, _period(figure)), {}).setdefault(pack, figure)
                if figure.price and figure.price_unit == "USD/month":
                    prices.setdefault(plan.id, {}).setdefault(pack, figure)
        for (name, metric, period), figures in by.items():
            if len({figure.included for figure in figures.values()}) < 2:
                continue
            what = f"{product.title} {name}: {metric}{f' a {period}' if period else ''}"
            told = tuple(_said(pack, figure, figure.included) for pack, figure in figures.items())
            plan = product.plan(name)
            found = limits.of_plan(service.subject.key, plan, None, at).get(metric, ()) if plan else ()
            yield Conflict(
                stack.key, what, told, _in_force(metric, found[0]) if found else "No figure is in force"
            )
        for name, figures in prices.items():
            if len({figure.price for figure in figures.values()}) < 2:
                continue
            plan = product.plan(name)
            told = tuple(_said(pack, figure, f"${figure.price} a month") for pack, figure in figures.items())
            won = f"Advice counts with the catalogue's price ({plan.source}, of {plan.as_of})" if plan else ""
            yield Conflict(stack.key, f"{product.title} {name}: price", told, won)


def _period(figure: Figure) -> str:
    """Return the period of a figure; an amount without one is a month's."""
    return figure.period or ("month" if VOCABULARY[figure.metric].kind is Kind.AMOUNT else "")


def _said(pack: str, figure: Figure, text: str) -> str:
    return f"{pack} line {figure.line} says {text}"


def _in_force(metric: str, limit: LimitInForce) -> str:
    unit = VOCABULARY[metric].unit
    return f"In force is {'unlimited' if limit.value is None else show(limit.value, unit)} ({limit.source})"


def _of_rules(stack: Stack, packs: Sequence[str], rules: Sequence[Rule]) -> Iterator[Conflict]:
    """Yield where rules of two packs look at one quantity of one service with different thresholds.

    Rules on the stack itself are left out: milestones at 1K and at 10K users are steps, no contradiction.
    """
    for service in stack.services:
        groups: dict[tuple[object, ...], list[Rule]] = {}
        for rule in rules:
            test = rule.sentence.condition
            if rule.pack in packs and isinstance(test, Test) and _about(rule, service):
                kind = test.threshold.of if isinstance(test.threshold, ShareOf) else "value"
                groups.setdefault((test.quantity, test.compare.upward, kind), []).append(rule)
        for group in groups.values():
            if len({rule.pack for rule in group}) > 1 and len({_threshold(rule) for rule in group}) > 1:
                yield Conflict(
                    stack.key,
                    f"{service.key}: where to begin",
                    tuple(f"{_place(rule)} at `{rule.sentence.text}`" for rule in group),
                    "Each speaks at its own number, and all are evidence of one concern",
                )


def _about(rule: Rule, service: Service) -> bool:
    return (
        rule.service == service.role
        and (not rule.provider or service.provider in rule.provider)
        and (not rule.plan or not service.plan or service.plan in rule.plan)
    )


def _threshold(rule: Rule) -> object:
    test = rule.sentence.condition
    return test.threshold if isinstance(test, Test) else None


def _place(rule: Rule) -> str:
    return f"{rule.source.document} line {rule.source.line}" if rule.source.line else rule.id
