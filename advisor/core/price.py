"""What a plan costs a month for a given usage: a sum of components under the account's conditions.

In this order: flat price (by term), seats, add-ons, sizes, usage and overage by tiers, shares of what passes
through; then the plan's credits, the commitment as the least, the account's discount and credits, and tax. A
price that nobody knows is None, never zero, and what made it unknown is named.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from advisor.core.catalogue import (
    AddOn,
    AtEnd,
    Commitment,
    Credit,
    Fixed,
    Plan,
    Product,
    Quota,
    Rounding,
    Scope,
    Seat,
    Share,
    Size,
    Sourced,
    SpendCap,
    Tier,
    Usage,
)
from advisor.core.fleet import Account
from advisor.core.metrics import VOCABULARY
from advisor.core.model import Confidence, Kind
from advisor.core.units import show

_CONFIDENCE = list(Confidence)


@dataclass(frozen=True, slots=True)
class Line:
    """One part of a price, USD a month; `of` is "fixed", "sizes", "usage", "credit" or "account"."""

    what: str
    usd: float
    of: str


@dataclass(frozen=True, slots=True)
class Price:
    """USD a month, None where it is not known; `unknown` names what is missing, `lines` add up to it.

    `as_of` is the oldest figure's day and `confidence` the least sure one's. `overage` is the part of
    `monthly` that is usage above what is included, before discount and tax. `known` is `monthly` where that
    is known, else what the known parts come to under the account's conditions: the least that it costs.
    """

    monthly: float | None
    lines: tuple[Line, ...] = ()
    unknown: tuple[str, ...] = ()
    overage: float = 0.0
    as_of: date | None = None
    confidence: Confidence = Confidence.VERIFIED
    known: float = 0.0


@dataclass(frozen=True, slots=True)
class Own:
    """What one service of an account has and uses by itself; `usage` as in `monthly`.

    `paid` machines of `size` are paid, and `machines` bring their own amounts: half a month of two is paid as
    one and brings two.
    """

    usage: Mapping[str, float]
    size: Size | None = None
    paid: float = 1
    machines: float = 1


def capped(plan: Plan, account: Account) -> bool:
    """True where the account's spend cap turns overage into a stop; not stated: what a new account has."""
    if plan.spend_cap is SpendCap.NONE:
        return False
    return account.spend_cap if account.spend_cap is not None else plan.spend_cap is SpendCap.ON


def monthly(
    product: Product,
    plan: Plan,
    usage: Mapping[str, float],
    account: Account,
    *,
    size: Size | None = None,
    count: float = 1,
    others: Sequence[tuple[Size, float]] = (),
    add_ons: Sequence[str] = (),
    cap: bool | None = None,
) -> Price:
    """Return what `plan` costs a month.

    `usage` is a month's total of an amount, the value of a level, in base units; a metric that is not in it
    costs nothing. `count` machines or projects of `size` are paid, and the `others` that the account has
    beside them. `cap` overrides the account's spend cap.
    """
    paid = [*([(size, count)] if size is not None else []), *others]
    bound = [(quota, usage.get(quota.metric, 0.0), 1.0) for quota in plan.quotas]
    # Each machine brings its own amount, and the use is taken to be even over them.
    bound += [
        (quota, usage.get(quota.metric, 0.0) / count, count)
        for quota in (size.quotas if size is not None and count > 0 else ())
    ]
    stops = capped(plan, account) if cap is None else cap
    return _priced(product, plan, usage, account, paid, () if stops else bound, add_ons)


