"""Other products in reach: those that a step of a document's ladder leads to from the present plan.

They are compared under a plain account of their own: the seats, tax and currency stay, for these are the
customer's; discount, credits and term are the present provider's. A price counts only where everything that
the product meters is measured, and the rest of the account goes on being paid.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from advisor.core import price
from advisor.core.catalogue import Catalogue, Plan, Product, Size, Usage
from advisor.core.choose import Beside, Demand, Elsewhere, Option, monthly_usage, options
from advisor.core.demand import Histories, usage
from advisor.core.demand import Usage as Used
from advisor.core.document import Document, Step
from advisor.core.fleet import Account, Fleet, Service, Stack
from advisor.core.limits import Limits
from advisor.core.model import Confidence, LimitInForce
from advisor.core.reach import about
from advisor.core.units import show

__all__ = ["elsewhere", "unmeasured", "ways"]


def ways(
    documents: Iterable[Document], product: str, plan: str, role: str, metric: str
) -> Mapping[str, tuple[str, Step]]:
    """Return the products that one step leads to from a plan, each with the document and its step.

    Of several steps to the same product the one on the metric counts, then one that tells of the work.
    """
    found: dict[str, tuple[str, Step]] = {}

    def telling(step: Step) -> tuple[bool, bool]:
        return metric in step.metric, bool(step.code_changes or step.effort)

    for document, step in _leaving(documents, product, plan, role):
        for name, _ in step.leads():
            if name != product and (name not in found or telling(step) > telling(found[name][1])):
                found[name] = (document.name, step)
    return found


def _leaving(
    documents: Iterable[Document], product: str, plan: str, role: str
) -> Iterator[tuple[Document, Step]]:
    """Yield the steps away from a plan; how hard it is to leave may stand in a row of its own."""
    for document in documents:
        steps = [
            step
            for ladder in document.ladders
            if about(ladder, role)
            for step in ladder.steps
            if step.begins(product, plan)
        ]
        effort = next((step.effort for step in steps if step.effort and not step.ends), "")
        for step in steps:
            yield document, step if step.effort else step.model_copy(update={"effort": effort})


def elsewhere(
    service: Service,
    metric: str,
    product: Product,
    plan: Plan,
    account: Account,
    documents: Sequence[Document],
    catalogue: Catalogue,
    limits: Limits,
    histories: Histories,
    here: Used,
    now: datetime,
    *,
    count: float = 1,
    size: Size | None = None,
    others: Sequence[Beside] = (),
) -> list[Option]:
    """Return every option on other products in reach, priced for what the service itself needs.

    `here` is the use that the present plan is judged on, `others` are the account's other services of the
    present product, `count` machines of `size` run. Nothing is compared for a metric without readings.
    """
    key = service.subject.key
    found: list[Option] = []
    leads = ways(documents, service.provider, plan.id, service.role, metric)
    if not leads:
        return found
    own = _own(key, account, histories)
    alone = Fleet((Stack(service.stack, services=(service,)),), (account,))
    mine = usage(service, product, alone, limits, own, now).demands
    rest = _rest(product, plan, account, here.demands, mine, others)
    limited = {b.metric for b in here.bindings if b.limit.value is not None} | {metric}
    for name, (document, step) in leads.items():
        other = catalogue.offers.get(name)
        if other is None:
            continue
        demands = usage(service, other, alone, limits, own, now).demands
        if not any(demand.metric == metric for demand in demands):
            continue

        def limits_of(
            option: Plan, of_size: Size | None, name: str = name
        ) -> Mapping[str, tuple[LimitInForce, ...]]:
            return limits.of_plan(key, option, of_size, now, name)

        plain = Account(
            f"{account.key} at {name}",
            name,
            seats=account.seats,
            tax=account.tax,
            currency=account.currency,
            rate=account.rate,
        )
        there = Elsewhere(name, other, document, step, demands)
        found += [
            replace(
                option,
                price=_whole(other, option.price, demands, rest),
                current=False,
                unsure=(*(m for m in option.unsure if m in limited), *_slower(size, option.size)),
                elsewhere=there,
            )
            for option in options(other, (None, None), demands, plain, limits_of, now.date(), count=count)
        ]
    return found


def _slower(here: Size | None, there: Size | None) -> tuple[str, ...]:
    """Return "cpu" where a machine there has fewer processors: whether they keep up is not known."""
    few = here and there and here.cpus is not None and there.cpus is not None and there.cpus < here.cpus
    return ("cpu",) if few else ()


def _own(key: str, account: Account, histories: Histories) -> Histories:
    """Return the service's own histories; what only the account reports counts as the service's."""
    wide = f"@{account.key}"
    return {
        (subject, metric): history
        for (subject, metric), history in histories.items()
        if subject == key or (subject == wide and (key, metric) not in histories)
    }


def _rest(
    product: Product,
    plan: Plan,
    account: Account,
    whole: Sequence[Demand],
    mine: Sequence[Demand],
    others: Sequence[Beside],
) -> price.Price | None:
    """Return what the account goes on costing when the service has left; None where nothing stays."""
    if not others:
        return None
    own = monthly_usage(mine)
    left = {metric: max(0.0, value - own.get(metric, 0.0)) for metric, value in monthly_usage(whole).items()}
    sizes = [(size, other.count) for other in others if (size := other.size_on(product, plan)) is not None]
    return price.monthly(product, plan, left, account, others=sizes)


def _whole(
    product: Product, there: price.Price, demands: Sequence[Demand], rest: price.Price | None
) -> price.Price:
    """Return the price there with what stays behind; not known where it depends on what nobody measures."""
    metered = monthly_usage(demands)
    # A free plan beside metered ones gives some of the same, in words that no quota holds.
    needed = {part.metric for plan in product.plans for part in plan.price or () if isinstance(part, Usage)}
    missing = sorted(needed - metered.keys())
    unknown = [f"{', '.join(missing)} metered there and not measured here"] if missing else []
    if rest is not None and rest.monthly is None:
        unknown += rest.unknown
    if there.confidence is Confidence.UNKNOWN and there.monthly is not None:
        unknown.append(f"{show(there.monthly, 'USD')} a month is confirmed by nobody")
    if unknown or there.monthly is None:
        return replace(there, monthly=None, unknown=(*there.unknown, *unknown))
    if rest is None or rest.monthly is None:
        return there
    return replace(
        there,
        monthly=round(there.monthly + rest.monthly, 2),
        lines=(*there.lines, price.Line("what stays at the present provider", rest.monthly, "fixed")),
    )


def unmeasured(option: Option) -> str:
    """Say why the price of an option is not known; empty where it is."""
    return "; ".join(option.price.unknown) if option.price.monthly is None else ""
