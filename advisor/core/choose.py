"""The cheapest plan that carries what is coming: demand against the limits and prices of every option."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from advisor.core import price
from advisor.core.catalogue import AtEnd, Plan, Product, Reset, Size, SpendCap
from advisor.core.document import Step
from advisor.core.fleet import Account
from advisor.core.model import LimitInForce

#: A plan carries what is coming where a fifth more of it would still fit.
HEADROOM = 0.2

Found = tuple[LimitInForce, ...]


@dataclass(frozen=True, slots=True)
class Demand:
    """What a metric needs, in its base unit: now, and the most within the next 90 days.

    `period` is "" for a level, else "day", "week" or "month". `learning`: `then` is only the present value.
    """

    metric: str
    period: str
    now: float
    then: float
    learning: bool = False

    @property
    def need(self) -> float:
        """The larger of now and then."""
        return max(self.now, self.then)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Another product that a document's step leads to. `demands` are the service's own, not its account's."""

    provider: str
    product: Product
    document: str
    step: Step
    demands: tuple[Demand, ...]


@dataclass(frozen=True, slots=True)
class Option:
    """A plan with a size, with overage or without, and what it costs for the demand.

    `capped` is whether it stops where the included amount ends; `allowed` is False where the account's own
    spend cap would have to be changed first. `unsure` names metrics whose limit on this plan is not known.
    `elsewhere` is None for the present product.
    """

    plan: Plan
    size: Size | None
    capped: bool
    price: price.Price
    current: bool = False
    allowed: bool = True
    unsure: tuple[str, ...] = ()
    limits: Mapping[str, Found] = field(default_factory=dict)
    elsewhere: Elsewhere | None = None

    @property
    def overage(self) -> bool:
        """True where part of the price is for more than is included."""
        return self.price.overage > 0


@dataclass(frozen=True, slots=True)
class Beside:
    """Another service of the account that is paid beside the one advised on: its size's name and how many."""

    size: str = ""
    count: float = 1

    def size_on(self, product: Product, plan: Plan) -> Size | None:
        """Return its size on a plan: its own where the plan has it, else the plan's default."""
        name = self.size if self.size in plan.sizes else plan.default_size
        return product.size(name) if name else None


def options(
    product: Product,
    current: tuple[Plan | None, Size | None],
    demands: Sequence[Demand],
    account: Account,
    limits_of: Callable[[Plan, Size | None], Mapping[str, Found]],
    today: date,
    *,
    count: float = 1,
    others: Sequence[Beside] = (),
) -> list[Option]:
    """Return every option on the product's plans, priced for the demand, whether it carries it or not.

    `current` are the plan and size in force; plans that are no longer sold are options only there.
    `limits_of` gives an option's limits by metric. `others` are the account's other services of the product.
    """
    usage = monthly_usage(demands)
    plan_now, size_now = current
    found: list[Option] = []
    for plan in product.plans:
        if not plan.holds(today) or not (plan.sold or plan is plan_now):
            continue
        rest = [(size, other.count) for other in others if (size := other.size_on(product, plan)) is not None]
        for size in _sizes(product, plan, size_now if plan is plan_now else None):
            for capped in (False,) if plan.spend_cap is SpendCap.NONE else (True, False):
                cost = price.monthly(
                    product, plan, usage, account, size=size, count=count, others=rest, cap=capped
                )
                limits = limits_of(plan, size)
                found.append(
                    Option(
                        plan=plan,
                        size=size,
                        capped=capped,
                        price=cost,
                        current=plan is plan_now
                        and (size is size_now or size_now is None)
                        and capped == price.capped(plan, account),
                        allowed=plan.spend_cap is SpendCap.NONE or account.spend_cap in {None, capped},
                        unsure=tuple(unsure(plan, limits, demands)),
                        limits=limits,
                    )
                )
    return found


def carries(option: Option, demands: Iterable[Demand], own: str, headroom: float = HEADROOM) -> bool:
    """Say whether the option carries the demand with headroom.

    A demand above the limit is carried where it is billed at a known price and no cap stops it. A limit
    that is not known carries nothing where it is on `own`, the metric that this is about. Another product
    carries the service's own demand, and has to be known for every metric that is limited today.
    """
    if option.elsewhere is not None:
        if option.unsure:
            return False
        demands = option.elsewhere.demands
    for demand in demands:
        limit = _limit(option.limits, demand)
        if limit is None:
            if demand.metric == own and demand.metric in option.unsure:
                return False
            continue
        if limit.value is None or demand.need * (1 + headroom) <= limit.value:
            continue
        if limit.at_end != AtEnd.BILLED or option.capped or option.price.monthly is None:
            return False
        if not _priced(option, demand):
            return False
    return True


def cheapest(found: Iterable[Option], demands: Sequence[Demand], own: str) -> list[Option]:
    """Return the options that carry the demand and have a known price, the cheapest first.

    At the same price the present one comes first, then what stays with the product, then what has no
    overage, then the catalogue's order.
    """
    able = [o for o in found if o.allowed and o.price.monthly is not None and carries(o, demands, own)]
    return sorted(
        able,
        key=lambda o: (o.price.monthly, not o.current, o.elsewhere is not None, o.overage, not o.capped),
    )


def monthly_usage(demands: Iterable[Demand]) -> dict[str, float]:
    """Return what is paid for: a month's total of amounts, the value of levels."""
    return {demand.metric: demand.need for demand in demands if demand.period in {"", "month"}}


def unsure(plan: Plan, limits: Mapping[str, Found], demands: Iterable[Demand]) -> Iterator[str]:
    """Yield the metrics in demand whose limit on this plan is not known, though it may have one."""
    for metric in dict.fromkeys(demand.metric for demand in demands):
        if metric not in limits and (not plan.complete or metric in plan.not_known):
            yield metric


def _limit(limits: Mapping[str, Found], demand: Demand) -> LimitInForce | None:
    for limit in limits.get(demand.metric, ()):
        if Reset(limit.reset).period == demand.period:
            return limit
    return None


def _priced(option: Option, demand: Demand) -> bool:
    size = option.size.quotas if option.size is not None else ()
    return any(
        quota.metric == demand.metric and quota.overage is not None and quota.reset.period == demand.period
        for quota in (*option.plan.quotas, *size)
    )


def _sizes(product: Product, plan: Plan, now: Size | None) -> list[Size | None]:
    names = plan.sizes or ((plan.default_size,) if plan.default_size else ())
    sizes: list[Size | None] = [size for name in names if (size := product.size(name)) is not None]
    if now is not None and now not in sizes:
        sizes.append(now)
    return sizes or [None]