def of_account(product: Product, plan: Plan, services: Sequence[Own], account: Account) -> Price:
    """Return what `plan` costs a month for all services of an account, each known by itself.

    Quotas of a service's scope are billed on each one's own use; all else on the sum of all.
    """
    total: dict[str, float] = {}
    for own in services:
        for metric, used in own.usage.items():
            total[metric] = total.get(metric, 0.0) + used
    bound: list[tuple[Quota, float, float]] = []
    for quota in plan.quotas:
        if quota.scope is Scope.ACCOUNT:
            bound.append((quota, total.get(quota.metric, 0.0), 1.0))
        else:
            bound += [(quota, own.usage.get(quota.metric, 0.0), 1.0) for own in services]
    bound += [
        (quota, own.usage.get(quota.metric, 0.0) / own.machines, own.machines)
        for own in services
        if own.size is not None and own.machines > 0
        for quota in own.size.quotas
    ]
    paid = [(own.size, own.paid) for own in services if own.size is not None]
    return _priced(product, plan, total, account, paid, () if capped(plan, account) else bound, ())


def _priced(
    product: Product,
    plan: Plan,
    usage: Mapping[str, float],
    account: Account,
    paid: Sequence[tuple[Size, float]],
    bound: Sequence[tuple[Quota, float, float]],
    add_ons: Sequence[str],
) -> Price:
    """Return the sum of all parts; `bound` are quotas that bill overage, with use and how often it counts."""
    if plan.price is None:
        reason = f"the price of {product.title} {plan.title} is by agreement or not known"
        return Price(None, unknown=(reason,), as_of=plan.as_of, confidence=Confidence.UNKNOWN)
    lines = _parts(product, plan, usage, account, add_ons)
    unknown: list[str] = []
    for one, many in paid:
        if one.usd is None:
            unknown.append(f"the price of size {one.title} is not known")
        else:
            lines.append(Line(f"{many:g} × {one.title}", many * one.usd, "sizes"))
    overage = 0.0
    above: list[Quota] = []
    for quota, used, times in bound:
        over = over_quota(product, quota, used)
        if over is None:
            unknown.append(f"what {quota.metric} above {quota.included} costs is not known")
        elif over > 0:
            lines.append(Line(f"{quota.metric} above {quota.included}", over * times, "usage"))
            overage += over * times
            above.append(quota)
    lines += _credits(plan, lines)
    sourced: list[Sourced] = [plan, *(one for one, _ in paid), *above]
    as_of = min(entry.as_of for entry in sourced)
    confidence = max((entry.confidence for entry in sourced), key=_CONFIDENCE.index)
    conditions = _account(lines, account)
    total = round(math.fsum(line.usd for line in [*lines, *conditions]), 2)
    if unknown:
        return Price(None, tuple(lines), tuple(unknown), overage, as_of, confidence, total)
    return Price(total, (*lines, *conditions), (), overage, as_of, confidence, total)


def _parts(
    product: Product, plan: Plan, usage: Mapping[str, float], account: Account, add_ons: Sequence[str]
) -> list[Line]:
    """Return flat prices, seats, add-ons and what usage costs by itself."""
    lines: list[Line] = []
    for component in plan.price or ():
        match component:
            case Fixed(usd=usd, term=term):
                if term == _term(plan, account):
                    lines.append(Line(plan.title, usd, "fixed"))
            case Seat(usd=usd, included=included):
                seats = max(0, account.seats - included)
                lines.append(Line(f"{seats} seats", seats * usd, "fixed"))
            case AddOn(name=name) if name in add_ons:
                lines.append(Line(name, _add_on(product, component, usage), "fixed"))
            case Usage(metric=metric):
                lines.append(Line(metric, _usage(product, component, usage), "usage"))
            case Share():
                lines += _share(component, usage)
            case _:
                pass
    return lines


def over_quota(product: Product, quota: Quota, used: float) -> float | None:
    """Return what usage above a quota costs, USD a month: 0 below it, None where the price is not known.

    A quota whose end is no bill costs nothing: there is no "above".
    """
    included = product.amount(quota.included, quota.metric)
    if included is None or used <= included or quota.at_end is not AtEnd.BILLED:
        return 0.0
    if quota.overage is None or (
        VOCABULARY[quota.metric].kind is Kind.AMOUNT and quota.reset.period != "month"
    ):
        return None
    per = product.amount(quota.overage_per, quota.metric) or 1.0
    falls = [(product.amount(fall.above, quota.metric) or 0.0, fall.usd) for fall in quota.overage_then]
    total = 0.0
    for (start, usd), (end, _) in pairwise([(included, quota.overage), *falls, (math.inf, 0.0)]):
        if used > start:
            total += _packages(min(used, end) - start, per, quota.overage_rounding) * usd
    return total


