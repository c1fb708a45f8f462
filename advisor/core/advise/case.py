"""All that is known when one concern is advised on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from advisor.core import price
from advisor.core.advise.elsewhere import elsewhere
from advisor.core.catalogue import Catalogue, Plan, Product, Size
from advisor.core.choose import Beside, Option, options
from advisor.core.concerns import Concern
from advisor.core.demand import Binding, Histories, Usage, account_of, binding_limit, usage
from advisor.core.document import Document
from advisor.core.fleet import Account, Fleet, Service
from advisor.core.limits import Limits
from advisor.core.model import Action, LimitInForce
from advisor.core.money import Currency, paid_in
from advisor.core.playbook import Playbook

#: Actions that change what is paid for.
CHANGES = frozenset({Action.UPGRADE, Action.MIGRATE, Action.SCALE_OUT, Action.DOWNGRADE})

Evidence = Mapping[str, Sequence[Mapping[str, str]]]  #: A title to rows, as a source gives it for people.


@dataclass(frozen=True, slots=True)
class Present:
    """What a service has and uses. `count` machines run; `others` are its account's of the same product.

    `paid` is what the present plan costs a month for the present use, USD; None: not known.
    """

    service: Service
    account: Account
    product: Product | None
    plan: Plan | None
    size: Size | None
    usage: Usage
    options: tuple[Option, ...]
    count: float
    others: tuple[Beside, ...]
    paid: float | None
    currency: Currency
    timezone: str
    now: datetime

    @property
    def product_name(self) -> str:
        """The present product for people."""
        return self.product.title if self.product is not None else self.service.provider

    @property
    def name(self) -> str:
        """The present plan for people: `Supabase Free`."""
        return f"{self.product_name} {self.plan.title}" if self.product and self.plan else self.product_name

    def option_name(self, option: Option) -> str:
        """An option for people: the plan, with product and size where they change and overage where paid."""
        parts = [option.plan.title] if option.plan is not self.plan else []
        size, moved = option.size, option.plan is not self.plan
        if size is not None and (size.id != option.plan.default_size if moved else size is not self.size):
            parts.append(size.title)
        name = ", ".join(parts) or option.plan.title
        if option.elsewhere is not None:
            name = f"{option.elsewhere.product.title} {name}"
        return f"{name} with overage" if option.overage else name

    def same(self, option: Option) -> bool:
        """Say whether an option is the present plan and size, with overage or without."""
        return option.plan is self.plan and (self.size is None or option.size is self.size)

    def monthly(self) -> float | None:
        """Return what the present plan costs a month for what is coming, USD; None: not known."""
        return next((o.price.monthly for o in self.options if o.current), None)

    def limit_of(self, metric: str) -> Binding | None:
        """The nearest limit on a metric."""
        return next((b for b in self.usage.bindings if b.metric == metric), None)


@dataclass(frozen=True, slots=True)
class Case(Present):
    """A concern with what its service has and uses, and all that advice on it may name."""

    concern: Concern
    playbooks: Mapping[str, Playbook]
    evidence: Evidence
    documents: Mapping[str, Document]

    @property
    def then(self) -> tuple[Action, ...]:
        """What the rules say to do, the speaker's first."""
        return tuple(dict.fromkeys(action for rule in self.concern.rules for action in rule.then))

    @property
    def own(self) -> Binding | None:
        """The nearest limit on the concern's metric."""
        return self.limit_of(self.concern.metric)

    @property
    def demanded(self) -> bool:
        """Say whether any option limits the concern's metric, so that a plan can be chosen by it."""
        metric = self.concern.metric
        return any(d.metric == metric for d in self.usage.demands) and any(
            metric in o.limits for o in self.options
        )

    @property
    def learning(self) -> str:
        """Return "learning: 3 of 7 days" where the concern's metric has too short a history, else nothing."""
        if self.own is not None:
            return self.own.forecast.state if self.own.forecast.learning else ""
        metric = self.concern.metric
        return "learning" if any(d.learning and d.metric == metric for d in self.usage.demands) else ""

    def first_two(self) -> tuple[Binding | None, Binding | None]:
        """Return what binds first and what would bind next, of another metric; None without a date.

        To what no limit is on (an error rate, a slow query) the date of another limit says nothing.
        """
        if self.own is None and not self.demanded:
            return None, None
        dated = [b for b in self.usage.bindings if b.forecast.when is not None]
        first = dated[0] if dated else None
        second = next((b for b in dated[1:] if first is not None and b.metric != first.metric), None)
        return first, second