def _term(plan: Plan, account: Account) -> str:
    """Return the term that the account pays by, "monthly" where the plan has no yearly price."""
    yearly = any(isinstance(c, Fixed) and c.term == "yearly" for c in plan.price or ())
    return "yearly" if yearly and account.term == "yearly" else "monthly"


def _packages(amount: float, per: float, rounding: Rounding) -> float:
    packages = amount / per
    # A rounding error in the division must not cost a whole package.
    return math.ceil(packages - 1e-9) if rounding is Rounding.UP else packages


def _usage(product: Product, component: Usage, usage: Mapping[str, float]) -> float:
    included = product.amount(component.included, component.metric) or 0.0
    if component.included_of:
        included += component.included_times * usage.get(component.included_of, 0.0)
    rest = max(0.0, usage.get(component.metric, 0.0) - included)
    total, below = 0.0, 0.0
    for tier in component.tiers:
        end = (product.amount(tier.up_to, component.metric) or math.inf) if tier.up_to else math.inf
        within = max(0.0, min(rest, end) - below)
        total += _tier(product, tier, component, within)
        below = end
    return total


def _tier(product: Product, tier: Tier, component: Usage, within: float) -> float:
    per = product.amount(tier.per, component.metric) or 1.0
    return _packages(within, per, component.rounding) * tier.usd


def _share(component: Share, usage: Mapping[str, float]) -> list[Line]:
    passed, times = usage.get(component.metric, 0.0), usage.get(component.count, 0.0)
    # What is paid back to customers is no income of the provider's.
    lines = [Line(f"{component.rate:g} of {component.metric}", component.rate * max(0.0, passed), "usage")]
    if component.usd:
        lines.append(Line(component.count, component.usd * times, "usage"))
    return lines


def _add_on(product: Product, component: AddOn, usage: Mapping[str, float]) -> float:
    if not component.metric:
        return component.usd
    included = product.amount(component.included, component.metric) or 0.0
    per = product.amount(component.per, component.metric) or 1.0
    over = max(0.0, usage.get(component.metric, 0.0) - included)
    return math.ceil(over / per - 1e-9) * component.usd


def _credits(plan: Plan, lines: Sequence[Line]) -> list[Line]:
    """Return the plan's credits, none larger than what it may pay for, and what lifts to the commitment."""
    found: list[Line] = []
    for component in plan.price or ():
        if isinstance(component, Credit):
            left = math.fsum(
                line.usd
                for line in [*lines, *found]
                if component.of == "all" or line.of in {component.of, f"credit of {component.of}"}
            )
            usd = min(component.usd, max(0.0, left))
            if usd > 0:
                found.append(
                    Line(f"credit of {show(component.usd, 'USD')}", -usd, f"credit of {component.of}")
                )
    least = max((c.usd for c in plan.price or () if isinstance(c, Commitment)), default=0.0)
    total = math.fsum(line.usd for line in [*lines, *found])
    if total < least:
        found.append(Line("commitment", least - total, "fixed"))
    return found


def _account(lines: Sequence[Line], account: Account) -> list[Line]:
    total = math.fsum(line.usd for line in lines)
    found: list[Line] = []
    if account.discount and total > 0:
        found.append(Line(f"discount of {account.discount:.0%}", -total * account.discount, "account"))
        total *= 1 - account.discount
    if account.credits and total > 0:
        usd = min(account.credits, total)
        found.append(Line("account's credits", -usd, "account"))
        total -= usd
    if account.tax and total > 0:
        found.append(Line(f"tax of {account.tax:.0%}", total * account.tax, "account"))
    return found