def present(
    service: Service,
    *,
    fleet: Fleet,
    limits: Limits,
    catalogue: Catalogue,
    histories: Histories,
    now: datetime,
) -> Present:
    """Return what a service has and uses, with every plan and size of its product priced for that."""
    account = account_of(service, fleet)
    product = catalogue.offers.get(service.provider)
    key = service.subject.key
    plan_name = limits.plan(key, now)
    plan = product.plan(plan_name, now.date()) if product and plan_name else None
    size_name = service.size or (plan.default_size if plan else "")
    size = product.size(size_name) if product and size_name else None
    lost = bool(service.size and size is None and product is not None and product.sizes)
    used = usage(service, product, fleet, limits, histories, now)
    running = next((d.now for d in used.demands if d.metric == "instances"), 1.0)
    count = max(1.0, running)
    others = tuple(
        Beside(other.size)
        for other in fleet.services
        if other.account == service.account and other.provider == service.provider and other != service
    )

    def limits_of(option: Plan, option_size: Size | None) -> Mapping[str, tuple[LimitInForce, ...]]:
        documented = limits.of_plan(key, option, option_size, now)
        if option is not plan or option_size is not size:
            return documented
        metrics = {demand.metric for demand in used.demands}
        in_force = {m: limits.all(key, m, binding_limit(m), now) for m in metrics}
        return {**documented, **{metric: found for metric, found in in_force.items() if found}}

    found: list[Option] = []
    if product is not None:
        found = options(
            product,
            (plan, size),
            used.demands,
            account,
            limits_of,
            now.date(),
            count=count,
            others=others,
        )
    stack = fleet.stack.get(service.stack)
    return Present(
        service=service,
        account=account,
        product=product,
        plan=plan,
        size=size,
        usage=used,
        options=tuple(found),
        count=count,
        others=others,
        # What a size costs that the catalogue does not have, nobody knows: it is not nothing.
        paid=None if lost else _paid(product, plan, size, used, account, count, others),
        currency=paid_in(account.currency, account.rate),
        timezone=stack.timezone if stack is not None else account.timezone,
        now=now,
    )


def _paid(
    product: Product | None,
    plan: Plan | None,
    size: Size | None,
    used: Usage,
    account: Account,
    count: float,
    others: Sequence[Beside],
) -> float | None:
    if product is None or plan is None:
        return None
    now = {demand.metric: demand.now for demand in used.demands if demand.period in {"", "month"}}
    beside = [(one, other.count) for other in others if (one := other.size_on(product, plan)) is not None]
    return price.monthly(product, plan, now, account, size=size, count=count, others=beside).monthly


def case(
    concern: Concern,
    service: Service,
    *,
    fleet: Fleet,
    limits: Limits,
    catalogue: Catalogue,
    histories: Histories,
    now: datetime,
    evidence: Evidence,
    playbooks: Mapping[str, Playbook],
) -> Case:
    """Return everything that is known of a concern on a service, with the other products in reach."""
    here = present(service, fleet=fleet, limits=limits, catalogue=catalogue, histories=histories, now=now)
    known = {field.name: getattr(here, field.name) for field in fields(Present)}
    if here.product is not None and here.plan is not None:
        stack = fleet.stack.get(service.stack)
        packs = [pack.partition("@")[0] for pack in stack.packs] if stack is not None else []
        documents = [catalogue.documents[pack] for pack in packs if pack in catalogue.documents]
        known["options"] = (
            *here.options,
            *elsewhere(
                service,
                concern.metric,
                here.product,
                here.plan,
                here.account,
                documents,
                catalogue,
                limits,
                histories,
                here.usage,
                now,
                count=here.count,
                size=here.size,
                others=here.others,
            ),
        )
    return Case(
        **known, concern=concern, playbooks=playbooks, evidence=evidence, documents=catalogue.documents
    )
